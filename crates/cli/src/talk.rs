//! What the program says to the user, on standard error; data goes to standard output.

use std::fmt;
use std::io::Write as _;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

use crate::arguments::{Color, TalkArguments};
use crate::escape;
use crate::failure::hint_of;

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loudness {
    /// Errors.
    Quiet,
    /// What was read and what not.
    Normal,
    /// Every detail.
    Verbose,
}

/// The program's voice.
#[derive(Debug, Clone, Copy)]
pub struct Talk {
    loudness: Loudness,
    color: ColorChoice,
    is_progress_wanted: bool,
}

/// Style of what went wrong.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// Style of what deserves a look.
pub const NOTE: Style = AnsiColor::Yellow.on_default();
/// Style of headings.
pub const HEADING: Style = Style::new().bold();

impl Talk {
    /// The voice that the command line asks for.
    pub fn new(arguments: &TalkArguments) -> Self {
        let loudness = match (arguments.quiet, arguments.verbose) {
            (true, _) => Loudness::Quiet,
            (false, true) => Loudness::Verbose,
            (false, false) => Loudness::Normal,
        };
        let color = match arguments.color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        Self {
            loudness,
            color,
            is_progress_wanted: !arguments.no_progress && loudness > Loudness::Quiet,
        }
    }

    /// How much is said.
    pub fn loudness(&self) -> Loudness {
        self.loudness
    }

    /// When colour is used.
    pub fn color(&self) -> ColorChoice {
        self.color
    }

    /// Whether a progress bar is wanted, where there is a terminal for it.
    pub fn is_progress_wanted(&self) -> bool {
        self.is_progress_wanted
    }

    /// Says lines, unless the user wants none.
    pub fn say(&self, text: impl fmt::Display) {
        if self.loudness > Loudness::Quiet {
            self.write(format_args!("{text}\n"));
        }
    }

    /// Says what went wrong, and what the user can do.
    pub fn error(&self, error: &anyhow::Error) {
        // Names are escaped where an error is made; errors of libraries may hold others.
        let text = format!("{error:#}");
        let lines: Vec<_> = text.lines().map(escape::terminal).collect();
        let text = lines.join("\n");
        self.write(format_args!("{BAD}error:{BAD:#} {text}\n"));
        if let Some(hint) = hint_of(error) {
            self.write(format_args!(" {NOTE}hint:{NOTE:#} {hint}\n"));
        }
    }

    fn write(&self, text: fmt::Arguments<'_>) {
        let mut stream = AutoStream::new(std::io::stderr().lock(), self.color);
        // Who closed standard error does not want to hear; there is nobody else to tell.
        let _ = stream.write_fmt(text);
    }
}

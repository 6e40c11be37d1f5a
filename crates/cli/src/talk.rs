//! What the program says to the user, on standard error; data goes to standard output.

use std::fmt;
use std::io::{self, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

use keytrail_report::summary::Detail;
use keytrail_report::{Color as PageColor, Page};
use terminal_size::{Width, terminal_size_of};

use crate::arguments::{Color, TalkArguments};
use crate::failure::hint_of;
use keytrail_report::escape;

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
const BAD: Style = AnsiColor::Red.on_default().bold();
/// Style of what deserves a look.
const NOTE: Style = AnsiColor::Yellow.on_default();

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

    /// How much is said of the input.
    pub fn detail(&self) -> Detail {
        match self.loudness {
            Loudness::Quiet | Loudness::Normal => Detail::Normal,
            Loudness::Verbose => Detail::All,
        }
    }

    /// The page that standard output is: without colour where the user or the place wants none.
    pub fn page(&self) -> Page {
        let color = match takes_color(self.color) {
            true => PageColor::Ansi,
            false => PageColor::Plain,
        };
        page(
            terminal_size_of(io::stdout()).map(|(width, _)| width),
            color,
        )
    }

    /// The page that a file is: the same everywhere.
    pub fn plain_page(&self) -> Page {
        Page::default()
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

    /// Says what `write` writes, unless the user wants none.
    pub fn say_page(&self, write: impl FnOnce(&Page, &mut dyn Write) -> io::Result<()>) {
        if self.loudness > Loudness::Quiet {
            let width = terminal_size_of(io::stderr()).map(|(width, _)| width);
            // Who writes it takes the colour out again where none is wanted.
            let page = page(width, PageColor::Ansi);
            let mut text = Vec::new();
            // Memory takes everything.
            let _ = write(&page, &mut text);
            self.write(format_args!("{}", String::from_utf8_lossy(&text)));
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
        let mut stream = AutoStream::new(io::stderr().lock(), self.color);
        // Who closed standard error does not want to hear; there is nobody else to tell.
        let _ = stream.write_fmt(text);
    }
}

/// Whether standard output takes colour, where the user wants this.
pub fn takes_color(color: ColorChoice) -> bool {
    let choice = match color {
        ColorChoice::Auto => AutoStream::choice(&io::stdout()),
        chosen => chosen,
    };
    choice != ColorChoice::Never
}

fn page(width: Option<Width>, color: PageColor) -> Page {
    Page::new(width.map(|Width(columns)| columns.into()), color)
}

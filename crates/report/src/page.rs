//! What text for people is written on: how wide, and in which colours.

use std::fmt;

use anstyle::{AnsiColor, Style};
use keytrail_detect::finding::Severity;

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people, on a terminal.
    Table,
    /// One JSON array.
    Json,
    /// One JSON object a line.
    Jsonl,
    /// Comma-separated values with a line of names.
    Csv,
    /// One OCSF Detection Finding a line; of findings only.
    Ocsf,
    /// One finding of the AWS Security Finding Format a line; of findings only.
    Asff,
}

/// The page that text for people is laid out on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    width: usize,
    color: Color,
}

/// Whether text carries colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Color {
    /// Plain text.
    #[default]
    Plain,
    /// ANSI escape sequences.
    Ansi,
}

impl Page {
    /// Width of a page when nobody knows the terminal's, in columns.
    pub const WIDTH_UNKNOWN: usize = 100;
    /// Narrowest page that is laid out; a narrower terminal wraps by itself.
    pub const WIDTH_MIN: usize = 40;

    /// A page of this many columns, or of 100 when the width is not known.
    #[must_use]
    pub fn new(width: Option<usize>, color: Color) -> Self {
        let width = width.unwrap_or(Self::WIDTH_UNKNOWN);
        Self {
            width: width.max(Self::WIDTH_MIN),
            color,
        }
    }

    /// The width in columns.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// The text in a style, where the page has colour. The text must be safe to show.
    pub(crate) fn paint<T: fmt::Display>(&self, style: Style, text: T) -> Painted<T> {
        let style = match self.color {
            Color::Plain => Style::new(),
            Color::Ansi => style,
        };
        Painted { style, text }
    }
}

impl Default for Page {
    fn default() -> Self {
        Self::new(None, Color::Plain)
    }
}

/// Text with the escape sequences around it.
pub(crate) struct Painted<T> {
    style: Style,
    text: T,
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{:#}", self.style, self.text, self.style)
    }
}

/// Style of headings and titles.
pub(crate) const HEADING: Style = Style::new().bold();
/// Style of labels and of what stands back.
pub(crate) const LABEL: Style = Style::new().dimmed();
/// Style of what limits an answer: learning, late, not read.
pub(crate) const NOTE: Style = AnsiColor::Yellow.on_default();
/// Style of what is missing from the answer.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();

/// Style of a severity.
pub(crate) fn severity_style(severity: Severity) -> Style {
    match severity {
        Severity::Critical => AnsiColor::White.on(AnsiColor::Red).bold(),
        Severity::High => AnsiColor::Red.on_default().bold(),
        Severity::Medium => AnsiColor::Yellow.on_default().bold(),
        Severity::Low => AnsiColor::Cyan.on_default(),
    }
}

//! Sections of text for people: headings, paragraphs, lists. Whatever passes is escaped.

use std::io::{self, Write};

use crate::escape::terminal;
use crate::layout::wrap;
use crate::page::{self, Page};

/// Columns before the text of a section.
const INDENT: usize = 2;

/// Text in sections, on its way to an output.
pub(crate) struct Prose<'p> {
    pub page: &'p Page,
    pub out: &'p mut dyn Write,
}

impl Prose<'_> {
    /// A heading, set off from what stands above.
    pub fn heading(&mut self, heading: &str) -> io::Result<()> {
        writeln!(self.out, "\n{}", self.page.paint(page::HEADING, heading))
    }

    /// A paragraph.
    pub fn text(&mut self, text: &str) -> io::Result<()> {
        self.hanging(INDENT, text)
    }

    /// A paragraph that must not be missed.
    pub fn note(&mut self, text: &str) -> io::Result<()> {
        for line in wrap(&terminal(text), self.page.width() - INDENT, usize::MAX) {
            let line = self.page.paint(page::NOTE, line);
            writeln!(self.out, "{:INDENT$}{line}", "")?;
        }
        Ok(())
    }

    /// A numbered paragraph.
    pub fn item(&mut self, number: usize, text: &str) -> io::Result<()> {
        let label = format!("{:INDENT$}{number}. ", "");
        let indent = label.len();
        let lines = wrap(&terminal(text), self.page.width() - indent, usize::MAX);
        for (index, line) in lines.iter().enumerate() {
            let lead = if index == 0 { label.as_str() } else { "" };
            writeln!(self.out, "{lead:indent$}{line}")?;
        }
        Ok(())
    }

    /// A paragraph further in.
    pub fn hanging(&mut self, indent: usize, text: &str) -> io::Result<()> {
        for line in wrap(&terminal(text), self.page.width() - indent, usize::MAX) {
            writeln!(self.out, "{:indent$}{line}", "")?;
        }
        Ok(())
    }

    /// A line that the terminal may wrap but that copies as one.
    pub fn unbroken(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{:INDENT$}{}", "", terminal(text))
    }
}

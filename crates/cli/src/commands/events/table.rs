//! The table to read on a terminal. It is written while it comes, however long it is.

use std::borrow::Cow;
use std::io::{self, Write};

use keytrail_event::key::short_key_name;

use super::row::Row;
use crate::escape;
use crate::talk::{BAD, HEADING};

/// Rows that decide how wide the columns are.
const WIDTH_ROWS: usize = 500;
/// Widest cell, in characters; more is cut.
const CELL_CHARACTERS_MAX: usize = 64;

const COLUMNS: usize = 9;
const HEADINGS: [&str; COLUMNS] = [
    "TIME",
    "ACCOUNT",
    "REGION",
    "OPERATION",
    "OUTCOME",
    "PRINCIPAL",
    "KEY",
    "THROUGH",
    "SOURCE",
];
/// The column that is shown red unless it says `success`.
const OUTCOME: usize = 4;

/// A table on its way: the first rows wait until the widths are known.
#[derive(Default)]
pub struct Table {
    is_styled: bool,
    waiting: Vec<[String; COLUMNS]>,
    widths: Option<[usize; COLUMNS]>,
}

impl Table {
    /// A table; styled where what it is written to understands that, or takes styles out.
    pub fn new(is_styled: bool) -> Self {
        Self {
            is_styled,
            ..Self::default()
        }
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn row(&mut self, row: &Row<'_>, out: &mut impl Write) -> io::Result<()> {
        let cells = cells(row);
        match self.widths {
            Some(widths) => self.write(&cells, &widths, out),
            None => {
                self.waiting.push(cells);
                if self.waiting.len() >= WIDTH_ROWS {
                    self.begin(out)?;
                }
                Ok(())
            }
        }
    }

    /// Writes what still waits.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn finish(&mut self, out: &mut impl Write) -> io::Result<()> {
        match self.widths {
            Some(_) => Ok(()),
            None => self.begin(out),
        }
    }

    fn begin(&mut self, out: &mut impl Write) -> io::Result<()> {
        let mut widths = HEADINGS.map(str::len);
        for cells in &self.waiting {
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = (*width).max(cell.chars().count());
            }
        }
        self.widths = Some(widths);
        self.write(&HEADINGS.map(str::to_owned), &widths, out)?;
        for cells in std::mem::take(&mut self.waiting) {
            self.write(&cells, &widths, out)?;
        }
        Ok(())
    }

    fn write(
        &self,
        cells: &[String; COLUMNS],
        widths: &[usize; COLUMNS],
        out: &mut impl Write,
    ) -> io::Result<()> {
        let is_heading = cells[0] == HEADINGS[0];
        for (index, (cell, width)) in cells.iter().zip(widths).enumerate() {
            let style = match index {
                _ if !self.is_styled => None,
                _ if is_heading => Some(HEADING),
                OUTCOME if cell != "success" => Some(BAD),
                _ => None,
            };
            match style {
                Some(style) => write!(out, "{style}{cell}{style:#}")?,
                None => out.write_all(cell.as_bytes())?,
            }
            if index + 1 < COLUMNS {
                let padding = width.saturating_sub(cell.chars().count()) + 2;
                write!(out, "{:padding$}", "")?;
            }
        }
        out.write_all(b"\n")
    }
}

fn cells(row: &Row<'_>) -> [String; COLUMNS] {
    let text = |text: &Option<Cow<'_, str>>| text.as_deref().unwrap_or("-").to_owned();
    let key = row.key.as_deref().map_or(Cow::Borrowed("-"), |key| {
        if key.split(':').any(|part| part == row.account) {
            short_key_name(key)
        } else {
            Cow::Borrowed(key)
        }
    });
    [
        row.time.to_string(),
        row.account.to_string(),
        row.region.to_string(),
        row.operation.to_string(),
        row.outcome.to_string(),
        short_principal(&row.principal, &row.account).to_owned(),
        key.into_owned(),
        row.service_path.to_string(),
        text(&row.source),
    ]
    .map(|cell| cut(&escape::terminal(&cell)))
}

/// The part of an ARN behind the record's own account; the whole of anything else.
fn short_principal<'p>(principal: &'p str, account: &str) -> &'p str {
    let mut parts = principal.splitn(6, ':');
    let is_own = parts.next() == Some("arn") && parts.nth(3) == Some(account);
    match parts.next() {
        Some(resource) if is_own => resource,
        _ => principal,
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(CELL_CHARACTERS_MAX) {
        None => text.to_owned(),
        Some(_) => text
            .chars()
            .take(CELL_CHARACTERS_MAX - 1)
            .chain(['…'])
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_are_shortened_in_their_own_account() {
        let ann = "arn:aws:iam::111122223333:user/a:nn";
        assert_eq!(short_principal(ann, "111122223333"), "user/a:nn");
        assert_eq!(short_principal(ann, "999999999999"), ann);
        let service = "s3.amazonaws.com";
        assert_eq!(short_principal(service, "111122223333"), service);
    }

    #[test]
    fn long_cells_are_cut() {
        assert_eq!(cut(&"é".repeat(64)).chars().count(), 64);
        let long = cut(&"é".repeat(65));
        assert_eq!((long.chars().count(), long.chars().last()), (64, Some('…')));
    }
}

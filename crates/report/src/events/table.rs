//! Records for people: a line each. The first rows decide how wide the columns are, so that the
//! table can be written while it comes, however long it is.

use std::borrow::Cow;
use std::io::{self, Write};

use anstyle::Style;
use keytrail_event::key::short_key_name;

use crate::escape::terminal;
use crate::events::{EventRow, EventWriter};
use crate::layout::{cell, width};
use crate::page::{self, Page};

/// Rows that wait until the widths are known.
const WIDTH_ROWS: usize = 500;
/// Widest cell, in columns of the terminal; more is cut.
const CELL_COLUMNS_MAX: usize = 64;
/// Columns that a cut cell keeps at least, however narrow the page.
const CELL_COLUMNS_MIN: usize = 4;
/// Space between two columns.
const GAP: usize = 2;

const COLUMNS: usize = 9;
const HEADINGS: [&str; COLUMNS] = [
    "TIME",
    "OPERATION",
    "OUTCOME",
    "PRINCIPAL",
    "KEY",
    "SOURCE",
    "THROUGH",
    "ACCOUNT",
    "REGION",
];
/// Columns that each one should keep: when there is no room for that, the last ones are left out.
const COMFORTABLE: [usize; COLUMNS] = [20, 15, 9, 16, 12, 15, 14, 12, 14];
/// The column that is never cut.
const TIME: usize = 0;
/// The column that stands out unless it says `success`.
const OUTCOME: usize = 2;
/// What a narrow page leaves out first: from the last column on, down to this one.
const LEFT_OUT_MIN: usize = 4;

/// Writes a line of headings and a line for each record.
#[derive(Debug)]
pub struct Table {
    page: Page,
    waiting: Vec<[String; COLUMNS]>,
    /// The width of each column that is shown.
    widths: Option<Vec<usize>>,
}

impl Table {
    /// A table on this page.
    #[must_use]
    pub fn new(page: &Page) -> Self {
        Self {
            page: *page,
            waiting: Vec::new(),
            widths: None,
        }
    }

    /// Fixes the widths and writes the rows that waited.
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            return Ok(());
        }
        let natural = std::array::from_fn(|column| {
            let widest = waiting.iter().map(|row| width(&row[column])).max();
            widest
                .unwrap_or(0)
                .min(CELL_COLUMNS_MAX)
                .max(HEADINGS[column].len())
        });
        let widths = fitted(natural, self.page.width());
        self.line(&widths, &HEADINGS, |_, _| page::HEADING, out)?;
        for row in &waiting {
            self.record(&widths, row, out)?;
        }
        self.widths = Some(widths);
        Ok(())
    }

    fn record(
        &self,
        widths: &[usize],
        row: &[String; COLUMNS],
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let style = |column, text: &str| match column {
            OUTCOME if text != "success" => page::BAD,
            _ => Style::new(),
        };
        self.line(widths, &row.each_ref().map(String::as_str), style, out)
    }

    fn line(
        &self,
        widths: &[usize],
        texts: &[&str; COLUMNS],
        style: impl Fn(usize, &str) -> Style,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let last = widths.len().saturating_sub(1);
        for (column, (text, columns)) in texts.iter().zip(widths).enumerate() {
            let cell = cell(text, *columns);
            let shown = cell.trim_end();
            write!(out, "{}", self.page.paint(style(column, text), shown))?;
            if column < last {
                let space = cell.len() - shown.len() + GAP;
                write!(out, "{:space$}", "")?;
            }
        }
        out.write_all(b"\n")
    }
}

impl EventWriter for Table {
    fn row(&mut self, row: &EventRow<'_>, out: &mut dyn Write) -> io::Result<()> {
        let cells = cells(row);
        match &self.widths {
            Some(widths) => self.record(widths, &cells, out),
            None => {
                self.waiting.push(cells);
                if self.waiting.len() < WIDTH_ROWS {
                    return Ok(());
                }
                self.begin(out)
            }
        }
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.begin(out)
    }
}

/// The widths of the columns that the page has room for: the widest are cut first.
fn fitted(natural: [usize; COLUMNS], page_columns: usize) -> Vec<usize> {
    let mut widths = natural.to_vec();
    let with_gaps = |sum: usize, count: usize| sum + (count - 1) * GAP;
    let wanted = |columns: usize| {
        let each = natural.iter().zip(COMFORTABLE).take(columns);
        with_gaps(
            each.map(|(natural, least)| least.min(*natural)).sum(),
            columns,
        )
    };
    while widths.len() > LEFT_OUT_MIN && wanted(widths.len()) > page_columns {
        widths.pop();
    }
    let is_comfortable = wanted(widths.len()) <= page_columns;
    let least = |column: usize| match column {
        TIME => natural[TIME],
        _ if is_comfortable => natural[column].min(COMFORTABLE[column]),
        _ => natural[column].min(CELL_COLUMNS_MIN),
    };
    while with_gaps(widths.iter().sum(), widths.len()) > page_columns {
        let cuttable = (0..widths.len()).filter(|column| widths[*column] > least(*column));
        // Of equals the last one, where there is less to lose.
        let Some(widest) = cuttable.max_by_key(|column| widths[*column]) else {
            break;
        };
        widths[widest] -= 1;
    }
    widths
}

fn cells(row: &EventRow<'_>) -> [String; COLUMNS] {
    let key = row.key.as_deref().map_or(Cow::Borrowed("-"), |key| {
        // The key of another account is told by its whole name.
        if key.split(':').any(|part| part == row.account) {
            short_key_name(key)
        } else {
            Cow::Borrowed(key)
        }
    });
    [
        &row.time.to_string(),
        &*row.operation,
        &row.outcome,
        short_principal(&row.principal, &row.account),
        &key,
        row.source.as_deref().unwrap_or("-"),
        &row.service_path,
        &row.account,
        &row.region,
    ]
    .map(|text| terminal(text).into_owned())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Format;
    use crate::events::written;
    use crate::page::Color;
    use crate::samples;

    fn check(columns: usize) -> String {
        let page = Page::new(Some(columns), Color::Plain);
        written(Format::Table, &page, &samples::rows())
    }

    #[test]
    fn lines() {
        insta::assert_snapshot!(check(100));
    }

    #[test]
    fn lines_on_a_narrow_page() {
        insta::assert_snapshot!(check(60));
    }

    #[test]
    fn lines_on_a_wide_page() {
        insta::assert_snapshot!(check(260));
    }

    #[test]
    fn lines_in_colour() {
        let page = Page::new(None, Color::Ansi);
        let text = written(Format::Table, &page, &samples::rows());
        insta::assert_snapshot!(text.replace('\u{1b}', "␛"));
    }

    #[test]
    fn no_line_is_wider_than_the_page() {
        for columns in Page::WIDTH_MIN..300 {
            for line in check(columns).lines() {
                assert!(width(line) <= columns, "{columns}: {line}");
            }
        }
    }

    #[test]
    fn later_rows_take_the_widths_of_the_first() {
        let rows: Vec<EventRow<'_>> = (0..2 * WIDTH_ROWS)
            .map(|index| EventRow {
                operation: "x".repeat(index / 50).into(),
                ..samples::rows().swap_remove(0)
            })
            .collect();
        let text = written(Format::Table, &Page::default(), &rows);
        assert_eq!(text.lines().count(), 1 + rows.len());
        assert!(text.lines().all(|line| width(line) <= 100));
    }

    #[test]
    fn no_records_are_no_table() {
        assert_eq!(written(Format::Table, &Page::default(), &[]), "");
    }

    #[test]
    fn principals_are_shortened_in_their_own_account() {
        let ann = "arn:aws:iam::111122223333:user/a:nn";
        assert_eq!(short_principal(ann, "111122223333"), "user/a:nn");
        assert_eq!(short_principal(ann, "999999999999"), ann);
        assert_eq!(
            short_principal("s3.amazonaws.com", "111122223333"),
            "s3.amazonaws.com"
        );
    }
}

//! The KMS records themselves, in every format, one row at a time: there can be millions.

mod csv;
mod json;
mod jsonl;
mod row;
mod table;

use std::io::{self, Write};

use crate::page::{Format, Page};

pub use csv::Csv;
pub use json::Json;
pub use jsonl::JsonLines;
pub use row::EventRow;
pub use table::Table;

/// Writes rows as they come, always to the same output. It holds no more than what the format has
/// to remember between two rows.
pub trait EventWriter {
    /// Writes a row.
    ///
    /// # Errors
    /// When the output takes no more.
    fn row(&mut self, row: &EventRow<'_>, out: &mut dyn Write) -> io::Result<()>;

    /// Writes a row that [`EventRow::encode`] made; the JSON formats need not read it for that.
    ///
    /// # Errors
    /// When the output takes no more, or the bytes are no row.
    fn encoded(&mut self, json: &[u8], out: &mut dyn Write) -> io::Result<()> {
        self.row(&EventRow::decode(json)?, out)
    }

    /// Writes what stands behind the last row. Without it the output is not complete.
    ///
    /// # Errors
    /// When the output takes no more.
    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()>;
}

/// The writer of a format.
#[must_use]
pub fn writer(format: Format, page: &Page) -> Box<dyn EventWriter> {
    match format {
        Format::Table => Box::new(Table::new(page)),
        Format::Json => Box::new(Json::default()),
        // Records have no form of their own in the formats of findings.
        Format::Jsonl | Format::Ocsf | Format::Asff => Box::new(JsonLines),
        Format::Csv => Box::new(Csv::default()),
    }
}

/// What rows look like in a format: whether they were encoded before must not show.
#[cfg(test)]
fn written(format: Format, page: &Page, rows: &[EventRow<'_>]) -> String {
    let plain = crate::samples::text(|out| {
        let mut writer = writer(format, page);
        rows.iter().try_for_each(|row| writer.row(row, out))?;
        writer.finish(out)
    });
    let encoded = crate::samples::text(|out| {
        let mut writer = writer(format, page);
        for row in rows {
            let mut json = Vec::new();
            row.encode(&mut json);
            writer.encoded(&json, out)?;
        }
        writer.finish(out)
    });
    assert_eq!(plain, encoded);
    plain
}

//! Records as CSV.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::escape::csv_cell;
use crate::events::{EventRow, EventWriter};

/// The columns: the fields of [`EventRow`].
const COLUMNS: [&str; 15] = [
    "time",
    "event_id",
    "account",
    "region",
    "operation",
    "class",
    "principal",
    "principal_type",
    "key",
    "service_path",
    "outcome",
    "source",
    "user_agent",
    "context",
    "shared_event_id",
];

/// Writes a line of names and a row for each record; the context is a JSON object in its cell.
#[derive(Debug, Default)]
pub struct Csv {
    has_names: bool,
}

impl Csv {
    fn names(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.has_names {
            return Ok(());
        }
        self.has_names = true;
        write_row(COLUMNS, out)
    }
}

impl EventWriter for Csv {
    fn row(&mut self, row: &EventRow<'_>, out: &mut dyn Write) -> io::Result<()> {
        fn text<'t>(text: &'t Option<Cow<'_, str>>) -> &'t str {
            text.as_deref().unwrap_or_default()
        }
        self.names(out)?;
        let context = if row.context.is_empty() {
            String::new()
        } else {
            serde_json::to_string(&row.context)?
        };
        let cells = [
            &row.time.to_string(),
            text(&row.event_id),
            &row.account,
            &row.region,
            &row.operation,
            &row.class,
            &row.principal,
            &row.principal_type,
            text(&row.key),
            &row.service_path,
            &row.outcome,
            text(&row.source),
            text(&row.user_agent),
            &context,
            text(&row.shared_event_id),
        ];
        write_row(cells, out)
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.names(out)
    }
}

fn write_row(cells: [&str; COLUMNS.len()], out: &mut dyn Write) -> io::Result<()> {
    let mut line = csv::WriterBuilder::new()
        .buffer_capacity(1_024)
        .from_writer(out);
    let cells = cells.map(csv_cell);
    line.write_record(cells.each_ref().map(|cell| cell.as_bytes()))?;
    // The inner writer is the caller's to flush.
    match line.into_inner() {
        Ok(_) => Ok(()),
        Err(error) => Err(error.into_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::written;
    use crate::samples;
    use crate::{Format, Page};

    #[test]
    fn a_row_each() {
        let text = written(Format::Csv, &Page::default(), &samples::rows());
        insta::assert_snapshot!(text);
        assert_eq!(text.lines().count(), 1 + samples::rows().len());
    }

    #[test]
    fn without_records_there_are_still_names() {
        let text = written(Format::Csv, &Page::default(), &[]);
        assert_eq!(text, format!("{}\n", COLUMNS.join(",")));
    }

    #[test]
    fn the_columns_are_the_fields() {
        let json = serde_json::to_string(&samples::rows()[0]).unwrap();
        let places = COLUMNS.map(|name| json.find(&format!("\"{name}\":")));
        assert!(places.iter().all(Option::is_some) && places.is_sorted());
    }
}

//! Records as one JSON array.

use std::io::{self, Write};

use crate::events::{EventRow, EventWriter};
use crate::json_text;

/// Writes an array with a row a line: valid JSON that tools for lines can still read.
#[derive(Debug, Default)]
pub struct Json {
    has_rows: bool,
}

impl Json {
    fn lead(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let lead: &[u8] = if self.has_rows { b",\n" } else { b"[\n" };
        self.has_rows = true;
        out.write_all(lead)
    }
}

impl EventWriter for Json {
    fn row(&mut self, row: &EventRow<'_>, out: &mut dyn Write) -> io::Result<()> {
        self.lead(out)?;
        json_text::write_compact(out, row)
    }

    fn encoded(&mut self, json: &[u8], out: &mut dyn Write) -> io::Result<()> {
        self.lead(out)?;
        out.write_all(json)
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let end: &[u8] = if self.has_rows { b"\n]\n" } else { b"[]\n" };
        out.write_all(end)
    }
}

#[cfg(test)]
mod tests {
    use crate::events::{EventRow, written};
    use crate::samples;
    use crate::{Format, Page};

    #[test]
    fn an_array() {
        let text = written(Format::Json, &Page::default(), &samples::rows());
        insta::assert_snapshot!(text);
        let read: Vec<EventRow<'_>> = serde_json::from_str(&text).unwrap();
        assert_eq!(read, samples::rows());
        assert_eq!(written(Format::Json, &Page::default(), &[]), "[]\n");
    }
}

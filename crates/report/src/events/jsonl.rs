//! Records as JSON Lines.

use std::io::{self, Write};

use crate::events::{EventRow, EventWriter};
use crate::json_text;

/// Writes a row a line.
#[derive(Debug, Default)]
pub struct JsonLines;

impl EventWriter for JsonLines {
    fn row(&mut self, row: &EventRow<'_>, out: &mut dyn Write) -> io::Result<()> {
        json_text::write_compact(out, row)?;
        out.write_all(b"\n")
    }

    fn encoded(&mut self, json: &[u8], out: &mut dyn Write) -> io::Result<()> {
        out.write_all(json)?;
        out.write_all(b"\n")
    }

    fn finish(&mut self, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::events::written;
    use crate::samples;
    use crate::{Format, Page};

    #[test]
    fn a_line_each() {
        let text = written(Format::Jsonl, &Page::default(), &samples::rows());
        insta::assert_snapshot!(text);
        assert_eq!(text.lines().count(), samples::rows().len());
        assert_eq!(written(Format::Jsonl, &Page::default(), &[]), "");
    }
}

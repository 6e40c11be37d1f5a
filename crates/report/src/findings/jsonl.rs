//! Findings as JSON Lines.

use std::borrow::Borrow;
use std::io::{self, Write};

use keytrail_detect::finding::Finding;

use crate::json_text;

/// Writes a finding a line, in the order given.
///
/// # Errors
/// When `out` takes no more.
pub fn write_jsonl<F: Borrow<Finding>>(
    findings: impl IntoIterator<Item = F>,
    out: &mut dyn Write,
) -> io::Result<()> {
    for finding in findings {
        json_text::write_compact(out, finding.borrow())?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn a_line_each() {
        let findings = samples::findings();
        let text = samples::text(|out| write_jsonl(&findings, out));
        assert_eq!(text.lines().count(), findings.len());
        insta::assert_snapshot!(text);
        let read: Vec<Finding> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(read, findings);
    }

    #[test]
    fn nothing_is_nothing() {
        assert_eq!(samples::text(|out| write_jsonl(&[], out)), "");
    }
}

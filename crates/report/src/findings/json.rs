//! Findings as one JSON array.

use std::io::{self, Write};

use keytrail_detect::finding::Finding;

use crate::json_text;

/// Writes an array of findings, indented for people, with the fields in their documented order.
///
/// # Errors
/// When `out` takes no more.
pub fn write_json(findings: &[Finding], out: &mut dyn Write) -> io::Result<()> {
    json_text::write_pretty(out, &findings)?;
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    fn written(findings: &[Finding]) -> String {
        samples::text(|out| write_json(findings, out))
    }

    #[test]
    fn an_array() {
        insta::assert_snapshot!(written(&samples::findings()));
        assert_eq!(written(&[]), "[]\n");
    }

    #[test]
    fn it_reads_back() {
        let mut findings = samples::findings();
        findings.push(samples::endless());
        let json = written(&findings);
        assert_eq!(
            serde_json::from_str::<Vec<Finding>>(&json).unwrap(),
            findings
        );
    }
}

//! Findings as one JSON array.

use std::borrow::Borrow;
use std::io::{self, Write};

use keytrail_detect::finding::Finding;
use serde::{Serialize, Serializer};

use crate::json_text;

/// Writes an array of findings, indented for people, with the fields in their documented order.
///
/// # Errors
/// When `out` takes no more.
pub fn write_json<F: Borrow<Finding> + Serialize>(
    findings: impl Iterator<Item = F> + Clone,
    out: &mut dyn Write,
) -> io::Result<()> {
    json_text::write_pretty(out, &Array(findings))?;
    out.write_all(b"\n")
}

/// Serialises what an iterator gives, one after the other.
struct Array<I>(I);

impl<I: Iterator<Item: Serialize> + Clone> Serialize for Array<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    fn written(findings: &[Finding]) -> String {
        samples::text(|out| write_json(findings.iter(), out))
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

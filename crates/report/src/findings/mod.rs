//! Findings, in every format.

mod csv;
mod json;
mod jsonl;
mod table;

use std::io::{self, Write};

use keytrail_detect::behaviour::{self, ESTIMATE};
use keytrail_detect::finding::{Finding, FindingState};
use keytrail_detect::packed_finding::PackedFinding;

use crate::asff::write_asff;
use crate::ocsf::write_ocsf;
use crate::page::{Format, Page};

pub use csv::write_csv;
pub use json::write_json;
pub use jsonl::write_jsonl;
pub use table::write_table;
pub(crate) use table::{when, write_headline};

/// Writes findings, unpacking one at a time. Data formats keep the caller's order, which is (episode, id); the table puts
/// the worst first.
///
/// # Errors
/// When `out` takes no more.
pub fn write(
    format: Format,
    findings: &[PackedFinding],
    page: &Page,
    out: &mut dyn Write,
) -> io::Result<()> {
    let each = findings.iter().map(PackedFinding::unpack);
    match format {
        Format::Table => write_table(findings, page, out),
        Format::Json => write_json(each, out),
        Format::Jsonl => write_jsonl(each, out),
        Format::Csv => write_csv(each, out),
        Format::Ocsf => write_ocsf(each, out),
        Format::Asff => write_asff(each, out),
    }
}

/// Whether the finding counts calls with other keys than its own: a behaviour does once there is a history.
pub(crate) fn spans_keys(finding: &Finding) -> bool {
    behaviour::find(&finding.rule).is_some() && !finding.is_learning()
}

/// Whether a finding's count is an estimate.
pub(crate) fn is_estimated(finding: &Finding) -> bool {
    let evidence = &finding.evidence;
    evidence.iter().any(|evidence| evidence.feature == ESTIMATE)
}

/// A finding's state as its JSON has it.
#[must_use]
pub const fn state_name(state: FindingState) -> &'static str {
    match state {
        FindingState::Provisional => "provisional",
        FindingState::Final => "final",
        FindingState::Withdrawn => "withdrawn",
        FindingState::Expected => "expected",
        FindingState::Suppressed => "suppressed",
        FindingState::Shadow => "shadow",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn every_format_is_written() {
        let findings = samples::packed(&samples::findings());
        for format in [
            Format::Table,
            Format::Json,
            Format::Jsonl,
            Format::Csv,
            Format::Ocsf,
            Format::Asff,
        ] {
            let mut out = Vec::new();
            write(format, &findings, &Page::default(), &mut out).unwrap();
            assert!(out.ends_with(b"\n"), "{format:?}");
        }
    }

    #[test]
    fn states_are_named_as_in_json() {
        for state in [
            FindingState::Provisional,
            FindingState::Final,
            FindingState::Withdrawn,
            FindingState::Expected,
            FindingState::Suppressed,
            FindingState::Shadow,
        ] {
            let json = serde_json::to_string(&state).unwrap();
            assert_eq!(json.trim_matches('"'), state_name(state));
        }
    }
}

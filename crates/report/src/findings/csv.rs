//! Findings as CSV, a row each.

use std::borrow::Borrow;
use std::io::{self, Write};

use keytrail_detect::finding::Finding;

use crate::attack;
use crate::escape::csv_cell;
use crate::findings::{is_estimated, state_name};

/// The columns.
const COLUMNS: [&str; 24] = [
    "id",
    "episode",
    "state",
    "rule",
    "severity",
    "score",
    "confidence",
    "account",
    "region",
    "principal",
    "key",
    "further_keys",
    "first_seen",
    "last_seen",
    "count",
    "is_estimated",
    "title",
    "evidence",
    "event_ids",
    "attack",
    "practice",
    "next_steps",
    "triage",
    "revision",
];
/// Stands between texts that share a cell.
const BETWEEN: &str = " | ";

/// Writes a line of names and a row for each finding, in the order given. No cell starts a formula.
///
/// # Errors
/// When `out` takes no more.
pub fn write_csv<F: Borrow<Finding>>(
    findings: impl IntoIterator<Item = F>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(COLUMNS)?;
    for finding in findings {
        writer.write_record(
            cells(finding.borrow())
                .each_ref()
                .map(|cell| cell.as_bytes()),
        )?;
    }
    writer.flush()
}

fn cells(finding: &Finding) -> [String; COLUMNS.len()] {
    let text = |text: &str| csv_cell(text).into_owned();
    let optional = |optional: &Option<String>| text(optional.as_deref().unwrap_or_default());
    let evidence: Vec<&str> = finding
        .evidence
        .iter()
        .map(|evidence| evidence.text.as_str())
        .collect();
    let techniques: Vec<String> = finding.attack.iter().map(attack::short).collect();
    [
        text(finding.id.as_str()),
        text(&finding.episode),
        text(state_name(finding.state)),
        text(&finding.rule),
        text(finding.severity.as_str()),
        finding.score.to_string(),
        finding.confidence.to_string(),
        text(&finding.account),
        optional(&finding.region),
        optional(&finding.principal),
        optional(&finding.key),
        text(&finding.further_keys.join(" ")),
        finding.first_seen.to_string(),
        finding.last_seen.to_string(),
        finding.count.to_string(),
        is_estimated(finding).to_string(),
        text(&finding.title),
        text(&evidence.join(BETWEEN)),
        text(&finding.event_ids.join(" ")),
        text(&techniques.join(" ")),
        optional(&finding.practice),
        text(&finding.next_steps.join(BETWEEN)),
        text(finding.triage.as_str()),
        finding.revision.to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn a_row_each() {
        let findings = samples::findings();
        let text = samples::text(|out| write_csv(&findings, out));
        insta::assert_snapshot!(text);
        assert_eq!(text.lines().count(), 1 + findings.len());
    }

    #[test]
    fn no_cell_starts_a_formula() {
        let mut findings = samples::findings();
        findings.push(samples::endless());
        let text = samples::text(|out| write_csv(&findings, out));
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        for row in reader.records() {
            for cell in &row.unwrap() {
                assert!(
                    !cell.trim_start().starts_with(['=', '+', '-', '@']),
                    "{cell}"
                );
                assert!(!cell.chars().any(crate::escape::is_unsafe), "{cell}");
            }
        }
    }

    #[test]
    fn without_findings_there_are_still_names() {
        let text = samples::text(|out| write_csv(&[], out));
        assert_eq!(text, format!("{}\n", COLUMNS.join(",")));
    }
}

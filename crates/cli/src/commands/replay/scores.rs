//! The file of `--scores`: what every principal's hour scored, and what rules found, as JSON Lines.

use std::io::Write;

use keytrail_detect::baseline::ScoreLine;
use keytrail_detect::behaviour;
use keytrail_detect::finding::Finding;
use serde::Serialize;

use crate::output::Destination;

/// A scored hour with its account.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountScore {
    /// The account.
    pub account: String,
    /// The hour.
    pub line: ScoreLine,
}

/// A line as `keytrail evaluate` reads it.
#[derive(Debug, Serialize)]
struct Written<'a> {
    t: i64,
    p: &'a str,
    account: &'a str,
    score: f64,
    rule: &'a str,
    #[serde(rename = "eventIDs")]
    event_ids: &'a [String],
}

/// Writes hours, then findings of rules, which have the fixed score of their severity.
///
/// # Errors
/// When the file takes no more.
pub fn write(
    scores: &[AccountScore],
    findings: &[Finding],
    mut file: Destination,
) -> anyhow::Result<()> {
    let hours = scores.iter().map(|AccountScore { account, line }| Written {
        t: line.time,
        p: &line.principal,
        account,
        score: line.score,
        rule: line.rule,
        event_ids: &line.event_ids,
    });
    let by_rules = findings
        .iter()
        .filter(|finding| behaviour::find(&finding.rule).is_none());
    let by_rules = by_rules.map(|finding| Written {
        t: finding.last_seen.unix_seconds(),
        p: finding.principal.as_deref().unwrap_or_default(),
        account: &finding.account,
        score: finding.score,
        rule: &finding.rule,
        event_ids: &finding.event_ids,
    });
    for line in hours.chain(by_rules) {
        serde_json::to_writer(&mut file, &line)?;
        file.write_all(b"\n")?;
    }
    file.finish()
}

//! The file of `--scores`: what every principal's hour scored, and what rules found, as JSON Lines.

use std::borrow::Cow;
use std::collections::BTreeMap;

use keytrail_detect::baseline::ScoreLine;
use keytrail_detect::behaviour;
use keytrail_detect::finding::{Finding, Severity};
use keytrail_report::write_json_line;
use serde::Serialize;

use super::repeats::{Scored, without_repeats};
use crate::output::Destination;

/// Seconds before a rule's newest evidence in which the hours of its principal speak with it.
const BESIDE_SECONDS: i64 = 2 * 3_600;
/// The most that a principal's hour adds to a rule's finding.
const BESIDE_MAX: f64 = 25.0;

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
struct Line<'a> {
    #[serde(skip)]
    account: Cow<'a, str>,
    t: i64,
    p: Cow<'a, str>,
    score: f64,
    #[serde(rename = "eventIDs")]
    event_ids: Cow<'a, [String]>,
    /// What speaks most for it.
    rule: Cow<'a, str>,
}

/// Writes hours, then findings of rules on the same scale, each by what it adds to the principal's lines before it.
///
/// # Errors
/// When the file takes no more.
pub fn write(
    scores: &[AccountScore],
    findings: impl Iterator<Item = Finding>,
    mut file: Destination,
) -> anyhow::Result<()> {
    let hours = scores.iter().map(|AccountScore { account, line }| Line {
        account: Cow::Borrowed(account),
        t: line.time,
        p: Cow::Borrowed(&line.principal),
        score: line.score,
        event_ids: Cow::Borrowed(&line.event_ids),
        rule: Cow::Borrowed(line.rule),
    });
    let beside = Beside::new(scores);
    let by_rules = findings.filter(|finding| behaviour::find(&finding.rule).is_none());
    let by_rules = by_rules.map(|finding| Line {
        t: finding.last_seen.unix_seconds(),
        score: alone(finding.severity) + beside.most(&finding),
        account: Cow::Owned(finding.account),
        p: Cow::Owned(finding.principal.unwrap_or_default()),
        event_ids: Cow::Owned(finding.event_ids),
        rule: Cow::Owned(finding.rule),
    });
    let mut lines: Vec<Line<'_>> = hours.chain(by_rules).collect();
    let scored: Vec<Scored<'_>> = lines
        .iter()
        .map(|line| Scored {
            account: &line.account,
            principal: &line.p,
            time: line.t,
            score: line.score,
        })
        .collect();
    let told = without_repeats(&scored);
    for (line, score) in lines.iter_mut().zip(told) {
        line.score = score;
        write_json_line(&mut file, line)?;
    }
    file.finish()
}

/// What a rule's finding says in an hour that is not unusual. Measured on simulated organisations: medium
/// stays below what is met once a day, high is about as rare as that, critical ranks with the rarest hours.
const fn alone(severity: Severity) -> f64 {
    match severity {
        Severity::Low => 2.0,
        Severity::Medium => 6.0,
        Severity::High => 12.0,
        Severity::Critical => 20.0,
    }
}

/// The scores of hours by account, principal and time. What a rule finds in an hour that is unusual is worth
/// more than the same in one of every day.
struct Beside<'a>(BTreeMap<(&'a str, &'a str, i64), f64>);

impl<'a> Beside<'a> {
    fn new(scores: &'a [AccountScore]) -> Self {
        let of = |score: &'a AccountScore| {
            let line = &score.line;
            let whose = (score.account.as_str(), line.principal.as_str(), line.time);
            (whose, line.score)
        };
        Self(scores.iter().map(of).collect())
    }

    /// The largest score of the principal's hours at the finding, or shortly before it.
    fn most(&self, finding: &Finding) -> f64 {
        let Some(principal) = finding.principal.as_deref() else {
            return 0.0;
        };
        let (account, at) = (finding.account.as_str(), finding.last_seen.unix_seconds());
        let from = (account, principal, at - BESIDE_SECONDS);
        // An hour's newest evidence may be younger than the finding's.
        let until = (account, principal, at + BESIDE_SECONDS / 2);
        let scores = self.0.range(from..until).map(|(_, score)| *score);
        scores.fold(0.0, f64::max).min(BESIDE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_spelt_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scores.jsonl");
        let principal = "arn:aws:iam::111122223333:user/a\u{202e}b\u{9b}2J";
        let line = ScoreLine {
            time: 1_700_000_000,
            principal: principal.to_owned(),
            score: 4.2,
            rule: "new-source",
            event_ids: vec!["\u{200b}".to_owned()],
        };
        let score = AccountScore {
            account: "111122223333".to_owned(),
            line,
        };
        let file = Destination::file(&path).unwrap();
        write(&[score], std::iter::empty(), file).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.trim_end().is_ascii(), "{text:?}");
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["p"], principal);
        assert_eq!(read["rule"], "new-source");
    }
}

//! A measurement as JSON.

use std::collections::BTreeMap;
use std::io::{self, Write};

use keytrail_sim::measure::{AtBudget, Share};
use serde::Serialize;

use super::Evaluation;

#[derive(Serialize)]
struct Document<'m> {
    account_days: f64,
    accounts: u32,
    score_lines: u64,
    attacks: u64,
    average_precision: Option<f64>,
    budgets: Vec<Budget<'m>>,
}

#[derive(Serialize)]
struct Budget<'m> {
    false_alerts_per_account_day_max: f64,
    threshold: Option<f64>,
    recall: Option<f64>,
    attacks_found: u64,
    recall_by_kind: BTreeMap<&'m str, Part>,
    recall_by_strength: BTreeMap<&'m str, Part>,
    false_alerts: u64,
    false_alerts_by_rule: &'m BTreeMap<String, u64>,
    false_alerts_per_account_day: f64,
    precision: Option<f64>,
    seconds_to_detect_median: Option<f64>,
    changes_alerted_by_kind: BTreeMap<&'m str, Part>,
}

#[derive(Serialize)]
struct Part {
    part: u64,
    of: u64,
}

/// Writes one object.
///
/// # Errors
/// When `out` takes no more.
pub fn write(evaluation: &Evaluation, out: &mut dyn Write) -> io::Result<()> {
    let measured = &evaluation.measurement;
    let document = Document {
        account_days: measured.account_days,
        accounts: evaluation.span.accounts,
        score_lines: measured.lines,
        attacks: measured.attacks,
        average_precision: measured.average_precision,
        budgets: measured.budgets.iter().map(budget).collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn budget(at: &AtBudget) -> Budget<'_> {
    Budget {
        false_alerts_per_account_day_max: at.budget,
        threshold: at.threshold,
        recall: at.found.fraction(),
        attacks_found: at.found.part,
        recall_by_kind: parts(&at.kinds),
        recall_by_strength: parts(&at.strengths),
        false_alerts: at.false_alerts,
        false_alerts_by_rule: &at.false_alert_rules,
        false_alerts_per_account_day: at.false_alerts_per_account_day,
        precision: at.precision,
        seconds_to_detect_median: at.seconds_to_detect,
        changes_alerted_by_kind: parts(&at.changes),
    }
}

fn parts(shares: &BTreeMap<String, Share>) -> BTreeMap<&str, Part> {
    let part = |share: &Share| Part {
        part: share.part,
        of: share.of,
    };
    shares
        .iter()
        .map(|(kind, share)| (kind.as_str(), part(share)))
        .collect()
}

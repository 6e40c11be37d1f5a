//! Thresholds: the one that a budget allows, and the curve over all of them.

use std::collections::BTreeMap;

use super::Span;
use super::matching::Matched;
use super::outcome::{AtBudget, Share, median};

impl Matched<'_> {
    /// What is found at the lowest threshold whose false cases keep to the budget.
    pub(super) fn at_budget(&self, budget: f64, span: Span) -> AtBudget {
        let allowed = budget * span.account_days();
        // Cases only grow when the threshold falls, so those that keep to the budget come first.
        let kept = self
            .thresholds
            .partition_point(|threshold| self.false_lines.cases(*threshold) as f64 <= allowed);
        let threshold = kept
            .checked_sub(1)
            .and_then(|at| self.thresholds.get(at))
            .copied();
        // Nothing scores as much as infinity.
        let least = threshold.unwrap_or(f64::INFINITY);
        let mut found = Share::default();
        let mut kinds: BTreeMap<String, Share> = BTreeMap::new();
        let mut strengths: BTreeMap<String, Share> = BTreeMap::new();
        for attack in &self.attacks {
            let is_found = attack.best().is_some_and(|best| best >= least);
            found.count(is_found);
            kinds
                .entry(attack.kind.to_owned())
                .or_default()
                .count(is_found);
            strengths
                .entry(attack.strength.to_owned())
                .or_default()
                .count(is_found);
        }
        let mut changes: BTreeMap<String, Share> = BTreeMap::new();
        for change in &self.changes {
            let alerted = change.best.is_some_and(|best| best >= least);
            changes
                .entry(change.kind.to_owned())
                .or_default()
                .count(alerted);
        }
        let false_alerts = self.false_lines.cases(least);
        let seconds = self
            .attacks
            .iter()
            .filter_map(|attack| attack.seconds(least));
        AtBudget {
            budget,
            threshold,
            found,
            kinds,
            strengths,
            false_alerts,
            false_alert_rules: self.false_lines.rules(least),
            false_alerts_per_account_day: per(false_alerts, span.account_days()),
            precision: precision(found.part, false_alerts),
            seconds_to_detect: median(seconds.collect()),
            changes,
        }
    }

    /// The sum over the attacks, best first, of the precision at the threshold that just finds each: attacks that
    /// score alike are found together, and one that no line matches adds nothing.
    pub(super) fn average_precision(&self) -> Option<f64> {
        if self.attacks.is_empty() {
            return None;
        }
        let mut bests: Vec<f64> = self
            .attacks
            .iter()
            .filter_map(super::matching::Found::best)
            .collect();
        bests.sort_by(|a, b| b.total_cmp(a));
        let precisions = bests.iter().map(|best| {
            let found = bests.partition_point(|other| other >= best) as u64;
            precision(found, self.false_lines.cases(*best)).unwrap_or(0.0)
        });
        // The sum of no numbers is -0, which reads as if it were less than nothing.
        let sum = precisions.fold(0.0, |sum, precision| sum + precision);
        Some(sum / self.attacks.len() as f64)
    }
}

fn precision(found: u64, false_alerts: u64) -> Option<f64> {
    Share {
        part: found,
        of: found + false_alerts,
    }
    .fraction()
}

fn per(count: u64, account_days: f64) -> f64 {
    if account_days > 0.0 {
        count as f64 / account_days
    } else {
        0.0
    }
}

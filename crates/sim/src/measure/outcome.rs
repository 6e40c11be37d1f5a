//! The numbers that come out of a measurement.

use std::collections::BTreeMap;

/// How good the scores of an archive are.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// Accounts times days that were measured.
    pub account_days: f64,
    /// Score lines within those days.
    pub lines: u64,
    /// Attacks that begin within those days.
    pub attacks: u64,
    /// The area under the curve of precision over recall, each attack one step: 1 when every attack scores above
    /// every false line. None without attacks.
    pub average_precision: Option<f64>,
    /// One entry for each budget that was asked for.
    pub budgets: Vec<AtBudget>,
}

/// What a budget of false alerts buys.
#[derive(Debug, Clone, PartialEq)]
pub struct AtBudget {
    /// False cases per account and day that are allowed.
    pub budget: f64,
    /// The lowest threshold that keeps to the budget. None when no score does, or there are none.
    pub threshold: Option<f64>,
    /// Attacks found.
    pub found: Share,
    /// Attacks found, by kind.
    pub kinds: BTreeMap<String, Share>,
    /// Attacks found, by strength.
    pub strengths: BTreeMap<String, Share>,
    /// False cases: at most the budget's.
    pub false_alerts: u64,
    /// False cases by what spoke most for the line that opened each.
    pub false_alert_rules: BTreeMap<String, u64>,
    /// False cases per account and day.
    pub false_alerts_per_account_day: f64,
    /// Attacks found, of them and the false cases together. None when there are neither.
    pub precision: Option<f64>,
    /// Seconds from an attack's first record to the first line that finds it: the median over the attacks found.
    pub seconds_to_detect: Option<f64>,
    /// Legitimate changes during which their principal raised an alert, by kind.
    pub changes: BTreeMap<String, Share>,
}

/// So many of so many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// How many it is true of.
    pub part: u64,
    /// How many there are.
    pub of: u64,
}

impl Share {
    /// The part as a fraction; none of nothing.
    #[must_use]
    pub fn fraction(self) -> Option<f64> {
        (self.of > 0).then(|| self.part as f64 / self.of as f64)
    }

    /// Counts one more.
    pub(super) fn count(&mut self, is_part: bool) {
        self.of += 1;
        self.part += u64::from(is_part);
    }
}

/// The median of numbers in any order: the mean of the two in the middle when there is no single one.
pub(super) fn median(mut numbers: Vec<i64>) -> Option<f64> {
    numbers.sort_unstable();
    let upper = *numbers.get(numbers.len() / 2)?;
    let lower = *numbers.get((numbers.len() - 1) / 2)?;
    Some((lower as f64 + upper as f64) / 2.0)
}

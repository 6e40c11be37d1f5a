//! How good scores are, held against labels: recall at a budget of false alerts, precision, time to detect.
//!
//! Only arithmetic over score lines and labels: nothing here knows how scores come about. It stands beside the
//! generator because that is where the truth about an archive is.
//!
//! An attack is found at a threshold when a line that scores at least as much has a time from the attack's first record
//! to an hour after its last, and either the attack's principal or one of its event ids. Lines that match no attack are
//! false; those of one principal within 24 hours of the first of them are one case, since whoever reads alerts opens
//! one case for them. A budget of false cases per account and day chooses the threshold: the lowest that keeps to it.

mod at_budget;
mod cases;
mod matching;
mod outcome;
pub mod plain;

#[cfg(test)]
mod tests;

pub use outcome::{AtBudget, Measurement, Share};

use matching::Matched;

/// How long after an attack's last record a line still belongs to it, in seconds: hours are scored when they are over.
pub const GRACE_SECONDS: i64 = 3_600;
/// How long a case takes up further lines of its principal, in seconds from its first line.
pub const CASE_SECONDS: i64 = 86_400;
/// Budgets that are usually asked for, in false cases per account and day.
pub const BUDGETS: [f64; 3] = [1.0, 0.5, 0.1];

/// What detection said about one principal's hour.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// Unix seconds of the newest evidence.
    pub time: i64,
    /// The canonical principal.
    pub principal: String,
    /// The account whose records it comes from.
    pub account: String,
    /// The score; only its order matters. Finite.
    pub score: f64,
    /// What speaks most for it: the name of a feature or rule; empty when it is not told.
    pub rule: String,
    /// Ids of records that speak for it.
    pub event_ids: Vec<String>,
}

/// One attack, as labels tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attack {
    /// Its kind, such as `burst-theft`.
    pub kind: String,
    /// How much of it there is: `low`, `medium` or `high`.
    pub strength: String,
    /// Whose attack it is, canonical.
    pub principal: String,
    /// Unix seconds of its first record.
    pub first: i64,
    /// Unix seconds of its last record.
    pub last: i64,
    /// The ids of its records.
    pub event_ids: Vec<String>,
}

/// One legitimate change, as labels tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its kind, such as `agent-upgrade`.
    pub kind: String,
    /// Whose life it changes, canonical.
    pub principal: String,
    /// Unix seconds of its beginning.
    pub first: i64,
    /// Unix seconds of its end.
    pub last: i64,
}

/// The truth about an archive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Truth {
    /// All attacks.
    pub attacks: Vec<Attack>,
    /// All legitimate changes.
    pub changes: Vec<Change>,
}

/// What is measured: the days after learning, and how many accounts have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Unix seconds of the first moment that counts.
    pub from: i64,
    /// Unix seconds of the first moment that counts no more.
    pub until: i64,
    /// How many accounts the budget is for.
    pub accounts: u32,
}

impl Span {
    /// Accounts times days.
    #[must_use]
    pub fn account_days(&self) -> f64 {
        let seconds = self.until.saturating_sub(self.from).max(0);
        seconds as f64 / 86_400.0 * f64::from(self.accounts)
    }

    fn has(&self, time: i64) -> bool {
        (self.from..self.until).contains(&time)
    }
}

/// Holds scores against the truth, at each budget of false cases per account and day. Attacks and changes that begin
/// outside the span are left out, and so are lines outside it. The order of the lines has no say.
#[must_use]
pub fn measure(scores: &[Score], truth: &Truth, span: Span, budgets: &[f64]) -> Measurement {
    let matched = Matched::new(scores, truth, span);
    Measurement {
        account_days: span.account_days(),
        lines: matched.lines(),
        attacks: matched.attacks.len() as u64,
        average_precision: matched.average_precision(),
        budgets: budgets
            .iter()
            .map(|budget| matched.at_budget(*budget, span))
            .collect(),
    }
}

//! A plan: what the judgement of one account's day came to, so exact that whoever executes it has no choice left.

use keytrail_event::{Day, EventTime};
use serde::Serialize;

use crate::base::Standing;
use crate::finding::Finding;

/// The outcome of judging a day of an account.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The account.
    pub account: String,
    /// The day that was judged.
    pub day: Day,
    /// Findings that are new or changed with this day, each as it then stands, sorted by (episode, id).
    pub findings: Vec<Finding>,
    /// What stands at the end of the day.
    pub standing: Standing,
    /// What each pair did on the day, to be learnt when the day closes.
    pub pair_days: Vec<PairDay>,
    /// What was counted on the way.
    pub metrics: Metrics,
}

/// What one (principal, key) pair did on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairDay {
    /// The canonical principal.
    pub principal: String,
    /// The canonical key.
    pub key: String,
    /// Calls on the day.
    pub calls: u64,
    /// Calls in its busiest hour.
    pub peak_hour_calls: u64,
    /// Hours with calls.
    pub active_hours: u8,
    /// The last successful cryptographic call, if there was one.
    pub last_use: Option<EventTime>,
}

/// What was counted while judging.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Metrics {
    /// Cells judged.
    pub cells: u64,
    /// Cells whose count is an estimate.
    pub estimated_cells: u64,
    /// Records that rules judged.
    pub rule_records: u64,
    /// (pair, hour)s that were judged while the account was being learnt.
    pub learning_pair_hours: u64,
    /// (key, day)s with use of a key that had no customs yet to be judged by.
    pub learning_keys: u64,
    /// Entries of the past that did not fit.
    pub forgotten: u64,
}

impl Metrics {
    /// Adds the counts of another judgement.
    pub fn add(&mut self, other: &Self) {
        self.cells += other.cells;
        self.estimated_cells += other.estimated_cells;
        self.rule_records += other.rule_records;
        self.learning_pair_hours += other.learning_pair_hours;
        self.learning_keys += other.learning_keys;
        self.forgotten += other.forgotten;
    }
}

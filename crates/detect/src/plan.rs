//! A plan: what a judgement came to, so exact that whoever executes it has no choice left.

use keytrail_event::{Day, EventTime};
use serde::Serialize;

use crate::finding::Finding;
use crate::rules::past::Past;

/// The outcome of judging a day.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The day that was judged.
    pub day: Day,
    /// Findings that are new or changed, sorted by (episode, id).
    pub findings: Vec<Finding>,
    /// What the state is to become.
    pub changes: Changes,
    /// What was counted on the way.
    pub metrics: Metrics,
}

/// The changes of state.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// What happens to the judged day.
    pub fate: Fate,
    /// What earlier records told, anew for each account that had notable records.
    pub pasts: Vec<(String, Past)>,
    /// What each pair did on the day, to be learnt when the day closes.
    pub pair_days: Vec<PairDay>,
}

/// What happens to a day that was judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fate {
    /// It is folded into the base, and its cells go.
    #[default]
    Close,
    /// It stays open: this was the last look before the input ended.
    StayOpen {
        /// The open day that was looked at before this one, with all records that came before it.
        looked_through: Option<Day>,
    },
}

/// What one (principal, key) pair did on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairDay {
    /// The account.
    pub account: String,
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
        self.forgotten += other.forgotten;
    }
}

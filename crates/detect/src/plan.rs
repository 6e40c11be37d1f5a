//! A plan: what the judgement of one account's day came to, so exact that whoever executes it has no choice left.

use std::sync::Arc;

use keytrail_event::{Day, EventTime};
use serde::Serialize;

use crate::base::Standing;
use crate::baseline::{AccountBaseline, ScoreLine};
use crate::packed_finding::PackedFinding;

/// The outcome of judging a day of an account.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The account.
    pub account: String,
    /// The day that was judged.
    pub day: Day,
    /// Findings that are new or changed with this day, each as it then stands, sorted by (episode, id).
    pub findings: Vec<PackedFinding>,
    /// What stands at the end of the day.
    pub standing: Standing,
    /// When each pair last used its key, to be learnt when the day closes.
    pub last_uses: Vec<LastUse>,
    /// The baselines of the next day, once the day is closed.
    pub baseline: Option<Arc<AccountBaseline>>,
    /// A score for every hour, where the configuration asks for them.
    pub scores: Vec<ScoreLine>,
    /// What was counted on the way.
    pub metrics: Metrics,
}

/// When one (principal, key) pair last used its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastUse {
    /// The canonical principal.
    pub principal: String,
    /// The canonical key.
    pub key: String,
    /// The last successful cryptographic call of the day.
    pub at: EventTime,
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
    /// (principal, hour)s that were judged while the account was being learnt.
    pub learning_hours: u64,
    /// (key, day)s with use of a key that had no customs yet to be judged by.
    pub learning_keys: u64,
    /// Days of an account that had more principals and cells than fit.
    pub cut_days: u64,
    /// Entries of the past that did not fit.
    pub forgotten: u64,
}

impl Metrics {
    /// Adds the counts of another judgement.
    pub fn add(&mut self, other: &Self) {
        self.cells += other.cells;
        self.estimated_cells += other.estimated_cells;
        self.rule_records += other.rule_records;
        self.learning_hours += other.learning_hours;
        self.learning_keys += other.learning_keys;
        self.cut_days += other.cut_days;
        self.forgotten += other.forgotten;
    }
}

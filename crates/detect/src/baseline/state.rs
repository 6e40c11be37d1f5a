//! What is known of an account: the base that hours are judged against, folded day by day.
//!
//! Everything about one principal is as of its last active day, so that a quiet principal costs
//! nothing; what is shared is as of the last folded day.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::budget::BudgetHistory;
use super::calibration::Calibration;
use super::canonical::Class;
use super::day_total::DayTotals;
use super::decay::HABIT;
use super::drift::Drift;
use super::features::{FAMILIES, FEATURES, Feature};
use super::histogram::Histogram;
use super::names::Names;
use super::strangers::Strangers;
use super::table::Table;
use super::time_of_day::ActiveTimes;
use super::volume::Stream;

/// Streams of calls of a principal.
pub const STREAMS: usize = 5;
/// The stream of successful cryptographic calls.
pub const DATA: usize = 0;
/// The stream of other successful calls.
pub const CONTROL: usize = 1;
/// The stream of refused calls.
pub const DENIED: usize = 2;
/// The stream of calls that failed otherwise.
pub const FAILED: usize = 3;
/// The stream of distinct keys.
pub const BREADTH: usize = 4;

/// Features whose values have tables of their own.
pub const TABLES: usize = 8;

/// The table a value of this feature stands in.
#[must_use]
pub const fn table_of(feature: Feature) -> Option<usize> {
    match feature {
        Feature::Network => Some(0),
        Feature::Agent => Some(1),
        Feature::Region => Some(2),
        Feature::Path => Some(3),
        Feature::Operation => Some(4),
        Feature::Key => Some(5),
        Feature::Grantee => Some(6),
        Feature::Context => Some(7),
        _ => None,
    }
}

/// Age buckets of a principal: 0, 1, 2–3, 4–7, 8–15, and 16 active days or more.
pub const AGES: usize = 6;

/// The age bucket of so many active days.
#[must_use]
pub const fn age_of(active_days: u32) -> usize {
    match active_days {
        0 => 0,
        1 => 1,
        2..=3 => 2,
        4..=7 => 3,
        8..=15 => 4,
        _ => 5,
    }
}

/// How noisy a principal usually is: quiet, usual, noisy.
pub const NOISES: usize = 3;

/// The base of one account.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AccountBaseline {
    /// The last folded day, in days since 1970-01-01.
    pub(super) day: Option<i64>,
    /// Folded days with records.
    pub(super) days: u32,
    pub(super) names: Names,
    /// What all principals showed.
    pub(super) shared: Shared,
    pub(super) groups: BTreeMap<Box<str>, Arc<Shared>>,
    /// By [`Class`].
    pub(super) classes: Vec<ClassBaseline>,
    pub(super) keys: BTreeMap<Box<str>, Arc<KeyBaseline>>,
    pub(super) next_key: u32,
    /// Σ of new principals over all keys, decayed.
    pub(super) new_principals_of_keys: f32,
    /// Of all keys.
    pub(super) strangers: Strangers,
    pub(super) principals: BTreeMap<Box<str>, Arc<PrincipalBaseline>>,
    pub(super) budget: BudgetHistory,
    /// Principals, keys and groups that were forgotten because there were too many.
    pub(super) forgotten: u64,
}

/// Decayed principal-days of a set of principals, and on how many each value was shown.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Shared {
    /// As of this day.
    pub(super) day: i64,
    pub(super) principal_days: f32,
    pub(super) tables: [Table; TABLES],
}

/// What is known of a class of principals.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassBaseline {
    /// (new tokens, active days) by feature table and age.
    pub(super) rates: [[(f32, f32); AGES]; TABLES],
    /// New values by table, decayed: of those that peers showed before, that only the account did, that nobody did.
    pub(super) reach: [[f32; 3]; TABLES],
    /// New principals, decayed.
    pub(super) new_principals: f32,
    /// (Σ log2(1 + calls), hours) by stream, and of pairs.
    pub(super) volumes: [(f32, f32); STREAMS + 1],
    pub(super) features: [Calibration; FEATURES],
    pub(super) totals: [Calibration; NOISES],
}

/// What is known of a key.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct KeyBaseline {
    pub(super) number: u32,
    pub(super) first_day: i64,
    /// The last day it was named; everything is as of it.
    pub(super) day: i64,
    /// The last day it was used.
    pub(super) used: Option<i64>,
    /// The day of its CreateKey, where that was seen.
    pub(super) created: Option<i64>,
    /// Decayed days of use.
    pub(super) days: f32,
    /// Principals that were new on it, decayed.
    pub(super) new_principals: f32,
    /// Those of them whose peers never used it.
    pub(super) strangers: Strangers,
    pub(super) paths: Table,
    pub(super) contexts: Table,
    /// Calls of all principals together.
    pub(super) calls: Stream,
}

/// What is known of a principal.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PrincipalBaseline {
    pub(super) first_day: i64,
    /// The last active day; everything is as of it.
    pub(super) day: i64,
    /// Active days, not decayed.
    pub(super) active_days: u32,
    /// Active days, decayed.
    pub(super) days: f32,
    /// Active hours, decayed.
    pub(super) hours: f32,
    /// New values by feature table, decayed.
    pub(super) new: [f32; TABLES],
    /// Values by feature table; keys stand in `pairs`.
    pub(super) tables: [Table; TABLES],
    /// Paths by key.
    pub(super) key_paths: Table,
    pub(super) streams: [Stream; STREAMS],
    pub(super) day_totals: DayTotals,
    pub(super) drift: Drift,
    pub(super) times: ActiveTimes,
    /// The leaky sum of new keys.
    pub(super) slow_breadth: f32,
    /// By key number, sorted.
    pub(super) pairs: Vec<PairBaseline>,
    /// Whether pairs had to go because there were too many.
    pub(super) pairs_overflowed: bool,
    pub(super) families: [Histogram; FAMILIES],
    pub(super) totals: Histogram,
    /// Σ T over hours, decayed.
    pub(super) total_sum: f32,
}

/// What is known of a principal's use of a key.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PairBaseline {
    pub(super) key: u32,
    pub(super) first_day: i64,
    /// The last day of use; everything is as of it.
    pub(super) day: i64,
    /// Decayed days of use.
    pub(super) days: f32,
    pub(super) calls: Stream,
}

impl AccountBaseline {
    /// The last folded day, in days since 1970-01-01.
    #[must_use]
    pub const fn day(&self) -> Option<i64> {
        self.day
    }

    /// How many days with records were folded.
    #[must_use]
    pub const fn days(&self) -> u32 {
        self.days
    }

    /// The score from which behaviour is reported, so that there are about so many findings a day, and none below the floor.
    #[must_use]
    pub fn threshold(&self, findings_a_day: f64, floor: f64) -> f64 {
        self.budget.threshold(findings_a_day, floor)
    }

    /// How many principals, keys and pairs are known.
    #[must_use]
    pub fn entities(&self) -> (usize, usize, usize) {
        let pairs = self
            .principals
            .values()
            .map(|principal| principal.pairs.len());
        (self.principals.len(), self.keys.len(), pairs.sum())
    }

    /// Names, principals, keys and groups that were forgotten because there were too many.
    #[must_use]
    pub const fn forgotten(&self) -> u64 {
        self.forgotten + self.names.forgotten
    }

    pub(super) fn class(&self, class: Class) -> Option<&ClassBaseline> {
        self.classes.get(class as usize)
    }
}

impl PrincipalBaseline {
    /// What is known of its use of the key of this number.
    pub(super) fn pair(&self, key: u32) -> Option<&PairBaseline> {
        let place = self
            .pairs
            .binary_search_by_key(&key, |pair| pair.key)
            .ok()?;
        self.pairs.get(place)
    }

    /// The decay from its last active day to a day.
    pub(super) fn factor(&self, day: i64) -> f64 {
        f64::from(HABIT.over(day - self.day))
    }
}

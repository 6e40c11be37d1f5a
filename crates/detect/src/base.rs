//! The base: what an account's closed days taught, folded day by day in order.

use std::collections::{BTreeMap, BTreeSet};

use keytrail_event::{Day, EventTime};
use serde::{Deserialize, Serialize};

use crate::bounds::{LEARNING_DAYS, PAIR_HISTORY_DAYS_MAX, PAIRS_MAX, RULE_QUIET_DAYS};
use crate::finding::Finding;
use crate::plan::{PairDay, Plan};
use crate::rules::past::Past;

/// What is known of one account through the last day that was folded. Nothing changes it but the
/// fold of the next day, so whoever judges against it judges alike.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Base {
    /// The last day that was folded.
    pub(crate) through: Option<Day>,
    pub(crate) standing: Standing,
    pub(crate) pairs: BTreeMap<String, BTreeMap<String, PairHistory>>,
    /// Days on which the account had KMS records.
    pub(crate) active_days: BTreeSet<Day>,
    pub(crate) first_day: Option<Day>,
    pairs_count: usize,
    forgotten_pairs: u64,
}

/// What the records up to the end of a day told rules, and the problems that can still go on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    pub(crate) past: Past,
    /// Findings by id, in their latest episode.
    pub(crate) episodes: BTreeMap<String, Finding>,
}

impl Standing {
    /// The problems that can still go on, by the id of their finding.
    #[must_use]
    pub const fn episodes(&self) -> &BTreeMap<String, Finding> {
        &self.episodes
    }

    /// Forgets the problems that have been quiet for so long that a repeat begins a new episode.
    pub(crate) fn drop_quiet(&mut self, day: Day) {
        let quiet = day.plus_days(-RULE_QUIET_DAYS).start();
        self.episodes
            .retain(|_, finding| finding.last_seen >= quiet);
    }
}

/// What a pair did on its folded days, the latest [`PAIR_HISTORY_DAYS_MAX`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct PairHistory {
    pub first_day: Option<Day>,
    pub days: Vec<FoldedDay>,
    pub last_use: Option<EventTime>,
}

/// One folded day of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FoldedDay {
    pub day: Day,
    pub calls: u64,
    pub peak_hour_calls: u64,
    pub active_hours: u8,
}

/// The version of the mathematics. A state that was folded with another one is folded again.
pub const MATHS_VERSION: u32 = 1;

/// The version of the form of [`Base::encode`], its first byte.
const FORM: u8 = 1;

/// Why bytes are no base.
#[derive(Debug, thiserror::Error)]
pub enum BaseError {
    /// They were written by a version with another form.
    #[error("a base of form {0}, where this version reads form {FORM}: rebuild the state")]
    Form(u8),
    /// They are damaged.
    #[error("not a base: {0}")]
    Damaged(String),
}

impl Base {
    /// The base as bytes: equal bases give equal bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![FORM];
        // Writing to memory does not fail, and every part has a form in CBOR.
        if ciborium::into_writer(self, &mut bytes).is_err() {
            bytes.clear();
        }
        bytes
    }

    /// Reads what [`Base::encode`] wrote.
    ///
    /// # Errors
    /// When the bytes are of another form, or damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, BaseError> {
        match bytes {
            [FORM, body @ ..] => {
                ciborium::from_reader(body).map_err(|error| BaseError::Damaged(error.to_string()))
            }
            [form, ..] => Err(BaseError::Form(*form)),
            [] => Err(BaseError::Damaged("no bytes".to_owned())),
        }
    }

    /// What stood at the end of the last folded day.
    #[must_use]
    pub const fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The last day that was folded.
    #[must_use]
    pub const fn through(&self) -> Option<Day> {
        self.through
    }

    /// Pairs that were forgotten because there were too many.
    #[must_use]
    pub const fn forgotten_pairs(&self) -> u64 {
        self.forgotten_pairs
    }

    /// Whether there are too few days to judge behaviour with full confidence.
    #[must_use]
    pub fn is_learning(&self) -> bool {
        (self.active_days.len() as i64) < LEARNING_DAYS
    }

    /// Folds a judged day. Days are folded once each, in order.
    pub fn learn(&mut self, plan: &Plan) {
        debug_assert!(
            self.through.is_none_or(|through| through < plan.day),
            "a day is learnt once"
        );
        self.through = Some(plan.day);
        self.standing = plan.standing.clone();
        self.standing.drop_quiet(plan.day);
        for pair_day in &plan.pair_days {
            self.learn_pair(plan.day, pair_day);
        }
    }

    fn learn_pair(&mut self, day: Day, pair_day: &PairDay) {
        self.first_day = self.first_day.or(Some(day));
        self.active_days.insert(day);
        while self.active_days.len() > 2 * PAIR_HISTORY_DAYS_MAX {
            self.active_days.pop_first();
        }
        let is_known = self
            .pairs
            .get(&pair_day.principal)
            .is_some_and(|keys| keys.contains_key(&pair_day.key));
        if !is_known && self.pairs_count >= PAIRS_MAX {
            self.forget_longest_unused();
        }
        let keys = self.pairs.entry(pair_day.principal.clone()).or_default();
        let history = keys.entry(pair_day.key.clone()).or_default();
        self.pairs_count += usize::from(!is_known);
        history.first_day = Some(history.first_day.map_or(day, |first| first.min(day)));
        history.last_use = history.last_use.max(pair_day.last_use);
        history.days.push(FoldedDay {
            day,
            calls: pair_day.calls,
            peak_hour_calls: pair_day.peak_hour_calls,
            active_hours: pair_day.active_hours,
        });
        if history.days.len() > PAIR_HISTORY_DAYS_MAX {
            history.days.remove(0);
        }
    }

    /// Makes room: a sixteenth of the pairs goes, the longest unused first, then by name.
    fn forget_longest_unused(&mut self) {
        let mut by_age: Vec<(Day, String, String)> = Vec::with_capacity(self.pairs_count);
        for (principal, keys) in &self.pairs {
            for (key, history) in keys {
                let last = history
                    .days
                    .last()
                    .map_or(Day::from_days_since_1970(0), |last| last.day);
                by_age.push((last, principal.clone(), key.clone()));
            }
        }
        by_age.sort();
        for (_, principal, key) in by_age.into_iter().take(PAIRS_MAX.div_ceil(16)) {
            if let Some(keys) = self.pairs.get_mut(&principal) {
                keys.remove(&key);
                if keys.is_empty() {
                    self.pairs.remove(&principal);
                }
            }
            self.pairs_count -= 1;
            self.forgotten_pairs += 1;
        }
    }
}

impl PairHistory {
    /// The folded days up to and including `through`.
    pub fn through(&self, through: Day) -> impl Iterator<Item = &FoldedDay> {
        self.days
            .iter()
            .take_while(move |folded| folded.day <= through)
    }
}

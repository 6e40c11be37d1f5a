//! The base: what an account's closed days taught, folded day by day in order.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::sync::Arc;

use keytrail_event::{Day, EventTime};
use serde::{Deserialize, Serialize};

use crate::baseline::AccountBaseline;
use crate::baseline::constants::LEARNING_DAYS;
use crate::bounds::{PAIRS_MAX, RULE_QUIET_DAYS};
use crate::packed_finding::{PackedFinding, packed_by_id};
use crate::plan::{LastUse, Plan};
use crate::rules::past::Past;

/// What is known of one account through the last day that was folded. Nothing changes it but the
/// fold of the next day, so whoever judges against it judges alike.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Base {
    /// The last day that was folded.
    pub(crate) through: Option<Day>,
    pub(crate) standing: Standing,
    /// The baselines through the last folded day.
    #[serde(with = "crate::baseline::bytes::as_bytes")]
    baseline: Arc<AccountBaseline>,
    /// The baselines through the folded day before it, against which a day's first hours are judged.
    #[serde(with = "crate::baseline::bytes::as_bytes")]
    baseline_before: Arc<AccountBaseline>,
    /// When each pair last used its key, by principal and key.
    pub(crate) pairs: BTreeMap<String, BTreeMap<String, EventTime>>,
    /// Folded days on which keys were used.
    active_days: u32,
    pairs_count: usize,
    forgotten_pairs: u64,
}

/// What the records up to the end of a day told rules, and the problems that can still go on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    pub(crate) past: Past,
    /// Findings by id, in their latest episode.
    #[serde(deserialize_with = "packed_by_id")]
    pub(crate) episodes: BTreeMap<String, PackedFinding>,
}

impl Standing {
    /// The problems that can still go on, by the id of their finding.
    #[must_use]
    pub const fn episodes(&self) -> &BTreeMap<String, PackedFinding> {
        &self.episodes
    }

    /// Forgets the problems that have been quiet for so long that a repeat begins a new episode.
    pub(crate) fn drop_quiet(&mut self, day: Day) {
        let quiet = day.plus_days(-RULE_QUIET_DAYS).start();
        self.episodes
            .retain(|_, finding| finding.last_seen() >= quiet);
    }
}

pub use crate::baseline::constants::MATHS_VERSION;

/// The version of the form of [`Base::encode`], its first byte.
pub const FORM: u8 = 7;

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
        let mut bytes = Vec::new();
        // Writing to memory does not fail, and every part has a form in CBOR.
        if self.write_to(&mut bytes).is_err() {
            bytes.clear();
        }
        bytes
    }

    /// Writes the bytes of [`Base::encode`] piece by piece, for who packs them as they come.
    ///
    /// # Errors
    /// When `out` takes no more.
    pub fn write_to(&self, mut out: impl Write) -> io::Result<()> {
        out.write_all(&[FORM])?;
        ciborium::into_writer(self, out).map_err(|error| match error {
            ciborium::ser::Error::Io(error) => error,
            ciborium::ser::Error::Value(why) => io::Error::other(why),
        })
    }

    /// Reads what [`Base::encode`] wrote.
    ///
    /// # Errors
    /// When the bytes are of another form, or damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, BaseError> {
        Self::read_from(bytes)
    }

    /// Reads what [`Base::encode`] wrote, piece by piece.
    ///
    /// # Errors
    /// When the bytes are of another form, or damaged, or can not be read.
    pub fn read_from(mut bytes: impl Read) -> Result<Self, BaseError> {
        let mut form = [0];
        match bytes.read_exact(&mut form) {
            Ok(()) if form == [FORM] => {
                ciborium::from_reader(bytes).map_err(|error| BaseError::Damaged(error.to_string()))
            }
            Ok(()) => Err(BaseError::Form(form[0])),
            Err(error) => Err(BaseError::Damaged(error.to_string())),
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

    /// The baselines that the hours 0 to 2 of this day are judged against, and those of the others.
    pub(crate) fn baselines(&self, day: Day) -> (&AccountBaseline, &AccountBaseline) {
        let yesterday = day.days_since_1970() - 1;
        let early = if self.baseline.day() == Some(yesterday) {
            &self.baseline_before
        } else {
            &self.baseline
        };
        (early, &self.baseline)
    }

    /// The baselines through the last folded day.
    #[must_use]
    pub fn baseline(&self) -> &AccountBaseline {
        &self.baseline
    }

    /// Pairs that were forgotten because there were too many.
    #[must_use]
    pub const fn forgotten_pairs(&self) -> u64 {
        self.forgotten_pairs
    }

    /// Whether there are too few days to judge behaviour with full confidence.
    #[must_use]
    pub fn is_learning(&self) -> bool {
        self.active_days < LEARNING_DAYS
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
        if let Some(next) = &plan.baseline {
            let before = std::mem::replace(&mut self.baseline, Arc::clone(next));
            self.baseline_before = before;
        }
        self.active_days += u32::from(!plan.last_uses.is_empty());
        for last_use in &plan.last_uses {
            self.learn_use(last_use);
        }
    }

    fn learn_use(&mut self, last_use: &LastUse) {
        let is_known = self
            .pairs
            .get(&last_use.principal)
            .is_some_and(|keys| keys.contains_key(&last_use.key));
        if !is_known && self.pairs_count >= PAIRS_MAX {
            self.forget_longest_unused();
        }
        let keys = self.pairs.entry(last_use.principal.clone()).or_default();
        keys.insert(last_use.key.clone(), last_use.at);
        self.pairs_count += usize::from(!is_known);
    }

    /// Makes room: a sixteenth of the pairs goes, the longest unused first, then by name.
    fn forget_longest_unused(&mut self) {
        let mut by_age: Vec<(EventTime, String, String)> = Vec::with_capacity(self.pairs_count);
        for (principal, keys) in &self.pairs {
            for (key, last) in keys {
                by_age.push((*last, principal.clone(), key.clone()));
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

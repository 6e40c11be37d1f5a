//! Who takes keys away as a matter of course: previews that are torn down at night, tenants whose keys go with them.

use std::collections::{BTreeMap, BTreeSet};

use keytrail_event::time::DAY_SECONDS;
use keytrail_event::{Day, EventTime};
use serde::{Deserialize, Serialize};

use super::habits::{FullestDays, Habits};
use super::past::{KeyUses, Past};

/// The call that takes a key away for good.
pub const SCHEDULE: &str = "ScheduleKeyDeletion";
/// A key that was made so lately is young: little can depend on it yet.
const YOUNG_SECONDS: i64 = 3 * DAY_SECONDS;
/// A key used this many seconds before is in use.
pub const IN_USE_SECONDS: i64 = 24 * 3_600;
/// Days without deletions after which a habit is none any more.
const FORGOTTEN_DAYS: i64 = 14;
/// Times what a principal deleted on such a day, up to which a day is its habit still.
const FAR_ABOVE: u64 = 2;

/// What a key is to whoever takes it away. Habits are kept apart by it, so that making toys and throwing them away is no
/// practice for anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum KeyKind {
    /// A key that was seen to be made within the last days, by whomever.
    Young,
    /// An older key that the same principal made.
    Own,
}

impl KeyKind {
    /// What the key is to this principal at this time; `None` of an old key that it was not seen to make.
    #[must_use]
    pub fn of(key: &str, principal: &str, at: EventTime, past: &Past) -> Option<Self> {
        let life = past.key(key)?;
        let age = at.seconds_since(life.created?);
        if (0..=YOUNG_SECONDS).contains(&age) {
            return Some(Self::Young);
        }
        (age > 0 && is_made_by(key, principal, past)).then_some(Self::Own)
    }
}

/// Whether the principal was seen to make the key.
#[must_use]
pub fn is_made_by(key: &str, principal: &str, past: &Past) -> bool {
    let life = past.key(key);
    life.is_some_and(|life| life.creator.as_deref() == Some(principal))
}

/// On which days principals deleted most keys, by principal and kind.
pub type DeletionHabits = Habits<(String, KeyKind), FullestDays<u64>>;

/// Whether somebody else used the key in the day before.
#[must_use]
pub fn is_used_by_another(
    key: &str,
    principal: &str,
    at: EventTime,
    (uses, past): (&dyn KeyUses, &Past),
) -> bool {
    let span = (at.plus_seconds(-IN_USE_SECONDS), at);
    let is_another = |name: &str| name != principal;
    uses.first_use_by(key, &is_another, span, past).is_some()
}

impl DeletionHabits {
    /// Whether the deletion of a key of this kind is nothing unusual, nor are so many on the day.
    #[must_use]
    pub fn covers(&self, principal: &str, kind: KeyKind, day: Day, keys: u64) -> bool {
        let habit = self.kept(&(principal.to_owned(), kind), day, FORGOTTEN_DAYS);
        habit
            .is_some_and(|habit| habit.are_such(day, |size| keys <= size.saturating_mul(FAR_ABOVE)))
    }

    /// Whether a deletion is one of those that its principal makes, counting what it deleted on the day until then.
    #[must_use]
    pub fn covers_deletion(&self, principal: &str, key: &str, at: EventTime, past: &Past) -> bool {
        let Some(kind) = KeyKind::of(key, principal, at, past) else {
            return false;
        };
        self.covers_all(principal, kind, (at.day(), at), [key], past)
    }

    /// Whether the deletion of these keys is, with all others of the kind from this day until this time.
    #[must_use]
    pub fn covers_all<'p>(
        &self,
        principal: &str,
        kind: KeyKind,
        (day, until): (Day, EventTime),
        keys: impl IntoIterator<Item = &'p str>,
        past: &'p Past,
    ) -> bool {
        let mut keys: BTreeSet<&str> = keys.into_iter().collect();
        let is_covered =
            |keys: &BTreeSet<&str>| self.covers(principal, kind, day, keys.len() as u64);
        // Most principals have no habit, and of the others it is soon clear.
        if !is_covered(&keys) {
            return false;
        }
        let until_then = past.changes.iter().rev();
        let of_span = until_then
            .skip_while(|change| change.at > until)
            .take_while(|change| change.at >= day.start());
        let deleted = of_span.filter(|change| {
            change.is_made
                && change.operation == SCHEDULE
                && change.principal == principal
                && KeyKind::of(&change.key, principal, change.at, past) == Some(kind)
        });
        for change in deleted {
            if keys.insert(&change.key) && !is_covered(&keys) {
                return false;
            }
        }
        true
    }

    /// Learns what was deleted on a day; how many entries found no room. Learning a day again adds nothing.
    pub(crate) fn learn(&mut self, day: Day, past: &Past) -> u64 {
        let mut keys: BTreeMap<(String, KeyKind), BTreeSet<&str>> = BTreeMap::new();
        for change in past.changes.iter().filter(|change| {
            change.is_made && change.operation == SCHEDULE && change.at.day() == day
        }) {
            if let Some(kind) = KeyKind::of(&change.key, &change.principal, change.at, past) {
                let name = (change.principal.clone(), kind);
                keys.entry(name).or_default().insert(&change.key);
            }
        }
        let keys = keys.into_iter();
        let done = keys.map(|(name, keys)| (name, FullestDays::on(day, keys.len() as u64)));
        self.learn_all(day, FORGOTTEN_DAYS, done)
    }
}

//! Who takes keys away as a matter of course: previews that are torn down at night, tenants whose keys go with them.

use std::collections::{BTreeMap, BTreeSet};

use keytrail_event::time::DAY_SECONDS;
use keytrail_event::{Day, EventTime};
use serde::{Deserialize, Serialize};

use super::key_changes::{KeyChange, KeyChanges};
use super::past::{Past, remember};

/// The call that takes a key away for good.
pub const SCHEDULE: &str = "ScheduleKeyDeletion";
/// A key that was made so lately is young: little can depend on it yet.
const YOUNG_SECONDS: i64 = 3 * DAY_SECONDS;
/// Days with deletions after which they are a habit.
const HABIT_DAYS: u32 = 3;
/// Days without deletions after which a habit is none any more.
const FORGOTTEN_DAYS: i64 = 14;
/// Times what a principal deleted on its fullest day, up to which a day is its habit still.
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

/// Who deletes how many keys in a day, by principal and kind, as closed days taught.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletionHabits(BTreeMap<(String, KeyKind), DeletionHabit>);

/// How many keys of a kind one of them deletes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct DeletionHabit {
    /// Days with deletions.
    days: u32,
    last_day: Day,
    /// Keys of the fullest of these days.
    most: u64,
}

impl DeletionHabit {
    fn is_forgotten(&self, day: Day) -> bool {
        day.start().seconds_since(self.last_day.start()) > FORGOTTEN_DAYS * DAY_SECONDS
    }

    fn covers(&self, day: Day, keys: u64) -> bool {
        // What crosses midnight is judged when its own day is learnt already.
        let days = self.days.saturating_sub(u32::from(self.last_day >= day));
        days >= HABIT_DAYS && keys <= self.most.saturating_mul(FAR_ABOVE)
    }
}

impl DeletionHabits {
    /// Whether the deletion of a key of this kind is nothing unusual, nor are so many on the day.
    #[must_use]
    pub fn covers(&self, principal: &str, kind: KeyKind, day: Day, keys: u64) -> bool {
        let habit = self.0.get(&(principal.to_owned(), kind));
        habit.is_some_and(|habit| !habit.is_forgotten(day) && habit.covers(day, keys))
    }

    /// Whether a deletion is one of those that its principal makes, counting what it deleted on the day until then.
    #[must_use]
    pub fn covers_deletion(&self, principal: &str, key: &str, at: EventTime, past: &Past) -> bool {
        let Some(kind) = KeyKind::of(key, principal, at, past) else {
            return false;
        };
        // Counting is not for nothing: most principals have no habit.
        self.covers(principal, kind, at.day(), 1) && {
            let is_before = |change: &KeyChange| {
                change.at <= at && change.at.day() == at.day() && change.principal == principal
            };
            let mut keys = deletions(&past.changes, past, is_before)
                .remove(&(principal.to_owned(), kind))
                .unwrap_or_default();
            keys.insert(key);
            self.covers(principal, kind, at.day(), keys.len() as u64)
        }
    }

    /// Learns what was deleted on a day; how many entries found no room. Learning a day again adds nothing.
    pub(crate) fn learn(&mut self, day: Day, past: &Past) -> u64 {
        self.0.retain(|_, habit| !habit.is_forgotten(day));
        let of_day = deletions(&past.changes, past, |change| change.at.day() == day);
        let forgotten = of_day.into_iter().map(|(name, keys)| {
            let habit = DeletionHabit {
                days: 1,
                last_day: day,
                most: keys.len() as u64,
            };
            remember(&mut self.0, name, habit, |known, today| {
                if known.last_day >= today.last_day {
                    return;
                }
                // One day that is far above a habit does not make it one.
                let most = if known.days >= HABIT_DAYS {
                    today.most.min(known.most.saturating_mul(FAR_ABOVE))
                } else {
                    today.most
                };
                known.days = known.days.saturating_add(1);
                known.last_day = today.last_day;
                known.most = known.most.max(most);
            })
        });
        forgotten.sum()
    }
}

/// The keys of a kind that were scheduled for deletion by changes that `wanted` accepts, by principal and kind.
fn deletions<'p>(
    changes: &'p KeyChanges,
    past: &Past,
    wanted: impl Fn(&KeyChange) -> bool,
) -> BTreeMap<(String, KeyKind), BTreeSet<&'p str>> {
    let mut keys: BTreeMap<(String, KeyKind), BTreeSet<&str>> = BTreeMap::new();
    let changes = changes
        .iter()
        .filter(|change| change.is_made && change.operation == SCHEDULE && wanted(change));
    for change in changes {
        if let Some(kind) = KeyKind::of(&change.key, &change.principal, change.at, past) {
            let name = (change.principal.clone(), kind);
            keys.entry(name).or_default().insert(&change.key);
        }
    }
    keys
}

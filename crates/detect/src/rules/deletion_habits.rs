//! Who takes keys away as a matter of course: previews that are torn down at night, tenants whose keys go with them.

use std::collections::{BTreeMap, BTreeSet};

use keytrail_event::time::DAY_SECONDS;
use keytrail_event::{Day, EventTime};
use serde::{Deserialize, Serialize};

use super::key_changes::{KeyChange, KeyChanges};
use super::past::{KeyUses, Past, remember};

/// The call that takes a key away for good.
pub const SCHEDULE: &str = "ScheduleKeyDeletion";
/// A key that was made so lately is young: little can depend on it yet.
const YOUNG_SECONDS: i64 = 3 * DAY_SECONDS;
/// A key used this many seconds before is in use.
pub const IN_USE_SECONDS: i64 = 24 * 3_600;
/// Days with as many deletions after which they are a habit.
const HABIT_DAYS: usize = 3;
/// Days without deletions after which a habit is none any more.
const FORGOTTEN_DAYS: i64 = 14;
/// Times what a principal deleted on such a day, up to which a day is its habit still.
const FAR_ABOVE: u64 = 2;
/// Days after which one of them counts no more.
const KNOWN_DAYS: i64 = 100;
/// Days remembered of one principal: those on which it deleted most.
const DAYS_MAX: usize = 8;

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

/// On which days one of them deleted how many keys of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct DeletionHabit {
    last_day: Day,
    /// Each with its day, by number.
    #[serde(default)]
    sizes: Vec<(u64, Day)>,
}

impl DeletionHabit {
    fn is_forgotten(&self, day: Day) -> bool {
        is_longer_ago(self.last_day, day, FORGOTTEN_DAYS)
    }

    /// Whether as many were deleted on several days, and not on the fullest alone: a habit does not double overnight.
    fn covers(&self, day: Day, keys: u64) -> bool {
        // What crosses midnight is judged when its own day is learnt already.
        let before = self.sizes.iter().filter(|(size, on)| {
            *on < day
                && !is_longer_ago(*on, day, KNOWN_DAYS)
                && keys <= size.saturating_mul(FAR_ABOVE)
        });
        before.count() >= HABIT_DAYS
    }

    fn learn(&mut self, day: Day, keys: u64) {
        self.last_day = self.last_day.max(day);
        self.sizes
            .retain(|(_, on)| !is_longer_ago(*on, day, KNOWN_DAYS));
        match self.sizes.iter_mut().find(|(_, on)| *on == day) {
            Some((known, _)) => *known = keys.max(*known),
            None => self.sizes.push((keys, day)),
        }
        self.sizes.sort_unstable();
        if self.sizes.len() > DAYS_MAX {
            self.sizes.remove(0);
        }
    }
}

fn is_longer_ago(day: Day, now: Day, days: i64) -> bool {
    now.start().seconds_since(day.start()) > days * DAY_SECONDS
}

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
        let habit = self.0.get(&(principal.to_owned(), kind));
        habit.is_some_and(|habit| !habit.is_forgotten(day) && habit.covers(day, keys))
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
        self.0.retain(|_, habit| !habit.is_forgotten(day));
        let of_day = deletions(&past.changes, past, |change| change.at.day() == day);
        let forgotten = of_day.into_iter().map(|(name, keys)| {
            let keys = keys.len() as u64;
            let habit = DeletionHabit {
                last_day: day,
                sizes: vec![(keys, day)],
            };
            remember(&mut self.0, name, habit, |known, _| known.learn(day, keys))
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

//! Who changes permissions as a matter of course, as pipelines and administrators do.

use std::collections::{BTreeMap, BTreeSet};

use keytrail_event::time::DAY_SECONDS;
use keytrail_event::{Day, EventTime};
use serde::{Deserialize, Serialize};

use super::past::{Past, remember};

/// Days without such a change after which a habit is none any more.
const FORGOTTEN_DAYS: i64 = 30;

/// Where a permission is changed. Whoever makes grants need not write policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ChangedIn {
    /// A grant on a key.
    Grants,
    /// In IAM.
    Iam,
    /// The policy of a key.
    Policy,
}

impl ChangedIn {
    /// What a call that changes a key changes.
    #[must_use]
    pub fn key_by(operation: &str) -> Option<Self> {
        match operation {
            "CreateGrant" => Some(Self::Grants),
            "PutKeyPolicy" => Some(Self::Policy),
            _ => None,
        }
    }
}

/// On how many days principals changed permissions, as closed days taught.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeHabits(BTreeMap<(String, ChangedIn), ChangeHabit>);

/// On how many days one of them did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ChangeHabit {
    days: u32,
    last_day: Day,
}

impl ChangeHabit {
    fn is_forgotten(&self, day: Day) -> bool {
        day.start().seconds_since(self.last_day.start()) > FORGOTTEN_DAYS * DAY_SECONDS
    }
}

impl ChangeHabits {
    /// On how many days before this one the principal changed such permissions.
    #[must_use]
    pub fn days(&self, principal: &str, changed: ChangedIn, day: Day) -> u32 {
        let habit = self.0.get(&(principal.to_owned(), changed));
        let habit = habit.filter(|habit| !habit.is_forgotten(day));
        // What crosses midnight is judged when its own day is learnt already.
        habit.map_or(0, |habit| {
            habit.days.saturating_sub(u32::from(habit.last_day >= day))
        })
    }

    /// Learns who changed permissions on a day; how many entries found no room. Learning a day again adds nothing.
    pub(crate) fn learn(&mut self, day: Day, past: &Past) -> u64 {
        self.0.retain(|_, habit| !habit.is_forgotten(day));
        let is_of_day = |at: EventTime| at.day() == day;
        let of_keys = past.changes.iter().filter_map(|change| {
            let changed = ChangedIn::key_by(&change.operation)?;
            (change.is_made && is_of_day(change.at)).then_some((&change.principal, changed))
        });
        let of_iam = past.services.iam_changes().filter_map(|change| {
            is_of_day(change.at).then_some((&change.principal, ChangedIn::Iam))
        });
        let names: BTreeSet<(&String, ChangedIn)> = of_keys.chain(of_iam).collect();
        let forgotten = names.into_iter().map(|(principal, changed)| {
            let habit = ChangeHabit {
                days: 1,
                last_day: day,
            };
            let name = (principal.clone(), changed);
            remember(&mut self.0, name, habit, |known, today| {
                let is_later = known.last_day < today.last_day;
                known.days = known.days.saturating_add(u32::from(is_later));
                known.last_day = known.last_day.max(today.last_day);
            })
        });
        forgotten.sum()
    }
}

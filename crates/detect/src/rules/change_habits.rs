//! Who changes permissions as a matter of course, as pipelines and administrators do.

use std::collections::BTreeSet;

use keytrail_event::{Day, EventTime};
use serde::{Deserialize, Serialize};

use super::habits::{DayCount, Habits};
use super::past::Past;

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

/// On how many days principals changed permissions.
pub type ChangeHabits = Habits<(String, ChangedIn), DayCount<()>>;

impl ChangeHabits {
    /// On how many days before this one the principal changed such permissions.
    #[must_use]
    pub fn days(&self, principal: &str, changed: ChangedIn, day: Day) -> u32 {
        let habit = self.kept(&(principal.to_owned(), changed), day, FORGOTTEN_DAYS);
        habit.map_or(0, |habit| habit.before(day))
    }

    /// Learns who changed permissions on a day; how many entries found no room. Learning a day again adds nothing.
    pub(crate) fn learn(&mut self, day: Day, past: &Past) -> u64 {
        let is_of_day = |at: EventTime| at.day() == day;
        let of_keys = past.changes.iter().filter_map(|change| {
            let changed = ChangedIn::key_by(&change.operation)?;
            (change.is_made && is_of_day(change.at)).then_some((&change.principal, changed))
        });
        let of_iam = past.services.iam_changes().filter_map(|change| {
            is_of_day(change.at).then_some((&change.principal, ChangedIn::Iam))
        });
        let names: BTreeSet<(&String, ChangedIn)> = of_keys.chain(of_iam).collect();
        let done = names.into_iter().map(|(principal, changed)| {
            let name = (principal.clone(), changed);
            (name, DayCount::on(day, ()))
        });
        self.learn_all(day, FORGOTTEN_DAYS, done)
    }
}

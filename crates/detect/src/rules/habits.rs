//! Habits: what principals do as a matter of course, as closed days taught.
//!
//! One table serves every habit, and so do two ways to remember its days: how many there were, or how much was done on the
//! fullest of them. What a habit is of, how soon it is given up and what it excuses stands with the rules that ask.

use std::collections::BTreeMap;

use keytrail_event::Day;
use serde::ser::{SerializeStruct, Serializer};
use serde::{Deserialize, Serialize};

use super::past::remember;

/// Days on which something must have been done until it is a habit: one occasion is none.
pub const HABIT_DAYS: u32 = 3;
/// Days after which one of them is no example any more.
pub const KNOWN_DAYS: i64 = 100;
/// Days that are remembered as examples of one habit.
const EXAMPLES_MAX: usize = 8;

/// The days of habits, each by its name: whose it is, and what is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Habits<Name: Ord, D>(pub(super) BTreeMap<Name, D>);

/// The days of one habit.
pub trait Days {
    /// The last of them.
    fn last_day(&self) -> Day;

    /// Adds a day. One that is known already adds nothing.
    fn join(&mut self, day: Self);
}

impl<Name: Ord, D> Default for Habits<Name, D> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<Name: Ord, D: Days> Habits<Name, D> {
    /// The days of a habit, unless it was given up: not seen for longer than so many days.
    pub(super) fn kept(&self, name: &Name, now: Day, idle_days: i64) -> Option<&D> {
        let days = self.0.get(name)?;
        (days_since(days.last_day(), now) <= idle_days).then_some(days)
    }

    /// Learns what was done; how many habits found no room. Learning a day again adds nothing. Who did something for the
    /// last time longer ago than so many days makes room.
    pub(super) fn learn_all(
        &mut self,
        now: Day,
        idle_days: i64,
        done: impl IntoIterator<Item = (Name, D)>,
    ) -> u64 {
        self.0
            .retain(|_, days| days_since(days.last_day(), now) <= idle_days);
        let done = done.into_iter();
        done.map(|(name, day)| remember(&mut self.0, name, day, D::join))
            .sum()
    }
}

/// How much was done on a day.
pub trait Amount: Copy + Ord {
    /// What bases call the last day and the examples of such a habit.
    const NAMES: [&'static str; 2] = ["last_day", "sizes"];

    /// The larger of both.
    #[must_use]
    fn or_larger(self, other: Self) -> Self {
        self.max(other)
    }
}

impl Amount for () {}
impl Amount for u64 {}

/// On how many days something was done, and the most of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayCount<A> {
    /// How many there are.
    pub days: u32,
    last_day: Day,
    /// The most that was done on one of them.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub most: A,
}

impl<A> DayCount<A> {
    /// One day, and how much was done on it.
    pub(super) const fn on(day: Day, most: A) -> Self {
        Self {
            days: 1,
            last_day: day,
            most,
        }
    }

    /// How many there are before this one: what crosses midnight is judged when its own day is learnt already.
    #[must_use]
    pub fn before(&self, day: Day) -> u32 {
        self.days.saturating_sub(u32::from(self.last_day >= day))
    }
}

impl<A: Amount> Days for DayCount<A> {
    fn last_day(&self) -> Day {
        self.last_day
    }

    fn join(&mut self, day: Self) {
        let is_later = self.last_day < day.last_day;
        self.days = self.days.saturating_add(u32::from(is_later));
        self.last_day = self.last_day.max(day.last_day);
        self.most = self.most.or_larger(day.most);
    }
}

/// The days on which most was done, and how much on each.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FullestDays<A> {
    #[serde(alias = "last")]
    last_day: Day,
    /// By amount.
    #[serde(rename = "sizes", alias = "days", default)]
    examples: Vec<(A, Day)>,
}

impl<A> FullestDays<A> {
    /// One day, and how much was done on it.
    pub(super) fn on(day: Day, amount: A) -> Self {
        Self {
            last_day: day,
            examples: vec![(amount, day)],
        }
    }

    /// Whether amounts of several days before this one are such: no habit grows overnight.
    pub(super) fn are_such(&self, day: Day, is_such: impl Fn(&A) -> bool) -> bool {
        let such = self.examples.iter().filter(|(amount, on)| {
            *on < day && days_since(*on, day) <= KNOWN_DAYS && is_such(amount)
        });
        such.count() >= HABIT_DAYS as usize
    }
}

impl<A: Amount> Days for FullestDays<A> {
    fn last_day(&self) -> Day {
        self.last_day
    }

    fn join(&mut self, day: Self) {
        self.last_day = self.last_day.max(day.last_day);
        for (amount, day) in day.examples {
            self.examples
                .retain(|(_, on)| days_since(*on, day) <= KNOWN_DAYS);
            match self.examples.iter_mut().find(|(_, on)| *on == day) {
                Some((known, _)) => *known = known.or_larger(amount),
                None => self.examples.push((amount, day)),
            }
            self.examples.sort_unstable();
            if self.examples.len() > EXAMPLES_MAX {
                self.examples.remove(0);
            }
        }
    }
}

impl<A: Amount + Serialize> Serialize for FullestDays<A> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let [last_day, examples] = A::NAMES;
        let mut fields = serializer.serialize_struct("FullestDays", 2)?;
        fields.serialize_field(last_day, &self.last_day)?;
        fields.serialize_field(examples, &self.examples)?;
        fields.end()
    }
}

/// Whether there is no amount to speak of.
fn is_nothing<A>(_: &A) -> bool {
    size_of::<A>() == 0
}

fn days_since(day: Day, now: Day) -> i64 {
    now.days_since_1970().saturating_sub(day.days_since_1970())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ciborium::{Value, cbor};
    use serde::de::DeserializeOwned;

    use super::super::bulk_habits::BulkHabits;
    use super::super::change_habits::ChangeHabits;
    use super::super::deletion_habits::DeletionHabits;
    use super::super::looking_habits::LookingHabits;
    use super::*;

    /// Reads a table as a base holds it, of one habit, and writes the very same.
    fn check<T: Serialize + DeserializeOwned>(name: Value, days: Value) {
        let mut before = Vec::new();
        ciborium::into_writer(&Value::Map(vec![(name, days)]), &mut before).unwrap();
        let table: T = ciborium::from_reader(before.as_slice()).unwrap();
        let mut after = Vec::new();
        ciborium::into_writer(&table, &mut after).unwrap();
        assert_eq!(after, before);
    }

    #[test]
    fn every_habit_keeps_its_form_in_bases() {
        check::<BulkHabits>(
            cbor!(["who", "Encrypt"]).unwrap(),
            cbor!({"days" => 3, "last_day" => 20_000, "most" => 400}).unwrap(),
        );
        check::<ChangeHabits>(
            cbor!(["who", "Grants"]).unwrap(),
            cbor!({"days" => 3, "last_day" => 20_000}).unwrap(),
        );
        check::<DeletionHabits>(
            cbor!(["who", "Own"]).unwrap(),
            cbor!({"last_day" => 20_000, "sizes" => [[2, 19_999], [5, 20_000]]}).unwrap(),
        );
        check::<LookingHabits>(
            cbor!("who").unwrap(),
            cbor!({
                "last" => 20_000,
                "days" => [[{"in_depth" => 0, "keys" => 9, "of_day" => 12}, 20_000]],
            })
            .unwrap(),
        );
    }
}

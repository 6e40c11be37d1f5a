//! How much principals are used to encrypt in an hour.

use std::collections::BTreeMap;

use keytrail_event::Day;
use serde::{Deserialize, Serialize};

use super::bulk::bulk_calls;
use super::day::DayLight;
use super::past::remember;

/// Days after which what a principal encrypts in an hour is said to be its habit: whoever tries its hand the day before
/// has none.
const HABIT_DAYS: u32 = 3;
/// Times its usual number of calls from which bulk use is far above what a principal always does.
const FAR_ABOVE: u64 = 4;
/// How much principals encrypt in an hour, by principal and operation, as closed days taught.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkHabits(BTreeMap<(String, String), BulkHabit>);

/// How much one of them does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct BulkHabit {
    /// Days with much of it.
    days: u32,
    last_day: Day,
    /// The most calls in an hour of these days.
    most: u64,
}

impl BulkHabits {
    /// Whether so many calls in an hour are nothing unusual.
    #[must_use]
    pub fn covers(&self, principal: &str, operation: &str, calls: u64) -> bool {
        let habit = self.0.get(&(principal.to_owned(), operation.to_owned()));
        habit.is_some_and(|habit| {
            habit.days >= HABIT_DAYS && calls <= habit.most.saturating_mul(FAR_ABOVE)
        })
    }

    /// Learns who encrypted much on a day; how many entries found no room. Learning a day again adds nothing.
    pub(crate) fn learn(&mut self, day: Day, much: Vec<((String, String), u64)>) -> u64 {
        let forgotten = much.into_iter().map(|(name, calls)| {
            let habit = BulkHabit {
                days: 1,
                last_day: day,
                most: calls,
            };
            remember(&mut self.0, name, habit, |known, today| {
                let is_later = known.last_day < today.last_day;
                known.days = known.days.saturating_add(u32::from(is_later));
                known.last_day = known.last_day.max(today.last_day);
                known.most = known.most.max(today.most);
            })
        });
        forgotten.sum()
    }
}

/// Who encrypted much in an hour of the day, by principal and operation, and how much at most. Bulk use is far above
/// whatever is less than this part of it.
pub(crate) fn much_encrypted(light: &DayLight<'_>) -> Vec<((String, String), u64)> {
    let enough = bulk_calls(light).div_ceil(FAR_ABOVE);
    let mut most: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for ((principal, operation, _), calls) in &light.gathered.encrypting {
        if *calls >= enough {
            let name = |symbol| light.cells.name(symbol);
            let known = most
                .entry((name(*principal), name(*operation)))
                .or_default();
            *known = (*calls).max(*known);
        }
    }
    let owned = most.into_iter().map(|((principal, operation), calls)| {
        let name = (principal.to_owned(), operation.to_owned());
        (name, calls)
    });
    owned.collect()
}

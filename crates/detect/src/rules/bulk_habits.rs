//! How much principals are used to encrypt in an hour.

use std::collections::BTreeMap;

use keytrail_event::Day;

use super::bulk::bulk_calls;
use super::day::DayLight;
use super::habits::{DayCount, HABIT_DAYS, Habits};

/// Bulk use can be far apart: a habit of it is never given up.
const FORGOTTEN_DAYS: i64 = i64::MAX;
/// Times its usual number of calls from which bulk use is far above what a principal always does.
const FAR_ABOVE: u64 = 4;

/// On how many days principals encrypted much, and the most in an hour, by principal and operation.
pub type BulkHabits = Habits<(String, String), DayCount<u64>>;

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
        let much = much.into_iter();
        let done = much.map(|(name, calls)| (name, DayCount::on(day, calls)));
        self.learn_all(day, FORGOTTEN_DAYS, done)
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

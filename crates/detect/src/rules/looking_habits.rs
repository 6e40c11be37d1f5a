//! Who looks at many keys at once as a habit: inventories, scanners, infrastructure tools.

use keytrail_event::Day;
use serde::{Deserialize, Serialize};

use super::habits::{Amount, FullestDays, Habits, KNOWN_DAYS};

/// Times its usual number of keys from which a look is more than the habit.
const FAR_ABOVE: u32 = 2;
/// Keys from which reading who may do what is more than a look around, and can be more than the habit: of a handful,
/// twice as many are still few.
const KEYS_MIN: u32 = 8;
/// Keys from which any look is more than a look around.
const LARGE_KEYS_MIN: u32 = 25;
/// Days after which a habit that was not seen again is given up. One a month stays.
const IDLE_DAYS: i64 = 35;

/// How much was looked at, at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Look {
    /// Distinct keys, where the calls read who may do what: policies and grants.
    pub in_depth: u32,
    /// Distinct keys, whatever the calls.
    pub keys: u32,
    /// Distinct keys of all such looks on the day, of which this is one.
    #[serde(default)]
    pub of_day: u32,
}

impl Look {
    /// A look at so many distinct keys.
    #[must_use]
    pub fn of(keys: usize, is_in_depth: bool) -> Self {
        let keys = u32::try_from(keys).unwrap_or(u32::MAX);
        let in_depth = if is_in_depth { keys } else { 0 };
        Self {
            in_depth,
            keys,
            of_day: keys,
        }
    }

    /// The same, with so many distinct keys looked at on the whole day.
    #[must_use]
    pub fn with_day(self, keys: usize) -> Self {
        let keys = u32::try_from(keys).unwrap_or(u32::MAX);
        Self {
            of_day: keys.max(self.keys),
            ..self
        }
    }

    /// Whether it is more than a look around: whoever opens a key's page in the console makes many calls about it, and
    /// an inventory that begins is not interested in who may do what.
    #[must_use]
    pub const fn is_large(self) -> bool {
        self.in_depth >= KEYS_MIN || self.keys >= LARGE_KEYS_MIN
    }

    /// Whether this one is nothing unusual for who looks so.
    fn is_covered_by(self, usual: Self) -> bool {
        let is_usual = |looked: u32, usual: u32| {
            looked < KEYS_MIN || looked <= usual.saturating_mul(FAR_ABOVE)
        };
        let reads_as_ever =
            self.in_depth == 0 || usual.in_depth > 0 && is_usual(self.in_depth, usual.in_depth);
        // Many small looks are a large one.
        let of_day = usual.of_day.max(usual.keys);
        let is_usual_day =
            self.of_day < LARGE_KEYS_MIN || self.of_day <= of_day.saturating_mul(FAR_ABOVE);
        reads_as_ever && is_usual(self.keys, usual.keys) && is_usual_day
    }
}

impl Amount for Look {
    const NAMES: [&'static str; 2] = ["last", "days"];

    /// The larger of each.
    fn or_larger(self, other: Self) -> Self {
        Self {
            in_depth: self.in_depth.max(other.in_depth),
            keys: self.keys.max(other.keys),
            of_day: self.of_day.max(other.of_day),
        }
    }
}

/// On which days principals looked at most, by principal.
pub type LookingHabits = Habits<String, FullestDays<Look>>;

impl LookingHabits {
    /// Whether the principal looks at as many keys as a habit.
    #[must_use]
    pub fn covers(&self, principal: &str, look: Look, day: Day) -> bool {
        let habit = self.kept(&principal.to_owned(), day, IDLE_DAYS);
        habit.is_some_and(|habit| habit.are_such(day, |usual| look.is_covered_by(*usual)))
    }

    /// Learns on a day what principals looked at, each with the day on which they began; how many found no room.
    /// Learning a day again adds nothing.
    pub(crate) fn learn(
        &mut self,
        day: Day,
        looks: impl IntoIterator<Item = (String, Day, Look)>,
    ) -> u64 {
        let looks = looks.into_iter();
        let done = looks.map(|(principal, began, look)| (principal, FullestDays::on(began, look)));
        // Who takes a habit up again in time goes on with it.
        self.learn_all(day, KNOWN_DAYS, done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHO: &str = "scanner";

    fn day(number: i64) -> Day {
        Day::from_days_since_1970(number)
    }

    fn habits(looks: &[(i64, Look)]) -> LookingHabits {
        let mut habits = LookingHabits::default();
        for (number, look) in looks {
            for _ in 0..2 {
                let forgotten = habits.learn(day(*number), [(WHO.to_owned(), day(*number), *look)]);
                assert_eq!(forgotten, 0);
            }
        }
        habits
    }

    #[test]
    fn a_habit_is_of_several_days_and_as_large() {
        let ten = Look::of(10, false);
        let deep = Look::of(10, true);
        let nightly: Vec<(i64, Look)> = (0..20).map(|day| (day, ten)).collect();
        let monthly: Vec<(i64, Look)> = (0..4).map(|month| (30 * month, deep)).collect();
        let large_by_week: Vec<(i64, Look)> = (0..50)
            .map(|day| (day, Look::of(if day % 7 == 0 { 100 } else { 10 }, false)))
            .collect();
        type Case<'c> = (&'c str, &'c [(i64, Look)], i64, Look, bool);
        let few = Look::of(2, false);
        let small = |day: i64, keys: usize| (day, few.with_day(keys));
        let cases: [Case<'_>; 21] = [
            ("nobody knows it", &[], 9, ten, false),
            ("one occasion", &[(0, deep)], 9, ten, false),
            ("twice", &[(0, deep), (1, deep)], 9, ten, false),
            ("three days", &nightly[..3], 9, ten, true),
            ("the third day itself", &nightly[..3], 2, ten, false),
            ("a little more", &nightly, 20, Look::of(20, false), true),
            (
                "more than twice as much",
                &nightly,
                20,
                Look::of(21, false),
                false,
            ),
            ("with policies", &nightly, 20, deep, false),
            (
                "a few with policies",
                &nightly,
                20,
                Look::of(2, true),
                false,
            ),
            (
                "less than that",
                &monthly[..3],
                90,
                Look::of(20, true),
                true,
            ),
            (
                "no policies this time",
                &monthly[..3],
                90,
                Look::of(20, false),
                true,
            ),
            ("once a month", &monthly, 120, deep, true),
            ("given up", &nightly, 55, ten, false),
            (
                "a handful",
                &[
                    (0, Look::of(1, true)),
                    (1, Look::of(1, true)),
                    (2, Look::of(1, true)),
                ],
                3,
                Look::of(7, true),
                true,
            ),
            (
                "more than a handful",
                &[
                    (0, Look::of(1, true)),
                    (1, Look::of(1, true)),
                    (2, Look::of(1, true)),
                ],
                3,
                Look::of(8, true),
                false,
            ),
            (
                "a handful again and again",
                &[(0, few), (1, few), (2, few)],
                3,
                Look::of(7, false).with_day(24),
                true,
            ),
            (
                "a handful all day long",
                &[(0, few), (1, few), (2, few)],
                3,
                Look::of(7, false).with_day(25),
                false,
            ),
            (
                "as on other days",
                &[small(0, 250), small(1, 250), small(2, 250)],
                3,
                Look::of(7, false).with_day(500),
                true,
            ),
            (
                "more than on other days",
                &[small(0, 250), small(1, 250), small(2, 250)],
                3,
                Look::of(7, false).with_day(501),
                false,
            ),
            (
                "large ones among small ones",
                &large_by_week,
                50,
                Look::of(200, false),
                true,
            ),
            (
                "a large one among small ones",
                &[&nightly[..], &[(20, Look::of(100, true))]].concat(),
                21,
                Look::of(100, true),
                false,
            ),
        ];
        for (what, looks, on, look, is_covered) in cases {
            let habits = habits(looks);
            assert_eq!(habits.covers(WHO, look, day(on)), is_covered, "{what}");
            assert!(!habits.covers("another", look, day(on)), "{what}");
        }
    }

    #[test]
    fn who_gave_up_its_habit_is_forgotten() {
        let mut habits = habits(&[(0, Look::of(10, true))]);
        habits.learn(day(100), []);
        assert_eq!(habits.0.len(), 1);
        habits.learn(day(101), []);
        assert!(habits.0.is_empty());
    }
}

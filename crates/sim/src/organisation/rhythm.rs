//! When somebody calls: office hours, daily curves, jobs by the clock, bursts of builds.

use crate::moment::{DAY, HOUR, MINUTE, Moment};
use crate::random::Random;

use super::day::{Day, Local};

/// How a principal's calls are spread over time. The volume is the mean number of calls on a day it is active.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Rhythm {
    /// A person: weekdays from nine to six on the own clock, some hours shifted, away now and then.
    Office { zone: i64, shift: i64, seed: u64 },
    /// Follows customers of one zone, a little less or more on weekends; now and then a rush of some hours.
    Curve { zone: i64, weekend: f64 },
    /// The same rate day and night.
    Steady,
    /// Once a night, within some minutes; on Sundays so many times as much. Now and then a night is run twice.
    Nightly {
        hour: i64,
        minutes: i64,
        sunday: f64,
    },
    /// Once an hour, within three minutes.
    Hourly { minute: i64 },
    /// Bursts of very different size, mostly in office hours.
    Builds { zone: i64 },
    /// The nights around the end of a month.
    MonthEnd { hour: i64 },
    /// One weekday (0 is Monday), within an hour.
    Weekly { weekday: i64, hour: i64 },
    /// Whenever.
    Sparse,
}

/// How busy each hour is for customers, from midnight on; the mean is 1.
const CURVE: [f64; 24] = [
    0.45, 0.3, 0.22, 0.2, 0.22, 0.35, 0.6, 0.9, 1.15, 1.3, 1.4, 1.45, 1.5, 1.4, 1.35, 1.35, 1.4,
    1.5, 1.65, 1.75, 1.65, 1.3, 0.9, 0.7,
];

impl Rhythm {
    /// The moments of a day's calls, in no order.
    pub(crate) fn moments(&self, day: Day, volume: f64, random: &mut Random) -> Vec<Moment> {
        let mut out = Vec::new();
        match *self {
            Self::Office { zone, shift, seed } => {
                office(day, volume, (zone, shift, seed), random, &mut out);
            }
            Self::Curve { zone, weekend } => curve(day, volume, (zone, weekend), random, &mut out),
            Self::Steady => {
                for hour in day.hours() {
                    let count = random.poisson(volume / 24.0);
                    spread(hour, HOUR, count, random, &mut out);
                }
            }
            Self::Nightly {
                hour,
                minutes,
                sunday,
            } => nightly(day, volume, (hour, minutes, sunday), random, &mut out),
            Self::Hourly { minute } => {
                for hour in day.hours() {
                    let count = random.poisson(volume / 24.0);
                    spread(hour + minute * MINUTE, 3 * MINUTE, count, random, &mut out);
                }
            }
            Self::Builds { zone } => builds(day, volume, zone, random, &mut out),
            Self::MonthEnd { hour } if day.is_month_end() => {
                let factor = random.lognormal(0.4);
                let count = random.poisson(volume * factor);
                spread(
                    day.midnight + hour * HOUR,
                    3 * HOUR,
                    count,
                    random,
                    &mut out,
                );
            }
            Self::Weekly { weekday, hour } if Local::new(day.midnight, 0).weekday() == weekday => {
                let count = random.poisson(volume);
                spread(day.midnight + hour * HOUR, HOUR, count, random, &mut out);
            }
            Self::MonthEnd { .. } | Self::Weekly { .. } => {}
            Self::Sparse => {
                let count = random.poisson(volume);
                spread(day.midnight, DAY, count, random, &mut out);
            }
        }
        out
    }
}

/// `count` moments within a span.
pub(crate) fn spread(
    start: Moment,
    seconds: i64,
    count: i64,
    random: &mut Random,
    out: &mut Vec<Moment>,
) {
    out.extend((0..count).map(|_| start + random.between(0, seconds - 1)));
}

/// Whether a person is at work on a local day: away on free days, for a week of holidays now and then, and ill.
pub(crate) fn is_at_work(seed: u64, local: Local) -> bool {
    let week = local.day().div_euclid(7);
    !local.is_free()
        && !Random::stream(seed, &format!("holidays {week}")).chance(0.06)
        && Random::stream(seed, &format!("day {}", local.day())).chance(0.92)
}

/// People work in tasks: a few calls within minutes, then nothing for a while.
fn office(
    day: Day,
    volume: f64,
    (zone, shift, seed): (i64, i64, u64),
    random: &mut Random,
    out: &mut Vec<Moment>,
) {
    const CALLS_PER_TASK: f64 = 4.0;
    for hour in day.hours() {
        let local = Local::new(hour, zone);
        let clock = local.hour() - shift;
        let weight = match clock {
            9..12 | 13..17 => 0.12,
            12 | 17 => 0.06,
            8 | 18 => 0.03,
            19..22 => 0.008,
            _ => 0.0,
        };
        // A little is done on free days and evenings too.
        let presence = if is_at_work(seed, local) { 1.0 } else { 0.015 };
        let tasks = random.poisson(volume / CALLS_PER_TASK * weight * presence);
        for _ in 0..tasks {
            let start = hour + random.between(0, HOUR - 1);
            let size = CALLS_PER_TASK / 2.0 * random.heavy(12.0);
            let calls = random.poisson(size).max(1);
            spread(start, 6 * MINUTE, calls, random, out);
        }
    }
}

fn nightly(
    day: Day,
    volume: f64,
    (hour, minutes, sunday): (i64, i64, f64),
    random: &mut Random,
    out: &mut Vec<Moment>,
) {
    let is_sunday = Local::new(day.midnight, 0).weekday() == 6;
    let factor = if is_sunday { sunday } else { 1.0 };
    let mut start = day.midnight + hour * HOUR + random.between(0, 9 * MINUTE);
    let runs = if random.chance(0.03) { 2 } else { 1 };
    for _ in 0..runs {
        let count = random.poisson(volume * factor);
        spread(start, minutes * MINUTE, count, random, out);
        // What failed is run again in the morning.
        start = start + random.between(2 * HOUR, 6 * HOUR);
    }
}

fn curve(
    day: Day,
    volume: f64,
    (zone, weekend): (i64, f64),
    random: &mut Random,
    out: &mut Vec<Moment>,
) {
    // A campaign, a newsletter, a partner's import: some hours at a multiple.
    let rush = random.chance(0.05);
    let rush_from = random.between(6, 20);
    let rush_factor = 1.5 + random.heavy(6.0);
    for (index, hour) in day.hours().enumerate() {
        let local = Local::new(hour, zone);
        let shape = CURVE.get(local.hour() as usize).copied().unwrap_or(1.0);
        let free = if local.is_free() { weekend } else { 1.0 };
        let is_rush = rush && (rush_from..rush_from + 2).contains(&(index as i64));
        let factor = if is_rush { rush_factor } else { 1.0 };
        let mean = volume / 24.0 * shape * free * factor * random.lognormal(0.22);
        let count = random.poisson(mean);
        spread(hour, HOUR, count, random, out);
    }
}

fn builds(day: Day, volume: f64, zone: i64, random: &mut Random, out: &mut Vec<Moment>) {
    const BUILDS_A_DAY: f64 = 7.0;
    for hour in day.hours() {
        let local = Local::new(hour, zone);
        let weight = match local.hour() {
            _ if local.is_free() => 0.004,
            9..18 => 0.095,
            18..22 => 0.02,
            _ => 0.005,
        };
        for _ in 0..random.poisson(BUILDS_A_DAY * weight) {
            let size = volume / BUILDS_A_DAY / 2.0 * random.heavy(25.0);
            let count = random.poisson(size).max(1);
            let start = hour + random.between(0, HOUR - 1);
            spread(start, random.between(1, 6) * MINUTE, count, random, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::Rhythm;
    use crate::moment::Moment;
    use crate::organisation::day::Day;
    use crate::random::Random;

    fn counts(rhythm: &Rhythm, volume: f64) -> Vec<(i64, usize)> {
        (0..56)
            .map(|index| {
                let day = Day {
                    index,
                    midnight: Moment::midnight(date(2026, 1, 5)) + index * 86_400,
                };
                let mut random = Random::stream(3, &format!("rhythm {index}"));
                (index, rhythm.moments(day, volume, &mut random).len())
            })
            .collect()
    }

    fn mean(counts: &[(i64, usize)]) -> f64 {
        counts.iter().map(|(_, count)| *count as f64).sum::<f64>() / counts.len() as f64
    }

    #[test]
    fn volumes_are_about_what_was_asked() {
        let seed = 9;
        for (rhythm, low, high) in [
            (Rhythm::Steady, 95.0, 105.0),
            (Rhythm::Hourly { minute: 5 }, 95.0, 105.0),
            (
                Rhythm::Nightly {
                    hour: 2,
                    minutes: 40,
                    sunday: 1.0,
                },
                90.0,
                110.0,
            ),
            (
                Rhythm::Curve {
                    zone: 1,
                    weekend: 1.0,
                },
                90.0,
                125.0,
            ),
            (Rhythm::Builds { zone: 1 }, 50.0, 130.0),
            (
                Rhythm::Office {
                    zone: 1,
                    shift: 0,
                    seed,
                },
                40.0,
                110.0,
            ),
            (
                Rhythm::Weekly {
                    weekday: 4,
                    hour: 3,
                },
                10.0,
                20.0,
            ),
            (Rhythm::MonthEnd { hour: 1 }, 5.0, 20.0),
            (Rhythm::Sparse, 95.0, 105.0),
        ] {
            let found = mean(&counts(&rhythm, 100.0));
            assert!((low..high).contains(&found), "{rhythm:?}: {found}");
        }
    }

    #[test]
    fn people_rest_on_weekends() {
        let office = Rhythm::Office {
            zone: 1,
            shift: 0,
            seed: 4,
        };
        let (free, busy): (Vec<_>, Vec<_>) = counts(&office, 60.0)
            .into_iter()
            .partition(|(index, _)| index % 7 > 4);
        assert!(mean(&free) * 8.0 < mean(&busy));
    }

    #[test]
    fn builds_differ_far_more_than_chance_would() {
        let found = counts(&Rhythm::Builds { zone: 1 }, 100.0);
        let busy: Vec<_> = found
            .into_iter()
            .filter(|(index, _)| index % 7 < 5)
            .collect();
        let mean = mean(&busy);
        let squares = busy.iter().map(|(_, count)| (*count as f64 - mean).powi(2));
        assert!(squares.sum::<f64>() / busy.len() as f64 > 5.0 * mean);
    }
}

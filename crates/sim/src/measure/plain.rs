//! Plain baselines, to compare with: how far three rules of thumb get through the same evaluation.
//!
//! Each scores every hour of every principal by what that principal did in the hours before; none of them looks at
//! peers, keys or the account.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

use super::Score;

/// Hours in the seven days that [`Plain::Rate`] looks back on.
const WEEK_HOURS: i64 = 7 * 24;
/// Ids kept of an hour.
const IDS_MAX: usize = 10;

/// One record, as far as plain baselines look.
#[derive(Debug, Clone, Copy)]
pub struct Call<'r> {
    /// Unix seconds.
    pub time: i64,
    /// The account.
    pub account: &'r str,
    /// The canonical principal.
    pub principal: &'r str,
    /// The record's id.
    pub event_id: &'r str,
    /// What it showed: its key, operation, service path, source.
    pub values: [&'r str; 4],
}

/// A rule of thumb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plain {
    /// Standard deviations of the hour's calls above the mean of the principal's active hours.
    ZScore,
    /// Keys, operations, service paths and sources that the principal never showed.
    FirstSeen,
    /// The hour's calls over the mean of all hours of the last seven days, active or not.
    Rate,
}

impl Plain {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ZScore, Self::FirstSeen, Self::Rate];

    /// A short name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ZScore => "z-score",
            Self::FirstSeen => "first seen",
            Self::Rate => "rate of 7 days",
        }
    }
}

/// Hours of principals, gathered from records in any order.
#[derive(Debug, Default)]
pub struct Hours(BTreeMap<(String, String), BTreeMap<i64, Hour>>);

#[derive(Debug, Default)]
struct Hour {
    calls: u32,
    newest: i64,
    event_ids: BTreeSet<(i64, String)>,
    values: BTreeSet<(u8, String)>,
}

impl Hours {
    /// Adds a record.
    pub fn add(&mut self, call: &Call<'_>) {
        let whose = (call.account.to_owned(), call.principal.to_owned());
        let hours = self.0.entry(whose).or_default();
        let hour = hours.entry(call.time.div_euclid(3_600)).or_default();
        hour.calls += 1;
        hour.newest = hour.newest.max(call.time);
        hour.event_ids.insert((call.time, call.event_id.to_owned()));
        if hour.event_ids.len() > IDS_MAX {
            hour.event_ids.pop_last();
        }
        for (kind, value) in (0..).zip(call.values) {
            hour.values.insert((kind, value.to_owned()));
        }
    }

    /// A score for every hour, by one rule of thumb.
    #[must_use]
    pub fn scores(&self, plain: Plain) -> Vec<Score> {
        let mut scores = Vec::new();
        for ((account, principal), hours) in &self.0 {
            let mut before = Before::default();
            for (at, hour) in hours {
                scores.push(Score {
                    time: hour.newest,
                    principal: principal.clone(),
                    account: account.clone(),
                    score: before.judge(plain, *at, hour),
                    rule: plain.name().to_owned(),
                    event_ids: hour.event_ids.iter().map(|(_, id)| id.clone()).collect(),
                });
                before.learn(*at, hour);
            }
        }
        scores
    }
}

/// What a principal did before an hour.
#[derive(Debug, Default)]
struct Before<'h> {
    hours: f64,
    sum: f64,
    squares: f64,
    values: HashSet<(u8, &'h str)>,
    /// (hour, calls) of the last seven days.
    week: VecDeque<(i64, f64)>,
}

impl<'h> Before<'h> {
    fn judge(&mut self, plain: Plain, at: i64, hour: &Hour) -> f64 {
        let calls = f64::from(hour.calls);
        match plain {
            Plain::ZScore => {
                let mean = self.sum / self.hours.max(1.0);
                let variance = self.squares / self.hours.max(1.0) - mean * mean;
                // A deviation of one call, so that a steady principal may make one more.
                (calls - mean) / variance.max(1.0).sqrt()
            }
            Plain::FirstSeen => {
                let is_new =
                    |(kind, value): &&(u8, String)| !self.values.contains(&(*kind, value.as_str()));
                hour.values.iter().filter(is_new).count() as f64
            }
            Plain::Rate => {
                while self
                    .week
                    .front()
                    .is_some_and(|(then, _)| *then < at - WEEK_HOURS)
                {
                    self.week.pop_front();
                }
                let sum: f64 = self.week.iter().map(|(_, calls)| calls).sum();
                calls / (sum / WEEK_HOURS as f64 + 1.0)
            }
        }
    }

    fn learn(&mut self, at: i64, hour: &'h Hour) {
        let calls = f64::from(hour.calls);
        self.hours += 1.0;
        self.sum += calls;
        self.squares += calls * calls;
        self.week.push_back((at, calls));
        let values = hour.values.iter();
        self.values
            .extend(values.map(|(kind, value)| (*kind, value.as_str())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(calls: &[(i64, u32, &str)]) -> Hours {
        let mut hours = Hours::default();
        for (hour, count, key) in calls {
            for number in 0..*count {
                hours.add(&Call {
                    time: hour * 3_600 + i64::from(number),
                    account: "111122223333",
                    principal: "role/worker",
                    event_id: &format!("{hour}-{number}"),
                    values: [key, "Decrypt", "direct", "198.51.100.7"],
                });
            }
        }
        hours
    }

    fn scores(hours: &Hours, plain: Plain) -> Vec<f64> {
        let scores = hours.scores(plain).into_iter();
        scores.map(|score| score.score).collect()
    }

    #[test]
    fn a_burst_a_new_key_and_a_rate() {
        let hours = hours(&[(0, 10, "a"), (1, 10, "a"), (2, 100, "a"), (3, 10, "b")]);
        assert_eq!(scores(&hours, Plain::ZScore)[2], 90.0);
        assert_eq!(scores(&hours, Plain::FirstSeen), [4.0, 0.0, 0.0, 1.0]);
        let rates = scores(&hours, Plain::Rate);
        assert!(rates[2] > 80.0 && rates[3] < 10.0, "{rates:?}");
    }

    #[test]
    fn a_week_is_forgotten() {
        let hours = hours(&[(0, 1_680, "a"), (167, 20, "a"), (169, 20, "a")]);
        let rates = scores(&hours, Plain::Rate);
        assert!(rates[1] < 2.0 && rates[2] > 15.0, "{rates:?}");
    }

    #[test]
    fn ten_ids_are_kept_the_first() {
        let scores = hours(&[(5, 30, "a")]).scores(Plain::Rate);
        assert_eq!(scores[0].event_ids.len(), 10);
        assert_eq!(scores[0].event_ids[9], "5-9");
        assert_eq!(scores[0].time, 5 * 3_600 + 29);
    }
}

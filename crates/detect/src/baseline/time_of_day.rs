//! When: hours of the day a principal is active in, and whether it works on weekends.

use serde::{Deserialize, Serialize};

use super::constants::{TIME_DAYS_MIN, VALUE_OFFSET};
use super::decay::{log2_1p, surprise};
use super::volume::SlotTime;

/// Decayed active days by hour of the day, and by kind of day.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ActiveTimes {
    /// By hour of the day; trailing hours without weight are not kept.
    #[serde(with = "super::columns::hours")]
    hours: Vec<f32>,
    weekdays: f32,
    weekend_days: f32,
}

/// Weights of the narrow kernel by distance in hours.
const NARROW: [f64; 3] = [3.0, 2.0, 1.0];
/// Reach of the broad kernel, in hours.
const BROAD: usize = 4;
/// Days that the broad kernel is worth in the narrow one's rate.
const BROAD_DAYS: f64 = 1.0;
/// Days that the flat rate is worth in the broad kernel's.
const FLAT_DAYS: f64 = 0.5;
/// Weekend days assumed of a principal that never worked on one.
const WEEKEND_PRIOR: f64 = 0.3;
/// Weekend days per weekday of a principal to which days are all alike.
const WEEKEND_SHARE: f64 = 0.4;

impl ActiveTimes {
    /// −log10 of how often the principal is active around this hour, times a mild effect size. 0 until
    /// more than three active days are known.
    #[must_use]
    pub fn judge(&self, time: SlotTime, calls: f64, factor: f64) -> f64 {
        let days = f64::from(self.weekdays + self.weekend_days) * factor;
        if days <= TIME_DAYS_MIN {
            return 0.0;
        }
        let at = |offset: usize| {
            let hour = (usize::from(time.hour) + offset) % 24;
            f64::from(self.hours.get(hour).copied().unwrap_or(0.0)) * factor
        };
        let narrow =
            (NARROW[0] * at(0) + NARROW[1] * (at(1) + at(23)) + NARROW[2] * (at(2) + at(22)))
                / (NARROW[0] + 2.0 * (NARROW[1] + NARROW[2]));
        let broad = (0..=BROAD)
            .map(at)
            .chain((24 - BROAD..24).map(at))
            .sum::<f64>()
            / (2 * BROAD + 1) as f64;
        let flat = (0..24).map(at).sum::<f64>() / 24.0;
        let flat_rate = (flat + 0.02) / (days + 1.0);
        let broad_rate = (broad + FLAT_DAYS * flat_rate) / (days + FLAT_DAYS);
        let rate = (narrow + BROAD_DAYS * broad_rate) / (days + BROAD_DAYS);
        let weekend = if time.is_weekend {
            let expected = WEEKEND_SHARE * f64::from(self.weekdays) * factor + WEEKEND_PRIOR;
            (f64::from(self.weekend_days) * factor + WEEKEND_PRIOR) / expected
        } else {
            1.0
        };
        let whole = surprise(rate) + surprise(weekend) - VALUE_OFFSET;
        whole.max(0.0) * (0.5 + log2_1p(calls) / 12.0).min(1.0)
    }

    /// Learns a day: the hours with calls as bits, hour 0 the lowest.
    pub fn learn(&mut self, hours: u32, is_weekend: bool) {
        if hours == 0 {
            return;
        }
        let last = 32 - hours.leading_zeros() as usize;
        if self.hours.len() < last {
            self.hours.resize(last, 0.0);
        }
        for (hour, weight) in self.hours.iter_mut().enumerate() {
            if hours >> hour & 1 == 1 {
                *weight += 1.0;
            }
        }
        if is_weekend {
            self.weekend_days += 1.0;
        } else {
            self.weekdays += 1.0;
        }
    }

    /// Lets everything fade.
    pub fn fade(&mut self, factor: f32) {
        for weight in &mut self.hours {
            *weight *= factor;
        }
        self.weekdays *= factor;
        self.weekend_days *= factor;
    }

    /// The hours in which the principal is active on at least a tenth of its days, as bits.
    #[must_use]
    pub fn usual_hours(&self) -> u32 {
        let least = 0.1 * (self.weekdays + self.weekend_days);
        let hours = self.hours.iter().enumerate();
        hours
            .filter(|(_, weight)| **weight > least)
            .fold(0, |bits, (hour, _)| bits | 1 << hour)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn office_worker() -> ActiveTimes {
        let mut times = ActiveTimes::default();
        for day in 0..20 {
            let time = SlotTime::new(day, 0);
            if !time.is_weekend {
                times.learn(0x0003_ff00, false);
            }
        }
        times
    }

    #[test]
    fn nights_and_weekends_of_an_office_worker() {
        let times = office_worker();
        let at = |day, hour| times.judge(SlotTime::new(day, hour), 20.0, 1.0);
        assert_eq!(at(21, 10), 0.0);
        assert!(at(21, 19) < 0.5, "{}", at(21, 19));
        assert!(at(21, 3) > 1.8, "{}", at(21, 3));
        assert!(at(23, 10) > 0.3);
        assert!(at(23, 3) > at(21, 3));
    }

    #[test]
    fn nothing_is_said_of_a_stranger() {
        let mut times = ActiveTimes::default();
        times.learn(1, false);
        assert_eq!(times.judge(SlotTime::new(4, 12), 500.0, 1.0), 0.0);
    }

    #[test]
    fn usual_hours() {
        assert_eq!(office_worker().usual_hours(), 0x0003_ff00);
    }
}

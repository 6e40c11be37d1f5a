//! The day's calls so far against whole days: what no single hour shows.

use serde::{Deserialize, Serialize};

use super::constants::{DAY_PRIOR_DAYS, DAY_SPREAD_MIN, DAY_SPREAD_PRIOR};
use super::decay::log2_1p;
use super::volume::effect;

/// Decayed days of a principal, by the binary logarithm of their totals.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DayTotals {
    days: f32,
    sum: f32,
    squares: f32,
}

impl DayTotals {
    /// −log10 of the upper tail of Student's t at the running total, times the effect size; 0 below the
    /// mean and without days. With it the mean, in calls.
    #[must_use]
    pub fn judge(&self, calls: f64, factor: f64) -> (f64, f64) {
        let days = f64::from(self.days) * factor;
        if days < 1.0 {
            return (0.0, 0.0);
        }
        let mean = f64::from(self.sum) / f64::from(self.days);
        let variance = (f64::from(self.squares) / f64::from(self.days) - mean * mean).max(0.0);
        let prior = DAY_SPREAD_PRIOR * DAY_SPREAD_PRIOR;
        let pooled = (days * variance + DAY_PRIOR_DAYS * prior) / (days + DAY_PRIOR_DAYS);
        let spread = libm::sqrt(pooled.max(DAY_SPREAD_MIN * DAY_SPREAD_MIN) * (1.0 + 1.0 / days));
        let usual = libm::exp2(mean) - 1.0;
        let t = (log2_1p(calls) - mean) / spread;
        if t <= 0.0 {
            return (0.0, usual);
        }
        let surprise = student_tail(t, days + DAY_PRIOR_DAYS - 1.0);
        // At the mean the tail is one half, which is no surprise.
        let surprise = (surprise - std::f64::consts::LOG10_2).max(0.0);
        (surprise * effect(calls - usual), usual)
    }

    /// Learns a day.
    pub fn learn(&mut self, calls: f64) {
        let value = log2_1p(calls) as f32;
        self.days += 1.0;
        self.sum += value;
        self.squares += value * value;
    }

    /// Lets all days fade.
    pub fn fade(&mut self, factor: f32) {
        self.days *= factor;
        self.sum *= factor;
        self.squares *= factor;
    }
}

/// −log10 of the upper tail of Student's t with these degrees of freedom, by Wallace's normal
/// approximation (Annals of Mathematical Statistics 30, 1959): within 1 % of a surprise for 2 and more.
fn student_tail(t: f64, degrees: f64) -> f64 {
    let degrees = degrees.max(2.0);
    let z = (8.0 * degrees + 1.0) / (8.0 * degrees + 3.0)
        * libm::sqrt(degrees * libm::log1p(t * t / degrees));
    normal_tail(z)
}

/// −log10 of the upper tail of the normal distribution.
fn normal_tail(z: f64) -> f64 {
    let tail = 0.5 * libm::erfc(z * std::f64::consts::FRAC_1_SQRT_2);
    -libm::log10(tail.max(1e-300))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn students_tail() {
        // Exact values of the distribution, as −log10.
        for (t, degrees, expected) in [(2.0, 10.0, 1.435), (5.0, 10.0, 3.570), (4.0, 3.0, 1.852)] {
            let tail = student_tail(t, degrees);
            assert!((tail - expected).abs() < 0.04, "{t} {degrees}: {tail}");
        }
    }

    #[test]
    fn ten_times_a_steady_day() {
        let mut totals = DayTotals::default();
        for calls in [
            200.0, 220.0, 180.0, 210.0, 190.0, 200.0, 205.0, 198.0, 203.0, 207.0,
        ] {
            totals.learn(calls);
        }
        assert!(totals.judge(220.0, 1.0).0 < 0.3);
        assert!(totals.judge(2_000.0, 1.0).0 > 2.0);
        assert!((totals.judge(220.0, 1.0).1 - 200.0).abs() < 5.0);
        assert_eq!(DayTotals::default().judge(1e6, 1.0).0, 0.0);
    }

    proptest! {
        #[test]
        fn more_calls_are_never_less_surprising(days in proptest::collection::vec(0..5_000_u32, 0..20), a in 0..50_000_u32, b in 0..50_000_u32) {
            let mut totals = DayTotals::default();
            for calls in days {
                totals.learn(f64::from(calls));
            }
            let (low, high) = (f64::from(a.min(b)), f64::from(a.max(b)));
            prop_assert!(totals.judge(low, 0.9).0 <= totals.judge(high, 0.9).0 + 1e-12);
        }
    }
}

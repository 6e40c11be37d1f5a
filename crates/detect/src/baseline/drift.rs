//! Growth that no single day shows: days above what is usual, added up.
//!
//! A one-sided CUSUM (Page, Biometrika 41, 1954) of a day's total in doublings: each day adds by how many spreads
//! it lies above the mean of its kind of day, less half a spread. Where nothing changes the sum stays near 0 and
//! exceeds S with a probability of about e^−S.

use serde::{Deserialize, Serialize};

use super::constants::{
    DAY_PRIOR_DAYS, DAY_SPREAD_MIN, DRIFT_ALLOWANCE, DRIFT_DAYS_MIN, DRIFT_SPREAD_PRIOR,
    DRIFT_STEP_DOWN_MAX, DRIFT_STEP_MAX,
};
use super::decay::log2_1p;
use super::volume::effect;

/// The sum, and the days it is measured against: weekdays and weekends apart.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    sum: f32,
    /// Decayed (days, Σ doublings, Σ doublings²) of weekdays and of weekends.
    kinds: [(f32, f32, f32); 2],
}

impl Drift {
    /// −log10 of how often the sum is that high by chance, with the day's calls so far, times the effect size of what the
    /// day has beyond a usual one; 0 while the sum is 0. It never falls as calls grow.
    #[must_use]
    pub fn judge(&self, calls: f64, is_weekend: bool, factor: f64) -> f64 {
        let surprise = self.with(calls, is_weekend, factor) * std::f64::consts::LOG10_E;
        surprise * effect(calls - self.usual(is_weekend))
    }

    /// The calls of a usual day of this kind.
    #[must_use]
    pub fn usual(&self, is_weekend: bool) -> f64 {
        let (days, sum, _) = self.kinds[usize::from(is_weekend)];
        if days > 0.0 {
            libm::exp2(f64::from(sum) / f64::from(days)) - 1.0
        } else {
            0.0
        }
    }

    /// The sum with a day of so many calls.
    fn with(&self, calls: f64, is_weekend: bool, factor: f64) -> f64 {
        (f64::from(self.sum) + self.step(calls, is_weekend, factor)).max(0.0)
    }

    /// What a day adds, in spreads.
    fn step(&self, calls: f64, is_weekend: bool, factor: f64) -> f64 {
        let (days, sum, squares) = self.kinds[usize::from(is_weekend)];
        let weight = f64::from(days) * factor;
        if weight < DRIFT_DAYS_MIN {
            return 0.0;
        }
        let mean = f64::from(sum) / f64::from(days);
        let variance = (f64::from(squares) / f64::from(days) - mean * mean).max(0.0);
        let prior = DRIFT_SPREAD_PRIOR * DRIFT_SPREAD_PRIOR;
        let pooled = (weight * variance + DAY_PRIOR_DAYS * prior) / (weight + DAY_PRIOR_DAYS);
        let spread = libm::sqrt(pooled.max(DAY_SPREAD_MIN * DAY_SPREAD_MIN));
        let above = (log2_1p(calls) - mean) / spread;
        above.clamp(-DRIFT_STEP_DOWN_MAX, DRIFT_STEP_MAX) - DRIFT_ALLOWANCE
    }

    /// Learns a day.
    pub fn learn(&mut self, calls: f64, is_weekend: bool) {
        self.sum = self.with(calls, is_weekend, 1.0) as f32;
        let value = log2_1p(calls) as f32;
        let kind = &mut self.kinds[usize::from(is_weekend)];
        kind.0 += 1.0;
        kind.1 += value;
        kind.2 += value * value;
    }

    /// Lets the days fade; the sum leaks by its own steps.
    pub fn fade(&mut self, factor: f32) {
        for (days, sum, squares) in &mut self.kinds {
            *days *= factor;
            *sum *= factor;
            *squares *= factor;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::baseline::decay::HABIT;

    /// The surprise on the day after so many days, each with the calls that `of_day` gives.
    fn after(days: i64, of_day: impl Fn(i64) -> f64) -> f64 {
        let mut drift = Drift::default();
        for day in 0..days {
            drift.fade(HABIT.over(1));
            drift.learn(of_day(day), day % 7 >= 5);
        }
        drift.judge(of_day(days), days % 7 >= 5, f64::from(HABIT.over(1)))
    }

    /// Calls that vary by a third, and rest on weekends.
    fn usual(day: i64) -> f64 {
        let noise = [1.0, 0.8, 1.3, 0.9, 1.1, 0.75, 1.2, 1.05];
        let weekend = if day % 7 >= 5 { 0.2 } else { 1.0 };
        200.0 * noise[(day * 5 % 8) as usize] * weekend
    }

    #[test]
    fn a_ramp_adds_up_and_a_usual_month_does_not() {
        let calm = (15..60).map(|days| after(days, usual)).fold(0.0, f64::max);
        assert!(calm < 0.8, "{calm}");
        let ramp = |day: i64| usual(day) * 1.13_f64.powi((day - 24).max(0) as i32);
        let grown = after(40, ramp);
        assert!(grown > 2.5, "{grown}");
    }

    #[test]
    fn one_loud_day_is_no_drift() {
        let loud = |day: i64| if day == 30 { 20_000.0 } else { usual(day) };
        assert!(after(31, loud) < 0.8, "{}", after(31, loud));
    }

    proptest! {
        #[test]
        fn more_calls_are_never_less_surprising(days in proptest::collection::vec(0..5_000_u32, 0..40), a in 0..50_000_u32, b in 0..50_000_u32) {
            let mut drift = Drift::default();
            for (day, calls) in days.into_iter().enumerate() {
                drift.learn(f64::from(calls), day % 7 >= 5);
            }
            let (low, high) = (f64::from(a.min(b)), f64::from(a.max(b)));
            prop_assert!(drift.judge(low, false, 0.9) <= drift.judge(high, false, 0.9) + 1e-12);
        }
    }
}

//! Forgetting by whole days, from tables, and the few functions of `libm` that everything uses.
//!
//! Weights fall by 2^(−days/half-life) (forward decay: Cormode et al., ICDE 2009). Whole days make the
//! factors few, so that they come from a table and the same fold gives the same bits everywhere.

use std::sync::LazyLock;

use super::constants::{CALIBRATION_HALF_LIFE_DAYS, HALF_LIFE_DAYS, SLOW_HALF_LIFE_DAYS};

/// Days after which nothing is left.
const DAYS_MAX: usize = 400;

/// Factors of a half-life by age in whole days.
#[derive(Debug)]
pub struct Decay(Vec<f32>);

impl Decay {
    fn new(half_life_days: f64) -> Self {
        let factor = |days: usize| libm::exp2(-(days as f64) / half_life_days) as f32;
        Self((0..DAYS_MAX).map(factor).collect())
    }

    /// The factor over so many days: 1 for none or fewer, 0 beyond 400.
    #[must_use]
    pub fn over(&self, days: i64) -> f32 {
        let days = usize::try_from(days).unwrap_or(0);
        self.0.get(days).copied().unwrap_or(0.0)
    }
}

/// Forgetting of habits: half-life 14 days.
pub static HABIT: LazyLock<Decay> = LazyLock::new(|| Decay::new(HALF_LIFE_DAYS));
/// Forgetting of calibration: half-life 21 days.
pub static CALIBRATION: LazyLock<Decay> = LazyLock::new(|| Decay::new(CALIBRATION_HALF_LIFE_DAYS));
/// Forgetting of slow breadth: half-life 5 days.
pub static SLOW: LazyLock<Decay> = LazyLock::new(|| Decay::new(SLOW_HALF_LIFE_DAYS));

/// −log10 of a probability; a probability of 0 counts as 1e-300, one above 1 as 1.
#[must_use]
pub fn surprise(probability: f64) -> f64 {
    -libm::log10(probability.clamp(1e-300, 1.0))
}

/// log2(1 + x) of a count.
#[must_use]
pub fn log2_1p(x: f64) -> f64 {
    libm::log2(1.0 + x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_life_halves() {
        assert_eq!(HABIT.over(0), 1.0);
        assert_eq!(HABIT.over(-3), 1.0);
        assert!((HABIT.over(14) - 0.5).abs() < 1e-6);
        assert!((CALIBRATION.over(42) - 0.25).abs() < 1e-6);
        assert!((SLOW.over(5) - 0.5).abs() < 1e-6);
        assert_eq!(HABIT.over(10_000), 0.0);
    }

    #[test]
    fn surprises() {
        assert_eq!(surprise(1.0), 0.0);
        assert_eq!(surprise(7.0), 0.0);
        assert!((surprise(0.001) - 3.0).abs() < 1e-9);
        assert!(surprise(0.0) <= 300.0);
    }
}

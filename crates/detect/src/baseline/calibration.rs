//! Model probabilities are never right; ranks are. A surprise becomes how rare a surprise of that size
//! is among principals of its kind.
//!
//! Below u the rank in a decayed histogram; above, an exponential tail fitted to the excess (peaks over
//! threshold: Siffer et al., KDD 2017). Both are held to the model where little was seen.

use serde::{Deserialize, Serialize};

use super::constants::{CALIBRATION_PRIOR_HOURS, TAIL_SHARE_MIN, TAIL_START_MIN, TAIL_WEIGHT_MIN};
use super::decay::surprise;

/// Bins of a histogram of calibration.
const BINS: usize = 80;

/// A decayed histogram of a surprise, in bins of one width.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Empty until the first hour.
    weights: Vec<f32>,
}

impl Calibration {
    /// Counts hours with this surprise.
    pub fn add(&mut self, surprise: f64, width: f64, weight: f32) {
        if self.weights.len() != BINS {
            self.weights.resize(BINS, 0.0);
        }
        let bin = (surprise.max(0.0) / width) as usize;
        self.weights[bin.min(BINS - 1)] += weight;
    }

    /// Lets all weights fade.
    pub fn fade(&mut self, factor: f32) {
        for weight in &mut self.weights {
            *weight *= factor;
        }
    }

    /// The calibrator these weights make.
    #[must_use]
    pub fn calibrator(&self, width: f64) -> Calibrator {
        let total: f64 = self.weights.iter().map(|weight| f64::from(*weight)).sum();
        // tails[i]: the weight at or above the lower edge of bin i.
        let mut tails = vec![0.0; BINS + 1];
        for bin in (0..self.weights.len().min(BINS)).rev() {
            tails[bin] = tails[bin + 1] + f64::from(self.weights[bin]);
        }
        let least = TAIL_WEIGHT_MIN.max(TAIL_SHARE_MIN * total);
        let lowest = libm::ceil(TAIL_START_MIN / width) as usize;
        let start = (lowest..BINS)
            .rev()
            .find(|edge| tails[*edge] >= least)
            .unwrap_or(lowest);
        let edges = (0..=start).map(|edge| {
            let model = libm::exp10(-(edge as f64) * width);
            surprise(
                (tails[edge] + CALIBRATION_PRIOR_HOURS * model) / (total + CALIBRATION_PRIOR_HOURS),
            )
        });
        let excess: f64 = (start..self.weights.len().min(BINS))
            .map(|bin| f64::from(self.weights[bin]) * ((bin - start) as f64 + 0.5) * width)
            .sum();
        // The model's own mean excess is log10(e), worth as much as the least tail.
        let mean_excess = (excess + TAIL_WEIGHT_MIN * std::f64::consts::LOG10_E)
            / (tails[start] + TAIL_WEIGHT_MIN);
        Calibrator {
            width,
            edges: edges.collect(),
            slope: std::f64::consts::LOG10_E / mean_excess,
        }
    }
}

/// Turns surprises into calibrated ones. It never falls, is continuous, and leaves 0 at 0.
#[derive(Debug, Clone)]
pub struct Calibrator {
    width: f64,
    /// The calibrated surprise at the lower edge of each bin up to u.
    edges: Vec<f64>,
    /// Calibrated surprise per surprise above u.
    slope: f64,
}

impl Calibrator {
    /// −log10 of how often a surprise this large is met, where 0 is no surprise.
    #[must_use]
    pub fn calibrate(&self, surprise: f64) -> f64 {
        if surprise <= 0.0 {
            return 0.0;
        }
        let place = surprise / self.width;
        let last = self.edges.len() - 1;
        let edge = place as usize;
        if edge >= last {
            return self.edges[last] + (surprise - last as f64 * self.width) * self.slope;
        }
        let inside = place - edge as f64;
        self.edges[edge] + (self.edges[edge + 1] - self.edges[edge]) * inside
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn without_history_the_model_is_believed() {
        let calibrator = Calibration::default().calibrator(0.25);
        for s in [0.0, 0.5, 1.0, 3.0, 12.0] {
            assert!((calibrator.calibrate(s) - s).abs() < 0.02, "{s}");
        }
    }

    #[test]
    fn a_feature_that_is_nearly_always_zero_keeps_its_tail() {
        let mut calibration = Calibration::default();
        calibration.add(0.0, 0.25, 100_000.0);
        calibration.add(2.1, 0.25, 40.0);
        let calibrator = calibration.calibrator(0.25);
        let (small, large) = (calibrator.calibrate(2.0), calibrator.calibrate(6.0));
        assert!(small > 3.0 && small < 4.0, "{small}");
        assert!(large > small + 1.0, "{large}");
    }

    #[test]
    fn what_happens_daily_is_no_news() {
        let mut calibration = Calibration::default();
        for _ in 0..500 {
            calibration.add(5.0, 0.25, 1.0);
            calibration.add(0.0, 0.25, 1.0);
        }
        assert!(calibration.calibrator(0.25).calibrate(4.9) < 0.5);
    }

    proptest! {
        #[test]
        fn calibration_never_falls(values in proptest::collection::vec(0.0..10.0_f64, 0..300), a in 0.0..25.0_f64, b in 0.0..25.0_f64) {
            let mut calibration = Calibration::default();
            for value in values {
                calibration.add(value, 0.25, 1.0);
            }
            let calibrator = calibration.calibrator(0.25);
            let (low, high) = (a.min(b), a.max(b));
            prop_assert!(calibrator.calibrate(low) <= calibrator.calibrate(high) + 1e-12);
            prop_assert!(calibrator.calibrate(high).is_finite());
        }
    }
}

//! A decayed histogram of one principal, sparse: how often it was at least so much.

use serde::{Deserialize, Serialize};

/// Weights by bin, only where there is weight, sorted. The width of a bin is the caller's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    bins: Vec<(u8, f32)>,
}

impl Histogram {
    /// Adds weight at a value; what lies beyond the last bin counts in it.
    pub fn add(&mut self, value: f64, width: f64, last: u8, weight: f32) {
        let bin = (value.max(0.0) / width).min(f64::from(last)) as u8;
        match self.bins.binary_search_by_key(&bin, |(bin, _)| *bin) {
            Ok(place) => self.bins[place].1 += weight,
            Err(place) => self.bins.insert(place, (bin, weight)),
        }
    }

    /// The weight at or above a value: of the bin it lies in, the share that lies above it. It never
    /// grows with the value.
    #[must_use]
    pub fn tail(&self, value: f64, width: f64, last: u8) -> f64 {
        let place = (value.max(0.0) / width).min(f64::from(last));
        let (bin, inside) = (place as u8, place - libm::floor(place));
        let mut tail = 0.0;
        for (other, weight) in self.bins.iter().rev() {
            if *other < bin {
                break;
            }
            let share = if *other == bin { 1.0 - inside } else { 1.0 };
            tail += f64::from(*weight) * share;
        }
        tail
    }

    /// The weight of all values, and their sum, each taken for the middle of its bin.
    #[must_use]
    pub fn weight_and_sum(&self, width: f64) -> (f64, f64) {
        let mut all = (0.0, 0.0);
        for (bin, weight) in &self.bins {
            all.0 += f64::from(*weight);
            all.1 += f64::from(*weight) * (f64::from(*bin) + 0.5) * width;
        }
        all
    }

    /// Lets all weights fade; what is nearly nothing goes.
    pub fn fade(&mut self, factor: f32) {
        self.bins.retain_mut(|(_, weight)| {
            *weight *= factor;
            *weight >= super::constants::TOKENS_MIN
        });
    }

    /// Whether there is no weight.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bins.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tails() {
        let mut histogram = Histogram::default();
        for value in [0.1, 0.6, 0.6, 9.0] {
            histogram.add(value, 0.5, 10, 1.0);
        }
        assert_eq!(histogram.tail(0.0, 0.5, 10), 4.0);
        assert_eq!(histogram.tail(0.5, 0.5, 10), 3.0);
        assert_eq!(histogram.tail(0.75, 0.5, 10), 2.0);
        assert_eq!(histogram.tail(4.9, 0.5, 10), 1.0);
        // The last lies in the bin of 5.0 to 5.5.
        assert_eq!(
            histogram.weight_and_sum(0.5),
            (4.0, 0.25 + 2.0 * 0.75 + 5.25)
        );
        histogram.fade(0.5);
        assert_eq!(histogram.tail(0.0, 0.5, 10), 2.0);
    }

    proptest! {
        #[test]
        fn a_tail_never_grows(values in proptest::collection::vec(0.0..8.0_f64, 0..40), a in 0.0..9.0_f64, b in 0.0..9.0_f64) {
            let mut histogram = Histogram::default();
            for value in values {
                histogram.add(value, 0.5, 15, 1.0);
            }
            let (low, high) = (a.min(b), a.max(b));
            prop_assert!(histogram.tail(high, 0.5, 15) <= histogram.tail(low, 0.5, 15));
        }
    }
}

//! Counts and factors as they occur in life: over-dispersed, with long tails.
//!
//! Only additions, multiplications and square roots, whose results are the same on every machine.

use crate::random::Random;

/// Above this mean a Poisson count is drawn from the normal curve.
const POISSON_EXACT_MAX: f64 = 30.0;

impl Random {
    /// A standard normal value, near enough: the sum of twelve uniform ones, never beyond six.
    pub(crate) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }

    /// A factor around 1 whose logarithm has this standard deviation: the median is 1, the tail is long.
    pub(crate) fn lognormal(&mut self, deviation: f64) -> f64 {
        exponential(deviation * self.normal())
    }

    /// A count with this mean.
    pub(crate) fn poisson(&mut self, mean: f64) -> i64 {
        if mean <= 0.0 {
            return 0;
        }
        if mean > POISSON_EXACT_MAX {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0) as i64;
        }
        // Knuth: how many uniform factors keep the product above e^-mean.
        let floor = exponential(-mean);
        let mut product = self.unit();
        let mut count = 0;
        while product > floor {
            product *= self.unit();
            count += 1;
        }
        count
    }

    /// A factor of at least 1 with a heavy tail (Pareto, exponent 2), cut at `most`.
    pub(crate) fn heavy(&mut self, most: f64) -> f64 {
        (1.0 / (1.0 - self.unit()).sqrt()).min(most)
    }

    /// An index chosen by weight; 0 when all weights are 0.
    pub(crate) fn weighted(&mut self, weights: impl Iterator<Item = f64> + Clone) -> usize {
        let mut rest = self.unit() * weights.clone().sum::<f64>();
        let mut last = 0;
        for (index, weight) in weights.enumerate().filter(|(_, weight)| *weight > 0.0) {
            last = index;
            rest -= weight;
            if rest < 0.0 {
                break;
            }
        }
        last
    }
}

/// e to the power of `x`, from additions and multiplications alone: ten squarings of a short Taylor sum, right to
/// a millionth for |x| ≤ 40.
pub(crate) fn exponential(x: f64) -> f64 {
    let small = x / 1_024.0;
    let mut power = 1.0 + small * (1.0 + small / 2.0 * (1.0 + small / 3.0 * (1.0 + small / 4.0)));
    for _ in 0..10 {
        power *= power;
    }
    power
}

#[cfg(test)]
mod tests {
    use super::exponential;
    use crate::random::Random;

    #[test]
    fn the_exponential_is_near_the_platforms() {
        for x in [-40.0, -3.0, -0.1, 0.0, 0.5, 2.0, 7.0_f64] {
            let ratio = exponential(x) / x.exp();
            assert!((ratio - 1.0).abs() < 1e-5, "{x}: {ratio}");
        }
    }

    #[test]
    fn means_and_spreads_are_as_asked() {
        let mut random = Random::stream(5, "dispersion");
        for mean in [0.3, 4.0, 25.0, 200.0] {
            let draws: Vec<f64> = (0..4_000).map(|_| random.poisson(mean) as f64).collect();
            let found = draws.iter().sum::<f64>() / 4_000.0;
            let variance = draws.iter().map(|x| (x - found).powi(2)).sum::<f64>() / 4_000.0;
            assert!((found / mean - 1.0).abs() < 0.1, "mean {found} for {mean}");
            assert!(
                (variance / mean - 1.0).abs() < 0.15,
                "{variance} for {mean}"
            );
        }
        let mut factors: Vec<f64> = (0..4_001).map(|_| random.lognormal(0.5)).collect();
        factors.sort_by(f64::total_cmp);
        assert!((factors[2_000] - 1.0).abs() < 0.05);
        assert!(factors[4_000] > 3.0);
        assert!((0..1_000).all(|_| (1.0..=9.0).contains(&random.heavy(9.0))));
    }

    #[test]
    fn weights_decide() {
        let mut random = Random::stream(5, "weights");
        let mut counts = [0; 3];
        for _ in 0..6_000 {
            counts[random.weighted([1.0, 0.0, 2.0].into_iter())] += 1;
        }
        assert!(counts[0] > 1_700 && counts[0] < 2_300, "{counts:?}");
        assert_eq!(counts[1], 0);
    }
}

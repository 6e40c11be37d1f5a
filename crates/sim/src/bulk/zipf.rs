//! Who comes how often: the first most, the second half of that, the third a third, ….

use crate::random::Random;

/// Shares of a number of ranks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Zipf(f64);

impl Zipf {
    pub(crate) fn new(count: usize) -> Self {
        Self((1..=count).map(|rank| 1.0 / rank as f64).sum())
    }

    /// The share of this rank, counted from 0; all shares are 1 together.
    pub(crate) fn share(self, rank: usize) -> f64 {
        1.0 / ((rank + 1) as f64 * self.0)
    }

    /// One of as many items as there are ranks.
    pub(crate) fn pick<'a, T>(
        self,
        items: &[&'a T],
        fallback: &'a T,
        random: &mut Random,
    ) -> &'a T {
        let mut left = random.unit();
        for (rank, &item) in items.iter().enumerate() {
            left -= self.share(rank);
            if left <= 0.0 {
                return item;
            }
        }
        fallback
    }
}

#[cfg(test)]
mod tests {
    use super::Zipf;
    use crate::random::Random;

    #[test]
    fn shares_are_one_together_and_the_first_is_picked_most() {
        let zipf = Zipf::new(10);
        let sum: f64 = (0..10).map(|rank| zipf.share(rank)).sum();
        assert!((sum - 1.0).abs() < 1e-9);
        let items: Vec<&u32> = [0_u32, 1, 2, 3, 4, 5, 6, 7, 8, 9].iter().collect();
        let mut random = Random::stream(1, "zipf");
        let mut counts = [0; 10];
        for _ in 0..10_000 {
            counts[*zipf.pick(&items, &0, &mut random) as usize] += 1;
        }
        assert!(counts[0] > counts[1] && counts[1] > counts[4] && counts[9] > 100);
    }
}

//! False lines, and how many cases they make at a threshold.

use super::CASE_SECONDS;

/// The false lines of every principal, by time.
#[derive(Debug, Default)]
pub(super) struct Lines(Vec<Vec<(i64, f64)>>);

impl Lines {
    /// Takes time and score of each principal's lines.
    pub(super) fn new(lines: impl Iterator<Item = Vec<(i64, f64)>>) -> Self {
        let mut lines: Vec<_> = lines.collect();
        for of_one in &mut lines {
            of_one.sort_by_key(|(time, _)| *time);
        }
        Self(lines)
    }

    /// How many cases the lines at or above the threshold make. The first line opens a case, which takes up all lines
    /// of the next 24 hours. That is the smallest number of 24-hour spans that cover the lines, so it never falls when
    /// the threshold does.
    pub(super) fn cases(&self, threshold: f64) -> u64 {
        let mut cases = 0;
        for of_one in &self.0 {
            let mut open_until = i64::MIN;
            for (time, _) in of_one.iter().filter(|(_, score)| *score >= threshold) {
                if *time >= open_until {
                    cases += 1;
                    open_until = time.saturating_add(CASE_SECONDS);
                }
            }
        }
        cases
    }
}

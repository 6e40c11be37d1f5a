//! False lines, and how many cases they make at a threshold.

use std::collections::BTreeMap;

use super::CASE_SECONDS;

/// One false line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'s> {
    pub(super) time: i64,
    pub(super) score: f64,
    pub(super) rule: &'s str,
}

/// The false lines of every principal, by time.
#[derive(Debug, Default)]
pub(super) struct Lines<'s>(Vec<Vec<Line<'s>>>);

impl<'s> Lines<'s> {
    /// Takes each principal's lines.
    pub(super) fn new(lines: impl Iterator<Item = Vec<Line<'s>>>) -> Self {
        let mut lines: Vec<_> = lines.collect();
        for of_one in &mut lines {
            // Lines of one time in the order of their scores, so that the order they came in has no say.
            of_one.sort_by(|a, b| {
                let by_score = || b.score.total_cmp(&a.score).then(a.rule.cmp(b.rule));
                a.time.cmp(&b.time).then_with(by_score)
            });
        }
        Self(lines)
    }

    /// How many cases the lines at or above the threshold make.
    pub(super) fn cases(&self, threshold: f64) -> u64 {
        let mut cases = 0;
        self.open(threshold, |_| cases += 1);
        cases
    }

    /// How many cases there are by what spoke most for the line that opened each.
    pub(super) fn rules(&self, threshold: f64) -> BTreeMap<String, u64> {
        let mut rules = BTreeMap::new();
        self.open(threshold, |line| {
            *rules.entry(line.rule.to_owned()).or_default() += 1;
        });
        rules
    }

    /// The first line opens a case, which takes up all lines of the next 24 hours. That is the smallest number of
    /// 24-hour spans that cover the lines, so it never falls when the threshold does.
    fn open(&self, threshold: f64, mut case: impl FnMut(&Line<'s>)) {
        for of_one in &self.0 {
            let mut open_until = i64::MIN;
            for line in of_one.iter().filter(|line| line.score >= threshold) {
                if line.time >= open_until {
                    case(line);
                    open_until = line.time.saturating_add(CASE_SECONDS);
                }
            }
        }
    }
}

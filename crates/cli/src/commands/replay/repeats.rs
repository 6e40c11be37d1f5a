//! What a line of scores adds to the lines of the same principal before it.
//!
//! One story goes on for hours: a restore is as unusual in its third hour as in its first. Who reads every line above a
//! threshold is told of it once a day, and again when it becomes worse.

use std::cmp::Ordering;

/// Seconds for which a principal's story is told by one line: a case of findings is as long.
const STORY_SECONDS: i64 = 24 * 3_600;
/// How much worse than what was told a line must be to be told as well, in points. With 1, simulated organisations keep
/// more repeats (docs/baselines.md).
const WORSE_POINTS: f64 = 2.0;
/// What is left of the score of a line that repeats: not nothing, so that repeats rank among each other.
const REPEATED: f64 = 0.3;

/// A score with whose it is and when.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored<'a> {
    /// The account.
    pub account: &'a str,
    /// The principal; empty where none is to blame, and then nothing is a repeat.
    pub principal: &'a str,
    /// Unix seconds.
    pub time: i64,
    /// The score by itself.
    pub score: f64,
}

/// The scores in the order they came; of those that repeat what their principal was told for in the 24 hours before, 0.3.
/// Of one second, the largest is told first.
#[must_use]
pub fn without_repeats(lines: &[Scored<'_>]) -> Vec<f64> {
    let mut scores: Vec<f64> = lines.iter().map(|line| line.score).collect();
    let mut order: Vec<usize> = (0..lines.len()).collect();
    order.sort_by(|a, b| compare(&lines[*a], &lines[*b]));
    let mut told: Option<Scored<'_>> = None;
    for place in order {
        let line = lines[place];
        if told.is_some_and(|told| repeats(&line, &told)) {
            // Lower, whatever its sign.
            scores[place] = line.score - line.score.abs() * (1.0 - REPEATED);
        } else {
            told = Some(line);
        }
    }
    scores
}

/// Whether a line says no more than the last one that was told. That is the worst that was told of its principal in the 24
/// hours before, since each that is told within them is worse than the one before it.
fn repeats(line: &Scored<'_>, told: &Scored<'_>) -> bool {
    (line.account, line.principal) == (told.account, told.principal)
        && !line.principal.is_empty()
        && line.time - told.time < STORY_SECONDS
        && line.score <= told.score + WORSE_POINTS
}

fn compare(a: &Scored<'_>, b: &Scored<'_>) -> Ordering {
    let by_time = (a.account, a.principal, a.time).cmp(&(b.account, b.principal, b.time));
    by_time.then(b.score.total_cmp(&a.score))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600;

    fn of(lines: &[(&str, i64, f64)]) -> Vec<f64> {
        let lines: Vec<Scored<'_>> = lines
            .iter()
            .map(|(principal, time, score)| Scored {
                account: "111122223333",
                principal,
                time: *time,
                score: *score,
            })
            .collect();
        without_repeats(&lines)
    }

    #[test]
    fn an_afternoon_is_told_once_and_again_when_it_becomes_worse() {
        let afternoon = [
            ("backup", 0, 20.0),
            ("backup", HOUR, 21.5),
            ("backup", 2 * HOUR, 22.5),
            ("backup", 3 * HOUR, 10.0),
        ];
        assert_eq!(of(&afternoon), [20.0, repeated(21.5), 22.5, repeated(10.0)]);
    }

    #[test]
    fn other_principals_and_other_days_are_other_stories() {
        let lines = [
            ("backup", 0, 20.0),
            ("reader", HOUR, 20.0),
            ("backup", 23 * HOUR, 20.0),
            ("backup", 24 * HOUR, 20.0),
            ("backup", 25 * HOUR, 20.0),
        ];
        let repeat = repeated(20.0);
        assert_eq!(of(&lines), [20.0, 20.0, repeat, 20.0, repeat]);
    }

    #[test]
    fn neither_the_order_of_lines_nor_a_quiet_hour_between_makes_news() {
        let lines = [
            ("backup", 5 * HOUR, 16.0),
            ("backup", HOUR, 18.0),
            ("backup", 2 * HOUR, 4.0),
            ("backup", HOUR, 20.0),
        ];
        let [first, second, third] = [16.0, 18.0, 4.0].map(repeated);
        assert_eq!(of(&lines), [first, second, third, 20.0]);
    }

    #[test]
    fn what_nobody_is_to_blame_for_is_no_repeat() {
        let lines = [("", 0, 12.0), ("", HOUR, 6.0)];
        assert_eq!(of(&lines), [12.0, 6.0]);
    }

    #[test]
    fn a_repeat_below_zero_is_lower_too() {
        let lines = [("backup", 0, 1.0), ("backup", HOUR, -2.0)];
        let [_, repeat] = of(&lines)[..] else {
            unreachable!()
        };
        assert!(repeat < -2.0);
    }

    fn repeated(score: f64) -> f64 {
        score - score * (1.0 - REPEATED)
    }
}

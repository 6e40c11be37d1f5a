//! Steps that make sense together only: what a principal or a key saw within a day.

use std::collections::BTreeSet;

use keytrail_event::EventTime;
use keytrail_event::time::DAY_SECONDS;

use super::Hit;
use super::day::{DayHit, DayLight};

/// Seconds within which steps belong together.
pub const CHAIN_SECONDS: i64 = DAY_SECONDS;

/// One step of a chain. Sorted by (time, stage, words).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step {
    /// When, or when it began.
    pub at: EventTime,
    /// Which part of the chain it is, from 0.
    pub stage: usize,
    /// What was done, in words.
    pub words: String,
    /// Who did it.
    pub principal: String,
    /// The key it is about; empty when it is about none.
    pub key: String,
    /// When it ended.
    pub last: EventTime,
    /// How many calls it stands for.
    pub calls: u64,
    /// The event's id, where one is known.
    pub event_id: String,
}

/// The first run of steps, sorted by time, within a day of its first one in which all stages are there, no two of them by
/// one event alone, and which reaches into the day that is judged; stretched to all steps of that span.
pub fn first_chain<'s>(
    steps: &'s [&'s Step],
    stages: usize,
    light: &DayLight<'_>,
) -> Option<&'s [&'s Step]> {
    (0..steps.len()).find_map(|start| {
        let from = steps[start].at;
        let end = steps.partition_point(|step| step.at.seconds_since(from) <= CHAIN_SECONDS);
        let run = &steps[start..end];
        let has = |stage: usize| run.iter().any(|step| step.stage == stage);
        let reaches = run.iter().any(|step| step.last >= light.day.start());
        (reaches && (0..stages).all(has) && are_apart(run, stages)).then_some(run)
    })
}

/// Whether no event alone is two of these stages, which are all there.
fn are_apart(run: &[&Step], stages: usize) -> bool {
    let events_of = |one: usize, other: usize| {
        let of_both = run.iter().filter(|step| [one, other].contains(&step.stage));
        let events = of_both.map(|step| (step.at, step.words.as_str(), step.event_id.as_str()));
        events.collect::<BTreeSet<_>>().len()
    };
    let mut pairs = (0..stages).flat_map(|other| (0..other).map(move |one| (one, other)));
    pairs.all(|(one, other)| events_of(one, other) >= 2)
}

/// A hit over a chain.
pub fn over_steps(hit: Hit, steps: &[&Step], light: &DayLight<'_>) -> Option<DayHit> {
    let first = steps.iter().map(|step| step.at).min()?;
    let last = steps.iter().map(|step| step.last).max()?;
    let today = steps.iter().filter(|step| step.last >= light.day.start());
    Some(DayHit {
        hit,
        region: None,
        first_seen: first,
        last_seen: last,
        count: steps.iter().map(|step| step.calls).sum(),
        new: today.map(|step| step.calls).sum(),
        event_ids: steps
            .iter()
            .map(|step| step.event_id.clone())
            .filter(|id| !id.is_empty())
            .collect(),
        is_told_once: false,
        tells: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(second: i64, stage: usize) -> Step {
        let at = EventTime::from_unix_seconds(second);
        Step {
            at,
            stage,
            words: String::new(),
            principal: String::new(),
            key: String::new(),
            last: at,
            calls: 1,
            event_id: String::new(),
        }
    }

    #[test]
    fn steps_are_sorted_by_time_first() {
        assert!(step(1, 2) < step(2, 0));
        assert!(step(1, 0) < step(1, 1));
    }
}

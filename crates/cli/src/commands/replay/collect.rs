//! From records to findings: tallies by the reading threads, the engine in the order of stamps.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use keytrail_detect::bounds::CLOSE_LAG_SECONDS;
use keytrail_detect::configuration::Configuration;
use keytrail_detect::engine;
use keytrail_detect::finding::Finding;
use keytrail_detect::plan::{Metrics, Plan};
use keytrail_detect::state::State;
use keytrail_detect::tally::Tally;
use keytrail_event::{EventTime, Record};

use crate::coverage;
use crate::input::{Discovered, InputFile};
use crate::progress::Progress;
use crate::scan::{Collector, Part, scan};
use keytrail_report::summary::Coverage;

/// What a replay came to.
#[derive(Debug)]
pub struct Replayed {
    /// What was read.
    pub coverage: Coverage,
    /// The findings in their last revision, sorted by (episode, id).
    pub findings: Vec<Finding>,
    /// The state at the end.
    pub state: State,
    /// What was counted while judging.
    pub metrics: Metrics,
}

/// Replays the files. Where records come after their day has closed, which an outage of CloudTrail
/// does, they are read a second time, so that such records are judged with their day.
///
/// # Errors
/// When the reading threads fail; what is wrong with a file is part of the coverage.
pub fn replay(
    found: Discovered,
    threads: usize,
    progress: &Progress,
    configuration: &Configuration,
) -> anyhow::Result<Replayed> {
    let pass = |state| pass(&found, state, threads, progress, configuration);
    let replayed = pass(State::default())?;
    let replayed = if replayed.state.has_afterwards() {
        let afterwards = replayed.state.into_afterwards();
        pass(State::knowing(afterwards))?
    } else {
        replayed
    };
    progress.finish();
    Ok(replayed)
}

fn pass(
    found: &Discovered,
    mut state: State,
    threads: usize,
    progress: &Progress,
    configuration: &Configuration,
) -> anyhow::Result<Replayed> {
    let mut published = Published::default();
    let mut coverage = Coverage::default();
    let mut newest_stamp: Option<EventTime> = None;
    coverage::add_all_unopened(&mut coverage, found.unreadable.clone());
    for segment in segments(&found.files) {
        // Files come in the order of their stamps: the first of a segment closes the days before it.
        if let Some(stamp) = segment[0].delivery.stamp {
            engine::advance(&mut state, stamp, configuration, |plan| published.add(plan));
        }
        let newest_of_segment = segment.last().and_then(|file| file.delivery.stamp);
        let taken = Mutex::new(Vec::new());
        let collector = || TallyCollector::new(&taken);
        scan(
            segment.to_vec(),
            threads,
            progress,
            collector,
            &mut coverage,
            |_, _: Part<()>| Ok(()),
        )?;
        let taken = taken.into_inner().unwrap_or_else(PoisonError::into_inner);
        for TakenTally {
            tally,
            newest_unstamped,
        } in taken
        {
            newest_stamp = newest_stamp.max(newest_unstamped);
            state.absorb(tally);
        }
        newest_stamp = newest_stamp.max(newest_of_segment);
    }
    if let Some(newest) = newest_stamp {
        engine::finish(&mut state, newest, configuration, |plan| {
            published.add(plan)
        });
    }
    let mut findings: Vec<Finding> = published.findings.into_values().collect();
    findings.sort_by(|a, b| (&a.episode, &a.id).cmp(&(&b.episode, &b.id)));
    Ok(Replayed {
        coverage,
        findings,
        state,
        metrics: published.metrics,
    })
}

/// The findings of all plans, each as the last plan that knew it left it.
#[derive(Debug, Default)]
struct Published {
    findings: BTreeMap<String, Finding>,
    metrics: Metrics,
}

impl Published {
    fn add(&mut self, plan: Plan) {
        self.metrics.add(&plan.metrics);
        for finding in plan.findings {
            self.findings.insert(finding.episode.clone(), finding);
        }
    }
}

/// Divides files, which come in the order of their stamps, where a day falls due: within a segment
/// nothing closes, so each thread can keep a tally of its own, and their order does not matter.
/// Files without a stamp come first and are one segment.
fn segments(files: &[InputFile]) -> impl Iterator<Item = &[InputFile]> {
    let due_through = |file: &InputFile| {
        let stamp = file.delivery.stamp?;
        Some(stamp.plus_seconds(-CLOSE_LAG_SECONDS).day())
    };
    files.chunk_by(move |a, b| due_through(a) == due_through(b))
}

/// What one thread tallied of a segment.
#[derive(Debug)]
struct TakenTally {
    tally: Tally,
    /// A file without a stamp counts as delivered at the end of each of its hours: the last of them.
    newest_unstamped: Option<EventTime>,
}

/// Tallies the records of one thread, and hands the tally over when the thread is done.
#[derive(Debug)]
struct TallyCollector<'t> {
    tally: Tally,
    stamp: Option<EventTime>,
    newest_unstamped: Option<EventTime>,
    taken: &'t Mutex<Vec<TakenTally>>,
}

impl<'t> TallyCollector<'t> {
    fn new(taken: &'t Mutex<Vec<TakenTally>>) -> Self {
        Self {
            tally: Tally::default(),
            stamp: None,
            newest_unstamped: None,
            taken,
        }
    }
}

impl Collector for TallyCollector<'_> {
    type Batch = ();

    fn begin(&mut self, file: &InputFile) {
        self.stamp = file.delivery.stamp;
    }

    fn record(&mut self, record: &Record<'_>) {
        self.tally.add(record, self.stamp);
        if self.stamp.is_none() {
            self.newest_unstamped = self.newest_unstamped.max(Some(record.time.hour().end()));
        }
    }

    fn pending_bytes(&self) -> usize {
        0
    }

    fn take(&mut self) {}
}

impl Drop for TallyCollector<'_> {
    fn drop(&mut self) {
        let tally = std::mem::take(&mut self.tally);
        let newest_unstamped = self.newest_unstamped;
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.push(TakenTally {
            tally,
            newest_unstamped,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_ends_where_a_day_falls_due() {
        let names = [
            "export.json",
            "111122223333_CloudTrail_eu-west-1_20240131T0005Z_a.json.gz",
            "111122223333_CloudTrail_eu-west-1_20240201T0255Z_b.json.gz",
            "111122223333_CloudTrail_eu-west-1_20240201T0300Z_c.json.gz",
            "111122223333_CloudTrail_eu-west-1_20240201T0305Z_d.json.gz",
            "111122223333_CloudTrail_eu-west-1_20240301T0305Z_e.json.gz",
        ];
        let files = names.map(|name| InputFile::new(name.into(), 0, None));
        let lengths: Vec<usize> = segments(&files).map(<[_]>::len).collect();
        assert_eq!(lengths, [1, 1, 1, 2, 1]);
    }
}

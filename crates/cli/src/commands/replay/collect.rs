//! From records to findings: tallies by the reading threads, the engine in the order of stamps.

use std::collections::BTreeMap;

use keytrail_detect::configuration::Configuration;
use keytrail_detect::engine;
use keytrail_detect::finding::Finding;
use keytrail_detect::plan::{Metrics, Plan};
use keytrail_detect::state::State;
use keytrail_detect::tally::Tally;
use keytrail_event::{EventTime, Record};

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

/// Replays the files.
///
/// # Errors
/// When the reading threads fail; what is wrong with a file is part of the coverage.
pub fn replay(
    found: Discovered,
    threads: usize,
    progress: &Progress,
    configuration: &Configuration,
) -> anyhow::Result<Replayed> {
    let mut state = State::default();
    let mut published = Published::default();
    let mut newest_stamp: Option<EventTime> = None;
    let coverage = scan(
        found,
        threads,
        progress,
        TallyCollector::default,
        |file, part| {
            match part {
                Part::Batch(tally) => state.absorb(*tally),
                Part::End => {
                    // Files come in the order of their stamps: each moves the clock.
                    if let Some(stamp) = file.delivery.stamp {
                        newest_stamp = newest_stamp.max(Some(stamp));
                        engine::advance(&mut state, stamp, configuration, |plan| {
                            published.add(plan)
                        });
                    }
                }
            }
            Ok(())
        },
    )?;
    // A file without a stamp counts as delivered at the end of each of its hours.
    let unstamped = coverage.last_event.filter(|_| coverage.files_unstamped > 0);
    let newest = newest_stamp.max(unstamped.map(|time| time.hour().end()));
    if let Some(newest) = newest {
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

/// The findings of all plans; a later revision of an episode takes the place of the earlier.
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

/// Tallies the records of one thread.
#[derive(Debug, Default)]
struct TallyCollector {
    tally: Tally,
    stamp: Option<EventTime>,
    records: usize,
}

/// About how many bytes of tally a record makes; most fall into a cell that is there already.
const BYTES_A_RECORD: usize = 64;

impl Collector for TallyCollector {
    type Batch = Box<Tally>;

    fn begin(&mut self, file: &InputFile) {
        self.stamp = file.delivery.stamp;
    }

    fn record(&mut self, record: &Record<'_>) {
        self.tally.add(record, self.stamp);
        self.records += 1;
    }

    fn pending_bytes(&self) -> usize {
        self.records * BYTES_A_RECORD
    }

    fn take(&mut self) -> Box<Tally> {
        self.records = 0;
        Box::new(std::mem::take(&mut self.tally))
    }
}

//! From files to tallies: by the reading threads, in segments within which no day falls due.

use std::sync::{Mutex, PoisonError};

use keytrail_detect::bounds::CLOSE_LAG_SECONDS;
use keytrail_detect::tally::Tally;
use keytrail_event::{EventTime, Record};

use crate::coverage;
use crate::input::{Discovered, InputFile};
use crate::progress::Progress;
use crate::scan::{Collector, Part, scan};
use keytrail_report::summary::Coverage;

/// What takes tallies in.
pub trait Intake {
    /// All files that follow have this stamp or a later one.
    fn reach(&mut self, stamp: EventTime) -> anyhow::Result<()>;

    /// Takes in what one thread tallied of some files.
    fn take(&mut self, tally: Tally) -> anyhow::Result<()>;
}

/// Reads the files into an intake, and returns the newest stamp; `None` when there is none.
///
/// # Errors
/// When the reading threads or the intake fail; what is wrong with a file is part of the coverage.
pub fn collect(
    found: &Discovered,
    threads: usize,
    progress: &Progress,
    coverage: &mut Coverage,
    intake: &mut impl Intake,
) -> anyhow::Result<Option<EventTime>> {
    let mut newest_stamp: Option<EventTime> = None;
    coverage::add_all_unopened(coverage, found.unreadable.clone());
    for segment in segments(&found.files) {
        if let Some(stamp) = segment[0].delivery.stamp {
            intake.reach(stamp)?;
        }
        let newest_of_segment = segment.last().and_then(|file| file.delivery.stamp);
        let taken = Mutex::new(Vec::new());
        let collector = || TallyCollector::new(&taken);
        scan(
            segment.to_vec(),
            threads,
            progress,
            collector,
            coverage,
            |_, _: Part<()>| Ok(()),
        )?;
        let taken = taken.into_inner().unwrap_or_else(PoisonError::into_inner);
        for TakenTally {
            tally,
            newest_unstamped,
        } in taken
        {
            newest_stamp = newest_stamp.max(newest_unstamped);
            intake.take(tally)?;
        }
        newest_stamp = newest_stamp.max(newest_of_segment);
    }
    Ok(newest_stamp)
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

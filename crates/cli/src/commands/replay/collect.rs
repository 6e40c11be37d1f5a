//! From files to tallies: by the reading threads, in segments within which no day falls due.

use std::sync::{Mutex, MutexGuard, PoisonError};

use keytrail_detect::bounds::CLOSE_LAG_SECONDS;
use keytrail_detect::tally::Tally;
use keytrail_event::{EventTime, Record};

use crate::coverage;
use crate::input::{Discovered, InputFile};
use crate::progress::Progress;
use crate::scan::{Collector, Part, scan};
use keytrail_report::summary::Coverage;

/// What takes tallies in.
pub trait Intake: Send {
    /// All files that follow have this stamp or a later one.
    fn reach(&mut self, stamp: EventTime) -> anyhow::Result<()>;

    /// Takes in what one thread tallied of some files; called by that thread.
    fn take(&mut self, tally: Tally) -> anyhow::Result<()>;
}

/// Reads the files into an intake, and returns the newest stamp; `None` when there is none. All
/// threads together tally no more than about `room_bytes` before they hand over.
///
/// # Errors
/// When the reading threads or the intake fail; what is wrong with a file is part of the coverage.
pub fn collect(
    found: &Discovered,
    threads: usize,
    room_bytes: usize,
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
        let shared = Mutex::new(Shared {
            intake: &mut *intake,
            newest_unstamped: None,
            failure: None,
        });
        let share_bytes = room_bytes / threads.max(1);
        let scanned = scan(
            segment.to_vec(),
            threads,
            progress,
            || TallyCollector::new(&shared, share_bytes),
            coverage,
            |_, _: Part<()>| {
                let is_failed = lock(&shared).failure.is_some();
                anyhow::ensure!(!is_failed, "nobody takes tallies in any more");
                Ok(())
            },
        );
        let shared = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
        shared.failure.map_or(scanned, Err)?;
        newest_stamp = newest_stamp
            .max(shared.newest_unstamped)
            .max(newest_of_segment);
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

/// What the reading threads of a segment share. Who hands over waits for who is at it, so that no
/// more than one tally a thread is in memory.
struct Shared<'i, I> {
    intake: &'i mut I,
    /// A file without a stamp counts as delivered at the end of each of its hours: the last of them.
    newest_unstamped: Option<EventTime>,
    /// The first failure of the intake; nothing is taken in after it.
    failure: Option<anyhow::Error>,
}

impl<I: Intake> Shared<'_, I> {
    fn take(&mut self, tally: Tally) {
        if self.failure.is_none() {
            self.failure = self.intake.take(tally).err();
        }
    }
}

fn lock<'s, 'i, I>(shared: &'s Mutex<Shared<'i, I>>) -> MutexGuard<'s, Shared<'i, I>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tallies the records of one thread, and hands the tally over when it has grown beyond the
/// thread's share of the room, and when the thread is done.
struct TallyCollector<'s, 'i, I: Intake> {
    tally: Tally,
    stamp: Option<EventTime>,
    newest_unstamped: Option<EventTime>,
    share_bytes: usize,
    shared: &'s Mutex<Shared<'i, I>>,
}

impl<'s, 'i, I: Intake> TallyCollector<'s, 'i, I> {
    fn new(shared: &'s Mutex<Shared<'i, I>>, share_bytes: usize) -> Self {
        Self {
            tally: Tally::default(),
            stamp: None,
            newest_unstamped: None,
            share_bytes,
            shared,
        }
    }
}

impl<I: Intake> Collector for TallyCollector<'_, '_, I> {
    type Batch = ();

    fn begin(&mut self, file: &InputFile) {
        self.stamp = file.delivery.stamp;
    }

    fn record(&mut self, record: &Record<'_>) {
        self.tally.add(record, self.stamp);
        if self.stamp.is_none() {
            self.newest_unstamped = self.newest_unstamped.max(Some(record.time.hour().end()));
        }
        if self.tally.is_beyond(self.share_bytes) {
            lock(self.shared).take(std::mem::take(&mut self.tally));
        }
    }

    fn pending_bytes(&self) -> usize {
        0
    }

    fn take(&mut self) {}
}

impl<I: Intake> Drop for TallyCollector<'_, '_, I> {
    fn drop(&mut self) {
        // The program ends with its first panic.
        if !std::thread::panicking() {
            let mut shared = lock(self.shared);
            shared.newest_unstamped = shared.newest_unstamped.max(self.newest_unstamped);
            shared.take(std::mem::take(&mut self.tally));
        }
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

//! From files to tallies: by the reading threads, in segments within which no day falls due.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use keytrail_detect::bounds::CLOSE_LAG_SECONDS;
use keytrail_detect::tally::Tally;
use keytrail_event::{EventTime, Record, Repeat};

use crate::coverage;
use crate::input::{Discovered, InputFile};
use crate::progress::Progress;
use crate::scan::{Collector, Part, scan};
use crate::threads::Threads;
use keytrail_report::summary::Coverage;

/// What takes tallies in.
pub trait Intake: Send {
    /// All files that follow have this stamp or a later one.
    fn reach(&mut self, stamp: EventTime) -> anyhow::Result<()>;

    /// Takes in what one thread tallied of some files.
    fn take(&mut self, tally: Tally) -> anyhow::Result<()>;
}

/// Reads the files into an intake, and returns the newest stamp; `None` when there is none. All
/// threads together tally no more than about `room_bytes` before they hand over.
///
/// # Errors
/// When the reading threads or the intake fail; what is wrong with a file is part of the coverage.
pub fn collect(
    found: &Discovered,
    threads: &Threads,
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
        let share_bytes = room_bytes / threads.number();
        let (give, handed) = sync_channel(0);
        let is_failed = AtomicBool::new(false);
        let (scanned, taken) = thread::scope(|scope| {
            let intake = &mut *intake;
            let taking = scope.spawn(|| take_all(intake, handed, &is_failed));
            let scanned = scan(
                segment,
                threads,
                progress,
                || TallyCollector::new(give.clone(), share_bytes),
                coverage,
                |_, _: Part<()>| {
                    let is_failed = is_failed.load(Ordering::Relaxed);
                    anyhow::ensure!(!is_failed, "nobody takes tallies in any more");
                    Ok(())
                },
            );
            drop(give);
            (
                scanned,
                taking.join().unwrap_or_else(|panic| resume_unwind(panic)),
            )
        });
        // That nobody takes anything in is why nothing is read any more.
        let newest_unstamped = taken?;
        scanned?;
        newest_stamp = newest_stamp.max(newest_unstamped).max(newest_of_segment);
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

/// A tally on its way from who read to who takes in.
struct Handed {
    tally: Tally,
    /// A file without a stamp counts as delivered at the end of each of its hours: the last of them.
    newest_unstamped: Option<EventTime>,
    /// Hears when it has been taken in.
    done: SyncSender<()>,
}

/// Takes in what is handed over, till nobody is left to do so, and returns the newest hour of files without a stamp.
///
/// One thread does it for all: what an allocator keeps for each thread is then kept once. Nothing more is taken in
/// after the first failure.
fn take_all(
    intake: &mut impl Intake,
    handed: Receiver<Handed>,
    is_failed: &AtomicBool,
) -> anyhow::Result<Option<EventTime>> {
    let mut newest = None;
    let mut result = Ok(());
    for Handed {
        tally,
        newest_unstamped,
        done,
    } in handed
    {
        newest = newest.max(newest_unstamped);
        if result.is_ok() {
            result = intake.take(tally);
            is_failed.store(result.is_err(), Ordering::Relaxed);
        }
        // Whoever handed it over may be gone already.
        let _ = done.send(());
    }
    result.map(|()| newest)
}

/// Tallies the records of one thread, and hands the tally over when it has grown beyond the
/// thread's share of the room, and when the thread is done.
struct TallyCollector {
    tally: Tally,
    stamp: Option<EventTime>,
    newest_unstamped: Option<EventTime>,
    share_bytes: usize,
    give: SyncSender<Handed>,
}

impl TallyCollector {
    fn new(give: SyncSender<Handed>, share_bytes: usize) -> Self {
        Self {
            tally: Tally::default(),
            stamp: None,
            newest_unstamped: None,
            share_bytes,
            give,
        }
    }

    /// Looks after the tally, which has taken in a record of this time.
    #[inline]
    fn took_in(&mut self, time: EventTime) {
        if self.stamp.is_none() {
            self.newest_unstamped = self.newest_unstamped.max(Some(time.hour().end()));
        }
        if self.tally.is_beyond(self.share_bytes) {
            self.hand_over();
        }
    }

    /// Waits till the tally has been taken in, so that no more than one a thread is in memory.
    fn hand_over(&mut self) {
        let (done, is_done) = sync_channel(1);
        let handed = Handed {
            tally: std::mem::take(&mut self.tally),
            newest_unstamped: self.newest_unstamped,
            done,
        };
        // Nobody takes it when the taking thread panicked, which ends the program.
        if self.give.send(handed).is_ok() {
            let _ = is_done.recv();
        }
    }
}

impl Collector for TallyCollector {
    type Batch = ();

    fn begin(&mut self, file: &InputFile) {
        self.stamp = file.delivery.stamp;
    }

    fn record(&mut self, record: &Record<'_>) {
        self.tally.add(record, self.stamp);
        self.took_in(record.time);
    }

    #[inline]
    fn repeat(&mut self, repeat: &Repeat<'_>) -> bool {
        let is_all = self.tally.add_repeat(repeat, self.stamp);
        if is_all {
            self.took_in(repeat.time());
        }
        is_all
    }

    fn pending_bytes(&self) -> usize {
        0
    }

    fn take(&mut self) {}
}

impl Drop for TallyCollector {
    fn drop(&mut self) {
        // The program ends with its first panic.
        if !thread::panicking() {
            self.hand_over();
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

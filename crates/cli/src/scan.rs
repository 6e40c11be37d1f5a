//! Reading all files by several threads, in an order that does not depend on them.
//!
//! A command says what to collect of a record ([`Collector`], one per thread) and what to do with
//! what was collected (`merge`, on the main thread, in the files' order). Everything about files,
//! their faults and the counting is here, and the same for every command.

use std::io::Read;
use std::ops::ControlFlow;

use keytrail_event::{EventTime, Issue, IssueKind, Reader, Record, Repeat, Sink};
use keytrail_report::summary::Coverage;

use crate::coverage::{self, ISSUES_KEPT_MAX};
use crate::input::{FileReport, InputFile, Readahead, Unpacker};
use crate::pipeline::{self, Emit};
use crate::progress::Progress;
use crate::threads::Threads;

/// A batch is handed on when it has reached this size, in bytes.
const BATCH_BYTES_MAX: usize = 1 << 20;

/// Collects what a command wants of the records, on one thread; lives from file to file.
pub trait Collector {
    /// What is handed to the main thread.
    type Batch: Send;

    /// A file begins; what was collected of the one before has been taken.
    fn begin(&mut self, file: &InputFile);
    /// A record of the file that is kept.
    fn record(&mut self, record: &Record<'_>);
    /// A record of the file that repeats one before. Whether that was all; else nothing was done, and it is made
    /// a record of.
    fn repeat(&mut self, repeat: &Repeat<'_>) -> bool {
        let _ = repeat;
        false
    }
    /// About how many bytes wait to be taken. Nothing is taken at 0.
    fn pending_bytes(&self) -> usize;
    /// Takes what was collected of this file since the last taking.
    fn take(&mut self) -> Self::Batch;
}

/// What the main thread hears, file by file.
pub enum Part<B> {
    /// Something collected of the file.
    Batch(B),
    /// The file has ended.
    End,
}

/// Reads the files on these threads, and adds what was read to `coverage`.
///
/// # Errors
/// The first error of `merge`. What is wrong with a file is no error but part of the coverage.
pub fn scan<C: Collector>(
    files: &[InputFile],
    threads: &Threads,
    progress: &Progress,
    collector: impl Fn() -> C + Sync,
    coverage: &mut Coverage,
    mut merge: impl FnMut(&InputFile, Part<C::Batch>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let ahead = Readahead::new(files);
    pipeline::ordered(
        files.len(),
        threads,
        || Worker {
            unpacker: Unpacker::default(),
            reader: Reader::default(),
            collector: collector(),
        },
        |worker, index, emit| worker.read(&files[index], || ahead.open(index), progress, emit),
        |index, part| match part {
            FilePart::Batch(batch) => merge(&files[index], Part::Batch(batch)),
            FilePart::End(end) => {
                coverage::add(coverage, &files[index], *end);
                merge(&files[index], Part::End)
            }
        },
    )
}

/// What one thread keeps from file to file.
struct Worker<C> {
    unpacker: Unpacker,
    reader: Reader,
    collector: C,
}

/// What is handed to the main thread.
enum FilePart<B> {
    Batch(B),
    End(Box<FileEnd>),
}

/// What one file came to, with what was noticed while its records passed.
#[derive(Debug, Default)]
pub struct FileEnd {
    /// What the reading came to.
    pub report: FileReport,
    /// The first issues that cost a record.
    pub issues: Vec<Issue>,
    /// Records without an event id.
    pub without_event_id: u64,
    /// First and last event time of the records kept.
    pub times: Option<(EventTime, EventTime)>,
}

impl<C: Collector> Worker<C> {
    fn read(
        &mut self,
        file: &InputFile,
        open: impl FnOnce() -> std::io::Result<Box<dyn Read>>,
        progress: &Progress,
        emit: &mut Emit<'_, FilePart<C::Batch>>,
    ) {
        self.collector.begin(file);
        let mut sink = FileSink {
            collector: &mut self.collector,
            emit,
            end: FileEnd::default(),
            is_wanted: ControlFlow::Continue(()),
        };
        let on_bytes = |bytes| progress.bytes(bytes);
        let report = match open() {
            Ok(source) => {
                let size = file.bytes.and_then(|bytes| usize::try_from(bytes).ok());
                let size = size.unwrap_or_default();
                self.unpacker
                    .read(source, size, &mut self.reader, &mut sink, &on_bytes)
            }
            Err(error) => FileReport {
                problem: Some(format!("cannot be opened: {error}")),
                ..FileReport::default()
            },
        };
        progress.events(report.reading.records);
        sink.hand_over();
        let FileSink {
            emit,
            mut end,
            is_wanted,
            ..
        } = sink;
        end.report = report;
        if is_wanted.is_continue() {
            // Whether anybody wants more is asked again by the next file.
            let _ = emit(FilePart::End(Box::new(end)));
        }
    }
}

/// Passes one file's records to the collector, and its batches on.
struct FileSink<'s, 'e, C: Collector> {
    collector: &'s mut C,
    emit: &'s mut Emit<'e, FilePart<C::Batch>>,
    end: FileEnd,
    is_wanted: ControlFlow<()>,
}

impl<C: Collector> FileSink<'_, '_, C> {
    /// Notes when an event was, after it was collected.
    #[inline]
    fn took_in(&mut self, time: EventTime) {
        let (first, last) = self.end.times.unwrap_or((time, time));
        self.end.times = Some((first.min(time), last.max(time)));
        if self.collector.pending_bytes() >= BATCH_BYTES_MAX {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        if self.collector.pending_bytes() > 0 {
            let batch = self.collector.take();
            if self.is_wanted.is_continue() {
                self.is_wanted = (self.emit)(FilePart::Batch(batch));
            }
        }
    }
}

impl<C: Collector> Sink for FileSink<'_, '_, C> {
    fn record(&mut self, record: &Record<'_>) {
        self.collector.record(record);
        self.took_in(record.time);
    }

    #[inline]
    fn repeat(&mut self, repeat: &Repeat<'_>) -> bool {
        let is_all = self.collector.repeat(repeat);
        if is_all {
            self.took_in(repeat.time());
        }
        is_all
    }

    fn issue(&mut self, issue: Issue) {
        if issue.kind == IssueKind::NoEventId {
            self.end.without_event_id += 1;
        } else if self.end.issues.len() < ISSUES_KEPT_MAX {
            self.end.issues.push(issue);
        }
    }
}

//! What was read and what became of it: the numbers that say how far an answer reaches.

use keytrail_event::{EventTime, Issue, Reading};
use serde::Serialize;

use crate::input::{InputFile, UnreadableFile};
use crate::scan::FileEnd;

/// Issues that are kept with file, record and reason; the rest is only counted.
pub const ISSUES_KEPT_MAX: usize = 100;
/// Files with bytes behind their packed data that are named.
const TRAILING_NAMED_MAX: usize = 100;

/// What a run read. `reading.records` is the sum of the counts below it.
#[derive(Debug, Default, Serialize)]
pub struct Coverage {
    /// Files found, those that could not be read among them.
    pub files: u64,
    /// Files without a time in their name.
    pub files_unstamped: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Bytes of text in them.
    pub text_bytes: u64,
    /// Records by what became of them.
    #[serde(flatten)]
    pub reading: Reading,
    /// Records kept that have no event id; their bytes identify them.
    pub without_event_id: u64,
    /// Earliest event time of the records kept.
    pub first_event: Option<EventTime>,
    /// Latest event time of the records kept.
    pub last_event: Option<EventTime>,
    /// Every file that could not be read, or not to its end.
    pub unreadable: Vec<UnreadableFile>,
    /// The first records that could not be read, but for files that are named as a whole.
    pub issues: Vec<NamedIssue>,
    /// How many there are of them.
    pub issues_count: u64,
    /// The first files with something behind their packed data.
    pub trailing_bytes: Vec<String>,
    /// How many files have something behind their packed data.
    pub files_with_trailing_bytes: u64,
}

/// A record that could not be read.
#[derive(Debug, Serialize)]
pub struct NamedIssue {
    /// The file, safe to show.
    pub file: String,
    /// What is wrong. Holds text from the input.
    #[serde(flatten)]
    pub issue: Issue,
}

impl Coverage {
    /// Whether some file or record could not be read.
    pub fn is_incomplete(&self) -> bool {
        !self.unreadable.is_empty() || self.reading.malformed > 0
    }

    /// Counts a file that could not even be opened.
    pub fn add_unopened(&mut self, file: UnreadableFile) {
        self.files += 1;
        self.unreadable.push(file);
    }

    /// Counts a file that was read.
    pub fn add(&mut self, file: &InputFile, end: FileEnd) {
        debug_assert!(end.report.reading.is_conserved(), "{end:?}");
        self.files += 1;
        self.files_unstamped += u64::from(file.delivery.stamp.is_none());
        self.bytes += end.report.bytes;
        self.text_bytes += end.report.text_bytes;
        self.reading.add(&end.report.reading);
        self.without_event_id += end.without_event_id;
        if let Some((first, last)) = end.times {
            self.first_event = Some(self.first_event.map_or(first, |time| time.min(first)));
            self.last_event = Some(self.last_event.map_or(last, |time| time.max(last)));
        }
        if end.report.has_trailing_bytes {
            self.files_with_trailing_bytes += 1;
            if self.trailing_bytes.len() < TRAILING_NAMED_MAX {
                self.trailing_bytes.push(file.name());
            }
        }
        // What is said of the whole file need not be said of its records again.
        if !(end.report.is_hopeless() && end.report.problem.is_some()) {
            self.issues_count += end.report.reading.malformed;
            let room = ISSUES_KEPT_MAX - self.issues.len();
            for issue in end.issues.into_iter().take(room) {
                self.issues.push(NamedIssue {
                    file: file.name(),
                    issue,
                });
            }
        }
        if let Some(reason) = end.report.problem {
            self.unreadable.push(UnreadableFile {
                file: file.name(),
                reason,
            });
        }
    }
}

//! What was read and what became of it.

use keytrail_event::{EventTime, Issue, Reading};
use serde::Serialize;

/// What a run read. `reading.records` is the sum of the record counts beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
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

impl Coverage {
    /// Whether some file or record could not be read.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        !self.unreadable.is_empty() || self.reading.malformed > 0
    }

    /// Whether there was nothing to read: no file, or no record in those there are.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.reading.records == 0
    }
}

/// A file that could not be read, or not to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnreadableFile {
    /// Its name, as [`crate::escape::path`] shows it.
    pub file: String,
    /// Why, as a lowercase fragment.
    pub reason: String,
}

/// A record that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamedIssue {
    /// The file, as [`crate::escape::path`] shows it.
    pub file: String,
    /// What is wrong. Holds text from the input.
    #[serde(flatten)]
    pub issue: Issue,
}

//! What was wrong with the input: counted, placed and in words.

use std::fmt;

use serde::Serialize;

/// Longest detail text of an issue, in bytes.
const DETAIL_BYTES_MAX: usize = 200;

/// One thing that was wrong with a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Issue {
    /// What is wrong.
    pub kind: IssueKind,
    /// Which record of the delivery, counted from 0; `None` when it is not about one record.
    pub record_index: Option<u64>,
    /// More words: the field, the position, the parser's reason. Holds text from the input.
    pub detail: String,
}

impl Issue {
    /// An issue whose detail is cut to 200 bytes.
    #[must_use]
    pub fn new(kind: IssueKind, record_index: Option<u64>, detail: impl fmt::Display) -> Self {
        let mut detail = detail.to_string();
        detail.truncate(detail.floor_char_boundary(DETAIL_BYTES_MAX));
        Self {
            kind,
            record_index,
            detail,
        }
    }
}

/// The kinds of issue. All but `NoEventId` mean that a record was not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IssueKind {
    /// The input ends inside a value.
    Truncated,
    /// The bytes are not JSON.
    NotJson,
    /// The bytes are not UTF-8.
    NotUtf8,
    /// A record is longer than [`crate::RECORD_BYTES_MAX`].
    TooLarge,
    /// A record is nested deeper than [`crate::DEPTH_MAX`].
    TooDeep,
    /// A field has a type that CloudTrail never gives it, or a required field is missing.
    BadField,
    /// `eventTime` is not a time.
    BadTime,
    /// JSON, but neither a record nor anything that carries records.
    NotARecord,
    /// A table in CSV, which Keytrail does not read.
    Csv,
    /// So much of the input was damaged that its rest is passed over.
    GivenUp,
    /// The record has no `eventID`. It is kept; its bytes identify it.
    NoEventId,
}

impl IssueKind {
    /// Whether an issue of this kind means that the record was lost.
    #[must_use]
    pub const fn is_malformed(self) -> bool {
        !matches!(self, Self::NoEventId)
    }

    /// What to say of it, as a lowercase fragment.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Truncated => "the input ends inside a value",
            Self::NotJson => "not JSON",
            Self::NotUtf8 => "not UTF-8",
            Self::TooLarge => "record larger than 1 MiB",
            Self::TooDeep => "nested deeper than 64 levels",
            Self::BadField => "bad field",
            Self::BadTime => "bad eventTime",
            Self::NotARecord => "not a CloudTrail record",
            Self::Csv => {
                "a CSV export, which is not read; give the trail's own files, or for CloudTrail Lake the JSON of `aws cloudtrail get-query-results` for a query that selects eventJson"
            }
            Self::GivenUp => "too much damage; the rest of the input is passed over",
            Self::NoEventId => "no eventID; kept, identified by its content",
        }
    }
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(index) = self.record_index {
            write!(f, "record {index}: ")?;
        }
        f.write_str(self.kind.as_str())?;
        if !self.detail.is_empty() {
            write!(f, " ({})", self.detail)?;
        }
        Ok(())
    }
}

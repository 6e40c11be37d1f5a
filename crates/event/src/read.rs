//! Reading a delivery: bytes in, records and issues out to a sink.

mod envelope;
mod values;

use serde::Serialize;

use crate::identity_memo::IdentityMemo;
use crate::issue::{Issue, IssueKind};
use crate::pick::Picker;
use crate::record::Record;
use crate::split::{Piece, Splitter, Verdict};
use crate::template::{Repeat, Templates};
use values::Values;

/// Longest record that is read, in bytes. CloudTrail's own limit is 256 KiB an event.
pub const RECORD_BYTES_MAX: usize = 1 << 20;

/// Receives what a delivery holds.
pub trait Sink {
    /// A record to keep: of KMS, or of another service that rules read.
    fn record(&mut self, record: &Record<'_>);
    /// A record to keep that repeats one before. Whether that was all there is to do; else nothing was done, and
    /// the record is made and handed over.
    #[inline]
    fn repeat(&mut self, repeat: &Repeat<'_>) -> bool {
        let _ = repeat;
        false
    }
    /// Something was wrong.
    fn issue(&mut self, issue: Issue);
    /// The text of a record, of whatever service, before anything is made of it. Only a reader of
    /// [`Reader::of_every_record`] tells.
    fn text(&mut self, text: &str) {
        let _ = text;
    }
}

/// What a delivery held, counted. `records` is the sum of the record counts below it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Reading {
    /// Records found, whatever became of them.
    pub records: u64,
    /// KMS records handed to the sink.
    pub kms: u64,
    /// Records of other services handed to the sink.
    pub other_services: u64,
    /// Records that nobody reads.
    pub skipped_other_services: u64,
    /// CloudTrail Insights records.
    pub skipped_insights: u64,
    /// Control messages and events that are not CloudTrail's.
    pub skipped_not_cloudtrail: u64,
    /// Records that could not be read, each with an issue.
    pub malformed: u64,
    /// Digest files recognised.
    pub digests: u64,
}

impl Reading {
    /// Adds the counts of another delivery.
    pub fn add(&mut self, other: &Self) {
        self.records += other.records;
        self.kms += other.kms;
        self.other_services += other.other_services;
        self.skipped_other_services += other.skipped_other_services;
        self.skipped_insights += other.skipped_insights;
        self.skipped_not_cloudtrail += other.skipped_not_cloudtrail;
        self.malformed += other.malformed;
        self.digests += other.digests;
    }

    /// Whether every record ended in exactly one count.
    #[must_use]
    pub const fn is_conserved(&self) -> bool {
        self.records
            == self.kms
                + self.other_services
                + self.skipped_other_services
                + self.skipped_insights
                + self.skipped_not_cloudtrail
                + self.malformed
    }
}

/// What is kept from one delivery to the next: identities, and records that come again and again.
#[derive(Debug, Default)]
pub struct Reader {
    memo: IdentityMemo,
    picker: Picker,
    templates: Templates,
    /// Whether the sink hears the text of every record.
    tells_texts: bool,
}

impl Reader {
    /// A reader that tells its sink the text of every record ([`Sink::text`]), those that nobody keeps too. It
    /// takes no short cuts, and is slower for that.
    #[must_use]
    pub fn of_every_record() -> Self {
        Self {
            tells_texts: true,
            ..Self::default()
        }
    }

    /// The slow reader that the walker is held to.
    #[cfg(any(test, feature = "oracle"))]
    #[must_use]
    pub fn oracle() -> Self {
        Self {
            picker: Picker::oracle(),
            templates: Templates {
                is_off: true,
                ..Templates::default()
            },
            ..Self::default()
        }
    }

    #[cfg(any(test, feature = "oracle"))]
    pub(crate) fn with_walker(walker: crate::walker::Walker) -> Self {
        Self {
            picker: Picker::with_walker(walker),
            ..Self::default()
        }
    }

    /// Reads a whole delivery that is in memory.
    pub fn read(&mut self, bytes: &[u8], sink: &mut impl Sink) -> Reading {
        let mut delivery = self.begin();
        delivery.feed(bytes, true, sink);
        delivery.reading
    }

    /// Begins a delivery that is fed in pieces.
    pub fn begin(&mut self) -> Delivery<'_> {
        Delivery {
            reader: self,
            splitter: Splitter::default(),
            reading: Reading::default(),
        }
    }
}

/// One delivery on its way.
#[derive(Debug)]
pub struct Delivery<'r> {
    reader: &'r mut Reader,
    splitter: Splitter,
    reading: Reading,
}

impl Delivery<'_> {
    /// Reads the records in `bytes`, which begin where the last feeding had come to. `last` says
    /// that nothing follows. Returns how many bytes are done with; the rest is to be fed again
    /// with more behind it.
    pub fn feed(&mut self, bytes: &[u8], last: bool, sink: &mut impl Sink) -> usize {
        let Self {
            reader,
            splitter,
            reading,
        } = self;
        splitter.feed(bytes, last, &mut |piece| match piece {
            // What is not looked at as it begins is handed over whole.
            Piece::Open(..) if reader.tells_texts => Verdict::NotJson,
            Piece::Open(bytes, start, place) => {
                let mut values = Values {
                    reader,
                    reading,
                    sink,
                };
                values.open(bytes, start, place)
            }
            Piece::Value(value) => {
                let mut values = Values {
                    reader,
                    reading,
                    sink,
                };
                values.read(value)
            }
            Piece::Digest => {
                reading.digests += 1;
                Verdict::Json
            }
            Piece::Broken(IssueKind::NotJson, at)
                if reading.records == 0 && looks_like_csv(&bytes[at.min(bytes.len())..]) =>
            {
                malformed(reading, sink, Issue::new(IssueKind::Csv, None, ""));
                Verdict::Json
            }
            Piece::Broken(kind, at) => {
                let detail =
                    format_args!("{}", Glimpse(bytes.get(at..).unwrap_or_default())).to_string();
                malformed(reading, sink, Issue::new(kind, None, detail));
                Verdict::Json
            }
        })
    }

    /// Passes over a value that is longer than the caller's buffer, as a record too large.
    pub fn give_up(&mut self, sink: &mut impl Sink) {
        self.splitter.give_up();
        malformed(
            &mut self.reading,
            sink,
            Issue::new(IssueKind::TooLarge, None, ""),
        );
    }

    /// What the delivery held so far.
    #[must_use]
    pub const fn reading(&self) -> &Reading {
        &self.reading
    }
}

fn malformed(reading: &mut Reading, sink: &mut impl Sink, mut issue: Issue) {
    issue.record_index = Some(reading.records);
    reading.records += 1;
    reading.malformed += 1;
    sink.issue(issue);
}

/// The first bytes of something that could not be read, as printable ASCII.
struct Glimpse<'a>(&'a [u8]);

impl std::fmt::Display for Glimpse<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const GLIMPSE_BYTES: usize = 24;
        if self.0.is_empty() {
            return f.write_str("at its end");
        }
        let bytes = &self.0[..self.0.len().min(GLIMPSE_BYTES)];
        write!(f, "at `{}`", bytes.escape_ascii())
    }
}

/// Whether the input begins as the exports of Athena and CloudTrail Lake do: a line of column names.
fn looks_like_csv(bytes: &[u8]) -> bool {
    const COLUMNS: [&str; 7] = [
        "eventversion",
        "eventid",
        "eventsource",
        "eventname",
        "eventtime",
        "useridentity",
        "eventjson",
    ];
    const LINE_BYTES_MAX: usize = 4_096;
    let line = &bytes[..bytes.len().min(LINE_BYTES_MAX)];
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line).to_ascii_lowercase();
    !line.contains('{')
        && line
            .split([',', ';', '\t'])
            .any(|cell| COLUMNS.contains(&cell.trim().trim_matches('"')))
}

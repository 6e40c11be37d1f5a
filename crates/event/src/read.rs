//! Reading a delivery: bytes in, records and issues out to a sink.

use serde::Serialize;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::fields::{Fields, Text};
use crate::identity_memo::IdentityMemo;
use crate::issue::{Issue, IssueKind};
use crate::pick::{Opened, Picker};
use crate::principal::IdentitySurroundings;
use crate::record::{Normalised, Record};
use crate::selection::{KMS, Selection};
use crate::split::{Piece, Splitter, Verdict};
use crate::template::{Follower, Templates};
use crate::walk::{Walk, skip_space, value_end};
use crate::walker::{Followed, Place, SeenIdentity};

/// Longest record that is read, in bytes. CloudTrail's own limit is 256 KiB an event.
pub const RECORD_BYTES_MAX: usize = 1 << 20;

/// Receives what a delivery holds.
pub trait Sink {
    /// A record to keep: of KMS, or of another service that rules read.
    fn record(&mut self, record: &Record<'_>);
    /// Something was wrong.
    fn issue(&mut self, issue: Issue);
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
}

impl Reader {
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

/// Reads complete values: records and envelopes.
struct Values<'v, S> {
    reader: &'v mut Reader,
    reading: &'v mut Reading,
    sink: &'v mut S,
}

impl<S: Sink> Values<'_, S> {
    /// Reads the record that begins at `start`, unless it takes a closer look: anything that is
    /// wrong with it is left to [`Values::read`].
    #[inline(always)]
    fn open(&mut self, bytes: &[u8], start: usize, place: Place) -> Verdict {
        let mut followed = None;
        if place == Place::Array && !self.reader.templates.is_off {
            let Reader {
                picker, templates, ..
            } = &mut *self.reader;
            followed = picker.follow(bytes, start, templates);
        }
        match followed {
            Some(Followed::Unwanted(length)) => {
                self.reading.records += 1;
                self.reading.skipped_other_services += 1;
                Verdict::Ended(length)
            }
            Some(Followed::Frame {
                frame,
                length,
                identity,
            }) if self.keep_follower(&bytes[start..start + length], frame, identity) => {
                Verdict::Ended(length)
            }
            _ => self.walk(bytes, start, place, followed),
        }
    }

    /// Counts a record that follows a frame, and hands it to the sink. `false` when it says something
    /// new.
    #[inline(always)]
    fn keep_follower(&mut self, bytes: &[u8], index: usize, identity: SeenIdentity) -> bool {
        let templates = &self.reader.templates;
        let Some(frame) = templates.frames.get(index) else {
            return false;
        };
        let follower = Follower {
            frame,
            places: &templates.places,
            identity: identity.number,
            bytes,
        };
        let Some(record) = templates.learnt.record(&follower) else {
            return self.keep_alike(bytes, index, identity);
        };
        self.reading.records += 1;
        self.reading.kms += 1;
        self.sink.record(&record);
        true
    }

    /// The same for a record like those that somebody else made: only who it is must be read. `false`
    /// when it says something new.
    #[inline(never)]
    fn keep_alike(&mut self, bytes: &[u8], frame: usize, identity: SeenIdentity) -> bool {
        let Reader {
            memo,
            picker,
            templates,
        } = &mut *self.reader;
        let Some(frame) = templates.frames.get(frame) else {
            return false;
        };
        let follower = Follower {
            frame,
            places: &templates.places,
            identity: identity.number,
            bytes,
        };
        let who = || {
            let surroundings = IdentitySurroundings {
                event_source: KMS,
                is_service_event: follower.is_service_event(),
                recipient_account: Some(follower.recipient_account()?),
            };
            let echo = &mut picker.picked().echo;
            let known = echo.known(identity.set);
            if let Some(who) = known.and_then(|known| memo.known(known, surroundings)) {
                return Some(who);
            }
            let text = follower.identity_text()?;
            let who = memo.identity(Some(text), surroundings).ok()?;
            echo.learn(identity.set, memo.remember(&who, known, surroundings));
            Some(who)
        };
        if !templates.learnt.learn_of_alike(&follower, who) {
            return false;
        }
        let Some(record) = templates.learnt.record(&follower) else {
            return false;
        };
        self.reading.records += 1;
        self.reading.kms += 1;
        self.sink.record(&record);
        true
    }

    /// Walks over the record that begins at `start`. `followed` is the frame that it follows.
    #[inline(never)]
    fn walk(
        &mut self,
        bytes: &[u8],
        start: usize,
        place: Place,
        followed: Option<Followed>,
    ) -> Verdict {
        match self.reader.picker.open(bytes, start, place) {
            None => Verdict::NotJson,
            Some(Opened::Unfinished) => Verdict::Unfinished,
            Some(Opened::Unwanted(length)) => {
                self.reading.records += 1;
                self.reading.skipped_other_services += 1;
                Verdict::Ended(length)
            }
            Some(Opened::Record(text)) => {
                let fields = self.reader.picker.fields(text);
                let kms_before = self.reading.kms;
                match self.keep(fields, text, followed) {
                    Ok(()) => {
                        let is_kept = self.reading.kms > kms_before;
                        if place == Place::Array && followed.is_none() && is_kept {
                            self.learn(bytes, start, text.len());
                        }
                        Verdict::Ended(text.len())
                    }
                    Err(_) => Verdict::NotJson,
                }
            }
        }
    }

    /// Learns the frame of a KMS record that was read in the ordinary way.
    fn learn(&mut self, bytes: &[u8], start: usize, length: usize) {
        let Reader {
            picker, templates, ..
        } = &mut *self.reader;
        if !templates.is_off
            && templates.frames.may_learn(&bytes[start..start + length])
            && let Some(text) = picker.sound(bytes, start, start + length)
        {
            templates.frames.learn(text);
        }
    }

    fn read(&mut self, value: &[u8]) -> Verdict {
        let result = if value.len() > RECORD_BYTES_MAX {
            Err(Issue::new(
                IssueKind::TooLarge,
                None,
                format_args!("{} bytes", value.len()),
            ))
        } else {
            std::str::from_utf8(value)
                .map_err(|error| Issue::new(IssueKind::NotUtf8, None, error))
                .and_then(|text| self.read_text(text))
        };
        let Err(issue) = result else {
            return Verdict::Json;
        };
        malformed(self.reading, self.sink, issue);
        Verdict::NotJson
    }

    /// Reads a record, or what an envelope holds.
    fn read_text(&mut self, text: &str) -> Result<(), Issue> {
        if text.starts_with('[') {
            return self.read_row(text);
        }
        let fields = self.reader.picker.pick(text)?;
        if fields.event_source.is_some() || fields.event_type.is_some() {
            return self.read_fields(fields, text);
        }
        let envelope: Envelope<'_> =
            serde_json::from_str(text).map_err(|error| json_issue(&error, text))?;
        match envelope {
            Envelope {
                record: Some(Text(record)),
                ..
            } => {
                let fields = self.pick_carried(&record)?;
                self.read_fields(fields, &record)
            }
            Envelope {
                message: Some(Text(message)),
                ..
            } if !message.trim_start().starts_with('{') => self.skip_not_cloudtrail(),
            Envelope {
                message: Some(Text(message)),
                ..
            } => {
                let fields = self.pick_carried(&message)?;
                self.read_fields(fields, &message)
            }
            Envelope {
                detail: Some(detail),
                detail_type,
                ..
            } => match self.reader.picker.pick(detail) {
                Ok(fields) if fields.event_source.is_some() => self.read_fields(fields, detail),
                Err(issue)
                    if detail_type.is_some_and(|Text(name)| name.ends_with(VIA_CLOUDTRAIL)) =>
                {
                    Err(issue)
                }
                Ok(_) | Err(_) => self.skip_not_cloudtrail(),
            },
            _ => Err(Issue::new(
                IssueKind::NotARecord,
                None,
                "no eventSource, and no key that carries records",
            )),
        }
    }

    /// Reads a row of a CloudTrail Lake query: an array of one-column objects.
    fn read_row(&mut self, text: &str) -> Result<(), Issue> {
        let row: Vec<Envelope<'_>> =
            serde_json::from_str(text).map_err(|error| json_issue(&error, text))?;
        let Some(Text(record)) = row.into_iter().find_map(|column| column.record) else {
            return Err(Issue::new(
                IssueKind::NotARecord,
                None,
                "an array without an eventJson column",
            ));
        };
        let fields = self.pick_carried(&record)?;
        self.read_fields(fields, &record)
    }

    /// Picks the fields of a record that came as a string, which nobody has walked over yet.
    fn pick_carried<'t>(&mut self, record: &'t str) -> Result<Fields<'t>, Issue> {
        let start = skip_space(record.as_bytes(), 0);
        if let Walk::Broken(kind, at) = value_end(record.as_bytes(), start) {
            let detail = format_args!("at byte {at} of the string");
            return Err(Issue::new(kind, None, detail));
        }
        self.reader.picker.pick(record)
    }

    fn skip_not_cloudtrail(&mut self) -> Result<(), Issue> {
        self.reading.records += 1;
        self.reading.skipped_not_cloudtrail += 1;
        Ok(())
    }

    fn read_fields(&mut self, fields: Fields<'_>, raw: &str) -> Result<(), Issue> {
        self.keep(fields, raw, None)
    }

    /// Counts a record, and hands it to the sink if somebody reads it. Inlined, so that its fields
    /// are not moved about.
    #[inline(always)]
    fn keep(
        &mut self,
        fields: Fields<'_>,
        raw: &str,
        followed: Option<Followed>,
    ) -> Result<(), Issue> {
        let Self {
            reader,
            reading,
            sink,
        } = self;
        let Templates {
            frames,
            learnt,
            places,
            ..
        } = &mut reader.templates;
        let mut keep = |record: &mut Record<'_>, selection| {
            if let Some(Followed::Frame {
                frame, identity, ..
            }) = followed
                && let Some(frame) = frames.get(frame)
            {
                let follower = Follower {
                    frame,
                    places,
                    identity: identity.number,
                    bytes: raw.as_bytes(),
                };
                record.template = learnt.learn(&follower, record);
            }
            if record.event_id.is_none() {
                sink.issue(Issue::new(IssueKind::NoEventId, Some(reading.records), ""));
            }
            match selection {
                Selection::Kms => reading.kms += 1,
                _ => reading.other_services += 1,
            }
            sink.record(record);
        };
        match Record::normalise(
            fields,
            raw,
            reader.picker.picked(),
            &mut reader.memo,
            &mut keep,
        )? {
            Normalised::Kept => {}
            Normalised::Skipped => self.reading.skipped_other_services += 1,
            Normalised::Insight => self.reading.skipped_insights += 1,
        }
        self.reading.records += 1;
        Ok(())
    }
}

/// What is wrong with this text. The parser calls an error inside a field one of data even where the
/// text is no JSON, so that is looked at again.
fn json_issue(error: &serde_json::Error, text: &str) -> Issue {
    let kind = if error.is_data() && serde_json::from_str::<IgnoredAny>(text).is_ok() {
        IssueKind::BadField
    } else {
        IssueKind::NotJson
    };
    Issue::new(kind, None, error)
}

/// How the `detail-type` of an EventBridge envelope ends that carries a CloudTrail record.
const VIA_CLOUDTRAIL: &str = "via CloudTrail";

/// What carries one record.
#[derive(Debug, Default)]
struct Envelope<'a> {
    /// `CloudTrailEvent` of `lookup-events`, `eventJson` of CloudTrail Lake: the record as a string.
    record: Option<Text<'a>>,
    /// `message` of CloudWatch Logs: the record as a string.
    message: Option<Text<'a>>,
    /// `detail` of EventBridge: the record itself.
    detail: Option<&'a str>,
    /// `detail-type` of EventBridge.
    detail_type: Option<Text<'a>>,
}

impl<'de> Deserialize<'de> for Envelope<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EnvelopeVisitor;
        impl<'de> Visitor<'de> for EnvelopeVisitor {
            type Value = Envelope<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object that carries a record")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut envelope = Envelope::default();
                while let Some(key) = map.next_key::<Text<'de>>()? {
                    match &*key.0 {
                        "CloudTrailEvent" | "eventJson" => envelope.record = map.next_value()?,
                        "detail-type" => envelope.detail_type = map.next_value()?,
                        "message" => envelope.message = map.next_value()?,
                        "detail" => {
                            envelope.detail = Some(map.next_value::<&'de RawValue>()?.get())
                        }
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(envelope)
            }
        }
        deserializer.deserialize_map(EnvelopeVisitor)
    }
}

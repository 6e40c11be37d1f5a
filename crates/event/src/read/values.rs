//! Reading complete values: records, and envelopes with records inside.

use std::sync::Arc;

use serde::de::IgnoredAny;

use super::envelope::{Envelope, VIA_CLOUDTRAIL};
use super::{RECORD_BYTES_MAX, Reader, Reading, Sink, malformed};
use crate::fields::{Fields, Text};
use crate::identity_memo::{IdentityMemo, KmsSurroundings};
use crate::issue::{Issue, IssueKind};
use crate::pick::Opened;
use crate::principal::Identity;
use crate::record::{Normalised, Record};
use crate::selection::Selection;
use crate::split::Verdict;
use crate::template::{Follower, Templates};
use crate::walk::{Walk, skip_space, value_end};
use crate::walker::{Echo, Followed, Place, SeenIdentity, Set};

/// Reads complete values: records and envelopes.
pub(super) struct Values<'v, S> {
    pub(super) reader: &'v mut Reader,
    pub(super) reading: &'v mut Reading,
    pub(super) sink: &'v mut S,
}

impl<S: Sink> Values<'_, S> {
    /// Reads the record that begins at `start`, unless it takes a closer look: anything that is
    /// wrong with it is left to [`Values::read`].
    #[inline(always)]
    pub(super) fn open(&mut self, bytes: &[u8], start: usize, place: Place) -> Verdict {
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
    #[expect(unsafe_code, reason = "the walker's word for what the bytes are")]
    #[inline(always)]
    fn keep_follower(&mut self, bytes: &[u8], frame: usize, identity: SeenIdentity) -> bool {
        let Reader {
            memo,
            picker,
            templates,
            ..
        } = &mut *self.reader;
        let of_frame = (&templates.frames, frame);
        // SAFETY: `open` alone calls this, with what the walker just found to follow this frame. The identity is known by its
        // bytes, or `meet` reads it as a text, before anything is made of the follower.
        let follower = unsafe { Follower::compared(of_frame, &templates.places, bytes) };
        let Some(follower) = follower else {
            return false;
        };
        let Some(surroundings) = follower.surroundings() else {
            return false;
        };
        let echo = &mut picker.picked().echo;
        let known = echo.known(identity.set);
        let met;
        let who = match known.and_then(|known| memo.known_of_kms(known, surroundings)) {
            Some(who) => who,
            None => match meet(&follower, surroundings, memo, (echo, identity.set)) {
                Some(who) => {
                    met = who;
                    &met
                }
                None => return false,
            },
        };
        let Some(repeat) = templates.learnt.repeat(&follower, who) else {
            return false;
        };
        if !self.sink.repeat(&repeat) {
            let Some(record) = repeat.record() else {
                return false;
            };
            self.sink.record(&record);
        }
        self.reading.records += 1;
        self.reading.kms += 1;
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

    pub(super) fn read(&mut self, value: &[u8]) -> Verdict {
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
        if self.reader.tells_texts {
            self.sink.text(raw);
        }
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
            if let Some(Followed::Frame { frame, .. }) = followed
                && let Some(follower) = Follower::of((&*frames, frame), &*places, raw)
            {
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

/// Reads an identity that was not met before in these surroundings, which nearly every first call of a
/// session has.
#[inline(never)]
fn meet(
    follower: &Follower<'_, '_>,
    surroundings: KmsSurroundings<'_>,
    memo: &mut IdentityMemo,
    (echo, set): (&mut Echo, Set),
) -> Option<Arc<Identity>> {
    let surroundings = surroundings.general()?;
    let who = memo.identity(Some(follower.identity_text()?), surroundings);
    let who = who.ok()?;
    memo.remember(&who, echo.learn(set), surroundings);
    Some(who)
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

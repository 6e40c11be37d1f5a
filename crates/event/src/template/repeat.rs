//! A record that repeats one read before, told by what is its own.

use std::borrow::Cow;
use std::sync::Arc;

use super::TemplateId;
use super::learnt::{Follower, Slot};
use super::program::Hole;
use crate::context::{EncryptionContext, SignatureForm};
use crate::outcome::Outcome;
use crate::principal::Identity;
use crate::record::{Body, ERROR_CODE_BYTES_MAX, NAME_BYTES_MAX, Record, event_hash};
use crate::selection::KMS;
use crate::time::EventTime;
use crate::walker::Field;

/// A KMS record of a template that is known, before a [`Record`] is made of it. Whoever remembers
/// what became of the template's last record needs no more than what is asked here.
#[derive(Debug, Clone, Copy)]
pub struct Repeat<'r> {
    follower: Follower<'r, 'r>,
    slot: &'r Slot,
    raw: &'r str,
    identity: &'r Arc<Identity>,
    time: EventTime,
    event_id: &'r str,
}

impl<'r> Repeat<'r> {
    /// The record that follows a frame and says what this slot says; `None` when its time or its id takes a
    /// closer look.
    #[expect(
        unsafe_code,
        reason = "bytes that were compared are not read again to see that they are UTF-8"
    )]
    #[inline(always)]
    pub(super) fn of(
        follower: Follower<'r, 'r>,
        slot: &'r Slot,
        identity: &'r Arc<Identity>,
        hour: &mut HourText,
    ) -> Option<Self> {
        // SAFETY: a follower's bytes are UTF-8 but for its identity, and that is when it comes here: both are promised
        // where a `Follower` is made.
        let raw = unsafe { str::from_utf8_unchecked(follower.bytes()) };
        debug_assert!(std::str::from_utf8(follower.bytes()).is_ok());
        let holes = &follower.frame().program.holes;
        let place = |field| Some(holes.text(field)?.range(follower.places()));
        let event_id = raw.get(place(Field::EventId)?)?;
        let is_usual = (1..=NAME_BYTES_MAX).contains(&event_id.len());
        let time = follower.bytes().get(place(Field::EventTime)?)?;
        Some(Self {
            follower,
            slot,
            raw,
            identity,
            time: hour.parse(time)?,
            event_id: is_usual.then_some(event_id)?,
        })
    }

    /// The template.
    #[must_use]
    #[inline]
    pub const fn template(&self) -> TemplateId {
        self.slot.id
    }

    /// [`Record::identity`].
    #[must_use]
    #[inline]
    pub const fn identity(&self) -> &'r Arc<Identity> {
        self.identity
    }

    /// [`Record::time`].
    #[must_use]
    #[inline]
    pub const fn time(&self) -> EventTime {
        self.time
    }

    /// [`Record::event_id`], which it has.
    #[must_use]
    #[inline]
    pub const fn event_id(&self) -> &'r str {
        self.event_id
    }

    /// [`Record::event_hash`].
    #[must_use]
    #[inline]
    pub fn event_hash(&self) -> u64 {
        event_hash(Some(self.event_id), self.raw)
    }

    /// [`Record::source`].
    #[must_use]
    #[inline]
    pub fn source(&self) -> Option<&'r str> {
        self.text(Field::SourceIpAddress)
    }

    /// [`Record::user_agent`].
    #[must_use]
    #[inline]
    pub fn user_agent(&self) -> Option<&'r str> {
        self.text(Field::UserAgent)
    }

    /// [`Record::additional_event_data`].
    #[must_use]
    #[inline]
    pub fn additional_event_data(&self) -> Option<&'r str> {
        self.hole(self.follower.frame().said.additional_event_data?)
    }

    /// [`Record::context`]; `None` when that takes a closer look.
    #[must_use]
    pub fn context(&self) -> Option<EncryptionContext<'r>> {
        let frame = self.follower.frame();
        let holes = &frame.program.holes.context;
        let values = holes.iter().map(|hole| self.hole((*hole)?));
        EncryptionContext::with_values(&frame.said.context, values)
    }

    /// Whether the signature of [`Record::context`] is the one that this form is of, which a record of the same
    /// template gave.
    #[must_use]
    #[inline]
    pub fn has_signature(&self, form: &SignatureForm) -> bool {
        let holes = &self.follower.frame().program.holes.context;
        let texts = holes.iter().map(|hole| self.hole((*hole)?));
        form.is_of(texts)
    }

    #[inline(always)]
    fn hole(&self, hole: Hole) -> Option<&'r str> {
        self.raw.get(hole.range(self.follower.places()))
    }

    #[inline(always)]
    fn text(&self, field: Field) -> Option<&'r str> {
        self.hole(self.follower.frame().program.holes.text(field)?)
    }

    /// The whole record; `None` when it takes a closer look.
    #[must_use]
    #[inline(always)]
    pub fn record(&self) -> Option<Record<'r>> {
        let frame = self.follower.frame();
        let holes = &frame.program.holes;
        let said = &frame.said;
        let text = |field: Field| match holes.text(field) {
            Some(hole) => Some(Some(Cow::Borrowed(self.hole(hole)?))),
            None => Some(None),
        };
        // Texts that are cut, or stand for something else when they are empty.
        let short = |field: Field, bytes_max: usize| {
            let text = self.text(field)?;
            (1..=bytes_max).contains(&text.len()).then_some(text)
        };
        Some(Record {
            time: self.time,
            event_id: Some(Cow::Borrowed(self.event_id)),
            account: Cow::Borrowed(short(Field::RecipientAccountId, NAME_BYTES_MAX)?),
            region: Cow::Borrowed(short(Field::AwsRegion, NAME_BYTES_MAX)?),
            event_source: Cow::Borrowed(KMS),
            operation: said.operation.borrowed(),
            identity: Arc::clone(self.identity),
            key: self.slot.key.clone(),
            destination_key: self.slot.destination_key.clone(),
            outcome: match holes.text(Field::ErrorCode) {
                Some(_) => {
                    let code = short(Field::ErrorCode, ERROR_CODE_BYTES_MAX)?;
                    Outcome::Error(Cow::Borrowed(code))
                }
                None => Outcome::Success,
            },
            error_message: text(Field::ErrorMessage)?,
            source: text(Field::SourceIpAddress)?,
            user_agent: text(Field::UserAgent)?,
            vpc_endpoint_id: text(Field::VpcEndpointId)?,
            has_tls_details: said.has_tls_details,
            context: self.context()?,
            shared_event_id: text(Field::SharedEventId)?,
            is_service_event: said.is_service_event,
            additional_event_data: match said.additional_event_data {
                Some(_) => Some(self.additional_event_data()?),
                None => None,
            },
            raw: self.raw,
            template: Some(self.slot.id),
            body: Body::default(),
        })
    }
}

/// Bytes of a time: `2023-07-10T11:42:18Z`.
const TIME_BYTES: usize = 20;

/// A time up to its minutes, as words that overlap: `2023-07-` and `7-10T11:`.
#[inline(always)]
fn words(time: &[u8; TIME_BYTES]) -> [u64; 2] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, ..] = *time;
    [[a, b, c, d, e, f, g, h], [g, h, i, j, k, l, m, n]].map(u64::from_le_bytes)
}

/// The seconds that a time has behind its hour: of `2023-07-10T11:42:18Z` those of `42:18Z`. `None` in another form.
#[inline(always)]
fn seconds_of_hour(time: &[u8; TIME_BYTES]) -> Option<i64> {
    let [.., a, b, c, d, e, f, g, h] = *time;
    // What stands there in place of the hour's last digit and the colon is shifted out.
    let digits = u64::from_le_bytes([a, b, c, d, e, f, g, h]) ^ u64::from_le_bytes(*b"0:00:00Z");
    let digits = digits >> 16;
    // What reaches 128 by these is more than 5, 9, and 0 for the signs.
    let others = (digits + 0x7f76_7a7f_767a) | digits;
    let digit = |place: u32| (digits >> (8 * place) & 0xff) as i64;
    let seconds = (digit(0) * 10 + digit(1)) * 60 + digit(3) * 10 + digit(4);
    (others & 0x8080_8080_8080 == 0).then_some(seconds)
}

/// The hour that was parsed last: most times are of the same one.
#[derive(Debug, Clone, Copy)]
pub(super) struct HourText {
    words: [u64; 2],
    /// Seconds since 1970 of its beginning.
    start: i64,
}

impl Default for HourText {
    /// No text has such bytes.
    fn default() -> Self {
        Self {
            words: [u64::MAX; 2],
            start: 0,
        }
    }
}

impl HourText {
    /// The same as [`EventTime::parse`].
    #[inline(always)]
    fn parse(&mut self, text: &[u8]) -> Option<EventTime> {
        if let Ok(text) = <&[u8; TIME_BYTES]>::try_from(text)
            && words(text) == self.words
            && let Some(seconds) = seconds_of_hour(text)
        {
            return Some(EventTime::from_unix_seconds(self.start + seconds));
        }
        self.parse_anew(text)
    }

    #[cold]
    #[inline(never)]
    fn parse_anew(&mut self, text: &[u8]) -> Option<EventTime> {
        let text = std::str::from_utf8(text).ok()?;
        let time = EventTime::parse(text)?;
        // In another form other things may stand behind the hour.
        if let Ok(bytes) = text.as_bytes().try_into()
            && time.to_string() == text
        {
            self.words = words(bytes);
            self.start = time.hour().start().unix_seconds();
        }
        Some(time)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_hour_known_changes_no_time(texts in proptest::collection::vec(
            "(2023-07-1[0-1]|0000-00-00)[T ](09|1[12]|24):[0-6][0-9]:[0-6][0-9](Z|\\+01|\\.0Z)|[0-9TZ:-]{18,21}",
            1..12,
        )) {
            let mut hour = HourText::default();
            for text in texts {
                prop_assert_eq!(hour.parse(text.as_bytes()), EventTime::parse(&text), "{}", text);
            }
        }

        #[test]
        fn every_byte_behind_the_hour_is_looked_at(place in 13..20_usize, byte in 0..128_u8) {
            let mut hour = HourText::default();
            let mut text = b"2023-07-10T11:42:18Z".to_vec();
            hour.parse(&text);
            text[place] = byte;
            let expected = EventTime::parse(std::str::from_utf8(&text).unwrap());
            prop_assert_eq!(hour.parse(&text), expected);
        }
    }
}

//! What records said that follow a frame: all of them say the same again.

use std::borrow::Cow;

use super::frame::{Frame, Places};
use super::{TEMPLATES_MAX, TemplateId};
use crate::context::EncryptionContext;
use crate::record::{NAME_BYTES_MAX, Record};
use crate::time::EventTime;

/// Templates that share a place in the table.
const WAYS: usize = 4;

/// What KMS records said, by the frame they follow, the bytes of their identity, and the texts of
/// their holes that decide anything.
#[derive(Debug)]
pub(crate) struct Learnt {
    slots: Vec<Option<Box<Slot>>>,
    /// The hash that each slot is found by; zero for none.
    hashes: Vec<[u64; WAYS]>,
    serials: u64,
}

impl Default for Learnt {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            hashes: vec![[0; WAYS]; TEMPLATES_MAX / WAYS],
            serials: 0,
        }
    }
}

/// What one template says.
#[derive(Debug)]
struct Slot {
    frame: u64,
    identity: u64,
    /// The texts of the deciding holes, each with a zero behind it, which no text can hold.
    deciding: Vec<u8>,
    record: Record<'static>,
}

/// A record that follows a frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Follower<'f, 'a> {
    pub(crate) frame: &'f Frame,
    pub(crate) places: &'f Places,
    /// The number of its identity's bytes.
    pub(crate) identity: u64,
    pub(crate) bytes: &'a [u8],
}

impl<'a> Follower<'_, 'a> {
    /// The texts of the holes that decide anything.
    #[inline(always)]
    fn deciding(&self) -> impl Iterator<Item = &'a [u8]> {
        let bytes = self.bytes;
        let holes = self.frame.program.holes.deciding.iter();
        holes.map(|hole| bytes.get(hole.range(self.places)).unwrap_or_default())
    }

    #[inline(always)]
    fn hash(&self) -> u64 {
        let mut hash = mix(self.frame.serial, self.identity);
        for text in self.deciding() {
            hash = mix(hash, text.len() as u64);
            // Names of keys differ at their ends.
            if let Some(end) = text.last_chunk::<16>() {
                let (words, _) = end.as_chunks::<8>();
                hash = mix(
                    hash ^ u64::from_le_bytes(words[0]),
                    u64::from_le_bytes(words[1]),
                );
            } else {
                for byte in text {
                    hash = mix(hash, u64::from(*byte));
                }
            }
        }
        hash | 1
    }
}

#[inline(always)]
fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ 0x9e37_79b9_7f4a_7c15) * u128::from(b ^ 0xc2b2_ae3d_27d4_eb4f);
    product as u64 ^ (product >> 64) as u64
}

impl Learnt {
    /// The record that follows a frame, if its like was seen.
    #[inline(always)]
    pub(crate) fn record<'a>(&'a self, follower: &Follower<'_, 'a>) -> Option<Record<'a>> {
        let hash = follower.hash();
        let set = (hash >> 32) as usize % self.hashes.len();
        let way = self.hashes[set].iter().position(|known| *known == hash)?;
        let slot = self.slots.get(set * WAYS + way)?.as_deref()?;
        slot.is_of(follower).then(|| slot.record(follower))?
    }

    /// Learns what this record says that follows a frame, and gives it its template.
    #[inline(never)]
    pub(crate) fn learn(
        &mut self,
        follower: &Follower<'_, '_>,
        record: &Record<'_>,
    ) -> Option<TemplateId> {
        if self.slots.is_empty() {
            self.slots.resize_with(TEMPLATES_MAX, || None);
        }
        let hash = follower.hash();
        let set = (hash >> 32) as usize % self.hashes.len();
        self.serials += 1;
        let known = self.hashes[set].iter().position(|known| *known == hash);
        let way = known.unwrap_or(self.serials as usize % WAYS);
        let index = set * WAYS + way;
        let id = TemplateId::new(self.serials, index)?;
        let mut deciding = Vec::new();
        for text in follower.deciding() {
            deciding.extend_from_slice(text);
            deciding.push(0);
        }
        self.hashes[set][way] = hash;
        self.slots[index] = Some(Box::new(Slot {
            frame: follower.frame.serial,
            identity: follower.identity,
            deciding,
            record: Record {
                template: Some(id),
                ..record.to_static()
            },
        }));
        Some(id)
    }
}

impl Slot {
    #[inline(always)]
    fn is_of(&self, follower: &Follower<'_, '_>) -> bool {
        let mut rest = &*self.deciding;
        self.frame == follower.frame.serial
            && self.identity == follower.identity
            && follower.deciding().all(|text| {
                let Some((known, after)) = rest.split_at_checked(text.len()) else {
                    return false;
                };
                let Some((0, after)) = after.split_first() else {
                    return false;
                };
                rest = after;
                known == text
            })
            && rest.is_empty()
    }

    /// The record, with its own time, ids and context; `None` when these take a closer look.
    #[inline(always)]
    fn record<'a>(&'a self, follower: &Follower<'_, 'a>) -> Option<Record<'a>> {
        let Follower {
            frame,
            places,
            bytes,
            ..
        } = *follower;
        // SAFETY: these bytes are the frame's, which are ASCII; plain texts and digits in its holes,
        // which are ASCII; and an identity, which is a whole value and equal, byte for byte, to the
        // one of the record this slot was learnt of, whose text was a `str`.
        let raw = unsafe { str::from_utf8_unchecked(bytes) };
        debug_assert!(std::str::from_utf8(bytes).is_ok());
        let holes = &frame.program.holes;
        let known = &self.record;
        let time = EventTime::parse(raw.get(holes.time?.range(places))?)?;
        let event_id = raw.get(holes.event_id?.range(places))?;
        if event_id.is_empty() || event_id.len() > NAME_BYTES_MAX {
            return None;
        }
        let shared_event_id = match holes.shared_event_id {
            Some(hole) => Some(Cow::Borrowed(raw.get(hole.range(places))?)),
            None => borrowed(&known.shared_event_id),
        };
        let values = holes.context.iter();
        let values = values.map(|hole| raw.get((*hole)?.range(places)));
        Some(Record {
            time,
            event_id: Some(Cow::Borrowed(event_id)),
            account: Cow::Borrowed(&known.account),
            region: Cow::Borrowed(&known.region),
            event_source: Cow::Borrowed(&known.event_source),
            operation: known.operation.borrowed(),
            identity: known.identity.clone(),
            key: known.key.clone(),
            destination_key: known.destination_key.clone(),
            outcome: known.outcome.borrowed(),
            error_message: borrowed(&known.error_message),
            source: borrowed(&known.source),
            user_agent: borrowed(&known.user_agent),
            vpc_endpoint_id: borrowed(&known.vpc_endpoint_id),
            has_tls_details: known.has_tls_details,
            context: EncryptionContext::with_values(&known.context, values)?,
            shared_event_id,
            is_service_event: known.is_service_event,
            raw,
            template: known.template,
        })
    }
}

#[inline(always)]
fn borrowed<'a>(text: &'a Option<Cow<'static, str>>) -> Option<Cow<'a, str>> {
    text.as_deref().map(Cow::Borrowed)
}

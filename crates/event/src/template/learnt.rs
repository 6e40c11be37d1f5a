//! What records said that follow a frame: all of them say the same again.

use std::sync::Arc;

use super::frame::Frame;
use super::frames::Frames;
use super::program::{Hole, Places};
use super::repeat::{HourText, Repeat};
use super::{TEMPLATES_MAX, TemplateId};
use crate::hash::{GOLDEN, mix, word};
use crate::identity_memo::KmsSurroundings;
use crate::key::KeyName;
use crate::principal::Identity;
use crate::record::{NAME_BYTES_MAX, Record};
use crate::walker::Field;

/// Templates that share a place in the table.
const WAYS: usize = 4;
const SETS: usize = TEMPLATES_MAX / WAYS;
/// Guesses by what a frame's names of keys end in.
const GUESSES: usize = 4_096;

/// What KMS records said, by the frame they follow and the texts of their holes that decide anything. Who
/// called is not among it: nothing else of a record depends on that.
#[derive(Debug)]
pub(crate) struct Learnt {
    slots: Vec<Option<Slot>>,
    /// The hash that each slot is found by; zero for none.
    hashes: Box<[[u64; WAYS]; SETS]>,
    serials: u64,
    /// The last two slots that a frame and the ends of its texts met in.
    guesses: Box<[[u16; 2]; GUESSES]>,
    /// Kept to be used again.
    deciding: Vec<u8>,
    hour: HourText,
}

impl Default for Learnt {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            hashes: Box::new([[0; WAYS]; SETS]),
            serials: 0,
            guesses: Box::new([[0; 2]; GUESSES]),
            deciding: Vec::new(),
            hour: HourText::default(),
        }
    }
}

/// What one template says.
#[derive(Debug)]
pub(super) struct Slot {
    frame: u64,
    /// [`Follower::ends`]
    ends: u64,
    /// The texts of the deciding holes, each with a zero behind it, which no text can hold.
    deciding: Texts,
    pub(super) id: TemplateId,
    pub(super) key: Option<KeyName>,
    pub(super) destination_key: Option<KeyName>,
}

/// Texts, kept in place unless they are long.
#[derive(Debug, Clone)]
enum Texts {
    Short(u8, [u8; SHORT]),
    Long(Box<[u8]>),
}

/// The ARN of a key twice, and a little more.
const SHORT: usize = 174;

impl Texts {
    fn new(texts: &[u8]) -> Self {
        let mut short = [0; SHORT];
        match short.get_mut(..texts.len()) {
            Some(short_texts) => {
                short_texts.copy_from_slice(texts);
                Self::Short(texts.len() as u8, short)
            }
            None => Self::Long(texts.into()),
        }
    }

    #[inline(always)]
    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short(length, texts) => texts.get(..usize::from(*length)).unwrap_or_default(),
            Self::Long(texts) => texts,
        }
    }
}

/// A record that follows a frame.
///
/// Its bytes are UTF-8 but for its identity, and that is UTF-8 before a [`Repeat`] is made of it: whoever has no text
/// promises so to [`Follower::compared`]. Nobody else can make one of bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Follower<'f, 'a> {
    frame: &'f Frame,
    places: &'f Places,
    bytes: &'a [u8],
}

impl<'f, 'a> Follower<'f, 'a> {
    /// The record that follows the frame of this index, if there is one.
    #[inline(always)]
    pub(crate) fn of(
        (frames, index): (&'f Frames, usize),
        places: &'f Places,
        record: &'a str,
    ) -> Option<Self> {
        Some(Self {
            frame: frames.get(index)?,
            places,
            bytes: record.as_bytes(),
        })
    }

    /// The same, of bytes that nobody has read as a text.
    ///
    /// # Safety
    /// The bytes are those of a record that the walker compared with this frame and found to follow it: they are the
    /// frame's, which are ASCII; plain texts and digits in its holes, which are ASCII; and an identity, a whole value.
    /// No [`Repeat`] is made of it ([`Learnt::repeat`]) unless that identity was read by [`Follower::identity_text`], or
    /// is known by bytes that are equal to those of one that was read as a `str`.
    #[expect(unsafe_code, reason = "what a `str` is made of has to be promised")]
    #[inline(always)]
    pub(crate) unsafe fn compared(
        (frames, index): (&'f Frames, usize),
        places: &'f Places,
        bytes: &'a [u8],
    ) -> Option<Self> {
        Some(Self {
            frame: frames.get(index)?,
            places,
            bytes,
        })
    }

    /// The frame.
    #[inline(always)]
    pub(super) const fn frame(&self) -> &'f Frame {
        self.frame
    }

    /// Where the frame's stretches begin in it.
    #[inline(always)]
    pub(super) const fn places(&self) -> &'f Places {
        self.places
    }

    /// Its bytes.
    #[inline(always)]
    pub(super) const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The texts of the holes that decide anything.
    #[inline(always)]
    fn deciding(&self) -> impl Iterator<Item = &'a [u8]> {
        let bytes = self.bytes;
        let holes = self.frame.program.holes.deciding.iter();
        holes.map(|hole| bytes.get(hole.range(self.places)).unwrap_or_default())
    }

    /// Who called, as it stands in the record.
    pub(crate) fn identity_text(&self) -> Option<&'a str> {
        let hole = self.frame.program.identity()?;
        simdutf8::basic::from_utf8(self.bytes.get(hole.range(self.places))?).ok()
    }

    /// What beside its bytes decides who called.
    #[inline(always)]
    pub(crate) fn surroundings(&self) -> Option<KmsSurroundings<'a>> {
        let hole = self.frame.program.holes.text(Field::RecipientAccountId)?;
        let recipient_account = self.bytes.get(hole.range(self.places))?;
        let is_usual = (1..=NAME_BYTES_MAX).contains(&recipient_account.len());
        is_usual.then_some(KmsSurroundings {
            is_service_event: self.frame.said.is_service_event,
            recipient_account,
        })
    }

    /// The ends of the first and the last text that decide anything: one of them mostly is that of a key's name.
    #[inline(always)]
    fn ends(&self) -> u64 {
        let holes = &self.frame.program.holes.deciding;
        self.end(holes.first()) ^ self.end(holes.last()).rotate_left(32)
    }

    #[inline(always)]
    fn end(&self, hole: Option<&Hole>) -> u64 {
        let text = hole.and_then(|hole| self.bytes.get(hole.range(self.places)));
        text.and_then(<[u8]>::last_chunk).map_or(0, word)
    }

    /// A hash of everything that decides.
    #[inline(always)]
    fn hash(&self) -> u64 {
        let mut hash = self.frame.serial;
        for text in self.deciding() {
            // Names of keys differ at their ends. Words that overlap are as good as any.
            if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk::<16>()) {
                let (words, _) = last.as_chunks::<8>();
                hash = mix(hash ^ word(&words[0]), word(&words[1]) ^ word(first));
            } else if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
                hash = mix(hash ^ word(first), word(last));
            } else {
                for byte in text {
                    hash = mix(hash, u64::from(*byte));
                }
            }
            hash ^= text.len() as u64;
        }
        hash | 1
    }
}

impl Learnt {
    /// The record that follows a frame, if its like was seen, made by this caller.
    #[inline(always)]
    pub(crate) fn repeat<'a>(
        &'a mut self,
        follower: &Follower<'a, 'a>,
        who: &'a Arc<Identity>,
    ) -> Option<Repeat<'a>> {
        let ends = follower.ends();
        let guess = (ends ^ follower.frame.serial).wrapping_mul(GOLDEN);
        let guesses = &mut self.guesses[(guess >> 40) as usize % GUESSES];
        let mut found = None;
        for place in *guesses {
            if let Some(Some(slot)) = self.slots.get(usize::from(place))
                && slot.ends == ends
                && slot.is_asked(follower)
            {
                found = Some(slot);
                break;
            }
        }
        if found.is_none() {
            let hash = follower.hash();
            let set = (hash >> 32) as usize % SETS;
            let way = self.hashes[set].iter().position(|known| *known == hash)?;
            let place = set * WAYS + way;
            let slot = self.slots.get(place)?.as_ref();
            found = slot.filter(|slot| slot.is_asked(follower));
            *guesses = [place as u16, guesses[0]];
        }
        Repeat::of(*follower, found?, who, &mut self.hour)
    }

    /// Learns what this record says that follows a frame, and gives it its template.
    #[inline(never)]
    pub(crate) fn learn(
        &mut self,
        follower: &Follower<'_, '_>,
        record: &Record<'_>,
    ) -> Option<TemplateId> {
        self.deciding.clear();
        for text in follower.deciding() {
            self.deciding.extend_from_slice(text);
            self.deciding.push(0);
        }
        let (id, place) = self.give_place(follower)?;
        let mut hour = self.hour;
        let slot = Slot {
            frame: follower.frame.serial,
            ends: follower.ends(),
            deciding: Texts::new(&self.deciding),
            id,
            key: record.key.clone(),
            destination_key: record.destination_key.clone(),
        };
        // What takes a closer look once does so again.
        let other = Repeat::of(*follower, &slot, &record.identity, &mut hour)?.record()?;
        debug_assert!(
            {
                let plain = |record: &Record<'_>| {
                    let record = Record {
                        template: None,
                        ..record.clone()
                    };
                    format!("{record:?}")
                };
                plain(&other) == plain(record)
            },
            "{record:?}"
        );
        drop(other);
        *self.slots.get_mut(place)? = Some(slot);
        Some(id)
    }

    /// A new template for the record, and its place.
    fn give_place(&mut self, follower: &Follower<'_, '_>) -> Option<(TemplateId, usize)> {
        if self.slots.is_empty() {
            self.slots.resize_with(TEMPLATES_MAX, || None);
        }
        let hash = follower.hash();
        let set = (hash >> 32) as usize % SETS;
        self.serials += 1;
        let known = self.hashes[set].iter().position(|known| *known == hash);
        let way = known.unwrap_or(self.serials as usize % WAYS);
        let place = set * WAYS + way;
        let id = TemplateId::new(self.serials, place)?;
        self.hashes[set][way] = hash;
        Some((id, place))
    }
}

/// Whether two texts of the same length are equal. Numbers of accounts are short, and calling somebody for them is
/// more than comparing them.
#[inline(always)]
fn is_equal(one: &[u8], other: &[u8]) -> bool {
    if one.len() <= 16
        && let (Some(one_first), Some(one_last)) = (one.first_chunk(), one.last_chunk())
        && let (Some(first), Some(last)) = (other.first_chunk(), other.last_chunk())
    {
        return word(one_first) == word(first) && word(one_last) == word(last);
    }
    one == other
}

impl Slot {
    /// Whether the record follows the same frame, and its deciding holes hold the same.
    #[inline(always)]
    fn is_asked(&self, follower: &Follower<'_, '_>) -> bool {
        if self.frame != follower.frame.serial {
            return false;
        }
        let mut rest = self.deciding.as_bytes();
        for text in follower.deciding() {
            let Some((known, [0, after @ ..])) = rest.split_at_checked(text.len()) else {
                return false;
            };
            if !is_equal(known, text) {
                return false;
            }
            rest = after;
        }
        rest.is_empty()
    }
}

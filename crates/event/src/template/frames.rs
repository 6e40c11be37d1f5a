//! The frames a reader knows, and how the right one is found.

use super::frame::{Frame, Widened};
use crate::selection::{Selection, select_bytes};
use crate::walker::Field;

/// Most frames remembered. Full, they begin anew.
const FRAMES_MAX: usize = 1_024;
/// Most frames of one kind of record; then a new one takes the place of another.
const FRAMES_OF_KIND_MAX: usize = 32;
/// Sets that frames are searched in by their kind.
const SETS: usize = 256;
/// Guesses by kind and identity.
const GUESSES: usize = 2_048;
/// What learning a frame costs: so many records must have been read since the last one learnt.
const LEARNING_COST: u32 = 8;
/// Most that is saved up for learning.
const CREDIT_MAX: u32 = 4_096;

/// How all records begin that CloudTrail writes, up to the identity, but for the version.
pub(crate) const OPENING_BYTES: usize = 38;
pub(crate) static OPENING: [u8; 64] = {
    let text = b"{\"eventVersion\":\"1.08\",\"userIdentity\":{";
    let mut opening = [0; 64];
    let mut at = 0;
    while at < text.len() {
        opening[at] = text[at];
        at += 1;
    }
    opening
};
/// Which bytes of the opening must be so.
pub(crate) const OPENING_MASK: u64 = ((1 << (OPENING_BYTES + 1)) - 1) & !(0b1111 << 17);
/// What follows the identity, and what follows the time.
const BEFORE_TIME: &[u8] = b",\"eventTime\":\"";
const BEFORE_SOURCE: &[u8] = b"\",\"eventSource\":\"";
const TIME_BYTES: usize = 20;
/// Where source, name and Region stand behind the identity.
pub(crate) const KIND_OFFSET: usize = BEFORE_TIME.len() + TIME_BYTES + BEFORE_SOURCE.len();

/// A hash of a record's source, name and Region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind(u64);

impl Kind {
    /// The kind of the record that has these bytes at [`KIND_OFFSET`].
    #[inline(always)]
    pub(crate) fn of(block: &[u8; 64]) -> Self {
        // Different odd numbers for each word, or words that change places would meet.
        const FACTORS: [u64; 8] = [
            0x9e37_79b9_7f4a_7c15,
            0xc2b2_ae3d_27d4_eb4f,
            0x1656_67b1_9e37_79f9,
            0x85eb_ca77_c2b2_ae63,
            0x27d4_eb2f_1656_67c5,
            0xff51_afd7_ed55_8ccd,
            0xc4ce_b9fe_1a85_ec53,
            0xd6e8_feb8_6659_fd93,
        ];
        let (words, _) = block.as_chunks::<8>();
        let mut hash = 0_u64;
        for (word, factor) in words.iter().zip(FACTORS) {
            hash = hash.wrapping_add(u64::from_le_bytes(*word).wrapping_mul(factor));
        }
        Self(hash ^ hash >> 32)
    }

    #[inline(always)]
    fn set(self) -> usize {
        (self.0 >> 24) as usize % SETS
    }
}

/// A search for the frame that a record follows.
#[derive(Debug)]
pub(crate) struct Search {
    kind: Kind,
    /// Where the guesses stand.
    guess: usize,
    /// How many frames were looked at, or passed over.
    step: usize,
}

/// The frames a reader knows.
#[derive(Debug)]
pub(crate) struct Frames {
    all: Vec<Frame>,
    /// Indices of frames, by the hash of their kind.
    sets: Vec<Vec<u16>>,
    /// Indices of the last two frames that a kind and an identity met in.
    guesses: Vec<[u16; 2]>,
    serials: u64,
    credit: u32,
}

impl Default for Frames {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            sets: vec![Vec::new(); SETS],
            guesses: vec![[NONE; 2]; GUESSES],
            serials: 0,
            credit: CREDIT_MAX / 4,
        }
    }
}

/// The index of no frame.
const NONE: u16 = u16::MAX;

impl Frames {
    /// The frame of this index.
    #[inline(always)]
    pub(crate) fn get(&self, index: usize) -> Option<&Frame> {
        self.all.get(index)
    }

    /// Begins a search for the frame that a record of this kind and identity follows.
    #[inline(always)]
    pub(crate) fn search(&mut self, kind: Kind, identity: u64) -> Search {
        self.credit = CREDIT_MAX.min(self.credit + 1);
        let guess = kind
            .0
            .wrapping_add(identity.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Search {
            kind,
            guess: (guess >> 40) as usize % GUESSES,
            step: 0,
        }
    }

    /// The next frame to compare the record with, the likeliest first, and its index.
    #[inline(always)]
    pub(crate) fn next(&self, search: &mut Search) -> Option<(u16, &Frame)> {
        let guesses = self.guesses[search.guess % GUESSES];
        let set = &self.sets[search.kind.set()];
        loop {
            let step = search.step;
            search.step += 1;
            let index = match guesses.get(step) {
                Some(index) => *index,
                None => {
                    let index = *set.get(step - guesses.len())?;
                    if guesses.contains(&index) {
                        continue;
                    }
                    index
                }
            };
            if let Some(frame) = self.all.get(usize::from(index))
                && frame.kind == search.kind.0
            {
                return Some((index, frame));
            }
        }
    }

    /// Remembers which frame a search came to.
    #[inline(always)]
    pub(crate) fn found(&mut self, search: &Search, index: u16) {
        let guesses = &mut self.guesses[search.guess % GUESSES];
        if guesses[0] != index {
            *guesses = [index, guesses[0]];
        }
    }

    /// Whether the record that begins so has a frame to learn, and learning it can be afforded; if
    /// so, it is paid for. What must not happen is that records made to be like no other cost much
    /// more than being read.
    pub(crate) fn may_learn(&mut self, record: &[u8]) -> bool {
        if !has_opening(record) {
            return false;
        }
        let rest = self.credit.checked_sub(LEARNING_COST);
        self.credit = rest.unwrap_or(self.credit);
        rest.is_some()
    }

    /// Learns the frame of this record, which is sound JSON, was read in the ordinary way, and was
    /// kept or not.
    pub(crate) fn learn(&mut self, record: &str, is_kept: bool) {
        if !record.is_ascii() || memchr::memchr(b'\\', record.as_bytes()).is_some() {
            return;
        }
        let Some(tokens) = Frame::tokens(record, is_kept) else {
            return;
        };
        let Some(kind) = kind_of(record, is_kept, Frame::identity_of(&tokens)) else {
            return;
        };
        let set = &mut self.sets[kind.set()];
        for index in &*set {
            let frame = &mut self.all[usize::from(*index)];
            if frame.kind != kind.0 || frame.is_kept != is_kept {
                continue;
            }
            match frame.widen(record, &tokens) {
                Widened::Not => {}
                Widened::AsItWas => return,
                Widened::Now => {
                    self.serials += 1;
                    frame.serial = self.serials;
                    return;
                }
            }
        }
        let Some(mut frame) = Frame::of(record, is_kept, &tokens) else {
            return;
        };
        self.serials += 1;
        frame.serial = self.serials;
        frame.kind = kind.0;
        if set.len() >= FRAMES_OF_KIND_MAX {
            let index = set[self.serials as usize % FRAMES_OF_KIND_MAX];
            self.all[usize::from(index)] = frame;
            return;
        }
        if self.all.len() >= FRAMES_MAX {
            self.all.clear();
            self.sets.iter_mut().for_each(Vec::clear);
            self.guesses.fill([NONE; 2]);
        }
        self.sets[kind.set()].push(self.all.len() as u16);
        self.all.push(frame);
    }
}

/// Whether a record begins as CloudTrail's do.
fn has_opening(record: &[u8]) -> bool {
    let is_opening = |(at, byte): (usize, &u8)| OPENING_MASK >> at & 1 == 0 || *byte == OPENING[at];
    record.len() >= 64 && record.iter().take(64).enumerate().all(is_opening)
}

/// The kind of this record, if frames of it are ever looked for.
fn kind_of(record: &str, is_kept: bool, identity: std::ops::Range<usize>) -> Option<Kind> {
    let bytes = record.as_bytes();
    let after_identity = bytes.get(identity.end..)?;
    let after_time = after_identity.get(BEFORE_TIME.len() + TIME_BYTES..)?;
    let is_usual = identity.start == OPENING_BYTES
        && has_opening(bytes)
        && after_identity.starts_with(BEFORE_TIME)
        && after_time.starts_with(BEFORE_SOURCE);
    let text_of = |field: Field| {
        let mut all = crate::small::members(record);
        let (_, value) = all.find(|(name, _)| *name == field.name())?;
        crate::small::text_of(value)
    };
    let (source, name) = (text_of(Field::EventSource)?, text_of(Field::EventName)?);
    let is_usual = is_usual
        && match select_bytes(source.as_bytes(), name.as_bytes()) {
            Selection::Kms => is_kept,
            Selection::OtherService => false,
            Selection::IfForeignKey | Selection::Skip => !is_kept,
        };
    let block = after_identity.get(KIND_OFFSET..)?.first_chunk()?;
    is_usual.then(|| Kind::of(block))
}

//! The frames a reader knows, and how the right one is found.

use super::frame::{Frame, Widened};
use super::kinds::{KIND_OFFSET, Kind, SORTED_KIND_OFFSET, SORTED_OPENING};
use crate::hash::GOLDEN;

/// Most frames remembered. Full, they begin anew.
const FRAMES_MAX: usize = 1_024;
/// Most frames of one set, which kinds of records share; then a new one takes the place of another.
const FRAMES_OF_SET_MAX: usize = 32;
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
/// The version in the opening.
pub(crate) const VERSION_MASK: u64 = 0b1111 << 17;
/// Which bytes of the opening must be so.
pub(crate) const OPENING_MASK: u64 = ((1 << (OPENING_BYTES + 1)) - 1) & !VERSION_MASK;
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

/// The set that frames of a kind are searched in.
#[inline(always)]
fn set_of(kind: Kind) -> usize {
    (kind.0 >> 24) as usize % SETS
}

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
        let guess = kind.0.wrapping_add(identity.wrapping_mul(GOLDEN));
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
        let set = &self.sets[set_of(search.kind)];
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
        if !has_opening(record) && !record.starts_with(SORTED_OPENING) {
            return false;
        }
        let rest = self.credit.checked_sub(LEARNING_COST);
        self.credit = rest.unwrap_or(self.credit);
        rest.is_some()
    }

    /// Learns the frame of this KMS record, which is sound JSON and was kept.
    pub(crate) fn learn(&mut self, record: &str) {
        if !record.is_ascii() || memchr::memchr(b'\\', record.as_bytes()).is_some() {
            return;
        }
        let Some(tokens) = Frame::tokens(record) else {
            return;
        };
        let Some(kind) = kind_of(record, Frame::identity_of(&tokens)) else {
            return;
        };
        let set = &mut self.sets[set_of(kind)];
        for index in &*set {
            let frame = &mut self.all[usize::from(*index)];
            if frame.kind != kind.0 {
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
        let Some(mut frame) = Frame::of(record, &tokens) else {
            return;
        };
        self.serials += 1;
        frame.serial = self.serials;
        frame.kind = kind.0;
        if set.len() >= FRAMES_OF_SET_MAX {
            let index = set[self.serials as usize % FRAMES_OF_SET_MAX];
            self.all[usize::from(index)] = frame;
            return;
        }
        if self.all.len() >= FRAMES_MAX {
            self.all.clear();
            self.sets.iter_mut().for_each(Vec::clear);
            self.guesses.fill([NONE; 2]);
        }
        self.sets[set_of(kind)].push(self.all.len() as u16);
        self.all.push(frame);
    }
}

/// Whether a record begins as CloudTrail's do.
fn has_opening(record: &[u8]) -> bool {
    let is_opening = |(at, byte): (usize, &u8)| OPENING_MASK >> at & 1 == 0 || *byte == OPENING[at];
    record.len() >= 64 && record.iter().take(64).enumerate().all(is_opening)
}

/// The kind of this record, if frames of it are ever looked for.
fn kind_of(record: &str, identity: std::ops::Range<usize>) -> Option<Kind> {
    if let Some(region) = record.as_bytes().strip_prefix(SORTED_OPENING) {
        let behind_region = region.get(memchr::memchr(b'"', region)?..)?;
        let name = behind_region.get(SORTED_KIND_OFFSET..)?;
        return Some(Kind::of_sorted(name.first_chunk()?));
    }
    let block = record.as_bytes().get(identity.end + KIND_OFFSET..)?;
    let is_usual = identity.start == OPENING_BYTES && has_opening(record.as_bytes());
    is_usual.then_some(Kind::of(block.first_chunk()?))
}

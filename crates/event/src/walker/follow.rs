//! A record compared with those like it, instead of walked.

use super::container::skip;
use super::echo::{Echo, Set};
use super::lanes::Lanes;
use super::value::block;
use crate::foreign_key::may_name_foreign_key;
use crate::read::RECORD_BYTES_MAX;
use crate::selection::Selection;
use crate::template::{
    Block, Frame, HEAD_BLOCKS, Head, KIND_OFFSET, Kind, OPENING, OPENING_BYTES, OPENING_MASK,
    Places, SORTED_KIND_OFFSET, SORTED_OPENING, Templates, Then, VERSION_MASK,
};

/// A record that is like one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Followed {
    /// Nobody reads it; it is so many bytes long.
    Unwanted(usize),
    /// It follows a frame.
    Frame {
        /// The frame's index.
        frame: usize,
        /// How long the record is.
        length: usize,
        /// Its identity.
        identity: SeenIdentity,
    },
}

/// An identity among the echoes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SeenIdentity {
    /// The number of its bytes.
    pub(crate) number: u64,
    /// The set in which it was found or noted last.
    pub(crate) set: Set,
    /// Where it ends among the bytes that were searched.
    end: usize,
}

/// The identity at `at`, found among the echoes or noted there.
#[inline(always)]
fn identity_at<L: Lanes>(
    lanes: L,
    bytes: &[u8],
    at: usize,
    echo: &mut Echo,
) -> Option<SeenIdentity> {
    let set = Echo::set_of(bytes, at)?;
    let (end, number) = match echo.find(set, bytes, at) {
        Some(found) => found,
        None => {
            let end = skip(lanes, bytes, at, 1).ok()?;
            let set = echo.note(set, &bytes[at..end])?;
            (end, echo.number(set))
        }
    };
    Some(SeenIdentity { number, set, end })
}

/// Finds what the record at `start` is like. If that is a frame, notes in `places` where its
/// stretches begin.
#[inline(always)]
pub(super) fn follow<L: Lanes>(
    lanes: L,
    bytes: &[u8],
    start: usize,
    echo: &mut Echo,
    templates: &mut Templates,
) -> Option<Followed> {
    let opening = block::<64>(bytes, start)?;
    let unlike = !lanes.equal_of_block(opening, &OPENING) & OPENING_MASK;
    if unlike | lanes.stops_of_block(opening) & VERSION_MASK != 0 {
        return follow_sorted(lanes, bytes, start, echo, templates);
    }
    let identity = start + OPENING_BYTES;
    let bytes = &bytes[..bytes.len().min(start.saturating_add(RECORD_BYTES_MAX))];
    let seen = identity_at(lanes, bytes, identity, echo)?;
    let identity_end = seen.end;
    let kind = Kind::of(block(bytes, identity_end + KIND_OFFSET)?);
    let Some(head) = templates.kinds.head(kind) else {
        templates.kinds.learn(kind, &bytes[identity_end..]);
        return None;
    };
    match head.selection {
        Selection::Kms => {}
        Selection::OtherService => return None,
        Selection::Skip | Selection::IfForeignKey => {
            return unwanted(lanes, bytes, start, identity_end, head);
        }
    }
    let Templates { frames, places, .. } = templates;
    let mut search = frames.search(kind, seen.number);
    while let Some((index, frame)) = frames.next(&mut search) {
        let is_identity = |at: usize| (at == identity).then_some(seen);
        if let Some((end, _)) = end_of(lanes, bytes, start, is_identity, frame, places) {
            frames.found(&search, index);
            return Some(Followed::Frame {
                frame: usize::from(index),
                length: end - start,
                identity: seen,
            });
        }
    }
    None
}

/// Where the record at `start` ends, if the bytes at `at` are this head's and nobody reads it.
#[inline(always)]
fn unwanted<L: Lanes>(
    lanes: L,
    bytes: &[u8],
    start: usize,
    at: usize,
    head: &Head,
) -> Option<Followed> {
    let (blocks, _) = bytes.get(at..)?.as_chunks::<64>();
    let blocks = blocks.first_chunk::<HEAD_BLOCKS>()?;
    let mut unlike = 0;
    for (index, block) in blocks.iter().enumerate() {
        unlike |= !lanes.equal_of_block(block, &head.blocks[index]) & head.masks[index];
        if head.own[index] != 0 {
            unlike |= lanes.stops_of_block(block) & head.own[index];
        }
    }
    if unlike != 0 {
        return None;
    }
    // From here on the walk would do the same.
    let record = &bytes[start..];
    let end = lanes.skip_rest(record, at - start + head.length).ok()??;
    let is_unwanted =
        head.selection == Selection::Skip || !may_name_foreign_key(record.get(..end)?);
    is_unwanted.then_some(Followed::Unwanted(end))
}

/// [`follow`] for a record whose members are sorted by name: its identity comes late, so the frame is
/// looked for by the name alone.
#[inline(always)]
fn follow_sorted<L: Lanes>(
    lanes: L,
    bytes: &[u8],
    start: usize,
    echo: &mut Echo,
    templates: &mut Templates,
) -> Option<Followed> {
    let opening = block::<64>(bytes, start)?;
    if !opening.starts_with(SORTED_OPENING) {
        return None;
    }
    let bytes = &bytes[..bytes.len().min(start.saturating_add(RECORD_BYTES_MAX))];
    let region_end = text_end(lanes, bytes, start + SORTED_OPENING.len())?;
    let kind = Kind::of_sorted(block(bytes, region_end + SORTED_KIND_OFFSET)?);
    match templates.kinds.head(kind) {
        None => templates.kinds.learn_sorted(kind, &bytes[region_end..]),
        Some(head) => match head.selection {
            Selection::Kms => {}
            Selection::OtherService => return None,
            Selection::Skip | Selection::IfForeignKey => {
                return unwanted(lanes, bytes, start, region_end, head);
            }
        },
    }
    let Templates { frames, places, .. } = templates;
    let mut search = frames.search(kind, 0);
    while let Some((index, frame)) = frames.next(&mut search) {
        let identity = |at: usize| match bytes.get(at) {
            Some(b'{') => identity_at(lanes, bytes, at, echo),
            _ => None,
        };
        if let Some((end, Some(identity))) = end_of(lanes, bytes, start, identity, frame, places) {
            frames.found(&search, index);
            return Some(Followed::Frame {
                frame: usize::from(index),
                length: end - start,
                identity,
            });
        }
    }
    None
}

/// Where the record at `start` ends, if it follows this frame, and its identity. `identity` says which
/// one stands at a place.
#[inline(always)]
fn end_of<L: Lanes>(
    lanes: L,
    bytes: &[u8],
    start: usize,
    mut identity: impl FnMut(usize) -> Option<SeenIdentity>,
    frame: &Frame,
    places: &mut Places,
) -> Option<(usize, Option<SeenIdentity>)> {
    let mut at = start;
    let mut unlike = 0;
    let mut seen = None;
    let mut stretch = 0;
    for Block {
        sample,
        same,
        plain,
        length,
        then,
    } in &frame.program.blocks
    {
        let here = block(bytes, at)?;
        unlike |= !lanes.equal_of_block(here, sample) & same;
        if *plain != 0 {
            unlike |= lanes.stops_of_block(here) & plain;
        }
        at += *length as usize;
        if *then == Then::More {
            continue;
        }
        if unlike != 0 {
            return None;
        }
        at = match then {
            Then::Text => text_end(lanes, bytes, at)?,
            Then::Identity => {
                let identity = identity(at)?;
                seen = Some(identity);
                identity.end
            }
            Then::Integer => integer_end(bytes, at)?,
            Then::More | Then::End => return Some((at, seen)),
        };
        stretch += 1;
        *places.get_mut(stretch)? = (at - start) as u32;
    }
    None
}

/// Where the plain text ends that begins at `at`; what stands there is left to the next stretch.
#[inline(always)]
fn text_end<L: Lanes>(lanes: L, bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let stops = lanes.stops_of_block(block(bytes, at)?);
        if stops != 0 {
            return Some(at + stops.trailing_zeros() as usize);
        }
        at += 64;
    }
}

/// Where the integer ends that begins at `at`, if it is one of at most 16 digits without a sign and
/// without a zero in front: one more than frames are learnt of (`DIGITS_MAX` of `template/token`), which is
/// an integer too. Of a longer one these digits: the next stretch begins with none and does not follow.
#[inline(always)]
fn integer_end(bytes: &[u8], at: usize) -> Option<usize> {
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    const LOW_BITS: u64 = 0x0101_0101_0101_0101;
    let (words, _) = block::<16>(bytes, at)?.as_chunks::<8>();
    let digits = |word: [u8; 8]| {
        let digits = u64::from_le_bytes(word) ^ ZEROS;
        // The highest bit of each byte that is greater than nine.
        let others = ((digits & (LOW_BITS * 0x7f)) + LOW_BITS * 0x76) | digits;
        (others & (LOW_BITS * 0x80)).trailing_zeros() as usize / 8
    };
    let length = match digits(words[0]) {
        8 => 8 + digits(words[1]),
        length => length,
    };
    let has_zero_in_front = words[0][0] == b'0' && length > 1;
    (length > 0 && !has_zero_in_front).then_some(at + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_end_where_they_end() {
        for (text, expected) in [
            ("0,", Some(1)),
            ("7}", Some(1)),
            ("12345678]", Some(8)),
            ("1234567890123456", Some(16)),
            ("123456789.", Some(9)),
            ("01,", None),
            ("-1", None),
            ("", None),
            ("x", None),
            (":", None),
            ("/", None),
            ("\u{b0}", None),
        ] {
            let padded = format!("{text}{}", " ".repeat(16));
            assert_eq!(integer_end(padded.as_bytes(), 0), expected, "{text}");
        }
        assert_eq!(integer_end(b"1", 0), None);
    }
}

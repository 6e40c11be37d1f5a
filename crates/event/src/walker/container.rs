//! Passing over containers by their brackets, 64 bytes at a time.
//!
//! Strings are told apart by the parity of their quotes, as simdjson does it (Langdale and Lemire,
//! "Parsing Gigabytes of JSON per Second", 2019); what is left of a block are its brackets, and
//! counting those is enough but where the container may end.

use super::Odd;
use super::lanes::{Lanes, WINDOW, block_of};
use crate::walk::DEPTH_MAX;

/// What carries over from one block to the next.
#[derive(Debug, Clone, Copy, Default)]
struct Carry {
    /// All bits set where the last block ended inside a string.
    in_string: u64,
    /// One where the first byte of the next block is escaped.
    escaped: u64,
}

/// What counts of a block.
struct Brackets {
    /// All quotes.
    quotes: u64,
    /// Brackets outside strings.
    opens: u64,
    closes: u64,
    /// Backslashes, which have no business there.
    strays: u64,
}

impl Brackets {
    /// Whether a backslash stands outside strings before the offset `end` of the block.
    #[inline(always)]
    fn has_stray(&self, end: u32) -> bool {
        self.strays != 0 && self.strays & before(end) != 0
    }
}

/// The bits of a block before the offset `end`, which may be 64.
#[inline(always)]
fn before(end: u32) -> u64 {
    1_u64.checked_shl(end).map_or(u64::MAX, |bit| bit - 1)
}

impl Carry {
    /// Takes the strings out of a block.
    #[inline(always)]
    fn brackets<L: Lanes>(&mut self, lanes: L, block: &[u8; 64], slashes: u64) -> Brackets {
        let all_quotes = lanes.quotes(block);
        let mut quotes = all_quotes;
        if slashes | self.escaped != 0 {
            quotes &= !self.escaped_bytes(slashes);
        }
        let in_string = lanes.prefix_xor(quotes) ^ self.in_string;
        self.in_string = (in_string as i64 >> 63) as u64;
        Brackets {
            quotes: all_quotes,
            opens: lanes.opens(block) & !in_string,
            closes: lanes.closes(block) & !in_string,
            strays: slashes & !in_string,
        }
    }

    /// The bytes that a backslash before them escapes.
    fn escaped_bytes(&mut self, slashes: u64) -> u64 {
        const ODD_BITS: u64 = 0xaaaa_aaaa_aaaa_aaaa;
        let starts = slashes & !self.escaped;
        // Of each run of backslashes that is not itself escaped, every second byte is escaped, and
        // so is the byte behind a run of odd length; the subtraction finds where each run ends.
        let ends = ((starts << 1) | ODD_BITS).wrapping_sub(starts) ^ ODD_BITS;
        let escaped = ends ^ (slashes | self.escaped);
        self.escaped = (ends & slashes) >> 63;
        escaped
    }
}

/// As many bytes as these begin with; near their end a copy with zeros behind them, in `last`.
#[inline(always)]
fn first<'b, const BYTES: usize>(
    rest: &'b [u8],
    last: &'b mut [u8; BYTES],
) -> Result<&'b [u8; BYTES], Odd> {
    match rest.first_chunk() {
        Some(first) => Ok(first),
        None => padded(rest, last),
    }
}

#[cold]
#[inline(never)]
fn padded<'b, const BYTES: usize>(
    rest: &[u8],
    last: &'b mut [u8; BYTES],
) -> Result<&'b [u8; BYTES], Odd> {
    if rest.is_empty() {
        return Err(Odd::Unfinished);
    }
    *last = [0; BYTES];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    Ok(last)
}

/// Where the container ends that begins at `start`, inside `outer_depth` others: each bracket is closed by
/// one of its kind. Nothing else in it is read.
#[inline(always)]
pub(super) fn skip<L: Lanes>(
    lanes: L,
    bytes: &[u8],
    start: usize,
    outer_depth: u32,
) -> Result<usize, Odd> {
    let depth_max = DEPTH_MAX as u32 - outer_depth;
    let mut carry = Carry::default();
    let mut depth = 1_u32;
    // One bit a level, the innermost lowest: clear for an array. Set above the outermost level.
    let mut objects = match bytes.get(start) {
        Some(b'[') => u64::MAX << 1,
        _ => u64::MAX,
    };
    let mut rest = bytes.get(start + 1..).unwrap_or_default();
    let mut last = [0; 64];
    loop {
        let block = first(rest, &mut last)?;
        let (slashes, arrays) = match lanes.has_slash_or_array(block) {
            true => (lanes.slashes(block), lanes.without_bit_5(block)),
            false => (0, 0),
        };
        let brackets = carry.brackets(lanes, block, slashes);
        let (opens, closes) = (brackets.opens, brackets.closes);
        let arrays = arrays & (opens | closes);
        if arrays == 0
            && objects == u64::MAX
            && depth > closes.count_ones()
            && depth + opens.count_ones() <= depth_max
        {
            depth = depth + opens.count_ones() - closes.count_ones();
        } else {
            let mut bits = opens | closes;
            while bits != 0 {
                let bit = bits & bits.wrapping_neg();
                let is_object = arrays & bit == 0;
                if opens & bit != 0 {
                    if depth == depth_max {
                        return Err(Odd::TooDeep);
                    }
                    objects = objects << 1 | u64::from(is_object);
                    depth += 1;
                } else {
                    if (objects & 1 == 1) != is_object {
                        return Err(Odd::NotJson);
                    }
                    objects = objects >> 1 | 1 << 63;
                    depth -= 1;
                    if depth == 0 {
                        let end = bit.trailing_zeros();
                        return match brackets.has_stray(end) {
                            true => Err(Odd::NotJson),
                            false => Ok(bytes.len() - rest.len() + end as usize + 1),
                        };
                    }
                }
                bits &= bits - 1;
            }
        }
        if brackets.has_stray(64) {
            return Err(Odd::NotJson);
        }
        rest = rest.get(64..).unwrap_or_default();
    }
}

/// Where the record ends whose rest begins at `start`, outside strings and inside one object: the
/// rest of a record that nobody reads. Brackets are counted, whatever their kind.
///
/// `None` when the rest might change who reads the record: it holds a string that begins with
/// `eventS` or `eventN`, or a `\u` that might stand for a letter of it, or is nested too deeply to
/// be taken for a record without a closer look.
#[inline(always)]
pub(super) fn skip_rest<L: Lanes>(
    lanes: L,
    bytes: &[u8],
    start: usize,
) -> Result<Option<usize>, Odd> {
    let mut carry = Carry::default();
    let mut depth = 1_u32;
    let mut rest = bytes.get(start..).unwrap_or_default();
    let mut last = [0; WINDOW];
    loop {
        let window = first(rest, &mut last)?;
        let block = block_of::<0>(window);
        let is_odd = lanes.has_slash_or_name(window);
        let slashes = if is_odd { slashes(lanes, block) } else { 0 };
        let brackets = carry.brackets(lanes, block, slashes);
        let (opens, closes) = (brackets.opens, brackets.closes);
        // No block goes deeper, whatever it closes in between.
        let deepest = depth + opens.count_ones();
        if deepest > DEPTH_MAX as u32 && goes_too_deep(depth, opens, closes) {
            return Ok(None);
        }
        let mut end = 64;
        let (mut left, mut closed) = (closes, 0);
        while left != 0 {
            closed += 1;
            let opened = (opens & (left ^ (left - 1))).count_ones();
            if depth + opened == closed {
                end = left.trailing_zeros();
                break;
            }
            left &= left - 1;
        }
        if is_odd {
            if is_suspicious(rest, [brackets.quotes, slashes], end) {
                return Ok(None);
            }
            if brackets.has_stray(end) {
                return Err(Odd::NotJson);
            }
        }
        if end < 64 {
            let end = end as usize;
            let is_object = block[end] == b'}';
            let end = bytes.len() - rest.len() + end + 1;
            return is_object.then_some(Some(end)).ok_or(Odd::NotJson);
        }
        depth = deepest - closed;
        rest = rest.get(64..).unwrap_or_default();
    }
}

/// Whether a block with these brackets, before which `depth` are open, goes deeper than a record may, before it ends
/// the record.
#[cold]
#[inline(never)]
fn goes_too_deep(mut depth: u32, opens: u64, closes: u64) -> bool {
    let mut bits = opens | closes;
    while bits != 0 && depth != 0 && depth <= DEPTH_MAX as u32 {
        let is_open = opens & bits & bits.wrapping_neg() != 0;
        depth = if is_open { depth + 1 } else { depth - 1 };
        bits &= bits - 1;
    }
    depth > DEPTH_MAX as u32
}

/// [`Lanes::slashes`] apart, so that it is not asked of every block before anybody knows whether it must be.
#[cold]
#[inline(never)]
fn slashes<L: Lanes>(lanes: L, block: &[u8; 64]) -> u64 {
    lanes.slashes(block)
}

/// Whether one of these quotes of the block that these bytes begin with stands before a name that begins as
/// `eventSource` and `eventName` do, or one of these backslashes before a `u`; of what stands before the offset
/// `end`.
#[cold]
#[inline(never)]
fn is_suspicious(rest: &[u8], [quotes, slashes]: [u64; 2], end: u32) -> bool {
    let any = |mut bits: u64, holds: &dyn Fn(&[u8]) -> bool| {
        bits &= before(end);
        while bits != 0 {
            if rest
                .get(bits.trailing_zeros() as usize + 1..)
                .is_some_and(holds)
            {
                return true;
            }
            bits &= bits - 1;
        }
        false
    };
    let is_name = |text: &[u8]| text.starts_with(b"eventS") || text.starts_with(b"eventN");
    any(quotes, &is_name) || any(slashes, &|text| text.first() == Some(&b'u'))
}

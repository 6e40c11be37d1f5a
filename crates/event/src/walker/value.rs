//! Single JSON values: strings, numbers and literals read strictly, containers passed over or read
//! strictly.

use super::Odd;
use super::lanes::Lanes;
use crate::walk::DEPTH_MAX;

/// Where a string ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StringEnd {
    /// The offset of its closing quote.
    pub quote: usize,
    /// Whether it holds escapes.
    pub escaped: bool,
}

/// The byte at `at`.
#[inline(always)]
pub(super) fn byte(bytes: &[u8], at: usize) -> Result<u8, Odd> {
    bytes.get(at).copied().ok_or(Odd::Unfinished)
}

/// The block that begins at `at`.
#[inline(always)]
pub(super) fn block<const BYTES: usize>(bytes: &[u8], at: usize) -> Option<&[u8; BYTES]> {
    bytes.get(at..)?.first_chunk()
}

/// The first offset at or behind `at` that holds no white space. CloudTrail writes none.
#[inline(always)]
pub(super) fn skip_space(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at) {
        Some(0..=b' ') => crate::walk::skip_space(bytes, at),
        _ => at,
    }
}

/// Where the string ends whose first byte behind the opening quote is at `start`.
#[inline(always)]
pub(super) fn string<L: Lanes>(lanes: L, bytes: &[u8], start: usize) -> Result<StringEnd, Odd> {
    let mut at = start;
    while let Some(block) = block::<32>(bytes, at) {
        let stops = lanes.stops(block);
        if stops != 0 {
            let stop = stops.trailing_zeros() as usize;
            if block[stop % 32] == b'"' {
                return Ok(StringEnd {
                    quote: at + stop,
                    escaped: false,
                });
            }
            return odd_string(bytes, start, at + stop);
        }
        at += 32;
    }
    odd_string(bytes, start, at)
}

/// Where the string ends whose first byte behind the opening quote is at `start`, if it is plain and
/// has the length that `length` guesses, less than 64; else the guess is made anew.
///
/// The answer comes from the guess, which the bytes only confirm: whoever goes on from there need
/// not wait for them.
#[inline(always)]
pub(super) fn steady_string<L: Lanes>(
    lanes: L,
    bytes: &[u8],
    start: usize,
    length: &mut u8,
) -> Result<StringEnd, Odd> {
    if let Some(block) = block::<64>(bytes, start) {
        let (halves, _) = block.as_chunks::<32>();
        let guess = u32::from(*length) % 64;
        let mut stops = u64::from(lanes.stops(&halves[0]));
        if guess >= 32 {
            stops |= u64::from(lanes.stops(&halves[1])) << 32;
        }
        let up_to_guess = u64::MAX >> (63 - guess);
        if stops & up_to_guess == 1 << guess && block[guess as usize] == b'"' {
            return Ok(StringEnd {
                quote: start + guess as usize,
                escaped: false,
            });
        }
    }
    let end = string(lanes, bytes, start)?;
    *length = (end.quote - start).min(63) as u8;
    Ok(end)
}

/// The rest of a string with escapes or characters beyond ASCII, or near the end of the bytes.
#[cold]
#[inline(never)]
fn odd_string(bytes: &[u8], start: usize, mut at: usize) -> Result<StringEnd, Odd> {
    let mut escaped = false;
    let mut ascii = true;
    loop {
        match byte(bytes, at)? {
            b'"' => break,
            b'\\' => {
                escaped = true;
                at += match byte(bytes, at + 1)? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 2,
                    b'u' => {
                        for digit in at + 2..at + 6 {
                            if !byte(bytes, digit)?.is_ascii_hexdigit() {
                                return Err(Odd::NotJson);
                            }
                        }
                        6
                    }
                    _ => return Err(Odd::NotJson),
                };
            }
            0..0x20 => return Err(Odd::NotJson),
            other => {
                ascii &= other.is_ascii();
                at += 1;
            }
        }
    }
    if !ascii && std::str::from_utf8(&bytes[start..at]).is_err() {
        return Err(Odd::NotJson);
    }
    Ok(StringEnd { quote: at, escaped })
}

/// Where the number or literal ends that begins at `at`.
#[inline(always)]
pub(super) fn scalar(bytes: &[u8], at: usize) -> Result<usize, Odd> {
    match byte(bytes, at)? {
        b'n' => literal(bytes, at, b"null"),
        b't' => literal(bytes, at, b"true"),
        b'f' => literal(bytes, at, b"false"),
        _ => number(bytes, at),
    }
}

#[inline(always)]
fn literal(bytes: &[u8], at: usize, word: &[u8]) -> Result<usize, Odd> {
    let rest = &bytes[at..];
    if rest.starts_with(word) {
        return Ok(at + word.len());
    }
    Err(if word.starts_with(rest) {
        Odd::Unfinished
    } else {
        Odd::NotJson
    })
}

/// Numbers end at a byte that cannot continue them, which must be there.
fn number(bytes: &[u8], mut at: usize) -> Result<usize, Odd> {
    let digits = |mut at: usize| -> Result<usize, Odd> {
        let start = at;
        while byte(bytes, at)?.is_ascii_digit() {
            at += 1;
        }
        if at == start {
            return Err(Odd::NotJson);
        }
        Ok(at)
    };
    if bytes[at] == b'-' {
        at += 1;
    }
    at = match byte(bytes, at)? {
        b'0' => at + 1,
        _ => digits(at)?,
    };
    if byte(bytes, at)? == b'.' {
        at = digits(at + 1)?;
    }
    if let b'e' | b'E' = byte(bytes, at)? {
        at += 1;
        if let b'+' | b'-' = byte(bytes, at)? {
            at += 1;
        }
        at = digits(at)?;
    }
    Ok(at)
}

/// Reads the value strictly that stands from `start` to `end`, and that the walk took as it stood.
#[inline(always)]
pub(super) fn check<L: Lanes>(lanes: L, bytes: &[u8], start: usize, end: usize) -> Result<(), Odd> {
    match bytes.get(start) {
        Some(b'{' | b'[') if strict(lanes, bytes, start)? != end => Err(Odd::NotJson),
        // The walk read everything else strictly already.
        _ => Ok(()),
    }
}

/// Where the value ends that begins at `at`, everything in it read strictly.
#[inline(always)]
pub(super) fn strict<L: Lanes>(lanes: L, bytes: &[u8], mut at: usize) -> Result<usize, Odd> {
    // One bit a level: set for an object, clear for an array.
    let mut objects: u64 = 0;
    let mut depth = 0;
    loop {
        let first = byte(bytes, at)?;
        match first {
            b'"' => at = string(lanes, bytes, at + 1)?.quote + 1,
            b'{' | b'[' => {
                if depth == DEPTH_MAX {
                    return Err(Odd::TooDeep);
                }
                let closing = first + 2;
                at = skip_space(bytes, at + 1);
                if byte(bytes, at)? == closing {
                    at += 1;
                } else {
                    depth += 1;
                    objects = objects << 1 | u64::from(first == b'{');
                    if first == b'{' {
                        at = member(lanes, bytes, at)?;
                    }
                    continue;
                }
            }
            _ => at = scalar(bytes, at)?,
        }
        // Behind a value: its neighbour, or the end of what holds it.
        loop {
            if depth == 0 {
                return Ok(at);
            }
            at = skip_space(bytes, at);
            let in_object = objects & 1 == 1;
            match (byte(bytes, at)?, in_object) {
                (b',', true) => {
                    at = member(lanes, bytes, skip_space(bytes, at + 1))?;
                    break;
                }
                (b',', false) => {
                    at = skip_space(bytes, at + 1);
                    break;
                }
                (b'}', true) | (b']', false) => {
                    at += 1;
                    depth -= 1;
                    objects >>= 1;
                }
                _ => return Err(Odd::NotJson),
            }
        }
    }
}

/// Passes over a key and its colon, to the value.
#[inline(always)]
fn member<L: Lanes>(lanes: L, bytes: &[u8], at: usize) -> Result<usize, Odd> {
    if byte(bytes, at)? != b'"' {
        return Err(Odd::NotJson);
    }
    let end = string(lanes, bytes, at + 1)?.quote;
    colon(bytes, end + 1)
}

/// Passes over a colon and the white space around it.
#[inline(always)]
pub(super) fn colon(bytes: &[u8], at: usize) -> Result<usize, Odd> {
    let at = skip_space(bytes, at);
    if byte(bytes, at)? != b':' {
        return Err(Odd::NotJson);
    }
    Ok(skip_space(bytes, at + 1))
}

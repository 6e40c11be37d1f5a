//! The few questions the walker asks of many bytes at once, and the portable answer to them.
//!
//! Everything above this file is written once, against [`Lanes`]; a processor's own instructions
//! come in as one more implementation of it. One loop over such questions belongs to the trait, too
//! ([`Lanes::skip_rest`]): only its implementation can say what it is compiled for.

use super::Odd;
use super::container::skip_rest;

/// A block of 64 bytes and the six behind it.
pub(super) const WINDOW: usize = 70;

/// The block of a window that begins so many bytes behind its first.
#[inline(always)]
pub(super) fn block_of<const BEHIND: usize>(window: &[u8; WINDOW]) -> &[u8; 64] {
    const { assert!(BEHIND + 64 <= WINDOW) };
    window[BEHIND..].first_chunk().unwrap_or(&[0; 64])
}

/// The vector instructions of a processor.
pub(super) trait Lanes: Copy {
    /// Bytes at which reading a plain string stops: `"`, `\`, control characters, and whatever is
    /// not ASCII.
    fn stops(self, block: &[u8; 32]) -> u32;

    /// [`Lanes::stops`] of 64 bytes.
    #[inline(always)]
    fn stops_of_block(self, block: &[u8; 64]) -> u64 {
        let (halves, _) = block.as_chunks::<32>();
        u64::from(self.stops(&halves[0])) | u64::from(self.stops(&halves[1])) << 32
    }

    /// Bytes that equal the pattern's byte in the same place.
    fn equal(self, block: &[u8; 32], pattern: &[u8; 32]) -> u32;

    /// [`Lanes::equal`] of 64 bytes.
    #[inline(always)]
    fn equal_of_block(self, block: &[u8; 64], pattern: &[u8; 64]) -> u64 {
        let ((halves, _), (others, _)) = (block.as_chunks(), pattern.as_chunks());
        let low = u64::from(self.equal(&halves[0], &others[0]));
        low | u64::from(self.equal(&halves[1], &others[1])) << 32
    }

    /// `"`
    fn quotes(self, block: &[u8; 64]) -> u64;

    /// `{` and `[`
    fn opens(self, block: &[u8; 64]) -> u64;

    /// `}` and `]`
    fn closes(self, block: &[u8; 64]) -> u64;

    /// Whether a block holds a backslash or a bracket of an array.
    fn has_slash_or_array(self, block: &[u8; 64]) -> bool;

    /// Whether a window's first block holds a backslash, or a quote behind which a string may begin as
    /// `"eventSource"` and `"eventName"` do, judged by its `t`, and its `S` or `N`.
    fn has_slash_or_name(self, window: &[u8; WINDOW]) -> bool;

    /// `\`
    fn slashes(self, block: &[u8; 64]) -> u64;

    /// Bytes without the bit of value 32: of the brackets, those of arrays.
    fn without_bit_5(self, block: &[u8; 64]) -> u64;

    /// Bit `i` of the answer is the exclusive or of the bits 0 to `i`: with quotes going in, the
    /// bytes inside strings come out, opening quotes included and closing quotes not.
    fn prefix_xor(self, bits: u64) -> u64;

    /// [`skip_rest`], compiled by itself: where its questions are asked nowhere else, all of them are
    /// inlined.
    fn skip_rest(self, bytes: &[u8], start: usize) -> Result<Option<usize>, Odd>;
}

/// Eight bytes at a time, in ordinary registers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scalar;

const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = LOW_BITS << 7;
/// With this bit set, the brackets of arrays become those of objects.
const BIT_5: u64 = LOW_BITS * 0x20;

/// One bit for each byte of the word, from the bytes' highest bits.
const fn gather(highest_bits: u64) -> u64 {
    (highest_bits >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// The highest bit of each byte that is zero.
const fn zero_bytes(word: u64) -> u64 {
    !(((word & !HIGH_BITS) + !HIGH_BITS) | word) & HIGH_BITS
}

/// The highest bit of each byte that equals `byte`.
const fn equal_bytes(word: u64, byte: u8) -> u64 {
    zero_bytes(word ^ (LOW_BITS * byte as u64))
}

/// Asks `question` of each word of the block, and puts the bits together.
#[inline(always)]
fn by_words<const BYTES: usize>(block: &[u8; BYTES], question: impl Fn(u64) -> u64) -> u64 {
    let (words, _) = block.as_chunks::<8>();
    let mut bits = 0;
    for (index, word) in words.iter().enumerate() {
        bits |= gather(question(u64::from_le_bytes(*word))) << (8 * index);
    }
    bits
}

impl Lanes for Scalar {
    #[inline(always)]
    fn stops(self, block: &[u8; 32]) -> u32 {
        let stops = by_words(block, |word| {
            // Without their lowest five bits, control characters are zero.
            let control = zero_bytes(word & (LOW_BITS * 0xe0));
            control | (word & HIGH_BITS) | equal_bytes(word, b'"') | equal_bytes(word, b'\\')
        });
        stops as u32
    }

    #[inline(always)]
    fn equal(self, block: &[u8; 32], pattern: &[u8; 32]) -> u32 {
        let mut bits = 0;
        let (words, _) = block.as_chunks::<8>();
        let (others, _) = pattern.as_chunks::<8>();
        for (index, (word, other)) in words.iter().zip(others).enumerate() {
            let differing = u64::from_le_bytes(*word) ^ u64::from_le_bytes(*other);
            bits |= gather(zero_bytes(differing)) << (8 * index);
        }
        bits as u32
    }

    #[inline(always)]
    fn quotes(self, block: &[u8; 64]) -> u64 {
        by_words(block, |word| equal_bytes(word, b'"'))
    }

    #[inline(always)]
    fn opens(self, block: &[u8; 64]) -> u64 {
        by_words(block, |word| equal_bytes(word | BIT_5, b'{'))
    }

    #[inline(always)]
    fn closes(self, block: &[u8; 64]) -> u64 {
        by_words(block, |word| equal_bytes(word | BIT_5, b'}'))
    }

    #[inline(always)]
    fn has_slash_or_array(self, block: &[u8; 64]) -> bool {
        let brackets = self.opens(block) | self.closes(block);
        self.slashes(block) | self.without_bit_5(block) & brackets != 0
    }

    #[inline(always)]
    fn has_slash_or_name(self, window: &[u8; WINDOW]) -> bool {
        let block = block_of::<0>(window);
        let t = by_words(block_of::<5>(window), |word| equal_bytes(word, b't'));
        let letters = by_words(block_of::<6>(window), |word| {
            equal_bytes(word, b'S') | equal_bytes(word, b'N')
        });
        self.slashes(block) | self.quotes(block) & t & letters != 0
    }

    #[inline(always)]
    fn slashes(self, block: &[u8; 64]) -> u64 {
        by_words(block, |word| equal_bytes(word, b'\\'))
    }

    #[inline(always)]
    fn without_bit_5(self, block: &[u8; 64]) -> u64 {
        by_words(block, |word| !(word << 2) & HIGH_BITS)
    }

    #[inline(always)]
    fn prefix_xor(self, bits: u64) -> u64 {
        prefix_xor(bits)
    }

    #[inline(never)]
    fn skip_rest(self, bytes: &[u8], start: usize) -> Result<Option<usize>, Odd> {
        skip_rest(self, bytes, start)
    }
}

/// [`Lanes::prefix_xor`] by doubling.
#[inline(always)]
pub(super) const fn prefix_xor(mut bits: u64) -> u64 {
    bits ^= bits << 1;
    bits ^= bits << 2;
    bits ^= bits << 4;
    bits ^= bits << 8;
    bits ^= bits << 16;
    bits ^ bits << 32
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Compares an implementation with the plain definition of each question.
    pub(in crate::walker) fn check<L: Lanes>(lanes: L, bytes: &[u8; 64]) {
        let bits = |holds: &dyn Fn(u8) -> bool| {
            bytes.iter().enumerate().fold(0_u64, |bits, (index, byte)| {
                bits | u64::from(holds(*byte)) << index
            })
        };
        let slashes = bits(&|byte| byte == b'\\');
        let arrays = bits(&|byte| byte == b'[' || byte == b']');
        assert_eq!(lanes.quotes(bytes), bits(&|byte| byte == b'"'));
        assert_eq!(lanes.opens(bytes), bits(&|byte| b"{[".contains(&byte)));
        assert_eq!(lanes.closes(bytes), bits(&|byte| b"}]".contains(&byte)));
        assert_eq!(
            lanes.has_slash_or_array(bytes),
            slashes | arrays != 0,
            "{bytes:?}"
        );
        let mut window = [b'x'; WINDOW];
        window[..64].copy_from_slice(bytes);
        window[64..].copy_from_slice(&bytes[32..38]);
        let names = window
            .windows(7)
            .any(|bytes| bytes[0] == b'"' && bytes[5] == b't' && matches!(bytes[6], b'S' | b'N'));
        assert_eq!(lanes.has_slash_or_name(&window), slashes != 0 || names);
        assert_eq!(lanes.slashes(bytes), slashes);
        assert_eq!(lanes.without_bit_5(bytes), bits(&|byte| byte & 0x20 == 0));
        let half = bytes.first_chunk::<32>().expect("64 are at least 32");
        let stops = bits(&|byte| !(0x20..0x80).contains(&byte) || byte == b'"' || byte == b'\\');
        assert_eq!(lanes.stops(half), stops as u32);
        assert_eq!(lanes.stops_of_block(bytes), stops);
        let mut pattern = *bytes;
        for (index, byte) in pattern.iter_mut().enumerate() {
            *byte ^= u8::from(index % 3 == 0) * bytes[(index + 32) % 64];
        }
        let pairs = bytes.iter().zip(&pattern).enumerate();
        let equal = pairs.fold(0_u64, |bits, (index, (a, b))| {
            bits | u64::from(a == b) << index
        });
        let half_pattern = pattern.first_chunk().expect("64 are at least 32");
        assert_eq!(lanes.equal(half, half_pattern), equal as u32);
        assert_eq!(lanes.equal_of_block(bytes, &pattern), equal);
        let word = u64::from_le_bytes(*bytes.first_chunk().expect("64 are at least 8"));
        let mut inside = 0;
        for bit in 0..64 {
            let low = if bit == 63 {
                word
            } else {
                word & ((2 << bit) - 1)
            };
            inside |= u64::from(low.count_ones() & 1) << bit;
        }
        assert_eq!(lanes.prefix_xor(word), inside);
    }

    /// Blocks rich in the bytes that matter, of few kinds or of many.
    pub(in crate::walker) fn block() -> impl Strategy<Value = [u8; 64]> {
        let few = proptest::sample::select(b"xxx\"tSN".to_vec());
        let many = prop_oneof![
            any::<u8>(),
            Just(b'x'),
            Just(b'y'),
            proptest::sample::select(b"\"\\{}[]tSN\x1f\x20\x7f\x80;|".to_vec())
        ];
        let bytes = prop_oneof![
            proptest::collection::vec(few, 64),
            proptest::collection::vec(many, 64)
        ];
        bytes.prop_map(|bytes| bytes.try_into().expect("64 were asked for"))
    }

    proptest! {
        #[test]
        fn the_portable_answers_are_right(bytes in block()) {
            check(Scalar, &bytes);
        }
    }
}

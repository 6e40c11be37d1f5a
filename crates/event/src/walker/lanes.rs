//! The few questions the walker asks of many bytes at once, and the portable answer to them.
//!
//! Everything above this file is written once, against [`Lanes`]; a processor's own instructions
//! come in as one more implementation of it.

/// Which bytes of a block of 64 are what; bit `i` speaks of byte `i`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marks {
    /// `"`
    pub quotes: u64,
    /// `{` and `[`
    pub opens: u64,
    /// `}` and `]`
    pub closes: u64,
    /// The block holds something that the other marks do not tell.
    pub is_odd: bool,
}

/// The vector instructions of a processor.
pub(super) trait Lanes: Copy {
    /// Bytes at which reading a plain string stops: `"`, `\`, control characters, and whatever is
    /// not ASCII.
    fn stops(self, block: &[u8; 32]) -> u32;

    /// Bytes that equal the pattern's byte in the same place.
    fn equal(self, block: &[u8; 32], pattern: &[u8; 32]) -> u32;

    /// Quotes and brackets of a block; it is odd if it holds a backslash or a bracket of an array.
    fn marks(self, block: &[u8; 64]) -> Marks;

    /// Quotes and brackets of a block; it is odd if it holds a backslash, or a quote where `ahead`,
    /// the bytes from the fifth on, holds `tS` or `tN`: so `"eventSource"` and `"eventName"` begin.
    fn marks_ahead(self, block: &[u8; 64], ahead: &[u8; 65]) -> Marks;

    /// `\`
    fn slashes(self, block: &[u8; 64]) -> u64;

    /// Bytes without the bit of value 32: of the brackets, those of arrays.
    fn without_bit_5(self, block: &[u8; 64]) -> u64;

    /// Bit `i` of the answer is the exclusive or of the bits 0 to `i`: with quotes going in, the
    /// bytes inside strings come out, opening quotes included and closing quotes not.
    fn prefix_xor(self, bits: u64) -> u64;
}

/// Eight bytes at a time, in ordinary registers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scalar;

const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = LOW_BITS << 7;

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
    fn marks(self, block: &[u8; 64]) -> Marks {
        const BIT_5: u64 = LOW_BITS * 0x20;
        let opens = by_words(block, |word| equal_bytes(word | BIT_5, b'{'));
        let closes = by_words(block, |word| equal_bytes(word | BIT_5, b'}'));
        let odd = self.slashes(block) | self.without_bit_5(block) & (opens | closes);
        Marks {
            quotes: by_words(block, |word| equal_bytes(word, b'"')),
            opens,
            closes,
            is_odd: odd != 0,
        }
    }

    #[inline(always)]
    fn marks_ahead(self, block: &[u8; 64], ahead: &[u8; 65]) -> Marks {
        let marks = self.marks(block);
        let (fifth, sixth) = ahead_of(ahead);
        let t = by_words(fifth, |word| equal_bytes(word, b't'));
        let letters = by_words(sixth, |word| {
            equal_bytes(word, b'S') | equal_bytes(word, b'N')
        });
        Marks {
            is_odd: self.slashes(block) | t & letters & marks.quotes != 0,
            ..marks
        }
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
}

/// The bytes five and six behind those of a block.
#[inline(always)]
pub(super) fn ahead_of(ahead: &[u8; 65]) -> (&[u8; 64], &[u8; 64]) {
    let [first, ..] = ahead.as_chunks::<64>().0 else {
        return (&[0; 64], &[0; 64]);
    };
    match ahead.last_chunk() {
        Some(last) => (first, last),
        None => (first, first),
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
        let marks = Marks {
            quotes: bits(&|byte| byte == b'"'),
            opens: bits(&|byte| byte == b'{' || byte == b'['),
            closes: bits(&|byte| byte == b'}' || byte == b']'),
            is_odd: slashes | arrays != 0,
        };
        assert_eq!(lanes.marks(bytes), marks);
        let mut ahead = [0; 65];
        for (index, byte) in ahead.iter_mut().enumerate() {
            *byte = bytes[(index + 5) % 64];
        }
        let names = bits(&|byte| byte == b't').rotate_right(5)
            & bits(&|byte| byte == b'S' || byte == b'N').rotate_right(6);
        let marks = Marks {
            is_odd: slashes | names & marks.quotes != 0,
            ..marks
        };
        assert_eq!(lanes.marks_ahead(bytes, &ahead), marks);
        assert_eq!(lanes.slashes(bytes), slashes);
        assert_eq!(lanes.without_bit_5(bytes), bits(&|byte| byte & 0x20 == 0));
        let half = bytes.first_chunk::<32>().expect("64 are at least 32");
        let stops = bits(&|byte| !(0x20..0x80).contains(&byte) || byte == b'"' || byte == b'\\');
        assert_eq!(lanes.stops(half), stops as u32);
        let mut pattern = *half;
        for (index, byte) in pattern.iter_mut().enumerate() {
            *byte ^= u8::from(index % 3 == 0) * bytes[index + 32];
        }
        let equal = half.iter().zip(&pattern).enumerate();
        let equal = equal.fold(0_u32, |bits, (index, (a, b))| {
            bits | u32::from(a == b) << index
        });
        assert_eq!(lanes.equal(half, &pattern), equal);
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

//! The answers of AVX2, 32 bytes at a time.

use std::arch::x86_64::{
    __m256i, _mm_clmulepi64_si128, _mm_cvtsi128_si64, _mm_set_epi64x, _mm_set1_epi8,
    _mm256_and_si256, _mm256_andnot_si256, _mm256_cmpeq_epi8, _mm256_cmpgt_epi8,
    _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8, _mm256_setr_epi8,
    _mm256_shuffle_epi8, _mm256_slli_epi16, _mm256_testz_si256,
};

use super::super::lanes::{Marks, Tail, WINDOW, block_of};

#[inline]
#[target_feature(enable = "avx2")]
fn load(block: &[u8; 32]) -> __m256i {
    // SAFETY: the reference is valid for 32 bytes, and the load asks for no alignment.
    unsafe { _mm256_loadu_si256(block.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn halves(block: &[u8; 64]) -> (__m256i, __m256i) {
    let (halves, _) = block.as_chunks::<32>();
    (load(&halves[0]), load(&halves[1]))
}

#[inline]
#[target_feature(enable = "avx2")]
fn bits(low: __m256i, high: __m256i) -> u64 {
    let low = _mm256_movemask_epi8(low) as u32;
    let high = _mm256_movemask_epi8(high) as u32;
    u64::from(low) | u64::from(high) << 32
}

#[inline]
#[target_feature(enable = "avx2")]
fn equal_to(low: __m256i, high: __m256i, byte: u8) -> u64 {
    let byte = _mm256_set1_epi8(byte as i8);
    bits(_mm256_cmpeq_epi8(low, byte), _mm256_cmpeq_epi8(high, byte))
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn stops(block: &[u8; 32]) -> u32 {
    let bytes = load(block);
    // As signed numbers, control characters and what is not ASCII both lie below the space.
    let odd = _mm256_cmpgt_epi8(_mm256_set1_epi8(0x20), bytes);
    let quotes = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(b'"' as i8));
    let slashes = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(b'\\' as i8));
    _mm256_movemask_epi8(_mm256_or_si256(odd, _mm256_or_si256(quotes, slashes))) as u32
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn stops_of_block(block: &[u8; 64]) -> u64 {
    let (halves, _) = block.as_chunks::<32>();
    u64::from(stops(&halves[0])) | u64::from(stops(&halves[1])) << 32
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn follows(blocks: &[[u8; 64]], patterns: &[[u8; 64]], masks: &[u64]) -> bool {
    let mut unlike = 0;
    for ((block, pattern), mask) in blocks.iter().zip(patterns).zip(masks) {
        let ((low, high), (other_low, other_high)) = (halves(block), halves(pattern));
        let low = _mm256_cmpeq_epi8(low, other_low);
        unlike |= !bits(low, _mm256_cmpeq_epi8(high, other_high)) & mask;
    }
    unlike == 0
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn equal(block: &[u8; 32], pattern: &[u8; 32]) -> u32 {
    _mm256_movemask_epi8(_mm256_cmpeq_epi8(load(block), load(pattern))) as u32
}

/// Quotes and brackets. Moving bits out of vectors is what costs, so what is rare is gathered in
/// one vector, whose bits nobody needs one by one.
#[inline]
#[target_feature(enable = "avx2")]
fn marks_of(low: __m256i, high: __m256i, odd: impl FnOnce(Parts) -> __m256i) -> Marks {
    let quote = _mm256_set1_epi8(b'"' as i8);
    let open = _mm256_set1_epi8(b'{' as i8);
    let close = _mm256_set1_epi8(b'}' as i8);
    let slash = _mm256_set1_epi8(b'\\' as i8);
    // With this bit set, the brackets of arrays become those of objects.
    let bit_5 = _mm256_set1_epi8(0x20);
    let (braces_low, braces_high) = (_mm256_or_si256(low, bit_5), _mm256_or_si256(high, bit_5));
    let parts = Parts {
        quotes: [
            _mm256_cmpeq_epi8(low, quote),
            _mm256_cmpeq_epi8(high, quote),
        ],
        opens: [
            _mm256_cmpeq_epi8(braces_low, open),
            _mm256_cmpeq_epi8(braces_high, open),
        ],
        closes: [
            _mm256_cmpeq_epi8(braces_low, close),
            _mm256_cmpeq_epi8(braces_high, close),
        ],
    };
    let slashes = _mm256_or_si256(
        _mm256_cmpeq_epi8(low, slash),
        _mm256_cmpeq_epi8(high, slash),
    );
    let odd = _mm256_or_si256(slashes, odd(parts));
    let [quotes_low, quotes_high] = parts.quotes;
    let [opens_low, opens_high] = parts.opens;
    let [closes_low, closes_high] = parts.closes;
    Marks {
        quotes: bits(quotes_low, quotes_high),
        opens: bits(opens_low, opens_high),
        closes: bits(closes_low, closes_high),
        is_odd: _mm256_testz_si256(odd, odd) == 0,
    }
}

/// All bits of a byte set where it is one, by halves of the block.
#[derive(Clone, Copy)]
struct Parts {
    quotes: [__m256i; 2],
    opens: [__m256i; 2],
    closes: [__m256i; 2],
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn marks(block: &[u8; 64]) -> Marks {
    let (low, high) = halves(block);
    let odd = |parts: Parts| {
        let bit_5 = _mm256_set1_epi8(0x20);
        let brackets_low = _mm256_or_si256(parts.opens[0], parts.closes[0]);
        let brackets_high = _mm256_or_si256(parts.opens[1], parts.closes[1]);
        // Brackets whose byte lacks the bit.
        let low = _mm256_andnot_si256(low, _mm256_and_si256(brackets_low, bit_5));
        let high = _mm256_andnot_si256(high, _mm256_and_si256(brackets_high, bit_5));
        _mm256_or_si256(low, high)
    };
    marks_of(low, high, odd)
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn marks_of_rest(window: &[u8; WINDOW], _tail: &mut Tail) -> Marks {
    let (low, high) = halves(block_of(window));
    let part = |at: usize| window[at..].first_chunk().unwrap_or(&[0; 32]);
    let quote = _mm256_set1_epi8(b'"' as i8);
    let t = _mm256_set1_epi8(b't' as i8);
    // Loading what stands six bytes and one byte before is cheaper than carrying bits over.
    let name = |at: usize, letters: __m256i| {
        let quotes = _mm256_cmpeq_epi8(load(part(at)), quote);
        let ts = _mm256_cmpeq_epi8(load(part(at + 5)), t);
        _mm256_and_si256(is_s_or_n(letters), _mm256_and_si256(quotes, ts))
    };
    let names = _mm256_or_si256(name(0, low), name(32, high));
    marks_of(low, high, |_| names)
}

#[inline]
#[target_feature(enable = "avx2")]
fn is_s_or_n(bytes: __m256i) -> __m256i {
    const S: i8 = b'S' as i8;
    const N: i8 = b'N' as i8;
    // By its low half, each byte looks up the one letter it can be.
    let letters = _mm256_setr_epi8(
        -1, -1, -1, S, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, N, -1, //
        -1, -1, -1, S, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, N, -1,
    );
    _mm256_cmpeq_epi8(_mm256_shuffle_epi8(letters, bytes), bytes)
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn slashes(block: &[u8; 64]) -> u64 {
    let (low, high) = halves(block);
    equal_to(low, high, b'\\')
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn without_bit_5(block: &[u8; 64]) -> u64 {
    let (low, high) = halves(block);
    !bits(_mm256_slli_epi16::<2>(low), _mm256_slli_epi16::<2>(high))
}

#[inline]
#[target_feature(enable = "pclmulqdq")]
pub(super) fn prefix_xor(bits: u64) -> u64 {
    let bits = _mm_set_epi64x(0, bits as i64);
    _mm_cvtsi128_si64(_mm_clmulepi64_si128::<0>(bits, _mm_set1_epi8(-1))) as u64
}

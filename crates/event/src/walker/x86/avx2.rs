//! The answers of AVX2, 32 bytes at a time.

use std::arch::x86_64::{
    __m256i, _mm_clmulepi64_si128, _mm_cvtsi128_si64, _mm_set_epi64x, _mm_set1_epi8,
    _mm256_cmpeq_epi8, _mm256_cmpgt_epi8, _mm256_loadu_si256, _mm256_movemask_epi8,
    _mm256_or_si256, _mm256_set1_epi8, _mm256_setr_epi8, _mm256_shuffle_epi8, _mm256_slli_epi16,
};

use super::super::lanes::Masks;

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
pub(super) fn equal(block: &[u8; 32], pattern: &[u8; 32]) -> u32 {
    _mm256_movemask_epi8(_mm256_cmpeq_epi8(load(block), load(pattern))) as u32
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn masks(block: &[u8; 64]) -> Masks {
    let (low, high) = halves(block);
    // With this bit set, the brackets of arrays become those of objects.
    let bit_5 = _mm256_set1_epi8(0x20);
    let (braces_low, braces_high) = (_mm256_or_si256(low, bit_5), _mm256_or_si256(high, bit_5));
    Masks {
        quotes: equal_to(low, high, b'"'),
        slashes: equal_to(low, high, b'\\'),
        opens: equal_to(braces_low, braces_high, b'{'),
        closes: equal_to(braces_low, braces_high, b'}'),
    }
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn without_bit_5(block: &[u8; 64]) -> u64 {
    let (low, high) = halves(block);
    !bits(_mm256_slli_epi16::<2>(low), _mm256_slli_epi16::<2>(high))
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn letters_s_n(block: &[u8; 64]) -> u64 {
    const S: i8 = b'S' as i8;
    const N: i8 = b'N' as i8;
    // By its low half, each byte looks up the one letter it can be.
    let letters = _mm256_setr_epi8(
        -1, -1, -1, S, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, N, -1, //
        -1, -1, -1, S, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, N, -1,
    );
    let (low, high) = halves(block);
    bits(
        _mm256_cmpeq_epi8(_mm256_shuffle_epi8(letters, low), low),
        _mm256_cmpeq_epi8(_mm256_shuffle_epi8(letters, high), high),
    )
}

#[inline]
#[target_feature(enable = "pclmulqdq")]
pub(super) fn prefix_xor(bits: u64) -> u64 {
    let bits = _mm_set_epi64x(0, bits as i64);
    _mm_cvtsi128_si64(_mm_clmulepi64_si128::<0>(bits, _mm_set1_epi8(-1))) as u64
}

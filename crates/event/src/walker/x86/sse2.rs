//! The answers of SSE2, 16 bytes at a time.

use std::arch::x86_64::{
    __m128i, _mm_cmpeq_epi8, _mm_cmplt_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_or_si128,
    _mm_set1_epi8, _mm_slli_epi16,
};

use super::super::lanes::{self, WINDOW, block_of};

#[inline]
#[target_feature(enable = "sse2")]
fn load(block: &[u8; 16]) -> __m128i {
    // SAFETY: the reference is valid for 16 bytes, and the load asks for no alignment.
    unsafe { _mm_loadu_si128(block.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "sse2")]
fn quarters(block: &[u8; 64]) -> [__m128i; 4] {
    let (quarters, _) = block.as_chunks::<16>();
    [
        load(&quarters[0]),
        load(&quarters[1]),
        load(&quarters[2]),
        load(&quarters[3]),
    ]
}

#[inline]
#[target_feature(enable = "sse2")]
fn bits(quarters: [__m128i; 4]) -> u64 {
    let mut bits = 0;
    for (index, quarter) in quarters.into_iter().enumerate() {
        bits |= u64::from(_mm_movemask_epi8(quarter) as u16) << (16 * index);
    }
    bits
}

#[inline]
#[target_feature(enable = "sse2")]
fn equal_to(quarters: [__m128i; 4], byte: u8) -> u64 {
    let [a, b, c, d] = quarters;
    let byte = _mm_set1_epi8(byte as i8);
    bits([
        _mm_cmpeq_epi8(a, byte),
        _mm_cmpeq_epi8(b, byte),
        _mm_cmpeq_epi8(c, byte),
        _mm_cmpeq_epi8(d, byte),
    ])
}

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn stops_of_block(block: &[u8; 64]) -> u64 {
    let (halves, _) = block.as_chunks::<32>();
    u64::from(stops(&halves[0])) | u64::from(stops(&halves[1])) << 32
}

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn equal_of_block(block: &[u8; 64], pattern: &[u8; 64]) -> u64 {
    let ([a, b, c, d], [e, f, g, h]) = (quarters(block), quarters(pattern));
    bits([
        _mm_cmpeq_epi8(a, e),
        _mm_cmpeq_epi8(b, f),
        _mm_cmpeq_epi8(c, g),
        _mm_cmpeq_epi8(d, h),
    ])
}

#[inline]
#[target_feature(enable = "sse2")]
fn stops_of(bytes: __m128i) -> u32 {
    // As signed numbers, control characters and what is not ASCII both lie below the space.
    let odd = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));
    let quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'"' as i8));
    let slashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\' as i8));
    _mm_movemask_epi8(_mm_or_si128(odd, _mm_or_si128(quotes, slashes))) as u32
}

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn stops(block: &[u8; 32]) -> u32 {
    let (halves, _) = block.as_chunks::<16>();
    stops_of(load(&halves[0])) | stops_of(load(&halves[1])) << 16
}

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn equal(block: &[u8; 32], pattern: &[u8; 32]) -> u32 {
    let (blocks, _) = block.as_chunks::<16>();
    let (patterns, _) = pattern.as_chunks::<16>();
    let low = _mm_cmpeq_epi8(load(&blocks[0]), load(&patterns[0]));
    let high = _mm_cmpeq_epi8(load(&blocks[1]), load(&patterns[1]));
    _mm_movemask_epi8(low) as u32 | (_mm_movemask_epi8(high) as u32) << 16
}

#[inline]
#[target_feature(enable = "sse2")]
fn braces(block: &[u8; 64], byte: u8) -> u64 {
    let [a, b, c, d] = quarters(block);
    // With this bit set, the brackets of arrays become those of objects.
    let bit_5 = _mm_set1_epi8(0x20);
    let braces = [
        _mm_or_si128(a, bit_5),
        _mm_or_si128(b, bit_5),
        _mm_or_si128(c, bit_5),
        _mm_or_si128(d, bit_5),
    ];
    equal_to(braces, byte)
}

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn quotes(block: &[u8; 64]) -> u64 {
    equal_to(quarters(block), b'"')
}

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn opens(block: &[u8; 64]) -> u64 {
    braces(block, b'{')
}

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn closes(block: &[u8; 64]) -> u64 {
    braces(block, b'}')
}

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn has_slash_or_array(block: &[u8; 64]) -> bool {
    slashes(block) | without_bit_5(block) & (opens(block) | closes(block)) != 0
}

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn has_slash_or_name(window: &[u8; WINDOW]) -> bool {
    let block = block_of::<0>(window);
    let letters = quarters(block_of::<6>(window));
    let begins = quotes(block) & equal_to(quarters(block_of::<5>(window)), b't');
    let names = begins & (equal_to(letters, b'S') | equal_to(letters, b'N'));
    slashes(block) | names != 0
}

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn slashes(block: &[u8; 64]) -> u64 {
    equal_to(quarters(block), b'\\')
}

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn without_bit_5(block: &[u8; 64]) -> u64 {
    let [a, b, c, d] = quarters(block);
    !bits([
        _mm_slli_epi16::<2>(a),
        _mm_slli_epi16::<2>(b),
        _mm_slli_epi16::<2>(c),
        _mm_slli_epi16::<2>(d),
    ])
}

#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn prefix_xor(bits: u64) -> u64 {
    lanes::prefix_xor(bits)
}

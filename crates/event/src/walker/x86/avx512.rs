//! The answers of AVX-512, 64 bytes at a time: comparisons give their bits directly.

use std::arch::x86_64::{
    __m512i, _mm512_broadcast_i32x4, _mm512_cmpeq_epi8_mask, _mm512_cmplt_epi8_mask,
    _mm512_loadu_si512, _mm512_mask_cmpeq_epi8_mask, _mm512_or_si512, _mm512_set1_epi8,
    _mm512_shuffle_epi8, _mm512_testn_epi8_mask,
};

use super::super::lanes::{WINDOW, block_of};

use super::avx2::{S_AND_N, vector};
pub(super) use super::avx2::{equal, prefix_xor, stops};

#[inline]
#[target_feature(enable = "avx512f")]
fn load(block: &[u8; 64]) -> __m512i {
    // SAFETY: the reference is valid for 64 bytes, and the load asks for no alignment.
    unsafe { _mm512_loadu_si512(block.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn equal_to(bytes: __m512i, byte: u8) -> u64 {
    _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(byte as i8))
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn stops_of_block(block: &[u8; 64]) -> u64 {
    let bytes = load(block);
    // As signed numbers, control characters and what is not ASCII both lie below the space.
    let odd = _mm512_cmplt_epi8_mask(bytes, _mm512_set1_epi8(0x20));
    odd | equal_to(bytes, b'"') | equal_to(bytes, b'\\')
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn equal_of_block(block: &[u8; 64], pattern: &[u8; 64]) -> u64 {
    _mm512_cmpeq_epi8_mask(load(block), load(pattern))
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn quotes(block: &[u8; 64]) -> u64 {
    equal_to(load(block), b'"')
}

/// Brackets of this kind, given as a brace.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn brackets(block: &[u8; 64], brace: u8) -> u64 {
    // With this bit set, the brackets of arrays become those of objects.
    equal_to(_mm512_or_si512(load(block), _mm512_set1_epi8(0x20)), brace)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn opens(block: &[u8; 64]) -> u64 {
    brackets(block, b'{')
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn closes(block: &[u8; 64]) -> u64 {
    brackets(block, b'}')
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn has_slash_or_array(block: &[u8; 64]) -> bool {
    let bytes = load(block);
    equal_to(bytes, b'[') | equal_to(bytes, b']') | equal_to(bytes, b'\\') != 0
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn has_slash_or_name(window: &[u8; WINDOW]) -> bool {
    let bytes = load(block_of::<0>(window));
    let quotes = equal_to(bytes, b'"');
    let t = _mm512_set1_epi8(b't' as i8);
    let begins = _mm512_mask_cmpeq_epi8_mask(quotes, load(block_of::<5>(window)), t);
    let names = begins & letters_s_n(load(block_of::<6>(window)));
    names | equal_to(bytes, b'\\') != 0
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn slashes(block: &[u8; 64]) -> u64 {
    equal_to(load(block), b'\\')
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn without_bit_5(block: &[u8; 64]) -> u64 {
    _mm512_testn_epi8_mask(load(block), _mm512_set1_epi8(0x20))
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn letters_s_n(bytes: __m512i) -> u64 {
    // By its low half, each byte looks up the one letter it can be.
    let found = _mm512_shuffle_epi8(_mm512_broadcast_i32x4(vector(S_AND_N)), bytes);
    _mm512_cmpeq_epi8_mask(found, bytes)
}

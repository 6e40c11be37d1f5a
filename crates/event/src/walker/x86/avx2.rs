//! The answers of AVX2, 32 bytes at a time.

use std::arch::x86_64::{
    __m128i, __m256i, _mm_clmulepi64_si128, _mm_cvtsi128_si64, _mm_set_epi64x, _mm_set1_epi8,
    _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_cmpeq_epi8, _mm256_cmpgt_epi8,
    _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8,
    _mm256_shuffle_epi8, _mm256_slli_epi16,
};

use super::super::lanes::{WINDOW, block_of};

/// A table to look bytes up in by their low half, which finds these and no others.
const fn table<const BYTES: usize>(bytes: [u8; BYTES]) -> [u8; 16] {
    // Looking up answers zero for what is not ASCII, so that nothing is 0xff.
    let mut table = [0xff; 16];
    let mut index = 0;
    while index < BYTES {
        table[(bytes[index] & 0xf) as usize] = bytes[index];
        index += 1;
    }
    table
}

/// A table as a vector.
#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn vector(table: [u8; 16]) -> __m128i {
    let table = u128::from_le_bytes(table);
    _mm_set_epi64x((table >> 64) as i64, table as i64)
}

const SLASH_OR_ARRAYS: [u8; 16] = table(*b"[\\]");
/// The letters that tell `"eventSource"` and `"eventName"` from other names.
pub(super) const S_AND_N: [u8; 16] = table(*b"SN");

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
pub(super) fn equal_of_block(block: &[u8; 64], pattern: &[u8; 64]) -> u64 {
    let ((low, high), (other_low, other_high)) = (halves(block), halves(pattern));
    let low = _mm256_cmpeq_epi8(low, other_low);
    bits(low, _mm256_cmpeq_epi8(high, other_high))
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn equal(block: &[u8; 32], pattern: &[u8; 32]) -> u32 {
    _mm256_movemask_epi8(_mm256_cmpeq_epi8(load(block), load(pattern))) as u32
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn quotes(block: &[u8; 64]) -> u64 {
    let (low, high) = halves(block);
    equal_to(low, high, b'"')
}

/// Which bytes are those that the table holds in the place of their low half.
#[inline]
#[target_feature(enable = "avx2")]
fn looked_up(table: [u8; 16], bytes: __m256i) -> __m256i {
    let table = _mm256_broadcastsi128_si256(vector(table));
    _mm256_cmpeq_epi8(_mm256_shuffle_epi8(table, bytes), bytes)
}

/// Brackets of this kind, given as a brace.
#[inline]
#[target_feature(enable = "avx2")]
fn brackets(block: &[u8; 64], brace: u8) -> u64 {
    let (low, high) = halves(block);
    // With this bit set, the brackets of arrays become those of objects.
    let bit_5 = _mm256_set1_epi8(0x20);
    let (low, high) = (_mm256_or_si256(low, bit_5), _mm256_or_si256(high, bit_5));
    equal_to(low, high, brace)
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn opens(block: &[u8; 64]) -> u64 {
    brackets(block, b'{')
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn closes(block: &[u8; 64]) -> u64 {
    brackets(block, b'}')
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn has_slash_or_array(block: &[u8; 64]) -> bool {
    let (low, high) = halves(block);
    let odd = _mm256_or_si256(
        looked_up(SLASH_OR_ARRAYS, low),
        looked_up(SLASH_OR_ARRAYS, high),
    );
    _mm256_movemask_epi8(odd) != 0
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn has_slash_or_name(window: &[u8; WINDOW]) -> bool {
    let quote = _mm256_set1_epi8(b'"' as i8);
    let slash = _mm256_set1_epi8(b'\\' as i8);
    let t = _mm256_set1_epi8(b't' as i8);
    let (low, high) = halves(block_of::<0>(window));
    let (low_t, high_t) = halves(block_of::<5>(window));
    let (low_letters, high_letters) = halves(block_of::<6>(window));
    let name = |bytes, ts, letters| {
        let begins = _mm256_and_si256(_mm256_cmpeq_epi8(bytes, quote), _mm256_cmpeq_epi8(ts, t));
        _mm256_and_si256(begins, looked_up(S_AND_N, letters))
    };
    let names = _mm256_or_si256(
        name(low, low_t, low_letters),
        name(high, high_t, high_letters),
    );
    let slashes = _mm256_or_si256(
        _mm256_cmpeq_epi8(low, slash),
        _mm256_cmpeq_epi8(high, slash),
    );
    let odd = _mm256_or_si256(names, slashes);
    _mm256_movemask_epi8(odd) != 0
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

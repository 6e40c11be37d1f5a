//! Hashes to look things up by. Whatever is found by one is compared byte for byte: whoever writes records can
//! make two of them meet.

/// The eight bytes as a number.
#[inline(always)]
pub(crate) const fn word(bytes: &[u8; 8]) -> u64 {
    u64::from_le_bytes(*bytes)
}

/// An odd number without a pattern: 2⁶⁴ divided by the golden ratio.
pub(crate) const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Two words in one, every bit of which depends on all of theirs, unless one of them makes a factor zero: both
/// halves of their product, as in wyhash (Wang Yi, 2019).
#[inline(always)]
pub(crate) const fn mix(a: u64, b: u64) -> u64 {
    let product = (a ^ GOLDEN) as u128 * (b ^ 0xc2b2_ae3d_27d4_eb4f) as u128;
    product as u64 ^ (product >> 64) as u64
}

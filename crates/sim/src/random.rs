//! The only source of chance: a seeded generator whose stream never changes between versions or machines.
//!
//! Nothing here calls `ln` or `exp`: their last bit differs between platforms, and one seed must give one
//! archive everywhere.

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

/// Characters of access-key and principal ids.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Characters of a delivered file's unique suffix.
const ALPHANUMERIC: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const HEX: &[u8; 16] = b"0123456789abcdef";

/// A seeded stream of random values.
#[derive(Debug, Clone)]
pub(crate) struct Random(Pcg64Mcg);

impl Random {
    /// A stream of its own for every (seed, name): adding one consumer moves no other.
    pub(crate) fn stream(seed: u64, name: &str) -> Self {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ seed.rotate_left(17);
        for byte in name.bytes().chain(seed.to_le_bytes()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Self(Pcg64Mcg::seed_from_u64(hash))
    }

    /// 64 random bits.
    #[inline]
    pub(crate) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound`; 0 when the bound is 0.
    #[inline]
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.bits()) * u128::from(bound);
        (wide >> 64) as u64
    }

    /// An index below `bound`; 0 when the bound is 0.
    #[inline]
    pub(crate) fn index(&mut self, bound: usize) -> usize {
        self.below(bound as u64) as usize
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = high.saturating_sub(low).max(0) as u64;
        low + self.below(span + 1) as i64
    }

    /// A number in [0, 1).
    #[inline]
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// True with this probability.
    #[inline]
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of the items; the fallback when there is none.
    pub(crate) fn pick<T: Copy>(&mut self, items: &[T], fallback: T) -> T {
        let index = self.index(items.len());
        items.get(index).copied().unwrap_or(fallback)
    }

    /// Puts the items into a random order.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.index(last + 1));
        }
    }

    /// A version 4 UUID.
    pub(crate) fn uuid(&mut self) -> String {
        let mut text = Vec::with_capacity(36);
        self.push_uuid(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Appends a version 4 UUID.
    #[inline]
    pub(crate) fn push_uuid(&mut self, out: &mut Vec<u8>) {
        let value = (u128::from(self.bits()) << 64) | u128::from(self.bits());
        let mut text = [b'-'; 36];
        let mut at = 0;
        for nibble in 0..32 {
            if matches!(at, 8 | 13 | 18 | 23) {
                at += 1;
            }
            text[at] = HEX[(value >> (124 - 4 * nibble)) as usize & 15];
            at += 1;
        }
        text[14] = b'4';
        text[19] = HEX[8 | ((value >> 60) as usize & 3)];
        out.extend_from_slice(&text);
    }

    /// `length` hexadecimal digits.
    pub(crate) fn hex(&mut self, length: usize) -> String {
        self.characters(HEX, length)
    }

    /// `length` letters and digits, as at the end of a delivered file's name.
    pub(crate) fn alphanumeric(&mut self, length: usize) -> String {
        self.characters(ALPHANUMERIC, length)
    }

    /// Appends up to 16 hexadecimal digits.
    #[inline]
    pub(crate) fn push_hex(&mut self, out: &mut Vec<u8>, length: usize) {
        let mut bits = self.bits();
        for _ in 0..length {
            out.push(HEX[bits as usize & 15]);
            bits >>= 4;
        }
    }

    /// Appends letters and digits.
    #[inline]
    pub(crate) fn push_alphanumeric(&mut self, out: &mut Vec<u8>, length: usize) {
        let mut left = length;
        while left > 0 {
            let mut bits = self.bits();
            for _ in 0..left.min(10) {
                // Two of 64 values are taken twice: nobody decodes these texts.
                out.push(ALPHANUMERIC[(bits & 63) as usize % ALPHANUMERIC.len()]);
                bits >>= 6;
                left -= 1;
            }
        }
    }

    /// An AWS unique id: the prefix that says what it names (`AROA`, `ASIA`, …), then `SIM` so that nobody
    /// mistakes it for a real one, then random base 32; 20 or 21 characters as AWS has them.
    pub(crate) fn unique_id(&mut self, prefix: &str) -> String {
        let length = if prefix.ends_with("IA") { 13 } else { 14 };
        format!("{prefix}SIM{}", self.characters(BASE32, length))
    }

    fn characters(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length)
            .map(|_| char::from(alphabet[self.index(alphabet.len())]))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn streams_of_one_seed_are_apart_and_repeatable() {
        let first = Random::stream(1, "a").bits();
        assert_eq!(first, Random::stream(1, "a").bits());
        assert_ne!(first, Random::stream(1, "b").bits());
        assert_ne!(first, Random::stream(2, "a").bits());
    }

    #[test]
    fn uuids_are_version_four() {
        let mut random = Random::stream(7, "uuid");
        for _ in 0..100 {
            let uuid = random.uuid();
            assert_eq!(uuid.len(), 36);
            assert_eq!(uuid.as_bytes()[14], b'4');
            assert!(matches!(uuid.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
        }
    }

    #[test]
    fn numbers_stay_in_their_range() {
        let mut random = Random::stream(7, "range");
        for _ in 0..1_000 {
            assert!((3..=5).contains(&random.between(3, 5)));
            assert!(random.below(9) < 9);
            assert!((0.0..1.0).contains(&random.unit()));
        }
    }
}

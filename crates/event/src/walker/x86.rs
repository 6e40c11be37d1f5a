//! [`Lanes`] with the vector instructions of x86-64: SSE2, which every such processor has, and
//! AVX2 or AVX-512 where they are found at run time.

mod avx2;
mod avx512;
mod sse2;

use super::Odd;
use super::container;
use super::lanes::{Lanes, WINDOW};

/// AVX2 and the bit instructions that came with it. A value exists only where they were found: all that
/// [`lanes_of`] below and the macro in `mod.rs` compile for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx2(());

impl Avx2 {
    /// The instructions, if this processor has all of them.
    pub(super) fn find() -> Option<Self> {
        (std::is_x86_feature_detected!("avx2")
            && std::is_x86_feature_detected!("bmi1")
            && std::is_x86_feature_detected!("bmi2")
            && std::is_x86_feature_detected!("lzcnt")
            && std::is_x86_feature_detected!("popcnt")
            && std::is_x86_feature_detected!("pclmulqdq"))
        .then_some(Self(()))
    }
}

/// AVX-512 for bytes, beside AVX2. A value exists only where both were found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx512(());

impl Avx512 {
    /// The instructions, if this processor has all of them.
    pub(super) fn find() -> Option<Self> {
        Avx2::find().filter(|_| {
            std::is_x86_feature_detected!("avx512f") && std::is_x86_feature_detected!("avx512bw")
        })?;
        Some(Self(()))
    }
}

/// SSE2, which belongs to x86-64 itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sse2;

macro_rules! lanes_of {
    ($lanes:ty, $answers:ident, $features:literal) => {
        // SAFETY of every call below: a value of this type exists only where its instructions were
        // found. Those of SSE2 are looked for nowhere, since every x86-64 processor has them.
        impl Lanes for $lanes {
            #[inline(always)]
            fn stops(self, block: &[u8; 32]) -> u32 {
                // SAFETY: as above.
                unsafe { $answers::stops(block) }
            }

            #[inline(always)]
            fn stops_of_block(self, block: &[u8; 64]) -> u64 {
                // SAFETY: as above.
                unsafe { $answers::stops_of_block(block) }
            }

            #[inline(always)]
            fn equal_of_block(self, block: &[u8; 64], pattern: &[u8; 64]) -> u64 {
                // SAFETY: as above.
                unsafe { $answers::equal_of_block(block, pattern) }
            }

            #[inline(always)]
            fn equal(self, block: &[u8; 32], pattern: &[u8; 32]) -> u32 {
                // SAFETY: as above.
                unsafe { $answers::equal(block, pattern) }
            }

            #[inline(always)]
            fn quotes(self, block: &[u8; 64]) -> u64 {
                // SAFETY: as above.
                unsafe { $answers::quotes(block) }
            }

            #[inline(always)]
            fn opens(self, block: &[u8; 64]) -> u64 {
                // SAFETY: as above.
                unsafe { $answers::opens(block) }
            }

            #[inline(always)]
            fn closes(self, block: &[u8; 64]) -> u64 {
                // SAFETY: as above.
                unsafe { $answers::closes(block) }
            }

            #[inline(always)]
            fn has_slash_or_array(self, block: &[u8; 64]) -> bool {
                // SAFETY: as above.
                unsafe { $answers::has_slash_or_array(block) }
            }

            #[inline(always)]
            fn has_slash_or_name(self, window: &[u8; WINDOW]) -> bool {
                // SAFETY: as above.
                unsafe { $answers::has_slash_or_name(window) }
            }

            #[inline(always)]
            fn slashes(self, block: &[u8; 64]) -> u64 {
                // SAFETY: as above.
                unsafe { $answers::slashes(block) }
            }

            #[inline(always)]
            fn without_bit_5(self, block: &[u8; 64]) -> u64 {
                // SAFETY: as above.
                unsafe { $answers::without_bit_5(block) }
            }

            #[inline(always)]
            fn prefix_xor(self, bits: u64) -> u64 {
                // SAFETY: as above.
                unsafe { $answers::prefix_xor(bits) }
            }

            #[inline(always)]
            fn skip_rest(self, bytes: &[u8], start: usize) -> Result<Option<usize>, Odd> {
                #[inline(never)]
                #[target_feature(enable = $features)]
                fn skip_rest(
                    lanes: $lanes,
                    bytes: &[u8],
                    start: usize,
                ) -> Result<Option<usize>, Odd> {
                    container::skip_rest(lanes, bytes, start)
                }
                // SAFETY: as above.
                unsafe { skip_rest(self, bytes, start) }
            }
        }
    };
}

lanes_of!(
    Avx512,
    avx512,
    "avx512f,avx512bw,avx2,bmi1,bmi2,lzcnt,popcnt,pclmulqdq"
);
lanes_of!(Avx2, avx2, "avx2,bmi1,bmi2,lzcnt,popcnt,pclmulqdq");
lanes_of!(Sse2, sse2, "sse2");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::walker::lanes::tests::{block, check};

    proptest! {
        #[test]
        fn sse2_answers_as_defined(bytes in block()) {
            check(Sse2, &bytes);
        }

        #[test]
        fn avx512_answers_as_defined(bytes in block()) {
            if let Some(avx512) = Avx512::find() {
                check(avx512, &bytes);
            }
        }

        #[test]
        fn avx2_answers_as_defined(bytes in block()) {
            if let Some(avx2) = Avx2::find() {
                check(avx2, &bytes);
            }
        }
    }
}

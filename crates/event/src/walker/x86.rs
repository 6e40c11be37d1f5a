//! [`Lanes`] with the vector instructions of x86-64: SSE2, which every such processor has, and
//! AVX2 where it is found at run time.

mod avx2;
mod sse2;

use super::lanes::{Lanes, Masks};

/// AVX2 and the bit instructions that came with it. A value exists only where they were found.
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

/// SSE2, which belongs to x86-64 itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sse2;

macro_rules! lanes_of {
    ($lanes:ty, $answers:ident) => {
        // SAFETY of every call below: a value of this type exists only where its instructions were
        // found.
        impl Lanes for $lanes {
            #[inline(always)]
            fn stops(self, block: &[u8; 32]) -> u32 {
                // SAFETY: as above.
                unsafe { $answers::stops(block) }
            }

            #[inline(always)]
            fn equal(self, block: &[u8; 32], pattern: &[u8; 32]) -> u32 {
                // SAFETY: as above.
                unsafe { $answers::equal(block, pattern) }
            }

            #[inline(always)]
            fn masks(self, block: &[u8; 64]) -> Masks {
                // SAFETY: as above.
                unsafe { $answers::masks(block) }
            }

            #[inline(always)]
            fn without_bit_5(self, block: &[u8; 64]) -> u64 {
                // SAFETY: as above.
                unsafe { $answers::without_bit_5(block) }
            }

            #[inline(always)]
            fn letters_s_n(self, block: &[u8; 64]) -> u64 {
                // SAFETY: as above.
                unsafe { $answers::letters_s_n(block) }
            }

            #[inline(always)]
            fn prefix_xor(self, bits: u64) -> u64 {
                // SAFETY: as above.
                unsafe { $answers::prefix_xor(bits) }
            }
        }
    };
}

lanes_of!(Avx2, avx2);
lanes_of!(Sse2, sse2);

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
        fn avx2_answers_as_defined(bytes in block()) {
            if let Some(avx2) = Avx2::find() {
                check(avx2, &bytes);
            }
        }
    }
}

//! Sizes on the command line: bytes, or a number with a unit.

use std::str::FromStr;

/// A size in bytes, as the user wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizeArgument(pub u64);

/// Why a text is no size.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a size; write bytes (65536) or a number with KiB, MiB, GiB or TiB (64MiB)")]
pub struct NotASize;

/// The units, each with its bytes.
const UNITS: [(&str, u64); 5] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("", 1),
];

impl FromStr for SizeArgument {
    type Err = NotASize;

    fn from_str(text: &str) -> Result<Self, NotASize> {
        let number_of = |unit: &str| {
            let digits = text.strip_suffix(unit)?.trim_end();
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| digits.parse::<u64>().ok())?
        };
        let mut sizes = UNITS.iter().filter_map(|(unit, bytes)| {
            let number = number_of(unit)?;
            number.checked_mul(*bytes)
        });
        sizes.next().map(Self).ok_or(NotASize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_exact_or_refused() {
        for (text, bytes) in [
            ("0", 0),
            ("65536", 65_536),
            ("64KiB", 65_536),
            ("64 MiB", 67_108_864),
            ("2GiB", 2_147_483_648),
            ("16777215TiB", 16_777_215 << 40),
        ] {
            assert_eq!(text.parse(), Ok(SizeArgument(bytes)), "{text}");
        }
        for text in [
            "",
            "MiB",
            "-1",
            "+1",
            "1.5GiB",
            "64MB",
            "64mib",
            "16777216TiB",
            "1 2",
        ] {
            assert_eq!(text.parse::<SizeArgument>(), Err(NotASize), "{text}");
        }
    }
}

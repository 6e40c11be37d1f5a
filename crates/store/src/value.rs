//! How a value lies in a file: a byte of form, a checksum, and the bytes, compressed if that serves.

use xxhash_rust::xxh3::xxh3_64;

use crate::StoreError;
use crate::bounds::VALUE_BYTES_MAX;

/// The bytes as they are.
const RAW: u8 = 0;
/// One frame of Zstandard.
const ZSTD: u8 = 1;
/// The form and the checksum.
const HEADER_BYTES: usize = 9;
/// An encoded tally of 103 KiB shrank to 43.1 % at 293 MB/s; level 3 came to 42.4 % at 193 MB/s.
const LEVEL: i32 = 1;

/// Packs a value.
pub(crate) fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut packed = vec![0; HEADER_BYTES + zstd::zstd_safe::compress_bound(bytes.len())];
    packed[1..HEADER_BYTES].copy_from_slice(&xxh3_64(bytes).to_le_bytes());
    let written = zstd::bulk::compress_to_buffer(bytes, &mut packed[HEADER_BYTES..], LEVEL);
    match written {
        Ok(written) if written < bytes.len() => {
            packed[0] = ZSTD;
            packed.truncate(HEADER_BYTES + written);
        }
        _ => {
            packed[0] = RAW;
            packed.truncate(HEADER_BYTES);
            packed.extend_from_slice(bytes);
        }
    }
    packed
}

/// Unpacks a value that has this many bytes, and compares its checksum.
pub(crate) fn unpack(packed: &[u8], bytes: usize, what: &str) -> Result<Vec<u8>, StoreError> {
    let damaged = |detail: &str| StoreError::Damaged {
        what: what.to_owned(),
        detail: detail.to_owned(),
    };
    let (header, body) = packed
        .split_at_checked(HEADER_BYTES)
        .ok_or_else(|| damaged("it is cut short"))?;
    if bytes > VALUE_BYTES_MAX {
        return Err(damaged("its size is over the bound"));
    }
    let value = match header[0] {
        RAW => body.to_vec(),
        ZSTD => zstd::bulk::decompress(body, bytes)
            .map_err(|error| damaged(&format!("it does not decompress ({error})")))?,
        _ => return Err(damaged("its form is not known")),
    };
    if value.len() != bytes {
        return Err(damaged("it has another size than it was stored with"));
    }
    if xxh3_64(&value).to_le_bytes() != header[1..] {
        return Err(damaged("its checksum is wrong"));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn values_come_back(bytes in proptest::collection::vec(0_u8..4, 0..2_000)) {
            prop_assert_eq!(unpack(&pack(&bytes), bytes.len(), "value").unwrap(), bytes);
        }

        /// One damaged byte never goes unnoticed and never ends the program.
        #[test]
        fn damage_is_noticed(
            bytes in proptest::collection::vec(0_u8..4, 0..500),
            at in any::<prop::sample::Index>(),
            by in 1_u8..,
        ) {
            let mut packed = pack(&bytes);
            let at = at.index(packed.len());
            packed[at] ^= by;
            let unpacked = unpack(&packed, bytes.len(), "value");
            // Flipping the form of an empty frame or a spare bit of one can leave the bytes as they were.
            prop_assert!(unpacked.is_err() || unpacked.is_ok_and(|value| value == bytes));
        }
    }

    #[test]
    fn what_does_not_shrink_stays_as_it_is() {
        let packed = pack(b"abc");
        assert_eq!((packed[0], packed.len()), (RAW, HEADER_BYTES + 3));
        assert_eq!(pack(&[7; 10_000])[0], ZSTD);
    }

    #[test]
    fn a_lie_about_the_size_is_damage() {
        let packed = pack(&[7; 10_000]);
        for bytes in [0, 9_999, 10_001, VALUE_BYTES_MAX + 1] {
            assert!(unpack(&packed, bytes, "value").is_err(), "{bytes}");
        }
        assert!(unpack(&packed[..5], 10_000, "value").is_err());
    }
}

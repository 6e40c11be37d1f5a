//! Unpacking a whole gzip file at once, with libdeflate.

use libdeflater::Decompressor;
use memchr::memmem;

use super::sniff::GZIP_MAGIC;

/// Bytes of the trailer of a gzip member: CRC-32 and length (RFC 1952).
const TRAILER_BYTES: usize = 8;

/// Unpacks a file of one member into `text`, which is grown up to `bytes_max` and never shrunk.
/// Returns the length of the text, or `None` for everything that is not the plain case: several
/// members, bytes behind the last one, damage, a wrong length, more than `bytes_max`. Those are
/// for [`super::members`], which reads them piece by piece.
pub fn unpack_whole(
    decompressor: &mut Decompressor,
    packed: &[u8],
    text: &mut Vec<u8>,
    bytes_max: usize,
) -> Option<usize> {
    // libdeflate does not say where a member ended, so a second one must be ruled out otherwise.
    let behind_magic = packed.get(GZIP_MAGIC.len()..)?;
    if memmem::find_iter(behind_magic, GZIP_MAGIC).any(|at| may_begin_member(&behind_magic[at..])) {
        return None;
    }
    let length = packed.last_chunk::<4>()?;
    let expected = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    if packed.len() < 10 + TRAILER_BYTES || expected > bytes_max {
        return None;
    }
    if text.len() < expected {
        text.resize(expected, 0);
    }
    // libdeflate checks CRC and length of the member. If the file's last four bytes are that length,
    // nothing lies behind the member but by an unlikely chance, and then nothing is lost.
    let unpacked = decompressor.gzip_decompress(packed, text).ok()?;
    (unpacked == expected).then_some(unpacked)
}

/// Whether a member may begin with these bytes, which begin as one does: three bits of the flags behind the
/// magic number are never set (RFC 1952, 2.3.1.2). Packed bytes look like the number once in 16 MiB.
fn may_begin_member(bytes: &[u8]) -> bool {
    const FLAGS_RESERVED: u8 = 0b1110_0000;
    let flags = bytes.get(GZIP_MAGIC.len());
    flags.is_none_or(|flags| flags & FLAGS_RESERVED == 0)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn unpack(packed: &[u8], bytes_max: usize) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        let length = unpack_whole(&mut Decompressor::new(), packed, &mut text, bytes_max)?;
        Some(text[..length].to_vec())
    }

    #[test]
    fn one_member_is_unpacked() {
        let text = b"hello ".repeat(1_000);
        let packed = gzip(&text);
        assert_eq!(unpack(&packed, 1 << 20), Some(text.clone()));
        assert_eq!(unpack(&packed, text.len()), Some(text.clone()));
        assert_eq!(unpack(&packed, text.len() - 1), None);
        assert_eq!(unpack(&gzip(b""), 10), Some(Vec::new()));
    }

    #[test]
    fn packed_bytes_that_look_like_another_member_are_told_from_one() {
        let look = |flags: u8| [GZIP_MAGIC, &[flags]].concat();
        assert!(!may_begin_member(&look(0b0010_0000)));
        assert!(may_begin_member(&look(0b0001_1111)));
        assert!(may_begin_member(GZIP_MAGIC));
        // The name of a file stands in the header, so it may hold anything.
        let with_name = |name: &[u8]| {
            let builder = flate2::GzBuilder::new().filename(name);
            let mut encoder = builder.write(Vec::new(), flate2::Compression::fast());
            encoder.write_all(b"hello").unwrap();
            encoder.finish().unwrap()
        };
        assert_eq!(
            unpack(&with_name(&look(0xff)), 100),
            Some(b"hello".to_vec())
        );
        assert_eq!(unpack(&with_name(&look(0x01)), 100), None);
    }

    #[test]
    fn everything_else_is_left_to_the_stream() {
        let packed = gzip(b"hello");
        assert_eq!(unpack(&[&packed[..], &packed[..]].concat(), 100), None);
        assert_eq!(unpack(&[&packed[..], b"garbage"].concat(), 100), None);
        for length in 0..packed.len() {
            assert_eq!(unpack(&packed[..length], 100), None, "{length}");
        }
        let mut wrong_length = packed;
        let last = wrong_length.len() - 4;
        wrong_length[last] ^= 1;
        assert_eq!(unpack(&wrong_length, 100), None);
    }
}

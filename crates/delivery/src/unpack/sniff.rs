//! What a file is, by its first bytes and never by its name.

/// The first bytes of a gzip member: the magic number and the only method there is (RFC 1952).
pub const GZIP_MAGIC: &[u8] = b"\x1f\x8b\x08";
/// The first bytes of a zstd frame (RFC 8878).
pub const ZSTD_MAGIC: &[u8] = b"\x28\xb5\x2f\xfd";
/// Bytes 1 to 3 of a skippable zstd frame.
const ZSTD_SKIPPABLE: &[u8] = b"\x2a\x4d\x18";

/// How the bytes of a file carry text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// As they stand.
    Plain,
    /// Packed by gzip.
    Gzip,
    /// Packed by zstd.
    Zstd,
    /// In a way that Keytrail does not read; what it is and what to do.
    Unsupported(&'static str),
}

/// Formats that are recognised in order to say what to do.
const UNSUPPORTED: [(&[u8], &str); 9] = [
    (b"BZh", "bzip2; unpack it first (bunzip2)"),
    (b"\xfd7zXZ\0", "xz; unpack it first (unxz)"),
    (b"PK\x03\x04", "a zip archive; unpack it first (unzip)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (b"PAR1", "Parquet; export JSON instead"),
    (b"Obj\x01", "Avro; export JSON instead"),
    (b"ORC", "ORC; export JSON instead"),
    (
        b"\xff\xfe",
        "UTF-16; convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)",
    ),
    (
        b"\xfe\xff",
        "UTF-16; convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)",
    ),
];

/// Tells the format of a file that begins so.
pub fn format_of(head: &[u8]) -> Format {
    if head.starts_with(GZIP_MAGIC) {
        return Format::Gzip;
    }
    if is_zstd(head) {
        return Format::Zstd;
    }
    if head.get(257..262) == Some(b"ustar") {
        return Format::Unsupported("a tar archive; unpack it first (tar -xf)");
    }
    UNSUPPORTED
        .iter()
        .find(|(magic, _)| head.starts_with(magic))
        .map_or(Format::Plain, |(_, what)| Format::Unsupported(what))
}

/// Whether a zstd frame begins here.
pub fn is_zstd(head: &[u8]) -> bool {
    head.starts_with(ZSTD_MAGIC)
        || (head.first().is_some_and(|byte| byte & 0xf0 == 0x50)
            && head.get(1..4) == Some(ZSTD_SKIPPABLE))
}

/// What a text is that holds no record: more telling than "not JSON", where the first bytes tell it.
pub fn not_text(head: &[u8]) -> Option<&'static str> {
    match format_of(head) {
        Format::Gzip | Format::Zstd => return Some("packed twice; unpack it once"),
        Format::Unsupported(what) => return Some(what),
        Format::Plain => {}
    }
    let is_control = |byte: &u8| *byte < b' ' && !b"\t\n\r\x0c\x1b".contains(byte);
    if head.iter().any(is_control) {
        return Some("binary data, not JSON");
    }
    match std::str::from_utf8(head) {
        // A character may be cut in two by the end of the sample.
        Err(error) if error.error_len().is_some() => Some("not UTF-8"),
        Ok(_) | Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_content() {
        let check = |head: &[u8], expected| assert_eq!(format_of(head), expected, "{head:?}");
        check(b"\x1f\x8b\x08\x00", Format::Gzip);
        check(b"\x28\xb5\x2f\xfd", Format::Zstd);
        check(b"\x50\x2a\x4d\x18\x00", Format::Zstd);
        check(b"{\"Records\":[]}", Format::Plain);
        check(b"", Format::Plain);
        check(b"BZ", Format::Plain);
        for (magic, what) in UNSUPPORTED {
            check(magic, Format::Unsupported(what));
        }
        let mut tar = vec![b'a'; 300];
        tar[257..262].copy_from_slice(b"ustar");
        assert!(matches!(format_of(&tar), Format::Unsupported(_)));
    }

    #[test]
    fn what_is_no_text_is_told() {
        assert_eq!(not_text(b"ab\0c"), Some("binary data, not JSON"));
        assert_eq!(not_text(b"caf\xe9 au lait"), Some("not UTF-8"));
        assert_eq!(not_text("caf\u{e9}".as_bytes()), None);
        assert_eq!(not_text(b"caf\xc3"), None);
        assert_eq!(
            not_text(b"\x1f\x8b\x08"),
            Some("packed twice; unpack it once")
        );
    }
}

//! The text of a file as it is, once it is unpacked: for who hashes it.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;

use super::members::{Members, ZstdFrame};
use super::read::TEXT_BYTES_MAX;
use super::sniff::{Format, format_of};

/// Buffer for packed bytes and for text, each, in bytes.
const BUFFER_BYTES: usize = 1 << 16;

/// Passes the text of a file on piece by piece, whatever its length.
///
/// # Errors
/// When it cannot be read or unpacked to its end, as a lowercase fragment. What came before was passed on.
pub fn read_text(source: impl Read, on_text: &mut dyn FnMut(&[u8])) -> Result<(), String> {
    let mut source = BufReader::with_capacity(BUFFER_BYTES, source);
    let read = |error: io::Error| format!("cannot be read: {error}");
    let format = format_of(source.fill_buf().map_err(read)?);
    let passed = match format {
        Format::Plain => pass(source, on_text),
        Format::Gzip => Members::<_, GzDecoder<_>>::new(source).and_then(|it| pass(it, on_text)),
        Format::Zstd => Members::<_, ZstdFrame<_>>::new(source).and_then(|it| pass(it, on_text)),
        Format::Unsupported(what) => return Err(what.to_owned()),
    };
    match passed {
        Ok(true) => Ok(()),
        Ok(false) => Err(format!("unpacks to more than {TEXT_BYTES_MAX} bytes")),
        Err(error) if format == Format::Plain => Err(read(error)),
        Err(error) => Err(format!("damaged packed data: {error}")),
    }
}

/// Whether the text ended within the bound.
fn pass(mut text: impl Read, on_text: &mut dyn FnMut(&[u8])) -> io::Result<bool> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut passed = 0_u64;
    loop {
        match text.read(&mut buffer) {
            Ok(0) => return Ok(true),
            Ok(length) => {
                on_text(&buffer[..length]);
                passed += length as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if passed > TEXT_BYTES_MAX {
            return Ok(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn read(packed: &[u8]) -> Result<Vec<u8>, String> {
        let mut text = Vec::new();
        read_text(packed, &mut |piece| text.extend_from_slice(piece)).map(|()| text)
    }

    #[test]
    fn the_text_is_the_same_however_it_is_packed() {
        let text: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&text).unwrap();
        let gzip = gzip.finish().unwrap();
        let zstd = zstd::stream::encode_all(&text[..], 1).unwrap();
        for packed in [&text, &gzip, &zstd] {
            assert_eq!(read(packed).unwrap(), text);
        }
        assert_eq!(read(b"").unwrap(), b"");
        assert!(
            read(&gzip[..gzip.len() / 2])
                .unwrap_err()
                .starts_with("damaged")
        );
        assert!(read(b"PK\x03\x04").unwrap_err().contains("zip"));
    }
}

//! Log data: base64, mostly gzip, unpacked within one budget for the whole payload.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::bufread::MultiGzDecoder;

use super::Fault;

/// Most text that the log data of one payload unpacks to, in bytes. A payload has at most 6 MiB.
const TEXT_BYTES_MAX: u64 = 128 << 20;
/// The first bytes of gzip (RFC 1952).
const GZIP_MAGIC: &[u8] = b"\x1f\x8b";

/// How much may still be unpacked, in bytes.
#[derive(Debug)]
pub struct Budget(u64);

impl Default for Budget {
    fn default() -> Self {
        Self(TEXT_BYTES_MAX)
    }
}

impl Budget {
    /// Decodes the data and unpacks it where it is packed.
    pub fn unpack(&mut self, data: &str) -> Result<String, Fault> {
        let bytes = STANDARD
            .decode(data.trim_ascii())
            .map_err(|_| Fault::BadBase64)?;
        let bytes = if bytes.starts_with(GZIP_MAGIC) {
            let mut text = Vec::new();
            let read = MultiGzDecoder::new(&*bytes)
                .take(self.0 + 1)
                .read_to_end(&mut text);
            let length = text.len() as u64;
            if length > self.0 {
                return Err(Fault::TooLarge);
            }
            self.0 -= length;
            read.map_err(|_| Fault::BadGzip)?;
            text
        } else {
            bytes
        };
        String::from_utf8(bytes).map_err(|_| Fault::NotUtf8)
    }
}

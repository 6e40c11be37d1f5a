//! Unpacking piece by piece: files of several gzip members or zstd frames, damaged and long files.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

use super::sniff::{GZIP_MAGIC, is_zstd};

/// Largest window of a zstd frame, as a power of two: zstd's own default limit.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// One packed part of a file; a file is a sequence of them.
pub trait Member<R: BufRead>: Read + Sized {
    /// Begins a part where the source stands.
    fn open(source: R) -> io::Result<Self>;
    /// The source, standing behind the part.
    fn into_source(self) -> R;
    /// Whether a part can begin with these bytes.
    fn begins(head: &[u8]) -> bool;
}

impl<R: BufRead> Member<R> for GzDecoder<R> {
    fn open(source: R) -> io::Result<Self> {
        Ok(Self::new(source))
    }

    fn into_source(self) -> R {
        self.into_inner()
    }

    fn begins(head: &[u8]) -> bool {
        head.starts_with(GZIP_MAGIC) || GZIP_MAGIC.starts_with(head)
    }
}

/// One zstd frame.
pub type ZstdFrame<R> = zstd::stream::read::Decoder<'static, R>;

impl<R: BufRead> Member<R> for ZstdFrame<R> {
    fn open(source: R) -> io::Result<Self> {
        let mut frame = Self::with_buffer(source)?.single_frame();
        frame.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
        Ok(frame)
    }

    fn into_source(self) -> R {
        self.finish()
    }

    fn begins(head: &[u8]) -> bool {
        is_zstd(head) || head.len() < 4
    }
}

/// All parts of a file, one behind the other, as one text.
pub struct Members<R: BufRead, M: Member<R>> {
    member: Option<M>,
    has_trailing_bytes: bool,
    source: std::marker::PhantomData<R>,
}

impl<R: BufRead, M: Member<R>> Members<R, M> {
    /// Reads from the first part on.
    pub fn new(source: R) -> io::Result<Self> {
        Ok(Self {
            member: Some(M::open(source)?),
            has_trailing_bytes: false,
            source: std::marker::PhantomData,
        })
    }

    /// Whether something that is no packed part lay behind the last one.
    pub fn has_trailing_bytes(&self) -> bool {
        self.has_trailing_bytes
    }
}

impl<R: BufRead, M: Member<R>> Read for Members<R, M> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let length = member.read(buffer)?;
            if length > 0 || buffer.is_empty() {
                return Ok(length);
            }
            let Some(ended) = self.member.take() else {
                break;
            };
            let mut source = ended.into_source();
            let head = source.fill_buf()?;
            if head.is_empty() {
                break;
            }
            if !M::begins(head) {
                self.has_trailing_bytes = true;
                break;
            }
            self.member = Some(M::open(source)?);
        }
        Ok(0)
    }
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

    fn zstd(text: &[u8]) -> Vec<u8> {
        zstd::stream::encode_all(text, 1).unwrap()
    }

    /// The text, whether something lay behind, and whether reading failed.
    fn read<'a, M: Member<&'a [u8]>>(packed: &'a [u8]) -> (String, bool, bool) {
        let mut members = Members::<_, M>::new(packed).unwrap();
        let mut text = Vec::new();
        let failed = members.read_to_end(&mut text).is_err();
        let text = String::from_utf8_lossy(&text).into_owned();
        (text, members.has_trailing_bytes(), failed)
    }

    #[test]
    fn several_parts_make_one_text() {
        let packed = [gzip(b"one "), gzip(b""), gzip(b"two")].concat();
        let expected = ("one two".to_owned(), false, false);
        assert_eq!(read::<GzDecoder<_>>(&packed), expected);
        let packed = [zstd(b"one "), zstd(b""), zstd(b"two")].concat();
        assert_eq!(read::<ZstdFrame<_>>(&packed), expected);
    }

    #[test]
    fn what_lies_behind_is_noted() {
        let expected = ("one".to_owned(), true, false);
        let packed = [&gzip(b"one")[..], &[0; 100]].concat();
        assert_eq!(read::<GzDecoder<_>>(&packed), expected);
        let packed = [&zstd(b"one")[..], b"garbage"].concat();
        assert_eq!(read::<ZstdFrame<_>>(&packed), expected);
    }

    #[test]
    fn what_comes_before_the_damage_is_read() {
        let noise: String = (0_u32..20_000)
            .map(|n| format!("{:x} ", n.wrapping_mul(2_654_435_761)))
            .collect();
        for (packed, is_gzip) in [
            (gzip(noise.as_bytes()), true),
            (zstd(noise.as_bytes()), false),
        ] {
            let cut = &packed[..packed.len() * 9 / 10];
            let (text, _, failed) = if is_gzip {
                read::<GzDecoder<_>>(cut)
            } else {
                read::<ZstdFrame<_>>(cut)
            };
            assert!(failed);
            assert!(!text.is_empty() && noise.starts_with(&text), "{is_gzip}");
        }
        let mut wrong_crc = gzip(b"whole text");
        let at = wrong_crc.len() - 5;
        wrong_crc[at] ^= 1;
        let (text, _, failed) = read::<GzDecoder<_>>(&wrong_crc);
        assert_eq!((text.as_str(), failed), ("whole text", true));
    }
}

//! How tallies and bases lie in a store: as their bytes, and large ones as a frame of Zstandard.
//!
//! A flooded day has a hundred mebibytes, and the findings of one that stand in a base as many. They are packed while
//! they are written and unpacked while they are read, so that their bytes never stand in memory beside them. Equal
//! sets still make equal bytes, for one version of Zstandard: under another, a day that is delivered again is written
//! and folded again, and comes to the same.

use std::io::{self, BufRead, BufReader, Read as _, Write as _};

use keytrail_detect::base::{Base, BaseError};
use keytrail_detect::encoding::DecodeError;
use keytrail_detect::tally::Tally;
use zstd::stream::{read::Decoder, write::Encoder};

use crate::bounds::{PLAIN_BYTES_MAX, VALUE_BYTES_MAX};

/// What every frame of Zstandard begins with, and no tally: its first byte is its version.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// As everything that lies in a store.
const LEVEL: i32 = 1;
/// The largest window that a frame may ask for: eight mebibytes, of which level 1 takes a sixteenth.
const WINDOW_LOG_MAX: u32 = 23;
/// Bytes that are unpacked at once.
const UNPACKED_BYTES: usize = 64 << 10;

/// Bytes on their way.
enum Out {
    Plain(Vec<u8>),
    Packed(Encoder<'static, Vec<u8>>),
}

impl Out {
    fn write(self, piece: &[u8]) -> io::Result<Self> {
        match self {
            Self::Plain(mut bytes) if bytes.len() + piece.len() <= PLAIN_BYTES_MAX => {
                bytes.extend_from_slice(piece);
                Ok(Self::Plain(bytes))
            }
            Self::Plain(bytes) => {
                let mut packed = Encoder::new(Vec::new(), LEVEL)?;
                packed.write_all(&bytes)?;
                packed.write_all(piece)?;
                Ok(Self::Packed(packed))
            }
            Self::Packed(mut packed) => {
                packed.write_all(piece)?;
                Ok(Self::Packed(packed))
            }
        }
    }

    fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain(bytes) => Ok(bytes),
            Self::Packed(packed) => packed.finish(),
        }
    }
}

/// The bytes of a tally as they are stored, and how many there are before they are packed.
///
/// # Errors
/// When packing fails, which only a lack of memory makes it do.
pub(super) fn bytes_of(tally: Tally) -> io::Result<(Vec<u8>, usize)> {
    let mut out = Ok(Out::Plain(Vec::new()));
    let mut length = 0;
    tally.into_pieces(|piece| {
        length += piece.len();
        let known = std::mem::replace(&mut out, Ok(Out::Plain(Vec::new())));
        out = known.and_then(|known| known.write(piece));
    });
    Ok((out?.finish()?, length))
}

/// The tally of bytes that [`Executor::absorb`](super::Executor::absorb) stored.
///
/// # Errors
/// When another version wrote them, or they are damaged.
pub fn tally_of(bytes: &[u8]) -> Result<Tally, DecodeError> {
    if !bytes.starts_with(&MAGIC) {
        return Tally::decode(bytes);
    }
    let unpacked = unpack(bytes).map_err(|error| DecodeError::Source(error.kind()))?;
    Tally::read_from(unpacked)
}

/// The bytes of a base as they are stored; how many there are before they are packed, where those are more than that.
/// Nobody could read them again.
///
/// # Errors
/// When packing fails, which only a lack of memory makes it do.
pub(super) fn bytes_of_base(base: &Base, bytes_max: usize) -> io::Result<Result<Vec<u8>, usize>> {
    let mut packing = Packing {
        out: Some(Out::Plain(Vec::new())),
        length: 0,
        bytes_max,
    };
    base.write_to(&mut packing)?;
    match packing.out {
        Some(out) if packing.length <= bytes_max => Ok(Ok(out.finish()?)),
        _ => Ok(Err(packing.length)),
    }
}

/// The base of bytes that a tick stored.
///
/// # Errors
/// When another version wrote them, or they are damaged.
pub fn base_of(bytes: &[u8]) -> Result<Base, BaseError> {
    if !bytes.starts_with(&MAGIC) {
        return Base::decode(bytes);
    }
    let unpacked = unpack(bytes).map_err(|error| BaseError::Damaged(error.to_string()))?;
    Base::read_from(unpacked)
}

fn unpack(bytes: &[u8]) -> io::Result<impl BufRead> {
    let mut unpacked = Decoder::with_buffer(bytes)?;
    unpacked.window_log_max(WINDOW_LOG_MAX)?;
    let unpacked = unpacked.take(VALUE_BYTES_MAX as u64);
    Ok(BufReader::with_capacity(UNPACKED_BYTES, unpacked))
}

/// [`Out`] as who writes sees it. It is gone once it failed, and where more was written than can be read again.
struct Packing {
    out: Option<Out>,
    length: usize,
    bytes_max: usize,
}

impl io::Write for Packing {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.length += piece.len();
        if self.length > self.bytes_max {
            self.out = None;
        } else {
            let out = self.out.take().ok_or(io::ErrorKind::BrokenPipe)?;
            self.out = Some(out.write(piece)?);
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use keytrail_event::{Issue, Reader, Record, Sink};

    use super::*;

    struct Count(Tally);

    impl Sink for Count {
        fn record(&mut self, record: &Record<'_>) {
            self.0.add(record, None);
        }
        fn issue(&mut self, issue: Issue) {
            panic!("{issue}");
        }
    }

    /// A tally that carries so many changes of keys, each of a kibibyte and more.
    fn tally(changes: usize) -> Tally {
        let mut count = Count(Tally::default());
        let padding = "x".repeat(1_000);
        for change in 0..changes {
            let record = format!(
                r#"{{"Records":[{{"eventVersion":"1.11","eventTime":"2026-03-02T10:00:00Z","eventSource":"kms.amazonaws.com","eventName":"DisableKey","awsRegion":"eu-west-1","eventID":"{change:08x}-0000-4000-8000-000000000000","recipientAccountId":"111122223333","requestParameters":{{"keyId":"{padding}"}},"userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/ana","accountId":"111122223333"}}}}]}}"#
            );
            Reader::default().read(record.as_bytes(), &mut count);
        }
        assert_eq!(count.0.notables.len(), changes);
        count.0
    }

    #[test]
    fn a_large_tally_is_packed_and_read_back() {
        let small = tally(10);
        let (bytes, length) = bytes_of(small.clone()).unwrap();
        assert_eq!((bytes.len(), &bytes), (length, &small.encode()));
        assert_eq!(tally_of(&bytes).unwrap().encode(), small.encode());
        let large = tally(4_000);
        let plain = large.encode();
        assert!(plain.len() > PLAIN_BYTES_MAX);
        let (packed, length) = bytes_of(large).unwrap();
        assert_eq!(length, plain.len());
        assert!(packed.starts_with(&MAGIC) && packed.len() < length / 10);
        let again = tally_of(&packed).unwrap();
        assert_eq!(again.encode(), plain);
        assert_eq!(bytes_of(again).unwrap().0, packed);
    }

    #[test]
    fn a_base_that_could_not_be_read_again_is_not_written() {
        let base = Base::default();
        let bytes = base.encode();
        assert_eq!(
            bytes_of_base(&base, bytes.len()).unwrap(),
            Ok(bytes.clone())
        );
        assert_eq!(
            bytes_of_base(&base, bytes.len() - 1).unwrap(),
            Err(bytes.len())
        );
        assert_eq!(bytes_of_base(&base, 0).unwrap(), Err(bytes.len()));
    }

    #[test]
    fn a_packed_tally_that_is_damaged_is_refused() {
        let (packed, _) = bytes_of(tally(4_000)).unwrap();
        let cut = tally_of(&packed[..packed.len() / 2]).unwrap_err();
        let nothing = tally_of(&packed[..4]).unwrap_err();
        let mut wild = packed;
        wild[4..12].fill(0xff);
        let wild = tally_of(&wild).unwrap_err();
        let errors = [cut, nothing, wild].map(|error| error.to_string());
        assert!(
            errors.iter().all(|error| error.contains("tally")),
            "{errors:?}"
        );
    }
}

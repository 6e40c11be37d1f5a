//! Where CloudTrail puts its files in a bucket, and how it packs them.

use libdeflater::{CompressionLvl, Compressor};

use crate::moment::Moment;
use crate::{SimulateError, SimulatedFile};

/// The organisation whose trail delivers; also the folder below `AWSLogs`.
pub(crate) const ORGANISATION: &str = "o-k3ytra1l0x";
/// gzip's usual level, and AWS's: for archives that are to read like AWS's.
pub(crate) const GZIP_USUAL: i32 = 6;
/// The level that makes the smallest files: for archives that are kept.
pub(crate) const GZIP_SMALLEST: i32 = 9;

/// What a delivered object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Folder {
    Logs,
    Insight,
}

impl Folder {
    fn name(self) -> &'static str {
        match self {
            Self::Logs => "CloudTrail",
            Self::Insight => "CloudTrail-Insight",
        }
    }
}

/// The key of a delivered file; `organisation` is empty for an account's own trail.
pub(crate) fn path(
    organisation: &str,
    folder: Folder,
    account: &str,
    region: &str,
    stamp: Moment,
    suffix: &str,
) -> String {
    let separator = if organisation.is_empty() { "" } else { "/" };
    let folder = folder.name();
    format!(
        "AWSLogs/{organisation}{separator}{account}/{folder}/{region}/{}/{account}_{folder}_{region}_{}_{suffix}.json.gz",
        stamp.folders(),
        stamp.stamp(),
    )
}

/// Packs files one after another.
pub(crate) struct Packer(Compressor);

impl Packer {
    /// # Errors
    /// When libdeflate refuses the level, which it does for none that gzip has.
    pub(crate) fn new(level: i32) -> Result<Self, SimulateError> {
        let level = CompressionLvl::new(level).map_err(|_| SimulateError::Compression)?;
        Ok(Self(Compressor::new(level)))
    }

    /// Gzips the text. The header holds no time and no name, so equal texts give equal bytes.
    pub(crate) fn gzip(
        &mut self,
        path: String,
        text: &[u8],
    ) -> Result<SimulatedFile, SimulateError> {
        let mut bytes = vec![0; self.0.gzip_compress_bound(text.len())];
        let length = self
            .0
            .gzip_compress(text, &mut bytes)
            .map_err(|_| SimulateError::Compression)?;
        bytes.truncate(length);
        bytes.shrink_to_fit();
        Ok(SimulatedFile { path, bytes })
    }
}

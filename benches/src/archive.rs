//! Archives on disk: their gzip files, decompressed.

use std::path::{Path, PathBuf};

/// Every file below a folder, sorted.
///
/// # Errors
/// When a folder cannot be listed.
pub fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    list(folder, &mut files)?;
    files.sort();
    Ok(files)
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// Buffers that are used again from file to file.
pub struct Decompress {
    decompressor: libdeflater::Decompressor,
    packed: Vec<u8>,
    text: Vec<u8>,
}

impl Default for Decompress {
    fn default() -> Self {
        Self {
            decompressor: libdeflater::Decompressor::new(),
            packed: Vec::new(),
            text: Vec::new(),
        }
    }
}

impl Decompress {
    /// A file decompressed; empty for one that is no gzip.
    pub fn file(&mut self, path: &Path) -> &[u8] {
        self.load(path);
        self.unpack()
    }

    /// Reads a file, for [`Decompress::unpack`].
    pub fn load(&mut self, path: &Path) {
        self.packed.clear();
        let read = std::fs::File::open(path)
            .and_then(|mut file| std::io::Read::read_to_end(&mut file, &mut self.packed));
        if read.is_err() {
            self.packed.clear();
        }
    }

    /// The file that was read last, decompressed; empty for one that is no gzip.
    pub fn unpack(&mut self) -> &[u8] {
        // The last four bytes of a gzip member hold its decompressed size (RFC 1952).
        let size = self
            .packed
            .last_chunk::<4>()
            .map_or(0, |size| u32::from_le_bytes(*size) as usize);
        if !self.packed.starts_with(&[0x1f, 0x8b]) {
            return &[];
        }
        if self.text.len() < size {
            self.text.resize(size, 0);
        }
        let length = self
            .decompressor
            .gzip_decompress(&self.packed, &mut self.text);
        self.text.get(..length.unwrap_or(0)).unwrap_or_default()
    }
}

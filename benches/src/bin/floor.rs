//! The floor: reads and decompresses every gzip file below a folder, and does nothing with it.
//!
//! `floor FOLDER [THREADS]` prints the decompressed bytes. What any reader of such an archive must at
//! least cost.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(folder) = arguments.next() else {
        say("usage: floor FOLDER [THREADS]\n");
        return ExitCode::from(2);
    };
    let threads = arguments
        .next()
        .and_then(|text| text.to_str()?.parse().ok())
        .unwrap_or(1);
    let mut files = Vec::new();
    if let Err(error) = list(Path::new(&folder), &mut files) {
        say(&format!("error: {error}\n"));
        return ExitCode::FAILURE;
    }
    files.sort();
    let next = AtomicUsize::new(0);
    let bytes = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut decompress = Decompress::default();
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    bytes.fetch_add(decompress.file(file) as u64, Ordering::Relaxed);
                }
            });
        }
    });
    say(&format!("{}\n", bytes.load(Ordering::Relaxed)));
    ExitCode::SUCCESS
}

/// Buffers that are used again from file to file.
struct Decompress {
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
    /// How many bytes a file has decompressed; 0 for one that is no gzip.
    fn file(&mut self, path: &Path) -> usize {
        self.packed.clear();
        let read = std::fs::File::open(path)
            .and_then(|mut file| std::io::Read::read_to_end(&mut file, &mut self.packed));
        let size = self
            .packed
            .last_chunk::<4>()
            .map_or(0, |size| u32::from_le_bytes(*size) as usize);
        if read.is_err() || !self.packed.starts_with(&[0x1f, 0x8b]) {
            return 0;
        }
        if self.text.len() < size {
            self.text.resize(size, 0);
        }
        self.decompressor
            .gzip_decompress(&self.packed, &mut self.text)
            .unwrap_or(0)
    }
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

fn say(text: &str) {
    // Nobody to tell when standard output is closed.
    let _ = std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes());
}

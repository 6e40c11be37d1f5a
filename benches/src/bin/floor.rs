//! The floor: reads and decompresses every gzip file below a folder, and does nothing with it.
//!
//! `floor FOLDER [THREADS]` prints the decompressed bytes. What any reader of such an archive must at
//! least cost.

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use keytrail_benches::archive::{Decompress, files};

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
    let files = match files(Path::new(&folder)) {
        Ok(files) => files,
        Err(error) => {
            say(&format!("error: {error}\n"));
            return ExitCode::FAILURE;
        }
    };
    let next = AtomicUsize::new(0);
    let bytes = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut decompress = Decompress::default();
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let length = decompress.file(file).len() as u64;
                    bytes.fetch_add(length, Ordering::Relaxed);
                }
            });
        }
    });
    say(&format!("{}\n", bytes.load(Ordering::Relaxed)));
    ExitCode::SUCCESS
}

fn say(text: &str) {
    // Nobody to tell when standard output is closed.
    let _ = std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes());
}

//! Reading alone: what the reader adds to decompressing, on the files of an archive.
//!
//! `reading FOLDER [ROUNDS]` decompresses each file and then reads it, timing both in turn, and prints
//! for every round how much longer both took than decompressing alone; at last the median. A round
//! begins with a reader that knows nothing.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use keytrail_benches::archive::{Decompress, files};
use keytrail_event::{Issue, Reader, Reading, Record, Sink};

/// Counts, so that nothing is optimised away.
#[derive(Default)]
struct Count {
    seconds: i64,
    with_template: u64,
}

impl Sink for Count {
    fn record(&mut self, record: &Record<'_>) {
        self.seconds ^= record.time.unix_seconds();
        self.with_template += u64::from(record.template.is_some());
    }

    fn issue(&mut self, _: Issue) {}
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(folder) = arguments.next() else {
        say("usage: reading FOLDER [ROUNDS]\n");
        return ExitCode::from(2);
    };
    let rounds = arguments
        .next()
        .and_then(|text| text.to_str()?.parse().ok())
        .unwrap_or(5_usize);
    let files = match files(Path::new(&folder)) {
        Ok(files) => files,
        Err(error) => {
            say(&format!("error: {error}\n"));
            return ExitCode::FAILURE;
        }
    };
    let mut decompress = Decompress::default();
    let mut ratios = Vec::new();
    for _ in 0..rounds.max(1) {
        let (mut unpacking, mut reading) = (Duration::ZERO, Duration::ZERO);
        let (mut count, mut all, mut reader) =
            (Count::default(), Reading::default(), Reader::default());
        for file in &files {
            decompress.load(file);
            let from = Instant::now();
            let text = decompress.unpack();
            let between = Instant::now();
            all.add(&reader.read(text, &mut count));
            unpacking += between - from;
            reading += between.elapsed();
        }
        let ratio = 1.0 + reading.as_secs_f64() / unpacking.as_secs_f64();
        ratios.push(ratio);
        say(&format!(
            "{ratio:.3}: {} records, {} of KMS, {} of them with a template ({:x})\n",
            all.records, all.kms, count.with_template, count.seconds
        ));
    }
    ratios.sort_by(f64::total_cmp);
    say(&format!("median {:.3}\n", ratios[ratios.len() / 2]));
    ExitCode::SUCCESS
}

fn say(text: &str) {
    // Nobody to tell when standard output is closed.
    let _ = std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes());
}

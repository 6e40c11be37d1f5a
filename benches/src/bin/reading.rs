//! What reading, and reading and tallying, add to decompressing, on the files of an archive.
//!
//! `reading FOLDER [ROUNDS]` decompresses each file and then reads it, and decompresses it again and then reads and
//! tallies it, timing all in turn, and prints for every round how much longer that took than decompressing alone; at
//! last the medians. A round begins with readers that know nothing.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use keytrail_benches::archive::{Decompress, files};
use keytrail_detect::tally::Tally;
use keytrail_event::{Issue, Reader, Record, Repeat, Sink};

/// Counts, so that nothing is optimised away.
#[derive(Default)]
struct Count {
    seconds: i64,
    kms: u64,
    with_template: u64,
}

impl Sink for Count {
    fn record(&mut self, record: &Record<'_>) {
        self.seconds ^= record.time.unix_seconds();
        self.kms += u64::from(record.is_kms());
        self.with_template += u64::from(record.template.is_some());
    }

    fn issue(&mut self, _: Issue) {}
}

/// Tallies as a replay does.
#[derive(Default)]
struct Tallying(Tally);

impl Sink for Tallying {
    fn record(&mut self, record: &Record<'_>) {
        self.0.add(record, None);
    }

    fn repeat(&mut self, repeat: &Repeat<'_>) -> bool {
        self.0.add_repeat(repeat, None)
    }

    fn issue(&mut self, _: Issue) {}
}

/// Reads files into a sink, and how long that took beside decompressing them.
#[derive(Default)]
struct Timed<S> {
    reader: Reader,
    sink: S,
    unpacking: Duration,
    reading: Duration,
    records: u64,
}

impl<S: Sink> Timed<S> {
    fn read(&mut self, decompress: &mut Decompress) {
        let from = Instant::now();
        let text = decompress.unpack();
        let between = Instant::now();
        self.records += self.reader.read(text, &mut self.sink).records;
        self.unpacking += between - from;
        self.reading += between.elapsed();
    }

    fn ratio(&self) -> f64 {
        1.0 + self.reading.as_secs_f64() / self.unpacking.as_secs_f64()
    }
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
    let (mut read_alone, mut tallied_too) = (Vec::new(), Vec::new());
    for _ in 0..rounds.max(1) {
        let mut alone = Timed::<Count>::default();
        let mut tallying = Timed::<Tallying>::default();
        for file in &files {
            decompress.load(file);
            alone.read(&mut decompress);
            tallying.read(&mut decompress);
        }
        let (one, other) = (alone.ratio(), tallying.ratio());
        read_alone.push(one);
        tallied_too.push(other);
        let (
            Count {
                seconds,
                kms,
                with_template,
            },
            records,
        ) = (&alone.sink, alone.records);
        let cells = tallying.sink.0.cells.len();
        say(&format!(
            "read {one:.3}, read and tallied {other:.3}: {records} records, {kms} of KMS, {with_template} of them with a template ({seconds:x}), {cells} cells\n",
        ));
    }
    let median = |ratios: &mut Vec<f64>| {
        ratios.sort_by(f64::total_cmp);
        ratios[ratios.len() / 2]
    };
    let (one, other) = (median(&mut read_alone), median(&mut tallied_too));
    say(&format!(
        "median: read {one:.3}, read and tallied {other:.3}\n"
    ));
    ExitCode::SUCCESS
}

fn say(text: &str) {
    // Nobody to tell when standard output is closed.
    let _ = std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes());
}

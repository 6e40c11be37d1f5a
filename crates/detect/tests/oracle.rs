//! The fast reader and the slow one lead to the same findings, on whole archives.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::io::Read;
use std::path::{Path, PathBuf};

use keytrail_detect::configuration::Configuration;
use keytrail_detect::engine;
use keytrail_detect::packed_finding::PackedFinding;
use keytrail_detect::plan::Plan;
use keytrail_detect::state::State;
use keytrail_detect::tally::Tally;
use keytrail_event::{EventTime, Issue, Reader, Reading, Record, Repeat, Sink};

/// Tallies records, and remembers what was wrong and when the last event was.
struct Heard {
    tally: Tally,
    issues: Vec<(String, Option<u64>)>,
    newest: Option<EventTime>,
}

impl Sink for Heard {
    fn record(&mut self, record: &Record<'_>) {
        self.newest = self.newest.max(Some(record.time));
        self.tally.add(record, None);
    }

    fn repeat(&mut self, repeat: &Repeat<'_>) -> bool {
        let is_all = self.tally.add_repeat(repeat, None);
        if is_all {
            self.newest = self.newest.max(Some(repeat.time()));
        }
        is_all
    }

    fn issue(&mut self, issue: Issue) {
        self.issues
            .push((issue.kind.as_str().to_owned(), issue.record_index));
    }
}

/// Everything below a folder, unpacked, by name.
fn files(folder: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            files(&path, found);
            continue;
        }
        let mut bytes = std::fs::read(&path).unwrap();
        if bytes.starts_with(b"\x1f\x8b") {
            let mut text = Vec::new();
            let mut unpacked = flate2::read::MultiGzDecoder::new(&bytes[..]);
            unpacked.read_to_end(&mut text).unwrap();
            bytes = text;
        }
        found.push((path, bytes));
    }
}

/// What this reader makes of the files: findings, coverage and issues, as text.
fn told(mut reader: Reader, files: &[(PathBuf, Vec<u8>)]) -> String {
    let configuration = Configuration::default();
    let mut state = State::default();
    let mut coverage = Reading::default();
    let mut issues = Vec::new();
    let mut newest = None;
    for (path, bytes) in files {
        let mut heard = Heard {
            tally: Tally::default(),
            issues: Vec::new(),
            newest: None,
        };
        coverage.add(&reader.read(bytes, &mut heard));
        issues.push((path, heard.issues));
        newest = newest.max(heard.newest);
        state.absorb(heard.tally);
    }
    let mut findings = Vec::new();
    let mut emit = |plan: Plan| findings.extend(plan.findings.iter().map(PackedFinding::unpack));
    if let Some(newest) = newest {
        engine::finish(
            &mut state,
            newest,
            &configuration,
            &engine::OneByOne,
            &mut emit,
        );
    }
    assert!(coverage.is_conserved());
    serde_json::to_string_pretty(&(findings, coverage, issues)).unwrap()
}

fn compare(folder: &Path) {
    let mut found = Vec::new();
    files(folder, &mut found);
    assert!(!found.is_empty(), "{} is empty", folder.display());
    let slow = told(Reader::oracle(), &found);
    assert_eq!(told(Reader::default(), &found), slow);
}

#[test]
fn the_example_is_judged_alike() {
    compare(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/archive"));
}

#[test]
fn real_data_is_judged_alike() {
    let Some(folder) = std::env::var_os("KEYTRAIL_REAL_DATA") else {
        println!("KEYTRAIL_REAL_DATA is not set: nothing is compared");
        return;
    };
    compare(Path::new(&folder));
}

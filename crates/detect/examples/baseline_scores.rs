//! Folds an archive by the baselines alone and writes a score for every (principal, hour), as JSON Lines.
//!
//!     cargo run --release --example baseline_scores -p keytrail-detect -- ARCHIVE SCORES.jsonl
//!
//! A tool for tuning: it reads a folder of CloudTrail files (`.json`, `.json.gz`), keeps all of it in memory, and
//! writes the numbers behind each score too.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stderr
)]

use std::collections::BTreeMap;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use keytrail_detect::baseline::{
    AccountBaseline, Bases, DayFacts, Grant, Surroundings, fold, fold_in_full,
};
use keytrail_detect::tally::Tally;
use keytrail_event::{EventTime, Issue, Reader, Record, Sink};

struct Input {
    tally: Tally,
    grants: BTreeMap<String, Vec<Grant>>,
    created: BTreeMap<String, EventTime>,
}

impl Sink for Input {
    fn record(&mut self, record: &Record<'_>) {
        self.tally.add(record, None);
        if let Some(grant) = Grant::of(record) {
            self.grants
                .entry(record.account.clone().into_owned())
                .or_default()
                .push(grant);
        }
        if record.operation.name() == "CreateKey"
            && let Some(key) = &record.key
        {
            self.created.insert(key.as_str().to_owned(), record.time);
        }
    }
    fn issue(&mut self, _: Issue) {}
}

#[derive(Debug)]
struct Created(BTreeMap<String, EventTime>);

impl Surroundings for Created {
    fn resolve<'a>(&'a self, name: &'a str) -> &'a str {
        name
    }
    fn created(&self, key: &str) -> Option<EventTime> {
        self.0.get(key).copied()
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files(&path, found)?;
        } else if path.to_string_lossy().ends_with(".json.gz")
            || path
                .extension()
                .is_some_and(|extension| extension == "json")
        {
            found.push(path);
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, archive, scores, ..] = &arguments[..] else {
        return Err("usage: baseline_scores ARCHIVE SCORES.jsonl".into());
    };
    let mut paths = Vec::new();
    files(Path::new(archive), &mut paths)?;
    paths.sort();
    let mut input = Input {
        tally: Tally::default(),
        grants: BTreeMap::new(),
        created: BTreeMap::new(),
    };
    let mut reader = Reader::default();
    let mut bytes = Vec::new();
    for path in &paths {
        bytes.clear();
        let file = std::fs::File::open(path)?;
        if path.extension().is_some_and(|extension| extension == "gz") {
            flate2::read::MultiGzDecoder::new(file).read_to_end(&mut bytes)?;
        } else {
            std::io::BufReader::new(file).read_to_end(&mut bytes)?;
        }
        reader.read(&bytes, &mut input);
    }
    let Input {
        tally,
        grants,
        created,
    } = input;
    let created = Created(created);
    let mut out = BufWriter::new(std::fs::File::create(scores)?);
    let mut accounts: Vec<_> = tally.cells.keys().map(|key| key.account).collect();
    accounts.sort();
    accounts.dedup();
    let started = std::time::Instant::now();
    let mut gathering = std::time::Duration::ZERO;
    let mut folding = std::time::Duration::ZERO;
    let (mut hours, mut pair_hours) = (0, 0);
    for account in accounts {
        let name = tally.symbols.name(account);
        let empty = Vec::new();
        let grants = grants.get(name).unwrap_or(&empty);
        let (mut early, mut late) = (AccountBaseline::default(), AccountBaseline::default());
        for day in tally.days() {
            let cells: Vec<_> = tally
                .cells
                .iter()
                .filter(|(key, _)| key.account == account && key.hour.day() == day)
                .collect();
            if cells.is_empty() {
                continue;
            }
            let of_day: Vec<Grant> = grants
                .iter()
                .filter(|grant| grant.time.day() == day)
                .cloned()
                .collect();
            let begun = std::time::Instant::now();
            let facts = DayFacts::gather(
                name,
                day,
                &tally.symbols,
                cells.into_iter(),
                &of_day,
                &created,
            );
            let bases = Bases {
                early: &early,
                late: &late,
            };
            hours += facts.hours.len();
            pair_hours += facts.pair_hours.len();
            gathering += begun.elapsed();
            let begun = std::time::Instant::now();
            let folded = fold(bases, &facts);
            folding += begun.elapsed();
            drop(folded);
            let (next, lines) = fold_in_full(bases, &facts);
            for line in lines {
                writeln!(out, "{line}")?;
            }
            early = std::mem::replace(&mut late, next);
        }
        let mut bytes: Vec<(usize, usize)> = late.principal_bytes().collect();
        bytes.sort_unstable();
        let at = |share: usize| bytes.get(bytes.len() * share / 100).map_or(0, |all| all.0);
        let of_pairs: usize = bytes.iter().map(|(_, of_pairs)| of_pairs).sum();
        let entities = late.entities();
        eprintln!(
            "{name}: {entities:?} principals, keys and pairs; bytes of a principal: median {}, of a tenth more than {}, \
             largest {}; of a pair {}; of all {}",
            at(50),
            at(90),
            bytes.last().map_or(0, |all| all.0),
            of_pairs / entities.2.max(1),
            late.encode().len(),
        );
    }
    eprintln!(
        "{} files; {hours} principal-hours, {pair_hours} pair-hours; gathered in {gathering:?}, folded in {folding:?} of {:?}",
        paths.len(),
        started.elapsed()
    );
    out.flush()?;
    Ok(())
}

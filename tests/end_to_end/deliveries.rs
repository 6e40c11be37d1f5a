//! The same records, delivered otherwise: in another order within their files, some twice, in files cut in two.
//! Each keeps the time in its file's name, which says whether it came in time.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use flate2::read::GzDecoder;
use keytrail_tests::{real_data, root};
use serde_json::value::RawValue;

use crate::order::{files, scrambled};
use crate::sandbox::Sandbox;
use crate::state::unrevised;

/// What becomes of the records of one file: the files that are delivered in its place.
type Change = fn(Vec<String>) -> Vec<Vec<String>>;

fn shuffled(mut records: Vec<String>) -> Vec<Vec<String>> {
    let mut order: Vec<(usize, String)> = records
        .drain(..)
        .enumerate()
        .map(|(place, record)| (scrambled(place + record.len()), record))
        .collect();
    order.sort_unstable();
    vec![order.into_iter().map(|(_, record)| record).collect()]
}

/// One of twenty comes again, at the other end of the file.
fn duplicated(records: Vec<String>) -> Vec<Vec<String>> {
    let again = records
        .iter()
        .filter(|record| scrambled(record.len()).is_multiple_of(20));
    vec![again.chain(&records).cloned().collect()]
}

fn halved(mut records: Vec<String>) -> Vec<Vec<String>> {
    let second = records.split_off(records.len() / 2);
    vec![second, records]
}

/// Everything at once.
fn mixed(records: Vec<String>) -> Vec<Vec<String>> {
    shuffled(duplicated(records).swap_remove(0))
        .into_iter()
        .flat_map(halved)
        .collect()
}

/// Writes the log files of an archive into folders of chance, changed. Returns how many records they have.
fn write(sandbox: &Sandbox, archive: &Path, folder: &str, change: Change) -> usize {
    let mut delivered = 0;
    for (index, path) in files(archive).iter().enumerate() {
        let mut text = String::new();
        let file = std::fs::File::open(path).unwrap();
        GzDecoder::new(file).read_to_string(&mut text).unwrap();
        let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(&text).unwrap();
        // A digest has no records: changed files are not those that it names, so it is left out.
        let Some(records) = members.get("Records") else {
            continue;
        };
        let records: Vec<Box<RawValue>> = serde_json::from_str(records.get()).unwrap();
        let records = records.iter().map(|record| record.get().to_owned());
        for (part, records) in change(records.collect()).into_iter().enumerate() {
            delivered += records.len();
            let name = path.file_name().unwrap().to_str().unwrap();
            let place = scrambled(2 * index + part);
            sandbox.write(
                format!("{folder}/{}/{place:06}/{name}", place % 7),
                format!("{{\"Records\":[{}]}}", records.join(",")),
            );
        }
    }
    delivered
}

fn check(archive: &Path) {
    let sandbox = Sandbox::new();
    let records = write(&sandbox, archive, "as-it-was", |records| vec![records]);
    let again = write(&sandbox, archive, "duplicated", duplicated);
    let share = (again - records) as f64 / records as f64;
    assert!((0.01..0.15).contains(&share), "{again} of {records}");
    let changes: [(&str, Change); 3] =
        [("shuffled", shuffled), ("halved", halved), ("mixed", mixed)];
    for (folder, change) in changes {
        write(&sandbox, archive, folder, change);
    }
    let mut expected = None;
    for folder in ["as-it-was", "shuffled", "duplicated", "halved", "mixed"] {
        for (run, words) in [
            "--threads 1".to_owned(),
            "--threads 2".to_owned(),
            format!("--threads 1 --state {folder}-1.db"),
            format!("--threads 2 --state {folder}-2.db"),
        ]
        .iter()
        .enumerate()
        {
            let ran = sandbox.keytrail(&format!("replay {folder} -q --format jsonl {words}"));
            assert_eq!(ran.code, Some(0), "{ran}");
            let findings = unrevised(&ran.stdout());
            assert!(findings.lines().count() > 5, "{ran}");
            let expected = expected.get_or_insert_with(|| findings.clone());
            assert!(*expected == findings, "{folder} differs in run {run}");
        }
    }
}

#[test]
fn of_the_example() {
    check(&root().join("examples/archive"));
}

#[test]
fn of_real_records() {
    if let Some(data) = real_data("deliveries::of_real_records") {
        check(&data.join("archives"));
    }
}

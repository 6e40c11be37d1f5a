//! Real CloudTrail files, where they are at hand: `KEYTRAIL_REAL_DATA` names their folder.
//!
//! None of them is part of this repository, so without the variable these tests only say so.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "these tests look for files by the environment, which the crate itself must not"
)]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use common::{Outcome, Seen, read};
use flate2::read::MultiGzDecoder;
use keytrail_event::{DeliveryKind, DeliveryName};
use serde_json::Value;

/// The folder of this name among the real data, if there are any; missing ones are a failure.
fn folder(test: &str, name: &str) -> Option<PathBuf> {
    let Some(root) = std::env::var_os("KEYTRAIL_REAL_DATA").filter(|root| !root.is_empty()) else {
        eprintln!("skipped: {test} needs real CloudTrail files (set KEYTRAIL_REAL_DATA)");
        return None;
    };
    let folder = Path::new(&root).join(name);
    assert!(
        folder.is_dir(),
        "KEYTRAIL_REAL_DATA has no folder {}",
        folder.display()
    );
    Some(folder)
}

/// All files below the folder, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder can be listed") {
            let path = entry.expect("the entry can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The file's content, decompressed where it is gzip.
fn content(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).expect("the file can be read");
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return bytes;
    }
    let mut plain = Vec::new();
    let mut decoder = MultiGzDecoder::new(&*bytes);
    decoder.read_to_end(&mut plain).expect("the file is whole");
    plain
}

/// Reads every file below the folder into one outcome; record indexes stay those of the files.
fn read_all(folder: &Path) -> (usize, Outcome) {
    let mut all = Outcome::default();
    let files = files(folder);
    for path in &files {
        let outcome = read(&content(path));
        all.reading.add(&outcome.reading);
        all.seen.extend(outcome.seen);
        all.issues.extend(outcome.issues);
    }
    (files.len(), all)
}

#[test]
fn archives_are_accounted_for() {
    let Some(folder) = folder("archives_are_accounted_for", "archives") else {
        return;
    };
    let (files, all) = read_all(&folder);
    assert_eq!(all.issues, []);
    let counts = (
        files,
        all.reading.records,
        all.reading.kms,
        all.reading.malformed,
    );
    assert_eq!(counts, (235, 4_384, 280, 0));
    for seen in all.seen.iter().filter(|seen| seen.is_kms) {
        check(seen);
        assert!(!seen.principal.starts_with("unknown:"), "{}", seen.raw);
        assert!(
            seen.key.is_some() || seen.outcome != "success",
            "{}",
            seen.raw
        );
    }
}

#[test]
fn names_of_archives_tell_their_stamps() {
    let Some(folder) = folder("names_of_archives_tell_their_stamps", "archives") else {
        return;
    };
    for path in files(&folder) {
        let name = DeliveryName::parse(&path.to_string_lossy());
        assert_eq!(name.kind, DeliveryKind::Records, "{}", path.display());
        assert!(name.stamp.is_some(), "{}", path.display());
    }
}

#[test]
fn kms_events_are_accounted_for() {
    let Some(folder) = folder("kms_events_are_accounted_for", "kms_events") else {
        return;
    };
    let (_, all) = read_all(&folder);
    let ids: BTreeSet<Option<&str>> = all
        .seen
        .iter()
        .map(|seen| seen.event_id.as_deref())
        .collect();
    let hashes: BTreeSet<u64> = all.seen.iter().map(|seen| seen.hash).collect();
    assert_eq!((all.reading.kms, all.reading.malformed), (360, 0));
    assert_eq!((ids.len(), hashes.len()), (343, 343));
    assert_eq!(all.seen.len() - ids.len(), 17);
    assert_eq!(all.issues.len(), 1);
    for seen in &all.seen {
        check(seen);
        assert_ne!(seen.class, "unknown", "{}", seen.raw);
    }
}

#[test]
fn payloads_of_functions_do_no_harm() {
    let Some(folder) = folder("payloads_of_functions_do_no_harm", "lambda_payloads") else {
        return;
    };
    let (files, all) = read_all(&folder);
    assert!(files > 0);
    all.seen.iter().for_each(check);
}

/// Holds a record against its own JSON, read a second time and by other means.
fn check(seen: &Seen) {
    let record: Value = serde_json::from_str(&seen.raw).expect("a record that was kept is JSON");
    let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str);
    let shown = &seen.raw;
    let resources = record["resources"].as_array();
    let keys: Vec<&str> = resources
        .into_iter()
        .flatten()
        .filter_map(|entry| entry["ARN"].as_str())
        .filter(|arn| arn.contains(":key/"))
        .collect();
    if seen.is_kms
        && let Some(key) = &seen.key
    {
        let is_of_resources = keys.contains(&&**key) || keys.is_empty();
        let is_of_request = text("/requestParameters/sourceKeyId").is_some();
        assert!(is_of_resources || is_of_request, "{shown}");
        assert!(
            key.starts_with("arn:aws") || key.starts_with("alias:"),
            "{shown}"
        );
    }
    assert!(
        seen.key.is_some() || keys.is_empty() || !seen.is_kms,
        "{shown}"
    );
    let expected = match text("/userIdentity/type") {
        _ if text("/eventType") == Some("AwsServiceEvent") => Some("aws-internal"),
        Some("AssumedRole")
            if text("/userIdentity/arn").is_none_or(|arn| !arn.contains("AWSReservedSSO_")) =>
        {
            text("/userIdentity/sessionContext/sessionIssuer/arn")
        }
        Some("IAMUser" | "Root" | "FederatedUser") => text("/userIdentity/arn"),
        Some("AWSService") => text("/userIdentity/invokedBy").or(text("/eventSource")),
        None => Some("aws-internal"),
        Some(_) => None,
    };
    if let Some(expected) = expected {
        assert_eq!(seen.principal, expected, "{shown}");
    }
    if let Some(service) = text("/userIdentity/invokedBy") {
        assert_eq!(seen.path, service, "{shown}");
    }
    assert_eq!(
        seen.outcome,
        text("/errorCode").unwrap_or("success"),
        "{shown}"
    );
    let time = text("/eventTime").unwrap_or_default().replace(' ', "T");
    assert_eq!(seen.time.get(..19), time.get(..19), "{shown}");
    if let Some(account) = text("/recipientAccountId") {
        assert_eq!(seen.account, account, "{shown}");
    }
}

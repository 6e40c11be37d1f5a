//! The walker against the slow reader: on generated records, on damaged ones, and on real ones.

mod records;
mod session;

use std::io::Read;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use self::records::{damage, damaged, document};
use self::session::session;
use crate::oracle::{compare, compare_pieces};

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 512,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn sound_records_are_read_alike(text in document(0)) {
        compare(text.as_bytes());
    }

    #[test]
    fn odd_records_are_read_alike(text in document(1)) {
        compare(text.as_bytes());
    }

    #[test]
    fn damaged_records_are_read_alike(text in document(0), changes in damage()) {
        compare(&damaged(&text, &changes));
    }

    #[test]
    fn sessions_are_read_alike(text in session(), changes in damage()) {
        compare(text.as_bytes());
        compare(&damaged(&text, &changes));
    }

    #[test]
    fn pieces_are_read_as_the_whole(text in document(1), piece_bytes in 1..2_000_usize) {
        compare_pieces(text.as_bytes(), piece_bytes);
    }
}

#[test]
fn templates_are_found_and_told_apart() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut templates, mut records) = (0, 0);
    for _ in 0..200 {
        let tree = session().new_tree(&mut runner).expect("it can be made");
        let text = proptest::strategy::ValueTree::current(&tree);
        compare(text.as_bytes());
        let mut reader = crate::Reader::default();
        crate::oracle::Told::again(&mut reader, text.as_bytes());
        let told = crate::oracle::Told::again(&mut reader, text.as_bytes());
        templates += told.templates();
        records += told.reading().kms;
    }
    assert!(
        templates > 100,
        "{templates} templates of {records} records"
    );
}

/// What differs in every record is no part of a head, and is looked at all the same.
#[test]
fn times_ids_and_versions_of_records_nobody_reads_are_looked_at() {
    const USUAL: &str = concat!(
        r#"{"eventVersion":"1.08","userIdentity":{"type":"IAMUser"},"eventTime":"2024-03-15T10:00:00Z","#,
        r#""eventSource":"ec2.amazonaws.com","eventName":"DescribeInstances","awsRegion":"eu-west-1","#,
        r#""sourceIPAddress":"10.1.2.3","userAgent":"aws-cli/2.15.30 Python/3.11.8","readOnly":true}"#,
    );
    const SORTED: &str = concat!(
        r#"{"awsRegion":"eu-west-1","eventCategory":"Management","eventID":"5fe6d6a7-0c2c-49c5-adee-60a00a404966","#,
        r#""eventName":"DescribeInstances","eventSource":"ec2.amazonaws.com","eventTime":"2024-03-15T10:00:00Z","#,
        r#""eventVersion":"1.08","readOnly":true,"userAgent":"aws-cli/2.15.30","userIdentity":{"type":"IAMUser"}}"#,
    );
    for (record, own) in [
        (USUAL, "1.08"),
        (USUAL, "2024-03-15T10:00:00Z"),
        (SORTED, "5fe6d6a7-0c2c-49c5-adee-60a00a404966"),
    ] {
        for (place, _) in own.char_indices() {
            for byte in ["\u{1}", "\"", "\\"] {
                let mut odd = own.to_owned();
                odd.replace_range(place..=place, byte);
                let odd = record.replacen(own, &odd, 1);
                compare(format!(r#"{{"Records":[{record},{record},{odd},{record}]}}"#).as_bytes());
            }
        }
    }
}

/// Every file below this folder, unpacked.
#[allow(
    clippy::disallowed_methods,
    reason = "what is compared comes from files"
)]
fn files(folder: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be listed").path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, found);
            continue;
        }
        let packed = std::fs::read(&path).expect("it can be read");
        let mut bytes = Vec::new();
        if packed.starts_with(b"\x1f\x8b") {
            let mut unpacked = flate2::read::MultiGzDecoder::new(&packed[..]);
            unpacked.read_to_end(&mut bytes).expect("it unpacks");
        } else {
            bytes = packed;
        }
        found.push((path, bytes));
    }
}

/// A record told its identity twice, and what the second one said was remembered of the first: where so little stood
/// behind the second that nothing is looked up, the first one's place was still held.
#[test]
fn an_identity_told_twice_says_nothing_of_others_like_the_first() {
    let first = r#"{"type":"AWSService","invokedBy":"s3.amazonaws.com"}"#;
    let record = |rest: &str| {
        format!(
            r#"{{"eventTime":"2024-03-15T10:00:00Z","userIdentity":{first},"eventSource":"kms.amazonaws.com","eventName":"Decrypt","recipientAccountId":"111122223333"{rest}}}"#
        )
    };
    for second in [r#"{"type":"Root"}"#, "null", r#""""#] {
        let twice = record(&format!(r#","userIdentity":{second}"#));
        let deliveries = format!(r#"{{"Records":[{twice},{}]}}"#, record(""));
        compare(deliveries.as_bytes());
        for piece_bytes in 1..deliveries.len() {
            compare_pieces(deliveries.as_bytes(), piece_bytes);
        }
    }
}

#[test]
fn the_fuzzing_corpus_is_read_alike() {
    let mut found = Vec::new();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/walker");
    files(&corpus, &mut found);
    assert!(found.len() > 20, "the corpus is missing");
    for (_, bytes) in found {
        compare(&bytes);
        for piece_bytes in [1, 7, 64, 1_000] {
            compare_pieces(&bytes, piece_bytes);
        }
    }
}

#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "the real data lies outside the repository"
)]
fn real_data_is_read_alike() {
    let Some(folder) = std::env::var_os("KEYTRAIL_REAL_DATA") else {
        println!("KEYTRAIL_REAL_DATA is not set: nothing is compared");
        return;
    };
    let mut found = Vec::new();
    files(Path::new(&folder), &mut found);
    let mut all = crate::Reading::default();
    for (path, bytes) in &found {
        println!("{}", path.display());
        all.add(compare(bytes).reading());
        compare_pieces(bytes, 4_096);
        // Every byte takes its turn at being damaged, a few in each file.
        for at in (0..bytes.len()).step_by(bytes.len() / 20 + 1) {
            let mut damaged = bytes.clone();
            damaged[at] = b"\"\\{}[],:u \xff"[at % 11];
            compare(&damaged[..damaged.len().min(1 << 18)]);
        }
    }
    assert!(all.is_conserved());
    println!("{} files: {all:?}", found.len());
}

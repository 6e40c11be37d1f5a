//! The walker against the slow reader: on generated records, on damaged ones, and on real ones.

use std::io::Read;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::select;

use crate::oracle::{compare, compare_pieces};

/// White space, rarely.
fn space() -> impl Strategy<Value = &'static str> {
    prop_oneof![30 => Just(""), 1 => select(vec![" ", "\n", "\t \r"])]
}

/// The inside of a JSON string.
fn inside() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        20 => "[a-zA-Z0-9:/._ -]{0,12}",
        2 => Just(r#"\""#.to_owned()),
        2 => Just(r"\\".to_owned()),
        1 => Just(r"\n".to_owned()),
        1 => Just(r"\u0041".to_owned()),
        1 => Just(r"\ud83d\ude00".to_owned()),
        1 => Just(r"\ud83d".to_owned()),
        1 => Just(r"\x".to_owned()),
        1 => Just("\u{1}".to_owned()),
        2 => Just("é😀".to_owned()),
        2 => "[{}\\[\\],:]{1,3}",
        1 => "[a-z]{60,70}",
    ];
    proptest::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

fn string() -> impl Strategy<Value = String> {
    inside().prop_map(|inside| format!("\"{inside}\""))
}

/// Any JSON value, and a little that is none.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        8 => string(),
        2 => select(vec!["null", "true", "false", "0", "-1.5e+3", "12", "[]", "{}", "[ ]"])
            .prop_map(str::to_owned),
        1 => select(vec!["nul", "01", "1.", "-", "tru e", "[}", "{1:2}", "[1,]", "\\", "1e5x"])
            .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            (proptest::collection::vec(inner.clone(), 0..4), space())
                .prop_map(|(items, space)| format!("[{}]", items.join(&format!(",{space}")))),
            (proptest::collection::vec((string(), inner), 0..4), space()).prop_map(
                |(members, space)| {
                    let members: Vec<String> = members
                        .into_iter()
                        .map(|(key, value)| format!("{space}{key}{space}:{value}"))
                        .collect();
                    format!("{{{}}}", members.join(","))
                }
            ),
        ]
    })
}

/// The value of one field as CloudTrail would write it.
fn usual(field: &'static str) -> BoxedStrategy<String> {
    let one_of = |values: &[&'static str]| select(values.to_vec()).prop_map(str::to_owned).boxed();
    match field {
        "eventTime" => one_of(&[r#""2024-03-15T10:00:00Z""#, r#""2024-03-15T10:00:00.5Z""#]),
        "eventSource" => one_of(&[
            r#""kms.amazonaws.com""#,
            r#""kms.amazonaws.com""#,
            r#""s3.amazonaws.com""#,
            r#""cloudtrail.amazonaws.com""#,
            r#""km\u0073.amazonaws.com""#,
        ]),
        "eventName" => one_of(&[
            r#""Decrypt""#,
            r#""ReEncrypt""#,
            r#""StopLogging""#,
            r#""GetObject""#,
            r#""PutObject""#,
        ]),
        "eventType" => one_of(&[
            r#""AwsApiCall""#,
            r#""AwsServiceEvent""#,
            r#""AwsCloudTrailInsight""#,
        ]),
        "userIdentity" => one_of(&[
            r#"{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/a","accountId":"111122223333"}"#,
            r#"{"type":"AWSService","invokedBy":"s3.amazonaws.com"}"#,
            r#"{"type":"AssumedRole","sessionContext":{"sessionIssuer":{"arn":"arn:aws:iam::111122223333:role/r"},"attributes":{}}}"#,
        ]),
        "requestParameters" => one_of(&[
            "null",
            r#"{"keyId":"1234abcd-12ab-34cd-56ef-1234567890ab","encryptionContext":{"aws:s3:arn":"arn:aws:s3:::b/o"}}"#,
            r#"{"keyId":"alias/\u0061","encryptionContext":{"b":"1","a":"2","b":"3"}}"#,
            r#"{"bucketName":"b","x-amz-server-side-encryption-aws-kms-key-id":"arn:aws:kms:eu-west-1:999999999999:key/1234abcd-12ab-34cd-56ef-1234567890ab"}"#,
            r#"{"bucketName":"b","x-amz-server-side-encryption-aws-kms-key-id":"arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"}"#,
            r#"{"sourceKeyId":"mrk-1","destinationKeyId":"alias/x","sourceEncryptionContext":{"a":{"b":"c"},"d":"e"}}"#,
        ]),
        "resources" => one_of(&[
            "[]",
            r#"[{"accountId":"111122223333","type":"AWS::KMS::Key","ARN":"arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"}]"#,
        ]),
        "responseElements" => one_of(&[
            "null",
            r#"{"keyId":"1234abcd-12ab-34cd-56ef-1234567890ab"}"#,
        ]),
        "readOnly" => one_of(&["true", "false"]),
        "recipientAccountId" => one_of(&[r#""111122223333""#]),
        "awsRegion" => one_of(&[r#""eu-west-1""#]),
        _ => string().boxed(),
    }
}

const FIELDS: [&str; 28] = [
    "eventVersion",
    "userIdentity",
    "eventTime",
    "eventSource",
    "eventName",
    "awsRegion",
    "sourceIPAddress",
    "userAgent",
    "errorCode",
    "errorMessage",
    "requestParameters",
    "responseElements",
    "additionalEventData",
    "requestID",
    "eventID",
    "readOnly",
    "resources",
    "eventType",
    "managementEvent",
    "recipientAccountId",
    "sharedEventID",
    "vpcEndpointId",
    "eventCategory",
    "tlsDetails",
    "serviceEventDetails",
    "apiVersion",
    "Records",
    "digestStartTime",
];

/// The field's name as a key, sometimes with an escape in it.
fn key(field: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![
        20 => Just(format!("\"{field}\"")),
        1 => (0..field.len()).prop_map(move |at| {
            let (before, after) = field.split_at(at);
            let code = u32::from(after.as_bytes()[0]);
            format!("\"{before}\\u{code:04x}{}\"", &after[1..])
        }),
    ]
}

fn member(field: &'static str, odd: u32) -> impl Strategy<Value = String> {
    let value = prop_oneof![
        40 => usual(field),
        odd => value(),
        odd => select(vec!["null", "5", "{}", "\"\""]).prop_map(str::to_owned),
    ];
    (key(field), space(), value, space())
        .prop_map(|(key, before, value, after)| format!("{key}{before}:{before}{value}{after}"))
}

/// A record with all that a KMS record has to have, and more; in any order when `shuffled`.
fn record(odd: u32) -> impl Strategy<Value = String> {
    let needed = FIELDS[..24]
        .iter()
        .map(|field| member(field, odd))
        .collect::<Vec<_>>();
    let more = proptest::collection::vec(
        prop_oneof![
            4 => select(FIELDS.to_vec()).prop_flat_map(move |field| member(field, odd)),
            1 => (string(), value()).prop_map(|(key, value)| format!("{key}:{value}")),
        ],
        0..3,
    );
    (needed, more, any::<bool>(), any::<u64>(), any::<u32>()).prop_map(
        |(needed, more, shuffled, seed, kept)| {
            // Most fields are kept, so that most records are read.
            let mut members: Vec<String> = needed
                .into_iter()
                .enumerate()
                .filter(|(index, _)| kept & 3 != 0 || kept >> index & 1 == 1 || *index < 5)
                .map(|(_, member)| member)
                .chain(more)
                .collect();
            if shuffled {
                let mut state = seed | 1;
                for index in (1..members.len()).rev() {
                    state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                    members.swap(index, (state >> 33) as usize % (index + 1));
                }
            }
            format!("{{{}}}", members.join(","))
        },
    )
}

/// Records in one of the shapes that carry them.
fn document(odd: u32) -> impl Strategy<Value = String> {
    (proptest::collection::vec(record(odd), 1..4), 0..4_u32).prop_map(
        |(records, shape)| match shape {
            0 | 1 => format!("{{\"Records\":[{}]}}", records.join(",")),
            2 => format!("[{}]", records.join(", ")),
            _ => records.join("\n"),
        },
    )
}

/// Changes to single bytes, and cuts.
fn damage() -> impl Strategy<Value = Vec<(u8, prop::sample::Index, u8)>> {
    let byte = prop_oneof![select(b"\"\\{}[],:u0e \x01\xff".to_vec()), any::<u8>()];
    proptest::collection::vec((0..4_u8, any::<prop::sample::Index>(), byte), 1..4)
}

fn damaged(text: &str, damage: &[(u8, prop::sample::Index, u8)]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for (kind, index, byte) in damage {
        if bytes.is_empty() {
            break;
        }
        let at = index.index(bytes.len());
        match kind {
            0 => bytes[at] = *byte,
            1 => bytes.insert(at, *byte),
            2 => {
                bytes.remove(at);
            }
            _ => {
                let end = (at + usize::from(*byte)).min(bytes.len());
                bytes.drain(at..end);
            }
        }
    }
    bytes
}

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

/// Records as a session writes them, one after the other, that differ in values: what templates are
/// made of. Each change replaces a value of the record before it by another.
fn session() -> impl Strategy<Value = String> {
    const BASES: [&str; 4] = [
        r#"{"eventVersion":"1.08","userIdentity":{"type":"AWSService","invokedBy":"s3.amazonaws.com"},"eventTime":"2024-03-15T10:00:00Z","eventSource":"kms.amazonaws.com","eventName":"Decrypt","awsRegion":"us-east-1","sourceIPAddress":"s3.amazonaws.com","userAgent":"s3.amazonaws.com","requestParameters":{"encryptionContext":{"b":"2","aws:s3:arn":"arn:aws:s3:::bucket/object"},"encryptionAlgorithm":"SYMMETRIC_DEFAULT"},"responseElements":null,"requestID":"32f824be-d73d-46f8-baaf-a7f523be62a2","eventID":"3d7ea91a-cac3-401e-869b-827504e370ff","readOnly":true,"resources":[{"accountId":"111122223333","type":"AWS::KMS::Key","ARN":"arn:aws:kms:us-east-1:111122223333:key/1bfb3a21-c872-48b0-b60a-ff06037da950"}],"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","sharedEventID":"fb0429dc-ce31-4d98-bc5b-e81a471c232d","eventCategory":"Management"}"#,
        r#"{"eventVersion":"1.11","userIdentity":{"type":"AssumedRole","principalId":"AROASIMUREBNM3G3TGGOO:ceb0e030ec3b","arn":"arn:aws:sts::111122223333:assumed-role/api/ceb0e030ec3b","accountId":"111122223333","accessKeyId":"ASIASIMUR5AQZ2NCWONN","sessionContext":{"sessionIssuer":{"arn":"arn:aws:iam::111122223333:role/api"}}},"eventTime":"2024-03-15T10:00:00Z","eventSource":"kms.amazonaws.com","eventName":"ReEncrypt","awsRegion":"eu-west-1","sourceIPAddress":"10.1.2.3","userAgent":"aws-cli/2.15.30 Python/3.11.8","errorCode":"AccessDenied","errorMessage":"no","requestParameters":{"sourceKeyId":"1bfb3a21-c872-48b0-b60a-ff06037da950","destinationKeyId":"alias/x","numberOfBytes":32,"sourceEncryptionContext":{"a":"1","c":"2","b":"3"}},"responseElements":{"keyId":"1bfb3a21-c872-48b0-b60a-ff06037da951"},"additionalEventData":{"keyMaterialId":"0"},"requestID":"r","eventID":"e","readOnly":true,"eventType":"AwsApiCall","recipientAccountId":"111122223333","vpcEndpointId":"vpce-1","tlsDetails":{"tlsVersion":"TLSv1.3"},"eventCategory":"Management"}"#,
        r#"{"eventVersion":"1.11","userIdentity":{"type":"AssumedRole","principalId":"AROASIMUREBNM3G3TGGOO:ceb0e030ec3b","arn":"arn:aws:sts::111122223333:assumed-role/api/ceb0e030ec3b","accountId":"111122223333","accessKeyId":"ASIASIMUR5AQZ2NCWONN","sessionContext":{"sessionIssuer":{"arn":"arn:aws:iam::111122223333:role/api"}}},"eventTime":"2024-03-15T10:00:00Z","eventSource":"s3.amazonaws.com","eventName":"PutObject","awsRegion":"us-east-1","sourceIPAddress":"10.1.2.3","userAgent":"aws-cli/2.15.30 Python/3.11.8","requestParameters":{"bucketName":"b","key":"o","x-amz-server-side-encryption-aws-kms-key-id":"arn:aws:kms:us-east-1:111122223333:key/1bfb3a21-c872-48b0-b60a-ff06037da950"},"responseElements":null,"additionalEventData":{"bytesTransferredIn":0,"x":[1,{"y":"z"}]},"requestID":"r","eventID":"e","readOnly":true,"eventType":"AwsApiCall","recipientAccountId":"111122223333"}"#,
        r#"{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","principalId":"AIDASIMPNHFXSYEISJYJW","arn":"arn:aws:iam::111122223333:user/sender","accountId":"111122223333"},"eventTime":"2024-03-15T10:00:00Z","eventSource":"ec2.amazonaws.com","eventName":"DescribeInstances","awsRegion":"us-east-1","sourceIPAddress":"10.1.2.3","userAgent":"u","requestParameters":{"filterSet":{"items":[{"name":"n"}]}},"responseElements":null,"requestID":"r","eventID":"e","eventType":"AwsApiCall","recipientAccountId":"111122223333"}"#,
    ];
    let value = prop_oneof![
        8 => "[a-zA-Z0-9:/._ -]{0,80}",
        2 => inside(),
        1 => select(vec![
            "kms.amazonaws.com",
            "Encrypt",
            "eventSource",
            "2024-03-15T10:00:00Z",
            "2024-03-15T10:00:0xZ",
            "999999999999",
            "AwsServiceEvent",
            "alias/x",
            "arn:aws:kms:us-east-1:999999999999:key/1bfb3a21-c872-48b0-b60a-ff06037da950",
        ])
        .prop_map(str::to_owned),
    ];
    let change = (any::<prop::sample::Index>(), value, any::<bool>(), 0..40_u8);
    let changes = proptest::collection::vec(change, 3..12);
    (select(BASES.to_vec()), any::<bool>(), changes).prop_map(|(base, is_sorted, changes)| {
        let mut record = base.to_owned();
        if is_sorted {
            record = sorted(base);
        }
        let mut records = vec![record.clone(), record.clone()];
        for (index, value, stays, damage) in changes {
            let mut quotes: Vec<usize> = record.match_indices('"').map(|(at, _)| at).collect();
            quotes.truncate(quotes.len() / 2 * 2);
            let pair = 2 * index.index(quotes.len() / 2);
            let (start, end) = (quotes[pair] + 1, quotes[pair + 1]);
            // Of names, too, some are changed; and sometimes what stands between two strings.
            let is_value = record.as_bytes().get(end + 1) != Some(&b':');
            let mut changed = record.clone();
            match damage {
                0 => changed.replace_range(end..end + 1, "\"x"),
                1 => changed.insert(start - 1, ' '),
                2 => changed = record.replacen("true", "false", 1),
                3 => changed = record.replacen("32", "033", 1),
                4 => {
                    changed =
                        record.replacen("\"requestID\"", "\"eventName\":\"Sign\",\"requestID\"", 1)
                }
                5.. if is_value || damage == 5 => changed.replace_range(start..end, &value),
                _ => {}
            }
            if stays && damage > 5 {
                record.clone_from(&changed);
            }
            records.push(changed);
            records.push(record.clone());
        }
        // Near the end of the bytes nothing is compared in blocks: more must follow.
        format!("{{\"Records\":[{}]}}{}", records.join(","), " ".repeat(300))
    })
}

/// The same record with its members sorted by name, as some exports write them.
fn sorted(record: &str) -> String {
    let members: std::collections::BTreeMap<String, serde_json::Value> =
        serde_json::from_str(record).expect("it is JSON");
    let mut members: Vec<(String, String)> = members
        .into_iter()
        .map(|(name, value)| (name, value.to_string()))
        .collect();
    // Without `additionalEventData`, which would come first, as in most records of KMS.
    members.retain(|(name, _)| name != "additionalEventData" && !name.starts_with("error"));
    let members = members
        .iter()
        .map(|(name, value)| format!("\"{name}\":{value}"));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
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

//! Records as anybody might write them, and damage to them.

use proptest::prelude::*;
use proptest::sample::select;

/// White space, rarely.
fn space() -> impl Strategy<Value = &'static str> {
    prop_oneof![30 => Just(""), 1 => select(vec![" ", "\n", "\t \r"])]
}

/// The inside of a JSON string.
pub(super) fn inside() -> impl Strategy<Value = String> {
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

/// Arrays about as deep as a record may be, and several as deep inside them, one behind the other.
fn deep() -> impl Strategy<Value = String> {
    let levels = (
        30..66_usize,
        0..40_usize,
        select(vec!["[],", "{},", "[[]],"]),
    );
    levels.prop_map(|(levels, number, inner)| {
        let (opens, closes) = ("[".repeat(levels), "]".repeat(levels));
        format!("{opens}{}0{closes}", inner.repeat(number))
    })
}

/// Any JSON value, and a little that is none.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        8 => string(),
        2 => select(vec!["null", "true", "false", "0", "-1.5e+3", "12", "[]", "{}", "[ ]"])
            .prop_map(str::to_owned),
        1 => deep(),
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
pub(super) fn document(odd: u32) -> impl Strategy<Value = String> {
    (proptest::collection::vec(record(odd), 1..4), 0..4_u32).prop_map(
        |(records, shape)| match shape {
            0 | 1 => format!("{{\"Records\":[{}]}}", records.join(",")),
            2 => format!("[{}]", records.join(", ")),
            _ => records.join("\n"),
        },
    )
}

/// Changes to single bytes, and cuts.
pub(super) fn damage() -> impl Strategy<Value = Vec<(u8, prop::sample::Index, u8)>> {
    let byte = prop_oneof![select(b"\"\\{}[],:u0e \x01\xff".to_vec()), any::<u8>()];
    proptest::collection::vec((0..4_u8, any::<prop::sample::Index>(), byte), 1..4)
}

pub(super) fn damaged(text: &str, damage: &[(u8, prop::sample::Index, u8)]) -> Vec<u8> {
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

//! Records that repeat one before are counted as if each had been read by itself.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fmt::Write as _;

use keytrail_detect::tally::Tally;
use keytrail_event::{EventTime, Issue, Reader, Record, Repeat, Sink};
use proptest::prelude::*;

const START: i64 = 1_710_496_800; // 2024-03-15T10:00:00Z
const KEY: &str = "1234abcd-12ab-34cd-56ef-1234567890a";

/// Who calls, which records tell in several forms. Where a service was called `direct`, repeats told only the first network.
const IDENTITIES: [&str; 7] = [
    r#"{"type":"AssumedRole","principalId":"AROASIMUREBNM3G3TGGOO:ceb0e030ec3b","arn":"arn:aws:sts::111122223333:assumed-role/api/ceb0e030ec3b","accountId":"111122223333","accessKeyId":"ASIASIMUR5AQZ2NCWONN","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROASIMUREBNM3G3TGGOO","arn":"arn:aws:iam::111122223333:role/api","accountId":"111122223333","userName":"api"},"attributes":{"creationDate":"2024-03-15T09:00:00Z","mfaAuthenticated":"false"}}}"#,
    r#"{"type":"AssumedRole","principalId":"AROASIMUREBNM3G3TGGOO:0549959bca81","arn":"arn:aws:sts::111122223333:assumed-role/api/0549959bca81","accountId":"111122223333","accessKeyId":"ASIASIMUR5AQZ2NCWONM","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROASIMUREBNM3G3TGGOO","arn":"arn:aws:iam::111122223333:role/api","accountId":"111122223333","userName":"api"},"attributes":{"creationDate":"2024-03-15T09:30:00Z","mfaAuthenticated":"false"}}}"#,
    r#"{"type":"AssumedRole","principalId":"AROASIMUREBNM3G3TGGOO:0549959bca81","arn":"arn:aws:sts::111122223333:assumed-role/api/0549959bca81","accountId":"111122223333","accessKeyId":"ASIASIMUR5AQZ2NCWONM","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROASIMUREBNM3G3TGGOO","arn":"arn:aws:iam::111122223333:role/api","accountId":"111122223333","userName":"api"},"attributes":{"creationDate":"2024-03-15T09:30:00Z","mfaAuthenticated":"false"}},"invokedBy":"s3.amazonaws.com"}"#,
    r#"{"type":"IAMUser","principalId":"AIDASIMUREBNM3G3TGGOO","arn":"arn:aws:iam::111122223333:user/mia","accountId":"111122223333","accessKeyId":"AKIASIMUR5AQZ2NCWONN","userName":"mia"}"#,
    r#"{"type":"AWSService","invokedBy":"s3.amazonaws.com"}"#,
    r#"{"type":"AWSService","invokedBy":"direct"}"#,
    r#"{"type":"AWSAccount","principalId":"AROASIMUREBNM3G3TGGOO:x","accountId":"444455556666"}"#,
];
const SOURCES: [&str; 5] = [
    "198.51.100.7",
    "198.51.100.8",
    "203.0.113.99",
    "s3.amazonaws.com",
    "AWS Internal",
];
const AGENTS: [&str; 3] = [
    "aws-cli/2.15.30 Python/3.11.8",
    "aws-cli/1.2",
    "Boto3/1.34.0",
];
const OPERATIONS: [&str; 4] = ["Decrypt", "Encrypt", "GenerateRandom", "Sign"];
const CONTEXTS: [&str; 9] = [
    "",
    r#""encryptionContext":{"aws:s3:arn":"arn:aws-cn:s3:::/x"},"#,
    r#""encryptionContext":{"aws:s3:arn":"arn:aws-cn:s3:::"},"#,
    r#""encryptionContext":{"aws:s3:arn":"arn:aws:s3:::invoices/2024/01.pdf"},"#,
    r#""encryptionContext":{"aws:s3:arn":"arn:aws:s3:::invoices/2024/02.pdf"},"#,
    r#""encryptionContext":{"aws:s3:arn":"arn:aws:s3:::orders/2024"},"#,
    r#""encryptionContext":{"aws:s3:arn":"arn:aws:s3:::invoices"},"#,
    r#""encryptionContext":{"aws:s3:arn":"no bucket"},"#,
    r#""encryptionContext":{"tenant":"7","SecretARN":"arn:aws:secretsmanager:eu-west-1:111122223333:secret:x"},"#,
];
const ADDITIONAL: [&str; 3] = [
    "",
    r#""additionalEventData":{"keyMaterialId":"0"},"#,
    r#""additionalEventData":{"recipient":{"attestationDocumentModuleId":"i-0abc","attestationDocumentEnclaveImageDigest":"aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899"}},"#,
];

/// What tells one call from another, as choices among few.
#[derive(Debug, Clone)]
struct Call {
    identity: usize,
    source: usize,
    agent: usize,
    context: usize,
    additional: usize,
    second: i64,
    id: u32,
    key: u8,
    is_denied: bool,
    operation: usize,
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let where_from = (0..IDENTITIES.len(), 0..SOURCES.len(), 0..AGENTS.len());
    // Most calls are like most others.
    let bound = (
        0..CONTEXTS.len(),
        prop_oneof![9 => Just(0), 1 => 0..ADDITIONAL.len()],
    );
    let what = (
        0..2_u8,
        prop::bool::weighted(0.1),
        prop_oneof![5 => Just(0), 2 => 0..OPERATIONS.len()],
    );
    let when = (0..3 * 3_600_i64, 0..2_000_u32);
    let call = (where_from, bound, what, when);
    let call = call.prop_map(|(where_from, bound, what, (second, id))| Call {
        identity: where_from.0,
        source: where_from.1,
        agent: where_from.2,
        context: bound.0,
        additional: bound.1,
        second,
        id,
        key: what.0,
        is_denied: what.1,
        operation: what.2,
    });
    prop::collection::vec(call, 1..120)
}

impl Call {
    fn write(&self, out: &mut String) {
        let time = EventTime::from_unix_seconds(START + self.second);
        let name = OPERATIONS[self.operation];
        let error = if self.is_denied {
            r#""errorCode":"AccessDenied","errorMessage":"no","#
        } else {
            ""
        };
        let (identity, source) = (IDENTITIES[self.identity], SOURCES[self.source]);
        let (agent, context) = (AGENTS[self.agent], CONTEXTS[self.context]);
        let (additional, id, key) = (ADDITIONAL[self.additional], self.id, self.key);
        write!(
            out,
            r#"{{"eventVersion":"1.11","userIdentity":{identity},"eventTime":"{time}","eventSource":"kms.amazonaws.com","eventName":"{name}","awsRegion":"eu-west-1","sourceIPAddress":"{source}","userAgent":"{agent}",{error}"requestParameters":{{{context}"encryptionAlgorithm":"SYMMETRIC_DEFAULT"}},"responseElements":null,{additional}"requestID":"6a1b2c3d-0000-4000-8000-{id:012x}","eventID":"0a1b2c3d-0000-4000-8000-{id:012x}","readOnly":true,"resources":[{{"accountId":"111122223333","type":"AWS::KMS::Key","ARN":"arn:aws:kms:eu-west-1:111122223333:key/{KEY}{key}"}}],"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management"}}"#
        )
        .unwrap();
    }
}

struct Count {
    tally: Tally,
    stamp: Option<EventTime>,
    repeated: usize,
}

impl Sink for Count {
    fn record(&mut self, record: &Record<'_>) {
        self.tally.add(record, self.stamp);
    }

    fn repeat(&mut self, repeat: &Repeat<'_>) -> bool {
        let is_all = self.tally.add_repeat(repeat, self.stamp);
        self.repeated += usize::from(is_all);
        is_all
    }

    fn issue(&mut self, issue: Issue) {
        panic!("{issue}");
    }
}

/// The tally of these deliveries as bytes, its counts, and how many records were counted as repeats.
fn tally(
    mut reader: Reader,
    deliveries: &[&[Call]],
    stamp: Option<i64>,
) -> (Vec<u8>, String, usize) {
    let mut count = Count {
        tally: Tally::default(),
        stamp: stamp.map(EventTime::from_unix_seconds),
        repeated: 0,
    };
    for calls in deliveries {
        let mut text = r#"{"Records":["#.to_owned();
        for (index, call) in calls.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            call.write(&mut text);
        }
        text.push_str("]}");
        reader.read(text.as_bytes(), &mut count);
    }
    let counts = format!("{:?}", count.tally.counts);
    (count.tally.encode(), counts, count.repeated)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn repeats_are_counted_as_records(
        calls in calls(),
        cut in any::<prop::sample::Index>(),
        stamp in prop::option::of(START - 3_600..START + 7 * 3_600),
    ) {
        // The same calls again are duplicates, and nearly all repeat.
        let (first, second) = calls.split_at(cut.index(calls.len()));
        let deliveries = [first, second, &calls];
        let (known, counts, _) = tally(Reader::default(), &deliveries, stamp);
        let (slowly, slow_counts, repeated) = tally(Reader::oracle(), &deliveries, stamp);
        prop_assert_eq!(repeated, 0);
        prop_assert_eq!(known, slowly);
        prop_assert_eq!(counts, slow_counts);
    }
}

/// The first of a session's calls: it decrypts.
fn call(id: u32) -> Call {
    Call {
        identity: 0,
        source: 0,
        agent: 0,
        context: 3,
        additional: 0,
        second: i64::from(id),
        id,
        key: 0,
        is_denied: false,
        operation: 0,
    }
}

/// The calls counted as repeats, after they were counted as the slow reader has them counted.
fn repeated(calls: &[Call]) -> usize {
    let (known, _, repeated) = tally(Reader::default(), &[calls], None);
    let (slowly, ..) = tally(Reader::oracle(), &[calls], None);
    assert_eq!(known, slowly);
    repeated
}

#[test]
fn a_session_at_work_repeats_itself() {
    let calls = (0..400).map(|id| Call {
        identity: (id / 100) as usize % 2,
        context: 3 + id as usize % 3,
        ..call(id)
    });
    let repeated = repeated(&calls.collect::<Vec<_>>());
    assert!(repeated > 350, "{repeated}");
}

/// Only the cell is another one, whether it is still to be made or not.
#[test]
fn a_session_that_goes_on_in_another_hour_repeats_itself() {
    for additional in [0, 1] {
        let calls = (0..400_u32).map(|id| Call {
            identity: (id / 100) as usize % 2,
            context: 3 + id as usize % 3,
            second: i64::from(id % 3) * 3_600 + i64::from(id),
            additional,
            ..call(id)
        });
        let repeated = repeated(&calls.collect::<Vec<_>>());
        assert!(repeated > 350, "{repeated}");
    }
}

/// Of random bytes no context is noted; an enclave's repeats noted their attestation all the same.
#[test]
fn random_bytes_for_an_enclave_are_bound_to_nothing() {
    let calls = (0..20).map(|id| Call {
        context: 0,
        additional: 2,
        operation: 2,
        ..call(id)
    });
    assert!(repeated(&calls.collect::<Vec<_>>()) > 10);
}

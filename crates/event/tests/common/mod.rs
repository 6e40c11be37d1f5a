//! What the tests of the facts share: a plain record to vary, and a sink that remembers.

#![allow(
    dead_code,
    reason = "every test file uses another part of what is shared"
)]
#![allow(clippy::panic, reason = "a helper of tests fails the way a test does")]

use keytrail_event::{Issue, IssueKind, Reader, Reading, Record, Sink};
use serde_json::{Map, Value, json};

/// The account that the fixtures live in.
pub const ACCOUNT: &str = "111122223333";
/// Another organisation's account.
pub const FOREIGN: &str = "444455556666";
/// The id of the key that most fixtures use.
pub const KEY_ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";
/// That key's ARN.
pub const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
/// A second key.
pub const OTHER_ID: &str = "0987dcba-09fe-87dc-65ba-ab0987654321";
/// The second key's ARN.
pub const OTHER: &str =
    "arn:aws:kms:eu-west-1:111122223333:key/0987dcba-09fe-87dc-65ba-ab0987654321";

/// What a sink saw of one record, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub time: String,
    pub event_id: Option<String>,
    pub account: String,
    pub region: String,
    pub source_service: String,
    pub operation: String,
    pub class: &'static str,
    pub principal: String,
    pub principal_type: &'static str,
    pub principal_account: Option<String>,
    pub session_name: Option<String>,
    pub key: Option<String>,
    pub destination_key: Option<String>,
    pub path: String,
    pub outcome: String,
    pub family: &'static str,
    pub network: Option<String>,
    pub agent: Option<String>,
    pub vpc_endpoint: Option<String>,
    pub has_tls: bool,
    pub context: String,
    pub pairs: Vec<(String, String)>,
    pub shared_event_id: Option<String>,
    pub is_service_event: bool,
    pub is_kms: bool,
    pub hash: u64,
    pub raw: String,
}

impl Seen {
    fn of(record: &Record<'_>) -> Self {
        let pairs = record.context.pairs();
        Self {
            time: record.time.to_string(),
            event_id: record.event_id.as_deref().map(str::to_owned),
            account: record.account.to_string(),
            region: record.region.to_string(),
            source_service: record.event_source.to_string(),
            operation: record.operation.name().to_owned(),
            class: record.operation.class().as_str(),
            principal: record.principal().to_owned(),
            principal_type: record.identity.principal_type.as_str(),
            principal_account: record.identity.account.as_deref().map(str::to_owned),
            session_name: record.identity.session_name.clone(),
            key: record.key.as_ref().map(|key| key.as_str().to_owned()),
            destination_key: record
                .destination_key
                .as_ref()
                .map(|key| key.as_str().to_owned()),
            path: record.service_path().to_owned(),
            outcome: record.outcome.as_str().to_owned(),
            family: record.outcome.family().as_str(),
            network: record.network(),
            agent: record.agent_family().map(|agent| agent.into_owned()),
            vpc_endpoint: record.vpc_endpoint_id.as_deref().map(str::to_owned),
            has_tls: record.has_tls_details,
            context: record.context.signature(),
            pairs: pairs
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
            shared_event_id: record.shared_event_id.as_deref().map(str::to_owned),
            is_service_event: record.is_service_event,
            is_kms: record.is_kms(),
            hash: record.event_hash(),
            raw: record.raw.to_owned(),
        }
    }
}

/// Everything that reading one delivery gave.
#[derive(Debug, Default)]
pub struct Outcome {
    pub seen: Vec<Seen>,
    pub issues: Vec<Issue>,
    pub reading: Reading,
}

impl Sink for Outcome {
    fn record(&mut self, record: &Record<'_>) {
        self.seen.push(Seen::of(record));
    }
    fn issue(&mut self, issue: Issue) {
        self.issues.push(issue);
    }
}

impl Outcome {
    /// The event ids of the records, in the order they were read.
    pub fn ids(&self) -> Vec<&str> {
        let ids = self.seen.iter().map(|seen| seen.event_id.as_deref());
        ids.map(|id| id.unwrap_or("-")).collect()
    }

    /// The kinds of the issues, with the records they are about.
    pub fn kinds(&self) -> Vec<(IssueKind, Option<u64>)> {
        let issues = self.issues.iter();
        issues
            .map(|issue| (issue.kind, issue.record_index))
            .collect()
    }

    /// Fails unless every record is in exactly one count, and the counts are what the sink got.
    pub fn assert_conserved(&self) {
        let reading = &self.reading;
        assert!(reading.is_conserved(), "{reading:?}");
        let kept = self.seen.len() as u64;
        assert_eq!(kept, reading.kms + reading.other_services, "{reading:?}");
        let lost = self.issues.iter().filter(|issue| issue.kind.is_malformed());
        assert_eq!(lost.count() as u64, reading.malformed, "{reading:?}");
        for issue in &self.issues {
            assert!(
                issue
                    .record_index
                    .is_some_and(|index| index < reading.records),
                "{issue:?}"
            );
        }
    }
}

/// Reads a delivery in one piece.
pub fn read(bytes: &[u8]) -> Outcome {
    let mut outcome = Outcome::default();
    outcome.reading = Reader::default().read(bytes, &mut outcome);
    outcome.assert_conserved();
    outcome
}

/// Reads a delivery through a buffer that grows by `step` bytes at a time.
pub fn read_in_pieces(bytes: &[u8], step: usize) -> Outcome {
    let mut outcome = Outcome::default();
    let mut reader = Reader::default();
    let mut delivery = reader.begin();
    let mut buffer = Vec::new();
    let mut rest = bytes;
    loop {
        let (piece, tail) = rest.split_at(rest.len().min(step));
        buffer.extend_from_slice(piece);
        rest = tail;
        let done = delivery.feed(&buffer, rest.is_empty(), &mut outcome);
        buffer.drain(..done);
        if rest.is_empty() {
            outcome.reading = *delivery.reading();
            outcome.assert_conserved();
            return outcome;
        }
    }
}

/// Reads a delivery of this one record, which must be kept without an issue.
pub fn one(record: &Value) -> Seen {
    let outcome = read(record.to_string().as_bytes());
    assert_eq!(outcome.issues, [], "{record}");
    match <[Seen; 1]>::try_from(outcome.seen) {
        Ok([seen]) => seen,
        Err(seen) => panic!("{} records instead of one: {record}", seen.len()),
    }
}

/// A plain Decrypt by an IAM user, with its fields replaced or completed by those of `patch`.
pub fn decrypt(patch: Value) -> Value {
    let record = json!({
        "eventVersion": "1.08",
        "userIdentity": {
            "type": "IAMUser",
            "principalId": "AIDAEXAMPLE",
            "arn": "arn:aws:iam::111122223333:user/Alice",
            "accountId": ACCOUNT,
            "accessKeyId": "AKIAEXAMPLE",
            "userName": "Alice",
        },
        "eventTime": "2024-01-31T12:00:00Z",
        "eventSource": "kms.amazonaws.com",
        "eventName": "Decrypt",
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "192.0.2.10",
        "userAgent": "aws-cli/2.15.30 Python/3.11.8",
        "requestParameters": {"encryptionAlgorithm": "SYMMETRIC_DEFAULT"},
        "responseElements": null,
        "requestID": "11111111-1111-4111-8111-111111111111",
        "eventID": "00000000-0000-4000-8000-000000000001",
        "readOnly": true,
        "resources": [{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": KEY}],
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "eventCategory": "Management",
        "recipientAccountId": ACCOUNT,
    });
    let (Value::Object(mut fields), Value::Object(patch)) = (record, patch) else {
        panic!("a patch is an object");
    };
    fields.extend(patch);
    Value::Object(fields)
}

/// The record without these fields.
pub fn without(record: Value, names: &[&str]) -> Value {
    let Value::Object(fields) = record else {
        panic!("a record is an object");
    };
    let kept = fields
        .into_iter()
        .filter(|(name, _)| !names.contains(&&**name));
    Value::Object(kept.collect::<Map<_, _>>())
}

/// A record that begins as CloudTrail's files write it, with `eventVersion` first.
pub fn as_cloudtrail_writes(record: &Value) -> String {
    let version = record.get("eventVersion").unwrap_or(&Value::Null);
    let rest = without(record.clone(), &["eventVersion"]).to_string();
    format!(r#"{{"eventVersion":{version},{}"#, &rest[1..])
}

/// A plain record with this number for its event id, as CloudTrail writes it.
pub fn numbered(number: usize) -> String {
    as_cloudtrail_writes(&decrypt(json!({ "eventID": id(number) })))
}

/// The event id of that number.
pub fn id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// A file of the records 1 and 2 with this text between them.
pub fn around(middle: &str) -> String {
    format!(
        r#"{{"Records":[{},{middle},{}]}}"#,
        numbered(1),
        numbered(2)
    )
}

/// Checks that damage in the middle is named once, as record 1, and that its neighbours survive.
pub fn check_damage(middle: &str, kind: IssueKind) {
    check_damaged_bytes(around(middle).as_bytes(), kind);
}

/// Checks that only record 1 of this delivery is lost, for this reason, and that 1 and 2 are read.
pub fn check_damaged_bytes(delivery: &[u8], kind: IssueKind) {
    let shown = String::from_utf8_lossy(&delivery[..delivery.len().min(2_000)]);
    for outcome in [read(delivery), read_in_pieces(delivery, 65_536)] {
        assert_eq!(outcome.ids(), [id(1), id(2)], "{shown}");
        assert_eq!(outcome.kinds(), [(kind, Some(1))], "{shown}");
        assert_eq!(outcome.reading.malformed, 1, "{shown}");
    }
}

/// Checks damage that leaves brackets in balance: neighbours survive whatever field they begin with.
pub fn check_balanced_damage(middle: &str, kind: IssueKind) {
    check_damage(middle, kind);
    let value = |number| decrypt(json!({"eventID": id(number)}));
    let (first, second) = (value(1), value(2));
    check_damaged_bytes(format!("[{first},{middle},{second}]").as_bytes(), kind);
}

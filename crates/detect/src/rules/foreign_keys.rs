//! Keys of other accounts that records of other services name.

use keytrail_event::arn::Arn;
use keytrail_event::selection::S3;
use keytrail_event::{KeyName, Record};
use serde_json::Value;

use crate::configuration::Configuration;

/// Values looked at in a request, at most; a request has some dozens.
const VALUES_MAX: usize = 4_096;
/// The header that names the KMS key of an object, in requests and answers.
pub const KMS_KEY_HEADER: &str = "x-amz-server-side-encryption-aws-kms-key-id";
/// The header that says that the caller brings a key along, in requests and answers.
pub const CUSTOMER_KEY_HEADER: &str = "x-amz-server-side-encryption-customer-algorithm";
/// Calls that write objects. They come by the million, so rules select them.
pub const OBJECT_WRITES: [&str; 5] = [
    "CopyObject",
    "CreateMultipartUpload",
    "PutObject",
    "UploadPart",
    "UploadPartCopy",
];

/// Whether the record is of a call that writes an object.
pub fn writes_object(record: &Record<'_>) -> bool {
    record.event_source == S3 && OBJECT_WRITES.contains(&record.operation.name())
}

/// Whether the request or answer says that the caller brought a key along.
pub fn names_customer_key(record: &Record<'_>) -> bool {
    header(record.body(), CUSTOMER_KEY_HEADER).is_some()
}

/// A text of the request or the answer, which S3 writes plain or in an array.
pub fn header<'b>(body: &'b Value, name: &str) -> Option<&'b str> {
    let text = |value: &'b Value| value.as_str().or_else(|| value.get(0)?.as_str());
    // The answer tells what was done, the request what was asked for.
    ["responseElements", "requestParameters"]
        .into_iter()
        .find_map(|part| text(&body[part][name]))
}

/// The ARN of a key or alias that is neither of the account itself nor of the organisation.
pub fn is_foreign(key: &str, record: &Record<'_>, configuration: &Configuration) -> bool {
    account_of(key).is_some_and(|account| {
        *account != *record.account && !configuration.organisation.accounts.contains(account)
    })
}

/// The account of a key's or alias's ARN. Any other name of a key is of the caller's own account.
pub fn account_of(key: &str) -> Option<&str> {
    let arn = Arn::parse(key).filter(|arn| arn.service == "kms")?;
    Some(arn.account)
}

/// The key as findings name it: its ARN, or `alias:<account>:<Region>:<name>`.
pub fn canonical(key: &str) -> Option<String> {
    let name = KeyName::from_request(key, "", "")?;
    Some(name.as_str().to_owned())
}

/// What answers to such calls tell of a key may always have been so: they show all of what was changed, or of what was
/// restored as it was.
const SHOWING_ALL: [&str; 3] = ["Modify", "Restore", "Update"];

/// Every key that a call sets, by its request or, where that tells news, its answer, with the field's name: services spell
/// it `kmsKeyId`, `KMSMasterKeyID`, `kMSMasterKeyId`, `s3SseKmsKeyId` and otherwise, at whatever depth.
pub fn keys_named<'r>(record: &'r Record<'_>) -> Vec<(&'r str, &'r str)> {
    let operation = record.operation.name();
    let shows_all = SHOWING_ALL.iter().any(|verb| operation.starts_with(verb));
    keys_of(record.body(), shows_all)
}

fn keys_of(body: &Value, is_request_only: bool) -> Vec<(&str, &str)> {
    let mut keys = Vec::new();
    let mut left = VALUES_MAX;
    gather("", &body["requestParameters"], &mut left, &mut keys);
    if !is_request_only {
        gather("", &body["responseElements"], &mut left, &mut keys);
    }
    keys.dedup_by(|later, earlier| later.1 == earlier.1);
    keys
}

fn gather<'b>(
    name: &'b str,
    value: &'b Value,
    left: &mut usize,
    keys: &mut Vec<(&'b str, &'b str)>,
) {
    if *left == 0 {
        return;
    }
    *left -= 1;
    match value {
        Value::String(text) if names_key(name) => keys.push((name, text)),
        Value::Array(values) => {
            for value in values {
                gather(name, value, left, keys);
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                gather(name, value, left, keys);
            }
        }
        _ => {}
    }
}

fn names_key(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("kms") && name.contains("key")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_spelling_at_every_depth() {
        let body = json!({
            "requestParameters": {"kmsKeyId": "a", "x": {"Rule": [{"KMSMasterKeyID": "b"}]}, "keyId": "no", "kms": "no"},
            "responseElements": {"sSESpecification": {"kMSMasterKeyId": "c"}, "kmsKeyId": 5, "s3SseKmsKeyId": ["d"]},
        });
        for (is_request_only, expected) in [(false, &["a", "b", "c", "d"][..]), (true, &["a", "b"])]
        {
            let keys = keys_of(&body, is_request_only).into_iter();
            let mut keys: Vec<_> = keys.map(|(_, key)| key).collect();
            keys.sort_unstable();
            assert_eq!(keys, expected);
        }
    }

    #[test]
    fn a_request_of_any_size_is_looked_at_to_a_bound() {
        let body = json!({"requestParameters": {"a": vec![1; 2 * VALUES_MAX], "kmsKeyId": "x"}});
        assert!(keys_of(&body, false).is_empty());
    }

    #[test]
    fn the_account_of_a_key() {
        for (key, account) in [
            (
                "arn:aws:kms:us-east-1:444455556666:key/a",
                Some("444455556666"),
            ),
            (
                "arn:aws:kms:us-east-1:444455556666:alias/a",
                Some("444455556666"),
            ),
            ("alias/444455556666", None),
            ("00000001-12ab-34cd-56ef-1234567890ab", None),
            ("arn:aws:s3:::444455556666", None),
            ("", None),
        ] {
            assert_eq!(account_of(key), account, "{key}");
        }
    }
}

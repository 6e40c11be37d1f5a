//! `foreign-key-object`: an object is written under a KMS key of an account outside the organisation.

use keytrail_event::Record;
use keytrail_event::key::short_key_name;
use serde_json::Value;

use super::foreign_keys::{
    KMS_KEY_HEADER, account_of, canonical, header, is_foreign, names_customer_key, writes_object,
};
use super::support::{argument, cut, events_of_principal, is_made_or_refused};
use super::{About, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct ForeignKeyObject;

const ABOUT: About = About {
    id: "foreign-key-object",
    title: "Objects are written under a key of an account outside the organisation",
    severities: &[Severity::Medium, Severity::High],
    attack: &[("TA0040", "T1486", "T1486")],
    practice: "data is encrypted under keys of its owner",
    side: Side::Owner,
    fires_when: "S3 PutObject, CopyObject, CreateMultipartUpload or UploadPartCopy names a KMS key by an ARN of an account that is neither the account of the record, nor that of the bucket, nor one of organisation.accounts. A refused call fires one severity lower.",
    reads: &[
        "eventSource",
        "eventName",
        "errorCode",
        "recipientAccountId",
        "requestParameters.bucketName",
        "requestParameters.x-amz-server-side-encryption-aws-kms-key-id",
        "responseElements.x-amz-server-side-encryption-aws-kms-key-id",
        "resources[].ARN",
        "resources[].accountId",
        "userIdentity",
    ],
};

impl Rule for ForeignKeyObject {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn selects(&self, record: &Record<'_>) -> bool {
        // Whatever is kept of these calls is for this rule or for `sse-c-burst`.
        writes_object(record) && !names_customer_key(record)
    }

    fn aspect(&self, record: &Record<'_>) -> String {
        let body = record.body();
        let key = header(body, KMS_KEY_HEADER).unwrap_or_default();
        format!("{} {key}", bucket(body))
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        if !writes_object(record) || !is_made_or_refused(record) {
            return None;
        }
        let body = record.body();
        let key =
            foreign_key(body, record).filter(|key| is_foreign(key, record, light.configuration))?;
        let account = account_of(key)?;
        let operation = cut(record.operation.name());
        let bucket = cut(bucket(body));
        let canonical = canonical(key).unwrap_or_else(|| cut(key).to_owned());
        let title = format!(
            "{operation} into {bucket} under {} of account {account}",
            short_key_name(&canonical)
        );
        let mut hit = Hit::of(record, Severity::High, title)
            .key(Some(&canonical))
            .class(bucket)
            .because(
                Evidence::new(
                    "key_account",
                    format!("The object is encrypted under a key of {account}: whoever owns it decides who reads the object"),
                )
                .observed(account)
                .expected(&*record.account),
            )
            .because(Evidence::new("bucket", format!("{operation} into {bucket}")).observed(bucket));
        if light.count > 1 {
            let text = format!("{} such objects within the hour", light.count);
            hit = hit.because(Evidence::new("calls", text).observed(light.count));
        }
        if record.outcome.is_success() {
            hit = hit
                .next(format!(
                    "Keep the old versions of the objects: aws s3api list-object-versions --bucket {}; see that no lifecycle rule removes them",
                    argument(bucket, "bucket")
                ))
                .next(format!("If account {account} is yours or a partner's, add it to organisation.accounts in keytrail.toml."));
        }
        let hit = hit.next(events_of_principal(record, 24));
        Some(hit.lower_if_refused(record, light))
    }
}

/// The key by whose ARN another account than the record's and the bucket's is named.
fn foreign_key<'b>(body: &'b Value, record: &Record<'_>) -> Option<&'b str> {
    let key = header(body, KMS_KEY_HEADER)?;
    let account = account_of(key)?;
    (*account != *record.account && Some(account) != bucket_account(body)).then_some(key)
}

/// The bucket that an object is written to.
pub fn bucket(body: &Value) -> &str {
    body["requestParameters"]["bucketName"]
        .as_str()
        .unwrap_or("a bucket that the record does not name")
}

/// The account that owns the bucket, as `resources[]` tells it. A copy's source may stand there too, before or after it.
fn bucket_account(body: &Value) -> Option<&str> {
    let bucket = bucket(body);
    let is_it = |arn: &str| {
        arn.split_once(":s3:::")
            .is_some_and(|(_, name)| name == bucket)
    };
    let is_bucket = |resource: &&Value| {
        resource["type"] == "AWS::S3::Bucket"
            || arn_of(resource).is_some_and(|arn| arn.starts_with("arn:") && !arn.contains('/'))
    };
    let buckets: Vec<&Value> = body["resources"]
        .as_array()?
        .iter()
        .filter(is_bucket)
        .collect();
    let named = buckets
        .iter()
        .find(|resource| arn_of(resource).is_some_and(is_it));
    // An access point goes by another name; a lone bucket is the one behind it.
    let resource = named.or_else(|| buckets.first().filter(|_| buckets.len() == 1))?;
    resource["accountId"].as_str()
}

fn arn_of(resource: &Value) -> Option<&str> {
    let arn = resource["ARN"].as_str();
    arn.or_else(|| resource["ARNPrefix"].as_str())
}

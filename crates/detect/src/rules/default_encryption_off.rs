//! `default-encryption-off`: a default that encrypts new data was switched off.

use keytrail_event::Record;
use keytrail_event::selection::{EC2, S3};

use super::support::{argument, cut, events_of_principal, is_made_or_refused};
use super::{About, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct DefaultEncryptionOff;

const ABOUT: About = About {
    id: "default-encryption-off",
    title: "A default that encrypts new data was switched off",
    severities: &[Severity::Low, Severity::Medium],
    attack: &[("TA0040", "T1486", "T1486")],
    practice: "data is encrypted under keys of its owner",
    side: Side::Owner,
    fires_when: "DisableEbsEncryptionByDefault or DeleteBucketEncryption succeeds. A refused call fires one severity lower.",
    reads: &[
        "eventSource",
        "eventName",
        "errorCode",
        "awsRegion",
        "requestParameters.bucketName",
        "userIdentity",
    ],
};

impl Rule for DefaultEncryptionOff {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        let operation = record.operation.name();
        let is_ebs = match (&*record.event_source, operation) {
            (EC2, "DisableEbsEncryptionByDefault") => true,
            (S3, "DeleteBucketEncryption") => false,
            _ => return None,
        };
        if !is_made_or_refused(record) {
            return None;
        }
        let body = record.body();
        let region = cut(&record.region);
        let bucket = body["requestParameters"]["bucketName"].as_str().map(cut);
        let (what, meaning, remedy) = if is_ebs {
            (
                format!("EBS volumes in {region}"),
                "New volumes and copies of snapshots are no longer encrypted unless each call asks for it",
                format!(
                    "If nobody planned this: aws ec2 enable-ebs-encryption-by-default --region {}",
                    argument(region, "region")
                ),
            )
        } else {
            let bucket = bucket.unwrap_or("a bucket that the record does not name");
            (
                format!("bucket {bucket}"),
                "New objects fall back to S3's own keys: neither key policy nor grants nor KMS's trail guard them",
                format!(
                    "If nobody planned this, put the bucket's key back: aws s3api put-bucket-encryption --bucket {}",
                    argument(bucket, "bucket")
                ),
            )
        };
        let title = format!("Default encryption of {what} was switched off");
        let mut hit = Hit::of(record, Severity::Medium, title)
            .key(None)
            .class(what)
            .because(Evidence::new("operation", meaning).observed(operation));
        if record.outcome.is_success() {
            hit = hit.next(remedy);
        }
        let hit = hit.next(events_of_principal(record, 24));
        Some(hit.lower_if_refused(record, light))
    }
}

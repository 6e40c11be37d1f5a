//! `foreign-key-default`: a service is told to encrypt under a key of an account outside the organisation.

use keytrail_event::Record;
use keytrail_event::key::short_key_name;

use super::foreign_keys::{account_of, canonical, is_foreign, keys_named, writes_object};
use super::support::{cut, events_of_principal, is_made_or_refused, key_argument};
use super::{About, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct ForeignKeyDefault;

/// The call that has copies of objects made, in a bucket of whichever account.
const REPLICATION: &str = "PutBucketReplication";
const CREATE_SECRET: &str = "CreateSecret";

/// Members of a request that say what it is about, in the order of preference.
const SUBJECTS: [&str; 15] = [
    "bucketName",
    "tableName",
    "targetTableName",
    "tableArn",
    "dBInstanceIdentifier",
    "dBClusterIdentifier",
    "clusterIdentifier",
    "targetDBSnapshotIdentifier",
    "targetDBClusterSnapshotIdentifier",
    "exportTaskIdentifier",
    "secretId",
    "sourceSnapshotId",
    "snapshotId",
    "sourceImageId",
    "name",
];

const ABOUT: About = About {
    id: "foreign-key-default",
    title: "A service is told to encrypt under a key of an account outside the organisation",
    severities: &[Severity::Low, Severity::Medium, Severity::High],
    attack: &[("TA0040", "T1486", "T1486")],
    practice: "data is encrypted under keys of its owner",
    side: Side::Owner,
    fires_when: "A call that sets encryption (PutBucketEncryption, PutBucketReplication, ModifyEbsDefaultKmsKeyId, CopySnapshot, CopyImage, ImportSnapshot, ImportImage, CreateVolume, CopyDBSnapshot, CopyDBClusterSnapshot, StartExportTask, ModifyDBInstance, ModifyDBCluster, RestoreDBClusterFromSnapshot, RestoreDBClusterToPointInTime, Redshift's ModifyCluster and RestoreFromClusterSnapshot, CreateTable, UpdateTable, RestoreTableFromBackup, RestoreTableToPointInTime, ExportTableToPointInTime, CreateSecret, UpdateSecret, ReplicateSecretToRegions) names a KMS key by an ARN of an account that is neither the record's nor one of organisation.accounts. Medium for PutBucketReplication, of which only replicas are under the key. A refused call fires one severity lower.",
    reads: &[
        "eventSource",
        "eventName",
        "errorCode",
        "recipientAccountId",
        "requestParameters (every member whose name holds kms and key)",
        "responseElements (the same)",
        "userIdentity",
    ],
};

impl Rule for ForeignKeyDefault {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        let is_trail = record.event_source == keytrail_event::selection::CLOUDTRAIL;
        if record.is_kms() || is_trail || writes_object(record) || !is_made_or_refused(record) {
            return None;
        }
        let body = record.body();
        let (field, key) = keys_named(record)
            .into_iter()
            .find(|(_, key)| is_foreign(key, record, light.configuration))?;
        let account = account_of(key)?;
        let operation = cut(record.operation.name());
        let canonical = canonical(key).unwrap_or_else(|| cut(key).to_owned());
        let name = short_key_name(&canonical);
        let request = &body["requestParameters"];
        let subject = SUBJECTS
            .iter()
            .find_map(|subject| request[subject].as_str())
            .map(cut);
        let on = subject.map_or_else(String::new, |subject| format!(" on {subject}"));
        let title = format!("{operation}{on} names {name} of account {account}");
        // A stack makes secrets by the dozen; the finding names the first of them.
        let of_class = subject.filter(|_| operation != CREATE_SECRET);
        let class = format!("{operation} {}", of_class.unwrap_or_default());
        // Replicas are often under a key of whoever keeps them; the objects themselves stay under their own.
        let severity = match operation {
            REPLICATION => Severity::Medium,
            _ => Severity::High,
        };
        let hit = Hit::of(record, severity, title)
            .key(Some(&canonical))
            .class(class)
            .because(
                Evidence::new(
                    "key_account",
                    format!("{}: {name} is a key of {account}; what is encrypted under it is read while that account allows it", cut(field)),
                )
                .observed(account)
                .expected(&*record.account),
            )
            .because(Evidence::new("operation", format!("{operation} of {}", cut(&record.event_source))).observed(operation))
            .next(format!("Ask whose key it is: aws kms describe-key --key-id {}", key_argument(&canonical)))
            .next(format!("If account {account} is yours or a partner's, add it to organisation.accounts in keytrail.toml."))
            .next(events_of_principal(record, 24));
        Some(hit.lower_if_refused(record, light))
    }
}

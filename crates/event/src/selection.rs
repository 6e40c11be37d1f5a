//! Which records Keytrail keeps: all of KMS, and of other services those that a rule reads.
//!
//! To give a rule another record, add its line to [`OTHER_SERVICES`].

use Want::{Always, WithForeignKey};

/// The event source of KMS.
pub const KMS: &str = "kms.amazonaws.com";
/// The event source of CloudTrail.
pub const CLOUDTRAIL: &str = "cloudtrail.amazonaws.com";
/// The event source of AWS Backup.
pub const BACKUP: &str = "backup.amazonaws.com";
/// The event source of DynamoDB.
pub const DYNAMODB: &str = "dynamodb.amazonaws.com";
/// The event source of EC2.
pub const EC2: &str = "ec2.amazonaws.com";
/// The event source of IAM.
pub const IAM: &str = "iam.amazonaws.com";
/// The event source of RDS.
pub const RDS: &str = "rds.amazonaws.com";
/// The event source of Redshift.
pub const REDSHIFT: &str = "redshift.amazonaws.com";
/// The event source of S3.
pub const S3: &str = "s3.amazonaws.com";
/// The event source of Secrets Manager.
pub const SECRETS_MANAGER: &str = "secretsmanager.amazonaws.com";

/// When a record of another service is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// In any case.
    Always,
    /// When its request names a key that is not the account's own: a KMS key by an ARN of an account
    /// other than `recipientAccountId`, or a key that the caller brings along
    /// ([`crate::foreign_key`]). Most such records name none and are passed over as cheaply as any.
    WithForeignKey,
}

/// Records of other services that rules need, as (`eventSource`, `eventName`, when), sorted.
pub const OTHER_SERVICES: [(&str, &str, Want); 79] = [
    (BACKUP, "DeleteBackupPlan", Always),
    (BACKUP, "DeleteBackupSelection", Always),
    (BACKUP, "DeleteBackupVault", Always),
    (BACKUP, "DeleteBackupVaultLockConfiguration", Always),
    (BACKUP, "DeleteRecoveryPoint", Always),
    (BACKUP, "DisassociateRecoveryPoint", Always),
    (BACKUP, "UpdateRecoveryPointLifecycle", Always),
    (CLOUDTRAIL, "CreateEventDataStore", Always),
    (CLOUDTRAIL, "CreateTrail", Always),
    (CLOUDTRAIL, "DeleteEventDataStore", Always),
    (CLOUDTRAIL, "DeleteTrail", Always),
    (CLOUDTRAIL, "PutEventSelectors", Always),
    (CLOUDTRAIL, "StopEventDataStoreIngestion", Always),
    (CLOUDTRAIL, "StopLogging", Always),
    (CLOUDTRAIL, "UpdateEventDataStore", Always),
    (CLOUDTRAIL, "UpdateTrail", Always),
    (DYNAMODB, "CreateTable", Always),
    (DYNAMODB, "DeleteBackup", Always),
    (DYNAMODB, "ExportTableToPointInTime", Always),
    (DYNAMODB, "RestoreTableFromBackup", Always),
    (DYNAMODB, "RestoreTableToPointInTime", Always),
    (DYNAMODB, "UpdateContinuousBackups", Always),
    (DYNAMODB, "UpdateTable", Always),
    (EC2, "CopyImage", Always),
    (EC2, "CopySnapshot", Always),
    (EC2, "CreateVolume", Always),
    (EC2, "DeleteSnapshot", Always),
    (EC2, "DisableEbsEncryptionByDefault", Always),
    (EC2, "ImportImage", Always),
    (EC2, "ImportSnapshot", Always),
    (EC2, "ModifyEbsDefaultKmsKeyId", Always),
    (EC2, "ResetEbsDefaultKmsKeyId", Always),
    (IAM, "AddUserToGroup", Always),
    (IAM, "AttachGroupPolicy", Always),
    (IAM, "AttachRolePolicy", Always),
    (IAM, "AttachUserPolicy", Always),
    (IAM, "CreatePolicy", Always),
    (IAM, "CreatePolicyVersion", Always),
    (IAM, "DeleteGroupPolicy", Always),
    (IAM, "DeleteRolePermissionsBoundary", Always),
    (IAM, "DeleteRolePolicy", Always),
    (IAM, "DeleteUserPermissionsBoundary", Always),
    (IAM, "DeleteUserPolicy", Always),
    (IAM, "DetachGroupPolicy", Always),
    (IAM, "DetachRolePolicy", Always),
    (IAM, "DetachUserPolicy", Always),
    (IAM, "PutGroupPolicy", Always),
    (IAM, "PutRolePermissionsBoundary", Always),
    (IAM, "PutRolePolicy", Always),
    (IAM, "PutUserPermissionsBoundary", Always),
    (IAM, "PutUserPolicy", Always),
    (IAM, "RemoveUserFromGroup", Always),
    (IAM, "SetDefaultPolicyVersion", Always),
    (RDS, "CopyDBClusterSnapshot", Always),
    (RDS, "CopyDBSnapshot", Always),
    (RDS, "DeleteDBClusterSnapshot", Always),
    (RDS, "DeleteDBInstanceAutomatedBackup", Always),
    (RDS, "DeleteDBSnapshot", Always),
    (RDS, "ModifyDBCluster", Always),
    (RDS, "ModifyDBInstance", Always),
    (RDS, "RestoreDBClusterFromSnapshot", Always),
    (RDS, "RestoreDBClusterToPointInTime", Always),
    (RDS, "StartExportTask", Always),
    (REDSHIFT, "ModifyCluster", Always),
    (REDSHIFT, "RestoreFromClusterSnapshot", Always),
    (S3, "CopyObject", WithForeignKey),
    (S3, "CreateMultipartUpload", WithForeignKey),
    (S3, "DeleteBucketEncryption", Always),
    (S3, "PutBucketEncryption", Always),
    (S3, "PutBucketLifecycle", Always),
    (S3, "PutBucketObjectLockConfiguration", Always),
    (S3, "PutBucketReplication", Always),
    (S3, "PutBucketVersioning", Always),
    (S3, "PutObject", WithForeignKey),
    (S3, "UploadPart", WithForeignKey),
    (S3, "UploadPartCopy", WithForeignKey),
    (SECRETS_MANAGER, "CreateSecret", Always),
    (SECRETS_MANAGER, "ReplicateSecretToRegions", Always),
    (SECRETS_MANAGER, "UpdateSecret", Always),
];

/// What becomes of a record, by its source and name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// A KMS record.
    Kms,
    /// A record of another service that a rule reads.
    OtherService,
    /// The same, if it names a foreign key.
    IfForeignKey,
    /// A record that nobody reads.
    Skip,
}

/// Decides what becomes of a record.
#[must_use]
pub fn select(event_source: &str, event_name: &str) -> Selection {
    select_bytes(event_source.as_bytes(), event_name.as_bytes())
}

/// [`select`] for texts that may be anything.
#[inline]
pub(crate) fn select_bytes(event_source: &[u8], event_name: &[u8]) -> Selection {
    if event_source == KMS.as_bytes() {
        return Selection::Kms;
    }
    let mut place = place_of(event_source, event_name);
    while let Some((source, name, want)) = PLACES[place] {
        if name.as_bytes() == event_name && source.as_bytes() == event_source {
            return match want {
                Always => Selection::OtherService,
                WithForeignKey => Selection::IfForeignKey,
            };
        }
        place = (place + 1) % PLACES_LEN;
    }
    Selection::Skip
}

/// Places in [`PLACES`]: many more than lines, so that most records nobody reads meet an empty one.
const PLACES_LEN: usize = 1_024;

/// Every line of the table at the place that [`place_of`] gives it, or at the next free one.
static PLACES: [Option<(&str, &str, Want)>; PLACES_LEN] = {
    assert!(OTHER_SERVICES.len() < PLACES_LEN / 8, "the table is full");
    let mut places = [None; PLACES_LEN];
    let mut index = 0;
    while index < OTHER_SERVICES.len() {
        let (source, name, _) = OTHER_SERVICES[index];
        let mut place = place_of(source.as_bytes(), name.as_bytes());
        while places[place].is_some() {
            place = (place + 1) % PLACES_LEN;
        }
        places[place] = Some(OTHER_SERVICES[index]);
        index += 1;
    }
    places
};

/// A hash of the lengths and of a few bytes of source and name.
const fn place_of(source: &[u8], name: &[u8]) -> usize {
    if source.is_empty() || name.is_empty() {
        return 0;
    }
    let length = name.len();
    let mut hash = source.len() << 8 ^ length;
    hash = hash.wrapping_mul(31) + source[0] as usize;
    hash = hash.wrapping_mul(31) + name[0] as usize;
    hash = hash.wrapping_mul(31) + name[length / 2] as usize;
    hash = hash.wrapping_mul(31) + name[length * 3 / 4] as usize;
    hash = hash.wrapping_mul(31) + name[length - 1] as usize;
    (hash ^ hash >> 10) % PLACES_LEN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_has_no_twins() {
        for pair in OTHER_SERVICES.windows(2) {
            let [(source, name, _), (next_source, next_name, _)] = pair else {
                continue;
            };
            assert!((source, name) < (next_source, next_name), "{name}");
        }
    }

    #[test]
    fn every_line_is_found() {
        for (source, name, want) in OTHER_SERVICES {
            let expected = match want {
                Always => Selection::OtherService,
                WithForeignKey => Selection::IfForeignKey,
            };
            assert_eq!(select(source, name), expected, "{source} {name}");
        }
    }

    #[test]
    fn records_are_selected_by_source_and_name() {
        assert_eq!(select(KMS, "AnythingNew"), Selection::Kms);
        assert_eq!(select(CLOUDTRAIL, "StopLogging"), Selection::OtherService);
        assert_eq!(select(CLOUDTRAIL, "LookupEvents"), Selection::Skip);
        assert_eq!(select(S3, "StopLogging"), Selection::Skip);
        assert_eq!(select(S3, "CopyObject"), Selection::IfForeignKey);
        assert_eq!(select("", ""), Selection::Skip);
    }
}

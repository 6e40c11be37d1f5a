//! Records of other services: which are kept.

mod common;

use common::{decrypt, read};
use serde_json::json;

fn check(source: &str, name: &str, request: serde_json::Value, kept: u64) {
    let record = decrypt(json!({
        "eventSource": source,
        "eventName": name,
        "requestParameters": request,
    }));
    let text = format!("{{\"Records\":[{record},{record}]}}");
    let reading = read(text.as_bytes()).reading;
    assert_eq!(reading.other_services, 2 * kept, "{text}");
    assert_eq!(reading.skipped_other_services, 2 - 2 * kept, "{text}");
}

#[test]
fn objects_are_seen_when_their_key_is_not_the_accounts_own() {
    let header = "x-amz-server-side-encryption-aws-kms-key-id";
    let theirs = json!({"bucketName": "b", header: "arn:aws:kms:us-east-1:999999999999:key/k"});
    let own = json!({"bucketName": "b", header: "arn:aws:kms:us-east-1:111122223333:key/k"});
    let brought = json!({"x-amz-server-side-encryption-customer-algorithm": "AES256"});
    for name in ["CopyObject", "PutObject", "CreateMultipartUpload"] {
        check("s3.amazonaws.com", name, theirs.clone(), 1);
        check("s3.amazonaws.com", name, brought.clone(), 1);
        check("s3.amazonaws.com", name, own.clone(), 0);
        check("s3.amazonaws.com", name, json!({"bucketName": "b"}), 0);
    }
    check("s3.amazonaws.com", "GetObject", theirs, 0);
}

#[test]
fn writers_of_policies_and_defaults_are_seen() {
    for (source, name) in [
        ("iam.amazonaws.com", "PutRolePolicy"),
        ("s3.amazonaws.com", "PutBucketEncryption"),
        ("s3.amazonaws.com", "PutBucketVersioning"),
        ("ec2.amazonaws.com", "ModifyEbsDefaultKmsKeyId"),
        ("backup.amazonaws.com", "DeleteRecoveryPoint"),
        ("rds.amazonaws.com", "StartExportTask"),
        ("dynamodb.amazonaws.com", "UpdateTable"),
    ] {
        check(source, name, json!({}), 1);
    }
    check("iam.amazonaws.com", "ListRoles", json!({}), 0);
}

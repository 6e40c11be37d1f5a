//! Edges of the rules over keys of somebody else's, and over trails that record less.

use serde_json::{Value, json};

use super::{check, key_arn, record};

const HEADER: &str = "x-amz-server-side-encryption-aws-kms-key-id";
const FOREIGN: &str = "arn:aws:kms:us-west-2:444455556666:key/00000009-12ab-34cd-56ef-1234567890ab";

fn put_object(request: Value, response: Value, bucket_account: &str) -> Value {
    let mut request = request;
    request["bucketName"] = json!("invoices");
    record(
        "2024-03-05T09:00:00Z",
        "PutObject",
        1,
        json!({"eventSource": "s3.amazonaws.com", "requestParameters": request, "responseElements": response,
            "resources": [{"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::invoices/a"},
                {"type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::invoices", "accountId": bucket_account}]}),
    )
}

#[test]
fn a_key_of_an_object_is_foreign_in_any_form() {
    let own = key_arn(1);
    let fires = [("foreign-key-object", "high", 1)];
    let alias = "arn:aws:kms:us-west-2:444455556666:alias/theirs";
    let organisation = FOREIGN.replace("444455556666", super::ORGANISATION_ACCOUNT);
    for (requested, answered, bucket_account, expected) in [
        (json!(FOREIGN), json!(null), "111122223333", &fires[..]),
        (json!([FOREIGN]), json!(null), "111122223333", &fires),
        (json!(null), json!(FOREIGN), "111122223333", &fires),
        (json!(alias), json!(FOREIGN), "111122223333", &fires),
        (json!(alias), json!(null), "111122223333", &fires),
        // The answer names the key that was used.
        (json!(FOREIGN), json!(own), "111122223333", &[]),
        (
            json!("00000009-12ab-34cd-56ef-1234567890ab"),
            json!(null),
            "111122223333",
            &[],
        ),
        (
            json!("alias/444455556666"),
            json!(null),
            "111122223333",
            &[],
        ),
        (json!(own), json!(own), "111122223333", &[]),
        (json!(FOREIGN), json!(FOREIGN), "444455556666", &[]),
        (json!(organisation), json!(null), "111122223333", &[]),
        (json!("arn:nonsense"), json!(null), "111122223333", &[]),
        (json!(5), json!({}), "111122223333", &[]),
    ] {
        let object = put_object(
            json!({HEADER: requested}),
            json!({HEADER: answered}),
            bucket_account,
        );
        check(&[object], expected);
    }
}

#[test]
fn a_copys_source_is_not_its_bucket() {
    let bucket = |name: &str, account: &str| json!({"type": "AWS::S3::Bucket", "ARN": format!("arn:aws:s3:::{name}"), "accountId": account});
    let copy = |resources: Value| {
        let more = json!({"eventSource": "s3.amazonaws.com", "resources": resources,
            "requestParameters": {"bucketName": "invoices", HEADER: FOREIGN}});
        record("2024-03-05T09:00:00Z", "CopyObject", 1, more)
    };
    let own = bucket("invoices", "111122223333");
    let theirs = bucket("theirs", "444455556666");
    let fires = [("foreign-key-object", "high", 1)];
    for (resources, expected) in [
        (json!([theirs, own]), &fires[..]),
        (json!([own, theirs]), &fires),
        // What lands in their bucket is theirs, wherever it comes from.
        (
            json!([
                bucket("mine", "111122223333"),
                bucket("invoices", "444455556666")
            ]),
            &[],
        ),
        // An access point, and the bucket behind it.
        (json!([theirs]), &[]),
        (json!([theirs, bucket("others", "444455556666")]), &fires),
    ] {
        check(&[copy(resources)], expected);
    }
}

#[test]
fn every_service_that_is_given_a_foreign_key() {
    let given = |source: &str, name: &str, request: Value, response: Value| {
        let more = json!({"eventSource": format!("{source}.amazonaws.com"), "requestParameters": request,
            "responseElements": response, "resources": []});
        record("2024-03-05T09:00:00Z", name, 1, more)
    };
    let key = || json!({"kmsKeyId": FOREIGN});
    let high = [("foreign-key-default", "high", 1)];
    let replica = json!({"ReplicationConfiguration": {"Rule": {"Destination": {"EncryptionConfiguration": {"ReplicaKmsKeyID": FOREIGN}}}}});
    for (source, name, request, response, expected) in [
        (
            "rds",
            "RestoreDBClusterFromSnapshot",
            key(),
            json!(null),
            &high[..],
        ),
        ("rds", "RestoreDBClusterFromSnapshot", json!({}), key(), &[]),
        (
            "rds",
            "RestoreDBClusterToPointInTime",
            key(),
            json!(null),
            &high,
        ),
        ("redshift", "ModifyCluster", key(), json!(null), &high),
        (
            "redshift",
            "RestoreFromClusterSnapshot",
            key(),
            json!(null),
            &high,
        ),
        ("secretsmanager", "CreateSecret", key(), json!(null), &high),
        ("secretsmanager", "UpdateSecret", key(), json!(null), &high),
        (
            "ec2",
            "ImportSnapshot",
            json!({"ImportSnapshotRequest": {"KmsKeyId": FOREIGN}}),
            json!(null),
            &high,
        ),
        ("ec2", "ImportImage", key(), json!(null), &high),
        (
            "s3",
            "PutBucketReplication",
            replica,
            json!(null),
            &[("foreign-key-default", "medium", 1)],
        ),
        // It was under that key before.
        (
            "rds",
            "ModifyDBInstance",
            json!({"allocatedStorage": 200}),
            key(),
            &[],
        ),
        (
            "rds",
            "ModifyDBInstance",
            json!({"performanceInsightsKMSKeyId": FOREIGN}),
            json!(null),
            &high,
        ),
        ("rds", "CopyDBSnapshot", json!({}), key(), &high),
    ] {
        check(&[given(source, name, request, response)], expected);
    }
}

#[test]
fn a_million_objects_are_few_records() {
    let records: Vec<Value> = (0..3_000)
        .map(|number| {
            let mut object = put_object(
                json!({HEADER: FOREIGN, "key": number}),
                json!(null),
                "111122223333",
            );
            object["eventID"] = json!(format!("{number:036}"));
            object["eventTime"] = json!(format!(
                "2024-03-05T09:{:02}:{:02}Z",
                number / 60,
                number % 60
            ));
            object
        })
        .collect();
    let findings = super::findings_over(super::lines(&records).as_bytes());
    assert_eq!(findings.len(), 1, "{}", super::summary(&findings));
    let count = findings[0].count as f64;
    assert!((count / 3_000.0 - 1.0).abs() < 0.1, "{count}");
}

#[test]
fn customer_keys_are_a_habit_after_seven_days() {
    let put = |time: &str| {
        let header = "x-amz-server-side-encryption-customer-algorithm";
        let mut object = put_object(json!({header: "AES256"}), json!(null), "111122223333");
        object["eventTime"] = json!(time);
        object["eventID"] = json!(time);
        object
    };
    let burst =
        |day: u8| (0..10).map(move |second| put(&format!("2024-03-{day:02}T09:00:{second:02}Z")));
    let first = put("2024-03-01T09:00:00Z");
    check(std::slice::from_ref(&first), &[("sse-c-burst", "high", 1)]);
    check(
        &[first.clone(), put("2024-03-02T09:00:00Z")],
        &[("sse-c-burst", "high", 1)],
    );
    let soon: Vec<Value> = [first.clone()].into_iter().chain(burst(7)).collect();
    check(&soon, &[("sse-c-burst", "high", 11)]);
    let later: Vec<Value> = [first].into_iter().chain(burst(8)).collect();
    check(&later, &[("sse-c-burst", "high", 1)]);
}

const TRAIL: &str = "arn:aws:cloudtrail:us-west-2:111122223333:trail/main";

fn trail(time: &str, name: &str, request: Value, response: Value) -> Value {
    record(
        time,
        name,
        0,
        json!({"eventSource": "cloudtrail.amazonaws.com", "requestParameters": request, "responseElements": response, "resources": []}),
    )
}

#[test]
fn only_a_change_narrows_a_trail() {
    let settings = json!({"trailARN": TRAIL, "s3BucketName": "logs", "isMultiRegionTrail": true,
        "includeGlobalServiceEvents": true, "logFileValidationEnabled": false, "isOrganizationTrail": false, "kmsKeyId": key_arn(1)});
    let fires = [("trail-narrowed", "high", 1)];
    let every = json!({"name": "main", "s3BucketName": "logs", "isMultiRegionTrail": false, "includeGlobalServiceEvents": true,
        "enableLogFileValidation": false, "kmsKeyId": key_arn(1)});
    for (is_known, request, change, expected) in [
        (true, json!({"name": "main"}), json!({}), &[][..]),
        (
            true,
            json!({"name": "main", "isMultiRegionTrail": false}),
            json!({"isMultiRegionTrail": false}),
            &fires,
        ),
        (
            true,
            json!({"name": TRAIL}),
            json!({"kmsKeyId": key_arn(2)}),
            &fires,
        ),
        (
            true,
            json!({"name": TRAIL}),
            json!({"kmsKeyId": null}),
            &fires,
        ),
        (
            true,
            json!({"name": TRAIL}),
            json!({"s3BucketName": "other"}),
            &fires,
        ),
        // What was off stays off.
        (
            true,
            json!({"name": "main", "enableLogFileValidation": false}),
            json!({}),
            &[],
        ),
        (
            true,
            json!({"name": "main", "enableLogFileValidation": true}),
            json!({"logFileValidationEnabled": true}),
            &[],
        ),
        (
            false,
            json!({"name": "main", "isMultiRegionTrail": "false"}),
            json!({"isMultiRegionTrail": false}),
            &fires,
        ),
        (
            false,
            json!({"name": "main", "kmsKeyId": "alias/logs"}),
            json!({}),
            &[],
        ),
        (false, every, json!({"isMultiRegionTrail": false}), &[]),
    ] {
        let mut after = settings.clone();
        for (field, value) in change.as_object().into_iter().flatten() {
            after[field] = value.clone();
        }
        let create = trail(
            "2024-03-01T09:00:00Z",
            "CreateTrail",
            json!({"name": "main"}),
            settings.clone(),
        );
        let update = trail("2024-03-05T09:00:00Z", "UpdateTrail", request, after);
        let records: Vec<Value> = is_known
            .then_some(create)
            .into_iter()
            .chain([update])
            .collect();
        check(&records, expected);
    }
}

#[test]
fn an_old_setting_that_comes_late_undoes_nothing() {
    let set = |time, bucket| {
        trail(
            time,
            "UpdateTrail",
            json!({"name": "main", "s3BucketName": bucket}),
            json!({"trailARN": TRAIL, "s3BucketName": bucket}),
        )
    };
    let failed = |time| {
        let mut failed = trail(
            time,
            "UpdateTrail",
            json!({"name": "main", "s3BucketName": "b"}),
            json!(null),
        );
        failed["errorCode"] = json!("AccessDenied");
        failed
    };
    let create = trail(
        "2024-03-01T09:00:00Z",
        "CreateTrail",
        json!({"name": "main"}),
        json!({"trailARN": TRAIL, "s3BucketName": "a"}),
    );
    let records = [
        create,
        set("2024-03-02T09:00:00Z", "b"),
        failed("2024-03-03T09:00:00Z"),
    ];
    check(&records, &[("trail-narrowed", "high", 1)]);
}

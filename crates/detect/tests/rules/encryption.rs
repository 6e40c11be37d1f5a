//! Edges of the rules over keys of somebody else's, and over trails that record less.

use serde_json::{Value, json};

use super::{check, findings_over, key_arn, record};

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
    let minimised = json!({"name": "main", "snsTopicName": "", "includeGlobalServiceEvents": false, "isMultiRegionTrail": false,
        "enableLogFileValidation": false, "cloudWatchLogsLogGroupArn": "", "cloudWatchLogsRoleArn": "", "kmsKeyId": ""});
    let hardened = json!({"name": "main", "includeGlobalServiceEvents": true, "isMultiRegionTrail": true,
        "enableLogFileValidation": true});
    let with = |request: &Value, field: &str, value: Value| {
        let mut request = request.clone();
        request[field] = value;
        request
    };
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
        // Attack tools switch off everything at once; who sends every setting names the bucket.
        (false, minimised.clone(), json!({}), &fires),
        (
            false,
            with(&minimised, "isOrganizationTrail", json!(true)),
            json!({}),
            &fires,
        ),
        (
            false,
            with(&minimised, "s3BucketName", json!("logs")),
            json!({}),
            &[],
        ),
        (
            false,
            with(&hardened, "isOrganizationTrail", json!(false)),
            json!({}),
            &[],
        ),
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

/// Which fields every form of the console sends is not known.
#[test]
fn the_console_may_send_what_it_does_not_change() {
    let minimised = json!({"name": "main", "includeGlobalServiceEvents": false, "isMultiRegionTrail": false,
        "enableLogFileValidation": false});
    let mut update = trail(
        "2024-03-05T09:00:00Z",
        "UpdateTrail",
        minimised,
        json!({"trailARN": TRAIL, "s3BucketName": "logs"}),
    );
    check(&[update.clone()], &[("trail-narrowed", "high", 1)]);
    update["sessionCredentialFromConsole"] = json!("true");
    check(&[update], &[]);
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

/// What was known of a trail outlived the trail, and the next of its name could go dark unseen.
#[test]
fn a_trail_made_anew_records_everything_again() {
    let exclude = |time, excluded: &[&str]| {
        let selectors = json!([{"readWriteType": "All", "includeManagementEvents": true, "excludeManagementEventSources": excluded}]);
        let request = json!({"trailName": "main", "eventSelectors": selectors});
        trail(
            time,
            "PutEventSelectors",
            request,
            json!({"trailARN": TRAIL, "eventSelectors": selectors}),
        )
    };
    let delete = |time| trail(time, "DeleteTrail", json!({"name": "main"}), json!(null));
    let create = |time| {
        let request = json!({"name": "main", "s3BucketName": "logs"});
        let mut answer = request.clone();
        answer["trailARN"] = json!(TRAIL);
        trail(time, "CreateTrail", request, answer)
    };
    let kms = &["kms.amazonaws.com"];
    let [first, dark] = ["2024-01-01T09:00:00Z", "2024-02-10T09:00:00Z"].map(|at| exclude(at, kms));
    let fires = ("trail-kms-excluded", "critical", 1);
    let stopped = ("trail-stopped", "high", 1);
    check(&[first.clone(), dark.clone()], &[fires]);
    let anew = create("2024-01-05T09:01:00Z");
    check(
        &[first.clone(), delete("2024-01-05T09:00:00Z"), dark.clone()],
        &[fires, stopped, fires],
    );
    check(
        &[first.clone(), anew.clone(), dark.clone()],
        &[fires, fires],
    );
    // It may be made and set within a second, whatever the order of their ids.
    let mut set = exclude("2024-01-05T09:01:00Z", kms);
    let twice = ("trail-kms-excluded", "critical", 2);
    check(
        &[first.clone(), anew.clone(), set.clone(), dark.clone()],
        &[twice],
    );
    set["eventID"] = json!("0");
    check(&[first, anew, set, dark], &[fires]);
}

#[test]
fn a_lifecycle_may_name_a_date() {
    let create = trail(
        "2024-03-01T09:00:00Z",
        "CreateTrail",
        json!({"name": "main", "s3BucketName": "logs"}),
        json!({"trailARN": TRAIL, "s3BucketName": "logs"}),
    );
    let fires = [("trail-narrowed", "high", 1)];
    for (date, expected) in [
        (json!("2024-03-06T00:00:00.000Z"), &fires[..]),
        (json!("2024-03-12"), &fires),
        (json!("2020-01-01T00:00:00Z"), &fires),
        (json!("2024-03-13T00:00:00Z"), &[]),
        (json!("soon"), &[]),
        (json!(null), &[]),
    ] {
        let rule = json!({"ID": "r", "Status": "Enabled", "Expiration": {"Date": date}});
        let mut lifecycle = record(
            "2024-03-05T09:00:00Z",
            "PutBucketLifecycle",
            0,
            json!({"eventSource": "s3.amazonaws.com", "resources": []}),
        );
        lifecycle["requestParameters"] =
            json!({"bucketName": "logs", "LifecycleConfiguration": {"Rule": rule}});
        check(&[create.clone(), lifecycle], expected);
    }
}

/// Only StopLogging told of an attempt, since the others looked for the request that refused calls do not carry.
#[test]
fn a_refused_change_of_a_trail_names_it_in_its_message() {
    let refused = |name: &str, message: String| {
        let mut refused = trail("2024-03-05T09:00:00Z", name, json!(null), json!(null));
        refused["errorCode"] = json!("AccessDenied");
        refused["errorMessage"] = json!(message);
        refused
    };
    let store = "arn:aws:cloudtrail:us-west-2:111122223333:eventdatastore/0000-1111";
    for (name, resource, rule, title) in [
        (
            "UpdateTrail",
            TRAIL,
            "trail-narrowed",
            "Refused: UpdateTrail on main",
        ),
        (
            "PutEventSelectors",
            TRAIL,
            "trail-kms-excluded",
            "Refused: PutEventSelectors on main",
        ),
        (
            "UpdateEventDataStore",
            store,
            "trail-narrowed",
            "Refused: UpdateEventDataStore on 0000-1111",
        ),
    ] {
        let message = format!(
            "User: arn:aws:iam::111122223333:user/eve is not authorized to perform: cloudtrail:{name} on resource: {resource} because no identity-based policy allows the cloudtrail:{name} action"
        );
        let attempt = refused(name, message);
        check(std::slice::from_ref(&attempt), &[(rule, "medium", 1)]);
        let findings = findings_over(attempt.to_string().as_bytes());
        assert_eq!(findings[0].title, title);
    }
    let unnamed = refused("UpdateTrail", "Access denied".to_owned());
    check(
        std::slice::from_ref(&unnamed),
        &[("trail-narrowed", "medium", 1)],
    );
    let mut throttled = unnamed;
    throttled["errorCode"] = json!("ThrottlingException");
    check(&[throttled], &[]);
    // Nobody's trail goes dark by a store that is not made.
    let unmade = refused("CreateEventDataStore", "Access denied".to_owned());
    check(&[unmade], &[]);
}

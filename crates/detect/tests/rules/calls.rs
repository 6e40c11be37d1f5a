//! Calls as the tables of benign and evasive cases make them.

use serde_json::{Value, json};

use super::{key_arn, record};

/// A rule, the story, and the records.
pub type Case = (&'static str, &'static str, fn() -> Vec<Value>);

pub const DELEGATION: &str = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"}"#;
pub const PERIMETER: &str = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"},
    {"Effect":"Deny","Principal":"*","Action":"kms:*","Resource":"*","Condition":{"StringNotEqualsIfExists":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"},"BoolIfExists":{"aws:PrincipalIsAWSService":"false"}}}"#;
pub const MANAGED: &str = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"},
    {"Effect":"Allow","Principal":{"AWS":"*"},"Action":["kms:Decrypt","kms:CreateGrant"],"Resource":"*","Condition":{"StringEquals":{"kms:CallerAccount":"111122223333","kms:ViaService":"s3.us-west-2.amazonaws.com"}}}"#;
pub const PARTNER: &str = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"},
    {"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"kms:Decrypt","Resource":"*"}"#;
pub const HOME: &str = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"},
    {"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::777788889999:root","Service":"s3.amazonaws.com"},"Action":"kms:Decrypt","Resource":"*"}"#;
pub const TO_CALLER: &str = r#"{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:root","arn:aws:iam::111122223333:user/eve"]},"Action":"kms:*","Resource":"*"}"#;
pub const TO_UNIQUE_ID: &str = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"},
    {"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*","Condition":{"StringLike":{"aws:userid":"AROAEXAMPLEEXAMPLE12:*"}}}"#;
pub const TO_ACCOUNT: &str = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"},
    {"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*","Condition":{"StringEquals":{"kms:CallerAccount":"111122223333"}}}"#;
pub const MULTI_REGION: &str =
    "arn:aws:kms:us-west-2:111122223333:key/mrk-0000000112ab34cd56ef1234567890ab";

/// Who calls, unless a case says otherwise.
pub const EVE: &str = "arn:aws:iam::111122223333:user/eve";

/// A second of the fixtures' day.
pub fn second_of(seconds: i64) -> String {
    let start = keytrail_event::EventTime::parse("2024-03-05T09:00:00Z").unwrap();
    start.plus_seconds(seconds).to_string()
}

/// So many minutes into the fixtures' day.
pub fn at(minutes: i64) -> String {
    second_of(60 * minutes)
}

pub fn call(time: String, name: &str, key: u8, more: Value) -> Value {
    let mut call = record(&time, name, key, more);
    call["eventID"] = json!(format!(
        "{time}{name}{key}{}",
        call["userIdentity"]["invokedBy"]
    ));
    call
}

pub fn service(time: String, source: &str, name: &str, request: Value) -> Value {
    call(
        time,
        name,
        0,
        json!({"eventSource": source, "requestParameters": request, "resources": []}),
    )
}

/// The call once a day, for so many days.
pub fn daily(days: i64, name: &str, more: Value) -> Vec<Value> {
    (0..days)
        .map(|day| call(at(day * 1_440), name, 1, more.clone()))
        .collect()
}

pub fn context(key: &str, value: &str) -> Value {
    json!({"requestParameters": {"encryptionContext": {key: value}}})
}

pub fn refused() -> Value {
    json!({"errorCode": "AccessDenied"})
}

pub fn through(service: &str) -> Value {
    json!({"userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/app/s", "accountId": "111122223333", "invokedBy": service}})
}

pub fn by_account(account: &str) -> Value {
    json!({"userIdentity": {"type": "AWSAccount", "principalId": "AROAEXAMPLEEXAMPLE12:x", "accountId": account}})
}

pub fn by_kms() -> Value {
    json!({"eventType": "AwsServiceEvent", "requestParameters": null, "userIdentity": {"accountId": "111122223333", "invokedBy": "AWS Internal"}})
}

pub fn service_linked(service: &str) -> Value {
    let role = format!("arn:aws:iam::111122223333:role/aws-service-role/{service}/AWSServiceRole");
    json!({"userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/AWSServiceRole/x", "accountId": "111122223333",
        "sessionContext": {"sessionIssuer": {"type": "Role", "arn": role, "accountId": "111122223333"}}}})
}

pub fn key_of(account: &str) -> String {
    key_arn(9).replace("111122223333", account)
}

pub fn lasting() -> Value {
    json!({"requestParameters": {"keyId": key_arn(1), "expirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}})
}

pub fn policy(statements: &str) -> Value {
    json!({"requestParameters": {"keyId": key_arn(1), "policyName": "default", "bypassPolicyLockoutSafetyCheck": false, "policy": format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)}})
}

pub fn twice(statements: &str) -> Vec<Value> {
    vec![
        call(at(0), "CreateKey", 1, policy(statements)),
        call(at(90), "PutKeyPolicy", 1, policy(statements)),
    ]
}

pub fn multi_region(mut more: Value) -> Value {
    more["resources"] = json!([{"ARN": MULTI_REGION}]);
    more
}

pub fn replicate(statements: &str) -> Value {
    let mut more = multi_region(policy(statements));
    more["requestParameters"]["replicaRegion"] = json!("us-east-1");
    more["responseElements"] =
        json!({"replicaKeyMetadata": {"arn": MULTI_REGION.replace("us-west-2", "us-east-1")}});
    call(at(5), "ReplicateKey", 1, more)
}

pub fn grant(grantee: &str, operations: &[&str]) -> Value {
    json!({"requestParameters": {"keyId": key_arn(1), "granteePrincipal": grantee, "operations": operations}, "responseElements": {"grantId": "g"}})
}

/// A grant to a role of the account for whatever the key encrypts, made by the role `app` through a service.
pub fn granted_through(service: &str, role: &str) -> Value {
    let grantee = format!("arn:aws:iam::111122223333:role/{role}");
    let mut more = grant(&grantee, &["Decrypt", "CreateGrant"]);
    more["userIdentity"] = through(service)["userIdentity"].clone();
    call(at(0), "CreateGrant", 1, more)
}

/// EC2 grants its infrastructure the use of a key for each of two volumes.
pub fn ebs_grant() -> Vec<Value> {
    let volume = |minute, volume: &str| {
        let mut more = grant(
            "111122223333:aws:ec2-infrastructure:i-81e2f56c",
            &["Decrypt", "CreateGrant"],
        );
        more["requestParameters"]["constraints"] =
            json!({"encryptionContextSubset": {"aws:ebs:id": volume}});
        more["userIdentity"] = through("ec2.amazonaws.com")["userIdentity"].clone();
        call(at(minute), "CreateGrant", 1, more)
    };
    vec![volume(0, "vol-1"), volume(1, "vol-2")]
}

pub fn iam_policy(condition: Value) -> Value {
    let document = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*", "Condition": condition}]});
    service(
        at(0),
        "iam.amazonaws.com",
        "PutRolePolicy",
        json!({"roleName": "app", "policyName": "p", "policyDocument": document.to_string()}),
    )
}

pub fn lifecycle(days: u32) -> Value {
    service(
        at(30),
        "s3.amazonaws.com",
        "PutBucketLifecycle",
        json!({"bucketName": "invoices", "LifecycleConfiguration":
        {"Rule": {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, "NoncurrentVersionExpiration": {"NoncurrentDays": days}}}}),
    )
}

pub fn trail_into(bucket: &str) -> Value {
    let request =
        json!({"name": "main", "s3BucketName": bucket, "includeGlobalServiceEvents": true});
    service(at(0), "cloudtrail.amazonaws.com", "CreateTrail", request)
}

/// One deploy: a multi-Region key, its alias, policy, tags and rotation, and a replica.
pub fn deploy(agent: &str) -> Vec<Value> {
    let steps = [
        ("CreateKey", policy(DELEGATION)),
        (
            "CreateAlias",
            json!({"requestParameters": {"aliasName": "alias/app", "targetKeyId": MULTI_REGION}}),
        ),
        ("PutKeyPolicy", policy(PARTNER_OF_DEPLOY)),
        (
            "EnableKeyRotation",
            json!({"requestParameters": {"keyId": MULTI_REGION}}),
        ),
        (
            "TagResource",
            json!({"requestParameters": {"keyId": MULTI_REGION, "tags": [{"tagKey": "team", "tagValue": "a"}]}}),
        ),
        (
            "ReplicateKey",
            json!({"requestParameters": {"keyId": MULTI_REGION, "replicaRegion": "us-east-1"}}),
        ),
    ];
    let calls = (0..).zip(steps).map(|(minute, (name, more))| {
        let mut more = multi_region(more);
        more["userAgent"] = json!(agent);
        call(at(minute), name, 1, more)
    });
    calls.collect()
}

pub const PARTNER_OF_DEPLOY: &str = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"},
    {"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/app"},"Action":["kms:Decrypt","kms:GenerateDataKey"],"Resource":"*"}"#;

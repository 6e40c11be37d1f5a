//! New ways to a key that was reached through services only: which are a way around them, and which one service's work.

use keytrail_detect::finding::Finding;
use serde_json::{Value, json};

use super::{findings_over, key_arn, lines, record, summary};

const S3: &str = "aws:s3:arn";
const TELLERS: [&str; 2] = ["context-anomaly", "direct-use-of-service-key"];

/// A Decrypt on a day of March 2024 by a role through a path, in a context with this key.
fn decrypt(day: u32, role: &str, path: &str, key: u8, context: &str) -> Value {
    let mut identity = json!({"type": "AssumedRole", "arn": format!("arn:aws:sts::111122223333:assumed-role/{role}/s"), "accountId": "111122223333"});
    if path != "direct" {
        identity["invokedBy"] = json!(path);
    }
    let context = json!({(context): format!("arn:aws:x:us-west-2:111122223333:{context}")});
    let request = json!({"keyId": key_arn(key), "encryptionContext": context});
    let more = json!({"userIdentity": identity, "requestParameters": request});
    record(&format!("2024-03-{day:02}T09:00:00Z"), "Decrypt", key, more)
}

/// What is told of these records by the rules over ways and contexts.
fn tellings(records: &[Value]) -> Vec<Finding> {
    let mut findings = findings_over(lines(records).as_bytes());
    findings.retain(|finding| TELLERS.contains(&finding.rule.as_str()));
    findings
}

fn check(known: &str, path: &str, context: &str, new_context: &str, expected: &[&str]) {
    let mut records: Vec<Value> = (1..=8)
        .map(|day| decrypt(day, "app", known, 1, context))
        .collect();
    records.push(decrypt(9, "new", path, 1, new_context));
    let found = tellings(&records);
    let severities: Vec<&str> = found.iter().map(|it| it.severity.as_str()).collect();
    assert_eq!(
        severities,
        expected,
        "{known} to {path} in {new_context}: {}",
        summary(&found)
    );
}

#[test]
fn a_service_that_says_its_name_at_last_is_no_new_way() {
    let internal = "AWS Internal";
    check(internal, "s3.amazonaws.com", S3, S3, &[]);
    check(internal, "athena.amazonaws.com", S3, S3, &[]);
    let parameter = "PARAMETER_ARN";
    check(internal, "ssm.amazonaws.com", parameter, parameter, &[]);
    check("ssm.amazonaws.com", internal, parameter, parameter, &[]);
    let volume = "aws:ebs:id";
    check(
        "ec2.amazonaws.com",
        "ec2-frontend-api.amazonaws.com",
        volume,
        volume,
        &[],
    );
    // What its user chose was never called so.
    for path in [
        "direct",
        "states.amazonaws.com",
        "ssm.amazonaws.com",
        "ebs.amazonaws.com",
    ] {
        check(internal, path, S3, S3, &["high"]);
    }
}

#[test]
fn a_service_in_its_own_context_opens_nothing_of_the_others() {
    let secret = "secretsmanager.amazonaws.com";
    check(secret, "s3.amazonaws.com", "SecretARN", S3, &[]);
    // The context of the one through the other is what the one keeps.
    check(
        secret,
        "s3.amazonaws.com",
        "SecretARN",
        "SecretARN",
        &["medium"],
    );
    let queue = "aws:sqs:arn";
    check(
        "sqs.amazonaws.com",
        "pipes.amazonaws.com",
        queue,
        queue,
        &["medium"],
    );
    // The context alone says nothing: its user chose it.
    check(secret, "direct", "SecretARN", "SecretARN", &["high"]);
    check(
        secret,
        "states.amazonaws.com",
        "SecretARN",
        "SecretARN",
        &["high"],
    );
}

#[test]
fn a_service_that_begins_its_work_is_one_finding_of_its_role() {
    let volumes = |day, role: &str, path: &str| -> Vec<Value> {
        let keys = 1..=5_u8;
        keys.map(|key| decrypt(day, role, path, key, "aws:ebs:id"))
            .collect()
    };
    let with = |path: &str| {
        let mut records: Vec<Value> = (1..=8)
            .flat_map(|day| volumes(day, "nodes", "ec2.amazonaws.com"))
            .collect();
        records.extend(volumes(9, "backup", path));
        records.extend(volumes(10, "backup", path));
        tellings(&records)
    };
    let found = with("backup.amazonaws.com");
    assert_eq!(found.len(), 1, "{}", summary(&found));
    let (severity, count) = (found[0].severity.as_str(), found[0].count);
    assert_eq!((severity, count, &found[0].key), ("medium", 10, &None));
    // It names the keys.
    let keys = found[0].evidence.iter().find(|it| it.feature == "keys");
    assert!(keys.is_some_and(|keys| (1..=5).all(|key| keys.text.contains(&key_arn(key)))));
    // Whoever opens them directly is told of for each.
    let found = with("direct");
    let high = found.iter().filter(|it| it.severity.as_str() == "high");
    assert_eq!(high.count(), 5, "{}", summary(&found));
}

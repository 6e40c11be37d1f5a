//! What the past learns, what it forgets, and that learning twice changes nothing.

use keytrail_event::{Issue, Reader, Sink};
use serde_json::json;

use super::*;

const KEY: &str = "arn:aws:kms:us-west-2:111122223333:key/00000001-12ab-34cd-56ef-1234567890ab";
const OTHER: &str = "arn:aws:kms:us-west-2:111122223333:key/00000002-12ab-34cd-56ef-1234567890ab";
const ALIAS: &str = "alias:111122223333:us-west-2:app";

struct Learn<'p>(&'p mut Past, usize);

impl Sink for Learn<'_> {
    fn record(&mut self, record: &Record<'_>) {
        for _ in 0..self.1 {
            self.0.learn(record);
        }
    }
    fn issue(&mut self, issue: Issue) {
        panic!("{issue}");
    }
}

/// Learns records of an account, each given as (name, key, caller's account, request), a minute apart.
fn learn(times: usize, records: &[(&str, &str, &str, Value)]) -> Past {
    let mut past = Past::default();
    for (minute, (name, key, caller, request)) in records.iter().enumerate() {
        let record = json!({
            "eventVersion": "1.08", "eventID": format!("event-{minute}"), "eventName": name,
            "eventTime": format!("2024-03-05T09:{minute:02}:00Z"),
            "eventSource": "kms.amazonaws.com", "awsRegion": "us-west-2", "recipientAccountId": "111122223333",
            "userIdentity": {"type": "IAMUser", "arn": format!("arn:aws:iam::{caller}:user/x"), "accountId": caller},
            "requestParameters": request, "resources": [{"ARN": key}],
        });
        let text = record.to_string();
        Reader::default().read(text.as_bytes(), &mut Learn(&mut past, times));
    }
    past
}

fn time(minute: u8) -> EventTime {
    EventTime::parse(&format!("2024-03-05T09:{minute:02}:00Z")).unwrap()
}

const OWN: &str = "111122223333";
const FOREIGN: &str = "444455556666";

#[test]
fn an_alias_is_followed_until_it_is_deleted() {
    let alias = || json!({"aliasName": "alias/app"});
    let mut records = vec![
        ("CreateAlias", KEY, OWN, alias()),
        ("UpdateAlias", KEY, OWN, alias()),
    ];
    let past = learn(1, &records);
    assert_eq!(past.resolve(ALIAS), KEY);
    let since = past.alias(ALIAS).map(|target| target.since);
    assert_eq!(
        since,
        Some(time(0)),
        "an update that changes nothing keeps the day"
    );
    records.push(("UpdateAlias", OTHER, OWN, alias()));
    assert_eq!(learn(1, &records).resolve(ALIAS), OTHER);
    records.push(("DeleteAlias", OTHER, OWN, alias()));
    let past = learn(1, &records);
    assert_eq!(past.resolve(ALIAS), ALIAS);
    assert_eq!(
        past.alias(ALIAS).and_then(|target| target.deleted),
        Some(time(3))
    );
    assert_eq!(past.resolve("alias:1:r:unknown"), "alias:1:r:unknown");
}

#[test]
fn an_alias_first_seen_when_it_is_deleted_is_known_by_its_end() {
    let alias = || json!({"aliasName": "alias/app"});
    let mut records = vec![("DeleteAlias", KEY, OWN, alias())];
    let past = learn(2, &records);
    let known = past
        .alias(ALIAS)
        .map(|target| (target.key.as_str(), target.deleted));
    assert_eq!(known, Some((KEY, Some(time(0)))));
    assert_eq!(past.resolve(ALIAS), ALIAS);
    records.push(("CreateAlias", OTHER, OWN, alias()));
    let past = learn(2, &records);
    assert_eq!(past.resolve(ALIAS), OTHER);
    let before = past
        .alias(ALIAS)
        .and_then(|target| target.before.as_deref());
    assert_eq!(before, Some(KEY));
}

#[test]
fn a_cancelled_deletion_leaves_a_disabled_key_and_its_window() {
    let days = json!({"pendingWindowInDays": 21});
    let mut records = vec![("ScheduleKeyDeletion", KEY, OWN, days)];
    let past = learn(1, &records);
    let due = past
        .key(KEY)
        .and_then(|life| life.deletion.as_ref())
        .map(|deletion| deletion.due);
    assert_eq!(due, Some(time(0).plus_seconds(21 * 86_400)));
    records.push(("CancelKeyDeletion", KEY, OWN, Value::Null));
    let past = learn(1, &records);
    let life = past.key(KEY).unwrap();
    assert_eq!((&life.deletion, life.last_window_days), (&None, Some(21)));
    assert!(life.disabled.is_some());
    records.push(("EnableKey", KEY, OWN, Value::Null));
    assert_eq!(learn(1, &records).key(KEY).unwrap().disabled, None);
}

#[test]
fn a_foreign_user_is_known_after_its_first_use() {
    let records = [
        ("DescribeKey", KEY, FOREIGN, Value::Null),
        ("Decrypt", KEY, FOREIGN, Value::Null),
        ("Decrypt", KEY, FOREIGN, Value::Null),
        ("Decrypt", OTHER, OWN, Value::Null),
    ];
    let past = learn(2, &records);
    for (minute, known) in [(0, false), (1, false), (2, true)] {
        assert_eq!(
            past.has_foreign_user(KEY, FOREIGN, time(minute)),
            known,
            "{minute}"
        );
    }
    assert!(!past.has_foreign_user(OTHER, FOREIGN, time(9)));
}

#[test]
fn a_policy_that_cannot_be_read_replaces_the_one_before() {
    let statement =
        json!({"Effect": "Allow", "Principal": {"AWS": OWN}, "Action": "kms:*", "Resource": "*"});
    let good = json!({"policy": json!({"Statement": [statement]}).to_string()});
    let mut records = vec![("PutKeyPolicy", KEY, OWN, good)];
    let past = learn(1, &records);
    let policy = past.policy(KEY).unwrap();
    assert!(policy.delegates_to_account);
    assert_eq!(policy.administrators, ["account 111122223333"]);
    records.push(("PutKeyPolicy", KEY, OWN, json!({"policy": "{"})));
    assert_eq!(learn(1, &records).policy(KEY), None);
}

#[test]
fn learning_twice_changes_nothing() {
    let alias = || json!({"aliasName": "alias/app"});
    let records = [
        ("CreateAlias", KEY, OWN, alias()),
        ("UpdateAlias", OTHER, OWN, alias()),
        ("DeleteAlias", OTHER, OWN, alias()),
        ("ScheduleKeyDeletion", KEY, OWN, json!({})),
        ("Decrypt", KEY, FOREIGN, Value::Null),
        ("DisableKey", OTHER, OWN, Value::Null),
    ];
    assert_eq!(learn(1, &records), learn(2, &records));
}

fn made_by(caller: &str, request: Value, response: Value) -> Value {
    json!({
        "userIdentity": {"type": "IAMUser", "arn": format!("arn:aws:iam::{OWN}:user/x"), "accountId": OWN, "invokedBy": caller},
        "requestParameters": request, "responseElements": response,
    })
}

/// Learns records of the account, each given as (name, key, what stands beside), a minute apart, in this order.
fn learn_whole(records: &[(&str, &str, Value)]) -> Past {
    let mut past = Past::default();
    for (minute, (name, key, more)) in records.iter().enumerate() {
        let mut record = json!({
            "eventVersion": "1.08", "eventID": format!("event-{minute}"), "eventName": name,
            "eventTime": format!("2024-03-05T09:{minute:02}:00Z"),
            "eventSource": "kms.amazonaws.com", "awsRegion": key.split(':').nth(3).unwrap(),
            "recipientAccountId": OWN, "resources": [{"ARN": key}],
        });
        for (field, value) in more.as_object().unwrap() {
            record[field] = value.clone();
        }
        let text = record.to_string();
        Reader::default().read(text.as_bytes(), &mut Learn(&mut past, 2));
    }
    past
}

#[test]
fn a_key_made_without_a_policy_has_the_default_one() {
    let made = |caller: &str, request: Value, manager: &str| {
        let response = json!({"keyMetadata": {"arn": KEY, "keyManager": manager}});
        let past = learn_whole(&[("CreateKey", KEY, made_by(caller, request, response))]);
        let seen = past.policy(KEY)?;
        Some((seen.delegates_to_account, seen.administrators.clone()))
    };
    let default = Some((true, vec!["account 111122223333".to_owned()]));
    let plain = || json!({"description": "", "bypassPolicyLockoutSafetyCheck": false});
    assert_eq!(made("", plain(), "CUSTOMER"), default);
    let formation = "cloudformation.amazonaws.com";
    assert_eq!(made(formation, plain(), "CUSTOMER"), default);
    assert_eq!(made("s3.amazonaws.com", plain(), "CUSTOMER"), None);
    assert_eq!(made("", plain(), "AWS"), None);
    assert_eq!(made("", Value::Null, "CUSTOMER"), None, "what was left out");
    let unreadable = json!({"policy": "{"});
    assert_eq!(made("", unreadable, "CUSTOMER"), None);
}

#[test]
fn a_replica_has_the_policy_of_its_replicate_key() {
    let primary = "arn:aws:kms:us-west-2:111122223333:key/mrk-0000000112ab34cd56ef1234567890ab";
    let replica = "arn:aws:kms:us-east-1:111122223333:key/mrk-0000000112ab34cd56ef1234567890ab";
    let statement = json!({"Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": "kms:*", "Resource": "*"});
    let own = json!({"policy": json!({"Statement": statement}).to_string()});
    let replicate = |request: Value| {
        let response = json!({"replicaKeyMetadata": {"arn": replica}});
        ("ReplicateKey", primary, made_by("", request, response))
    };
    let create = || {
        let kind = json!({"multiRegionKeyType": "REPLICA"});
        let response = json!({"keyMetadata": {"arn": replica, "multiRegionConfiguration": kind}});
        ("CreateKey", replica, made_by("", json!({}), response))
    };
    for (request, administrator) in [
        (own, "account 444455556666"),
        (json!({}), "account 111122223333"),
    ] {
        for records in [
            [replicate(request.clone()), create()],
            [create(), replicate(request.clone())],
        ] {
            let past = learn_whole(&records);
            assert_eq!(
                past.policy(replica).unwrap().administrators,
                [administrator]
            );
            assert_eq!(past.policy(primary), None);
        }
    }
    assert_eq!(learn_whole(&[create()]).policy(replica), None);
}

#[test]
fn of_one_second_the_record_that_makes_a_key_is_the_first() {
    let second = |mut record: Value| {
        record["eventTime"] = json!("2024-03-05T09:00:00Z");
        record
    };
    let statement = json!({"Effect": "Allow", "Principal": {"AWS": FOREIGN}, "Action": "kms:*", "Resource": "*"});
    let put = json!({"policy": json!({"Statement": statement}).to_string()});
    let put = ("PutKeyPolicy", KEY, second(made_by("", put, json!(null))));
    let create = (
        "CreateKey",
        KEY,
        second(made_by("", json!({}), json!(null))),
    );
    for records in [[put.clone(), create.clone()], [create, put]] {
        let past = learn_whole(&records);
        let administrators = &past.policy(KEY).unwrap().administrators;
        assert_eq!(administrators, &["account 444455556666"]);
    }
}

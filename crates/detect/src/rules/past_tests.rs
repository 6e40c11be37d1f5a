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

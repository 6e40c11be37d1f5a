//! Deletions of keys that are a matter of course, and those beside them that are none.

use keytrail_detect::finding::Finding;
use serde_json::{Value, json};

use super::{findings_over, key_arn, lines, record, summary};

const SCHEDULED: &str = "key-deletion-scheduled";
const BULK: &str = "key-deletion-bulk";
const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;

/// A call of a user so many seconds after the first of March 2024.
fn call(seconds: i64, name: &str, key: u8, user: &str, request: Value) -> Value {
    let start = keytrail_event::EventTime::parse("2024-03-01T00:00:00Z").unwrap();
    let arn = format!("arn:aws:iam::111122223333:user/{user}");
    let mut request = request;
    request["keyId"] = json!(key_arn(key));
    let more = json!({"requestParameters": request, "eventID": format!("{seconds}{name}{key}{user}"),
        "userIdentity": {"type": "IAMUser", "arn": arn, "accountId": "111122223333"}});
    record(&start.plus_seconds(seconds).to_string(), name, key, more)
}

fn made(seconds: i64, key: u8, user: &str) -> Value {
    call(seconds, "CreateKey", key, user, json!({}))
}

fn used(seconds: i64, key: u8) -> Value {
    call(seconds, "GenerateDataKey", key, "app", json!({}))
}

fn deleted(seconds: i64, key: u8, user: &str, days: u32) -> Value {
    let request = json!({"pendingWindowInDays": days});
    call(seconds, "ScheduleKeyDeletion", key, user, request)
}

fn of_rule(rule: &str, records: &[Value]) -> Vec<Finding> {
    let mut findings = findings_over(lines(records).as_bytes());
    findings.retain(|finding| finding.rule == rule);
    findings
}

/// The severities of a rule's findings over these records, by time.
fn severities(rule: &str, records: &[Value]) -> Vec<&'static str> {
    let findings = of_rule(rule, records);
    findings.iter().map(|it| it.severity.as_str()).collect()
}

/// A preview that somebody makes in the morning, which is used, and which somebody deletes at night.
fn preview(day: i64, key: u8, maker: &str, deleter: &str) -> Vec<Value> {
    let morning = day * DAY + 9 * HOUR + i64::from(key);
    vec![
        made(morning, key, maker),
        used(morning + HOUR, key),
        deleted(morning + 10 * HOUR, key, deleter, 7),
    ]
}

#[test]
fn what_its_maker_deletes_within_days_is_medium() {
    for (maker, age_days, expected) in [
        ("deploy", 0, "medium"),
        ("deploy", 3, "medium"),
        ("deploy", 4, "high"),
        ("somebody", 0, "high"),
    ] {
        let end = age_days * DAY;
        let records = [
            made(0, 1, maker),
            used(end, 1),
            deleted(end, 1, "deploy", 7),
        ];
        assert_eq!(
            severities(SCHEDULED, &records),
            [expected],
            "{maker} {age_days}"
        );
    }
}

#[test]
fn a_nightly_clean_up_is_a_habit_of_young_keys_only() {
    // Two keys a night, made by others.
    let mut nights: Vec<Value> = (0..6_u8)
        .flat_map(|night| [2 * night, 2 * night + 1])
        .flat_map(|key| preview(i64::from(key / 2), key, "developer", "nuke"))
        .collect();
    let learnt = ["high", "high", "high", "high", "high", "high"];
    let habit = ["low", "low", "low", "low", "low", "low"];
    assert_eq!(severities(SCHEDULED, &nights), [learnt, habit].concat());
    // A key that lives long is none of them.
    nights.push(made(0, 99, "developer"));
    nights.push(used(6 * DAY, 99));
    nights.push(deleted(6 * DAY, 99, "nuke", 7));
    let found = of_rule(SCHEDULED, &nights);
    assert_eq!(found[12].severity.as_str(), "high", "{}", summary(&found));
}

#[test]
fn a_habit_has_its_size_and_is_forgotten() {
    let nights = |last: i64, keys: u8| -> Vec<Value> {
        let mut nights: Vec<Value> = (0..6)
            .flat_map(|key| preview(i64::from(key / 2), key, "developer", "nuke"))
            .collect();
        let more = 50..50 + keys;
        nights.extend(more.flat_map(|key| preview(last, key, "developer", "nuke")));
        nights
    };
    let of_last = |rule, last, keys| {
        severities(rule, &nights(last, keys)).split_off(if rule == BULK { 0 } else { 6 })
    };
    assert_eq!(of_last(SCHEDULED, 3, 4), ["low"; 4]);
    assert_eq!(of_last(BULK, 3, 4), ["low"]);
    assert_eq!(
        of_last(SCHEDULED, 3, 5),
        ["low", "low", "low", "low", "high"]
    );
    assert_eq!(of_last(BULK, 3, 5), ["critical"]);
    assert_eq!(of_last(SCHEDULED, 16, 4), ["low"; 4]);
    assert_eq!(of_last(SCHEDULED, 17, 4), ["high"; 4]);
    assert_eq!(of_last(BULK, 17, 4), ["critical"]);
}

#[test]
fn own_keys_that_somebody_needs_are_no_habit() {
    let tenants = |before: Vec<Value>| -> [Option<&'static str>; 2] {
        let mut records: Vec<Value> = (0..9)
            .map(|key| made(i64::from(key), key, "tenants"))
            .collect();
        // Two a day, and then three.
        for key in 0..9_u8 {
            let day = 10 + i64::from(key / 2).min(3);
            let at = day * DAY + 3 * HOUR + i64::from(key);
            records.push(deleted(at, key, "tenants", 30));
        }
        records.extend(before);
        [SCHEDULED, BULK].map(|rule| {
            let found = severities(rule, &records);
            found.into_iter().max_by_key(|one| match *one {
                "critical" => 3,
                "high" => 2,
                "medium" => 1,
                _ => 0,
            })
        })
    };
    let day = 13 * DAY;
    let much = |operation: &str, key: u8| -> Vec<Value> {
        let calls = (0..60).map(|second| {
            let request = json!({"sourceKeyId": key_arn(key), "destinationKeyId": key_arn(7)});
            call(day + HOUR + second, operation, key, "tenants", request)
        });
        calls.collect()
    };
    assert_eq!(tenants(vec![]), [Some("medium"), Some("medium")]);
    let needed = [Some("high"), Some("critical")];
    assert_eq!(tenants(vec![used(day, 7)]), needed);
    assert_eq!(tenants(much("GenerateDataKey", 7)), needed);
    assert_eq!(tenants(much("ReEncrypt", 30)), needed);
}

#[test]
fn the_hours_of_a_day_are_one_size() {
    let mut records: Vec<Value> = (0..6)
        .flat_map(|key| preview(i64::from(key / 2), key, "developer", "nuke"))
        .collect();
    // Three keys every two hours: the second spell makes six of the day.
    for key in 50..56_u8 {
        let hour = 10 + 2 * i64::from((key - 50) / 3);
        records.push(made(3 * DAY + i64::from(key), key, "developer"));
        records.push(deleted(
            3 * DAY + hour * HOUR + i64::from(key),
            key,
            "nuke",
            7,
        ));
    }
    assert_eq!(severities(BULK, &records), ["critical"]);
    let found = of_rule(BULK, &records);
    assert!(found[0].title.contains("3 keys"), "{}", summary(&found));
    records.truncate(records.len() - 6);
    assert_eq!(severities(BULK, &records), ["low"]);
}

#[test]
fn a_habit_does_not_double_overnight() {
    let mut records = Vec::new();
    let mut key = 0_u8;
    for (day, keys) in [2, 2, 2, 4, 8].into_iter().enumerate() {
        for _ in 0..keys {
            records.extend(preview(day as i64, key, "developer", "nuke"));
            key += 1;
        }
    }
    let found = severities(SCHEDULED, &records);
    assert_eq!(found[6..10], ["low"; 4]);
    assert_eq!(found[10..14], ["low"; 4]);
    assert_eq!(found[14..], ["high"; 4]);
}

#[test]
fn a_stack_that_its_maker_takes_down_is_medium() {
    let stack = |maker: &str| -> Vec<Value> {
        let keys = 1..=4;
        keys.flat_map(|key| preview(0, key, maker, "deploy"))
            .collect()
    };
    assert_eq!(severities(BULK, &stack("deploy")), ["medium"]);
    assert_eq!(severities(BULK, &stack("somebody")), ["critical"]);
    let mut with_an_old_one = stack("deploy");
    with_an_old_one.push(deleted(19 * HOUR, 9, "deploy", 7));
    assert_eq!(severities(BULK, &with_an_old_one), ["critical"]);
}

#[test]
fn tenants_leave_by_whoever_made_their_keys() {
    let tenants = |maker: &str, window| -> Vec<Value> {
        let mut records: Vec<Value> = (0..20)
            .map(|key| made(i64::from(key), key, maker))
            .collect();
        for key in 0..5_u8 {
            let day = (10 + i64::from(key)) * DAY;
            records.push(used(day - 2 * DAY, key));
            let days = if key == 4 { window } else { 30 };
            records.push(deleted(day + HOUR, key, "tenants", days));
        }
        records
    };
    let learnt = ["medium", "medium", "medium"];
    let check = |maker: &str, window, expected: [&str; 2]| {
        let found = severities(SCHEDULED, &tenants(maker, window));
        assert_eq!(found, [&learnt[..], &expected].concat(), "{maker} {window}");
    };
    check("tenants", 30, ["medium", "medium"]);
    check("tenants", 7, ["medium", "high"]);
    // Nobody uses the key of a tenant that left long ago.
    let idle = |window, last_use_days: i64| {
        let mut records = tenants("tenants", 30);
        records.push(used((15 - last_use_days) * DAY, 9));
        records.push(deleted(15 * DAY + HOUR, 9, "tenants", window));
        severities(SCHEDULED, &records).last().copied()
    };
    assert_eq!(idle(30, 8), Some("low"));
    assert_eq!(idle(30, 7), Some("low"));
    assert_eq!(idle(30, 6), Some("medium"));
    assert_eq!(idle(7, 8), Some("high"));
    check("somebody", 30, ["medium", "medium"]);
    // Somebody else's key in use is high, whoever made it.
    let in_use = |user: &str| {
        let mut records = tenants("tenants", 30);
        records.push(call(15 * DAY, "GenerateDataKey", 9, user, json!({})));
        records.push(deleted(15 * DAY + HOUR, 9, "tenants", 30));
        severities(SCHEDULED, &records).last().copied()
    };
    assert_eq!(in_use("app"), Some("high"));
    assert_eq!(in_use("tenants"), Some("medium"));
}

#[test]
fn toys_are_no_practice_for_old_keys() {
    let mut records = vec![made(0, 99, "ci")];
    records.extend((0..8).flat_map(|key| preview(i64::from(key), key, "ci", "ci")));
    records.push(used(9 * DAY, 99));
    records.push(deleted(9 * DAY, 99, "ci", 30));
    let found = severities(SCHEDULED, &records);
    assert_eq!(found.last(), Some(&"high"), "{found:?}");
}

#[test]
fn a_young_key_that_much_was_encrypted_with_is_no_toy() {
    let taken = |operation: &str, key: u8, before: Vec<Value>| {
        let day = 6 * DAY;
        let mut records = before;
        records.push(made(day, 9, "ci"));
        records.extend((0..60).map(|second| {
            let request = json!({"sourceKeyId": key_arn(1), "destinationKeyId": key_arn(9)});
            call(day + HOUR + second, operation, key, "eve", request)
        }));
        records.push(deleted(day + 3 * HOUR, 9, "ci", 30));
        let found = of_rule(SCHEDULED, &records);
        let last = found.last().unwrap();
        assert_eq!(last.count, 1, "{}", summary(&found));
        let due = last.evidence.iter().any(|it| it.feature == "deletion_due");
        let mut steps = last.next_steps.iter();
        let cancels = steps.any(|step| step.contains("aws kms cancel-key-deletion"));
        assert!(due && cancels, "{}", summary(&found));
        last.severity.as_str()
    };
    let habit = || -> Vec<Value> {
        let keys = 20..25_u8;
        keys.flat_map(|key| preview(i64::from(key - 20), key, "ci", "ci"))
            .collect()
    };
    assert_eq!(taken("GenerateDataKey", 9, vec![]), "high");
    assert_eq!(taken("ReEncrypt", 1, vec![]), "high");
    assert_eq!(taken("ReEncrypt", 1, habit()), "medium");
    // Another key is encrypted with.
    assert_eq!(taken("GenerateDataKey", 1, vec![]), "medium");
    assert_eq!(taken("GenerateDataKey", 1, habit()), "low");
}

#[test]
fn what_is_deleted_by_habit_cuts_nothing_off() {
    let day = 5 * DAY;
    let chain = |deletes: u8, key: u8| {
        let mut records: Vec<Value> = (20..25)
            .flat_map(|key| preview(i64::from(key - 20), key, "ci", "ci"))
            .collect();
        records.push(made(day, 30, "ci"));
        records.push(call(day + 1, "PutKeyPolicy", 1, "ci", json!({})));
        records.extend(
            (0..60)
                .map(|second| call(day + HOUR + second, "GenerateDataKey", key, "ci", json!({}))),
        );
        records.push(deleted(day + 2 * HOUR, deletes, "ci", 30));
        severities("ransom-chain", &records).len()
    };
    assert_eq!(chain(30, 1), 0);
    assert_eq!(chain(1, 1), 1);
    assert_eq!(chain(2, 1), 1);
}

#[test]
fn a_bulk_names_every_key_and_what_is_most_urgent_first() {
    let disabled = (1..=6).map(|key| {
        let seconds = 9 * HOUR + i64::from(key);
        call(seconds, "DisableKey", key, "eve", json!({}))
    });
    let scheduled = (6..=12).map(|key| deleted(9 * HOUR + 60 + i64::from(key), key, "eve", 7));
    let records: Vec<Value> = disabled.chain(scheduled).collect();
    let findings = of_rule(BULK, &records);
    assert_eq!(findings.len(), 1);
    let (bulk, keys) = (&findings[0], (1..=12).map(key_arn));
    assert_eq!(bulk.key, None);
    assert_eq!(bulk.further_keys, keys.collect::<Vec<_>>());
    let steps: Vec<&str> = bulk
        .next_steps
        .iter()
        .map(|step| step.split(": ").next().unwrap_or_default())
        .collect();
    let more = "2 more keys were taken away, of which no commands stand here";
    let read = "Read what the caller did before and after";
    let mut expected = vec!["Keep the key"; 7];
    expected.extend(["Make the key usable"; 3]);
    expected.extend([more, read]);
    assert_eq!(steps, expected);
}

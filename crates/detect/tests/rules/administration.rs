//! The edges of rules over several changes: windows, midnight, and records that come late.

use keytrail_detect::configuration::Configuration;
use keytrail_detect::engine;
use keytrail_detect::state::State;
use keytrail_detect::tally::Tally;
use keytrail_event::{EventTime, Issue, Reader, Record, Sink};
use serde_json::{Value, json};

use super::{findings_over, key_arn, record};

/// The findings of one rule over these records, as (severity, count).
fn of_rule(rule: &str, records: &[Value]) -> Vec<(String, u64)> {
    let lines: Vec<String> = records.iter().map(Value::to_string).collect();
    let findings = findings_over(lines.join("\n").as_bytes());
    findings
        .iter()
        .filter(|finding| finding.rule == rule)
        .map(|finding| (finding.severity.as_str().to_owned(), finding.count))
        .collect()
}

fn disable(time: &str, key: u8) -> Value {
    record(time, "DisableKey", key, json!({}))
}

fn decrypt(time: &str, key: u8) -> Value {
    record(time, "Decrypt", key, json!({}))
}

fn grant_to_self(time: &str, key: u8, operations: &[&str]) -> Value {
    let request = json!({"keyId": key_arn(key), "granteePrincipal": "arn:aws:iam::111122223333:user/eve", "operations": operations});
    let more = json!({"requestParameters": request, "responseElements": {"grantId": format!("grant-{time}")}});
    record(time, "CreateGrant", key, more)
}

#[test]
fn three_keys_within_an_hour_are_bulk() {
    let rule = "key-deletion-bulk";
    let check = |times: &[(&str, u8)], expected: &[(&str, u64)]| {
        let records: Vec<Value> = times
            .iter()
            .map(|(time, key)| disable(time, *key))
            .collect();
        let expected: Vec<(String, u64)> = expected
            .iter()
            .map(|(severity, count)| ((*severity).to_owned(), *count))
            .collect();
        assert_eq!(of_rule(rule, &records), expected, "{times:?}");
    };
    let start = ("2024-03-05T09:00:00Z", 1);
    let half = ("2024-03-05T09:30:00Z", 2);
    check(&[start, half], &[]);
    check(
        &[start, half, ("2024-03-05T10:00:00Z", 3)],
        &[("critical", 3)],
    );
    check(&[start, half, ("2024-03-05T10:00:01Z", 3)], &[]);
    check(&[start, half, ("2024-03-05T09:59:00Z", 1)], &[]);
    // Windows that overlap are one spell.
    let spell = [
        start,
        half,
        ("2024-03-05T10:00:00Z", 3),
        ("2024-03-05T10:20:00Z", 4),
    ];
    check(&spell, &[("critical", 4)]);
    // Over midnight: the second day finds all three, and adds what is new only.
    let night = [
        ("2024-03-05T23:50:00Z", 1),
        ("2024-03-05T23:55:00Z", 2),
        ("2024-03-06T00:10:00Z", 3),
        ("2024-03-06T00:20:00Z", 4),
    ];
    check(&night, &[("critical", 4)]);
    let evening = [
        ("2024-03-05T23:30:00Z", 1),
        ("2024-03-05T23:50:00Z", 2),
        ("2024-03-05T23:55:00Z", 3),
        ("2024-03-06T00:10:00Z", 4),
    ];
    check(&evening, &[("critical", 4)]);
}

#[test]
fn going_in_counts_within_the_hour_and_not_before() {
    let rule = "self-grant-use";
    let granted = || grant_to_self("2024-03-05T09:00:00Z", 1, &["Decrypt"]);
    for (used, fires) in [
        ("2024-03-05T08:59:59Z", false),
        ("2024-03-05T09:00:00Z", true),
        ("2024-03-05T10:00:00Z", true),
        ("2024-03-05T10:00:01Z", false),
    ] {
        let found = of_rule(rule, &[granted(), decrypt(used, 1)]);
        assert_eq!(!found.is_empty(), fires, "{used}");
    }
    let to_retire = grant_to_self("2024-03-05T09:00:00Z", 1, &["RetireGrant"]);
    assert!(of_rule(rule, &[to_retire, decrypt("2024-03-05T09:10:00Z", 1)]).is_empty());
    // Two days apart the same thing happens again: it is told again.
    let again = [
        granted(),
        decrypt("2024-03-05T09:10:00Z", 1),
        grant_to_self("2024-03-07T09:00:00Z", 1, &["Decrypt"]),
        decrypt("2024-03-07T09:10:00Z", 1),
    ];
    assert_eq!(of_rule(rule, &again), [("high".to_owned(), 4)]);
}

#[test]
fn separation_is_told_once_for_a_pair() {
    let put = |time: &str| record(time, "EnableKeyRotation", 1, json!({}));
    let records = [
        put("2024-03-05T09:00:00Z"),
        decrypt("2024-03-05T09:10:00Z", 1),
        put("2024-03-20T09:00:00Z"),
        decrypt("2024-03-20T09:10:00Z", 1),
    ];
    assert_eq!(
        of_rule("sod-violation", &records),
        [("medium".to_owned(), 2)]
    );
}

struct Count(Tally, Option<EventTime>);

impl Sink for Count {
    fn record(&mut self, record: &Record<'_>) {
        self.0.add(record, self.1);
    }
    fn issue(&mut self, issue: Issue) {
        panic!("{issue}");
    }
}

/// A tally of records in one file with this stamp.
fn file(records: &[Value], stamp: &str) -> Tally {
    let mut count = Count(Tally::default(), EventTime::parse(stamp));
    for record in records {
        Reader::default().read(record.to_string().as_bytes(), &mut count);
    }
    count.0
}

/// The last word on every episode of this rule, the deliveries taken in one after the other.
fn last_words(rule: &str, files: Vec<(Tally, &str)>) -> Vec<(String, String, u64, Vec<String>)> {
    let mut state = State::default();
    let mut last = std::collections::BTreeMap::new();
    let configuration = Configuration::default();
    let mut newest = None;
    for (tally, stamp) in files {
        let stamp = EventTime::parse(stamp).unwrap();
        state.absorb(tally);
        let mut keep = |plan: keytrail_detect::plan::Plan| {
            for finding in plan.findings {
                let finding = finding.unpack();
                last.insert(finding.episode.clone(), finding);
            }
        };
        engine::advance(
            &mut state,
            stamp,
            &configuration,
            &engine::OneByOne,
            &mut keep,
        );
        newest = Some(stamp);
    }
    engine::finish(
        &mut state,
        newest.unwrap(),
        &configuration,
        &engine::OneByOne,
        |plan| {
            for finding in plan.findings {
                let finding = finding.unpack();
                last.insert(finding.episode.clone(), finding);
            }
        },
    );
    let mut words: Vec<_> = last
        .into_values()
        .filter(|finding| finding.rule == rule)
        .map(|finding| {
            let mut ids = finding.event_ids.clone();
            ids.sort();
            (
                finding.episode.clone(),
                finding.severity.to_string(),
                finding.count,
                ids,
            )
        })
        .collect();
    words.sort();
    words
}

/// A change that comes days late completes the set that it belongs to, as if it had been in time.
#[test]
fn a_late_record_completes_its_set() {
    let first = disable("2024-03-05T09:00:00Z", 1);
    let second = disable("2024-03-05T09:10:00Z", 2);
    let third = disable("2024-03-05T09:20:00Z", 3);
    let other = || decrypt("2024-03-07T09:00:00Z", 9);
    let in_time = "2024-03-05T09:30:00Z";
    let later = "2024-03-07T09:10:00Z";
    let whole = last_words(
        "key-deletion-bulk",
        vec![
            (
                file(&[first.clone(), second.clone(), third.clone()], in_time),
                in_time,
            ),
            (file(&[other()], later), later),
        ],
    );
    assert_eq!(whole.len(), 1);
    for late in 0..3 {
        let mut records = vec![first.clone(), second.clone(), third.clone()];
        let straggler = records.remove(late);
        let parts = last_words(
            "key-deletion-bulk",
            vec![
                (file(&records, in_time), in_time),
                (file(&[straggler, other()], later), later),
            ],
        );
        assert_eq!(parts, whole, "the record {late} comes late");
    }
}

/// A pipeline that refreshes secrets and writes the policies of their keys was a finding for each key.
#[test]
fn the_keys_of_one_deploy_are_one_finding() {
    let rule = "sod-violation";
    let decrypt = |day: u32, key: u8, role: &str, path: &str| {
        let mut identity = json!({"type": "AssumedRole", "arn": format!("arn:aws:sts::111122223333:assumed-role/{role}/s"), "accountId": "111122223333"});
        if !path.is_empty() {
            identity["invokedBy"] = json!(path);
        }
        let time = format!("2024-03-{day:02}T09:00:00Z");
        record(
            &time,
            "Decrypt",
            key,
            json!({"userIdentity": identity, "eventID": format!("{day}{key}{role}")}),
        )
    };
    let secrets = "secretsmanager.amazonaws.com";
    let put = |key: u8| {
        let identity = json!({"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/deploy/s", "accountId": "111122223333"});
        record(
            "2024-03-10T09:30:00Z",
            "PutKeyPolicy",
            key,
            json!({"userIdentity": identity}),
        )
    };
    for (known, path, keys, expected) in [
        (true, secrets, 4, ("low", 8)),
        (true, "", 4, ("medium", 8)),
        (false, secrets, 4, ("medium", 8)),
        (true, secrets, 1, ("low", 2)),
    ] {
        let mut records = Vec::new();
        for key in 1..=keys {
            records.extend((1..=8).map(|day| decrypt(day, key, "app", secrets)));
            if known {
                records.push(decrypt(9, key, "deploy", secrets));
            }
            records.push(decrypt(10, key, "deploy", path));
            records.push(put(key));
        }
        let found = of_rule(rule, &records);
        let (severity, count) = expected;
        assert_eq!(
            found,
            [(severity.to_owned(), count)],
            "{known} {path} {keys}"
        );
        // Once, whatever follows.
        records.extend((11..=13).map(|day| decrypt(day, 1, "deploy", secrets)));
        assert_eq!(of_rule(rule, &records), found);
        if expected == ("low", 2) {
            // What was low hides nothing that is worse.
            records.push(decrypt(10, 2, "deploy", secrets));
            let mut direct = decrypt(11, 1, "deploy", "");
            direct["eventTime"] = json!("2024-03-11T08:00:00Z");
            direct["eventID"] = json!("direct");
            records.push(direct);
            let found = of_rule(rule, &records);
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].0, "medium");
        }
    }
}

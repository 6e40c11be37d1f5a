//! Edges of the rules over several steps: what counts as a step, and whose.

use serde_json::{Value, json};

use super::calls::*;
use super::{findings_over, key_arn, lines, summary};

const DAY: i64 = 86_400;
const DELEGATES: &str = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"}"#;
const LOCKS_OUT: &str = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/eve"},"Action":"kms:*","Resource":"*"}"#;

fn check(rule: &str, what: &str, records: &[Value], expected: &[&str]) {
    let findings = findings_over(lines(records).as_bytes());
    let found: Vec<&str> = findings
        .iter()
        .filter(|finding| finding.rule == rule)
        .map(|finding| finding.severity.as_str())
        .collect();
    assert_eq!(found, expected, "{what}: {}", summary(&findings));
}

/// So many calls with a key, so many seconds apart, from a second on.
fn many(count: i64, name: &str, key: u8, from: i64, apart: i64) -> Vec<Value> {
    (0..count)
        .map(|number| call(second_of(from + number * apart), name, key, json!({})))
        .collect()
}

fn put_policy(key: u8, statement: &str, at: i64) -> Value {
    let more = json!({"requestParameters": {"keyId": key_arn(key), "policy": format!(r#"{{"Statement":[{statement}]}}"#)}});
    call(second_of(at), "PutKeyPolicy", key, more)
}

fn delete_snapshot(at: i64) -> Value {
    let request = json!({"snapshotId": "snap-0123"});
    service(
        second_of(at),
        "ec2.amazonaws.com",
        "DeleteSnapshot",
        request,
    )
}

#[test]
fn who_always_encrypts_in_bulk_takes_no_hostages() {
    for (what, days, habit, today, expected) in [
        ("a build as every day", 15, 80, 80, &[][..]),
        ("four times as much", 15, 30, 120, &[]),
        ("more than that", 15, 30, 121, &["critical"]),
        ("many calls, but a few less every day", 15, 30, 60, &[]),
        ("a few calls every day", 15, 5, 60, &["critical"]),
        ("a try the day before", 1, 80, 80, &["critical"]),
    ] {
        let mut records = Vec::new();
        for day in 0..days {
            records.extend(many(habit, "GenerateDataKey", 1, day * DAY, 10));
        }
        let day = days * DAY;
        records.push(put_policy(1, DELEGATES, day));
        records.extend(many(today, "GenerateDataKey", 1, day + 60, 10));
        records.push(delete_snapshot(day + 3_600));
        check("ransom-chain", what, &records, expected);
    }
}

#[test]
fn a_policy_prepares_for_the_key_it_is_of_unless_it_takes_something_away() {
    for (what, key, statement, operation, expected) in [
        (
            "the key's own",
            1,
            DELEGATES,
            "GenerateDataKey",
            &["critical"][..],
        ),
        ("another's", 2, DELEGATES, "GenerateDataKey", &[]),
        (
            "another's, from its owner",
            2,
            LOCKS_OUT,
            "GenerateDataKey",
            &["critical"],
        ),
        (
            "perhaps the destination's",
            2,
            DELEGATES,
            "ReEncrypt",
            &["critical"],
        ),
    ] {
        let mut records = vec![put_policy(key, statement, 0)];
        records.extend(many(60, operation, 1, 60, 1));
        records.push(delete_snapshot(3_600));
        check("ransom-chain", what, &records, expected);
    }
    // What a policy took away is told by the one before.
    let restricted = DELEGATES.replace("kms:*", "kms:Put*");
    let mut records = vec![
        put_policy(2, DELEGATES, -DAY),
        put_policy(2, &restricted, 0),
    ];
    records.extend(many(60, "GenerateDataKey", 1, 60, 1));
    records.push(delete_snapshot(3_600));
    check("ransom-chain", "less than before", &records, &["critical"]);
}

#[test]
fn bulk_use_may_go_over_the_top_of_the_hour() {
    for (from, apart, expected) in [
        // 09:52:40 to 10:07:30.
        (3_160, 10, &["critical"][..]),
        // From 09:59:59 and over two hours.
        (3_599, 80, &[]),
    ] {
        let mut records = vec![put_policy(1, DELEGATES, 0)];
        records.extend(many(90, "GenerateDataKey", 1, from, apart));
        records.push(delete_snapshot(5 * 3_600));
        check("ransom-chain", "over the hour", &records, expected);
    }
}

#[test]
fn no_sweep_hides_another_and_a_theft_may_cross_midnight() {
    let midnight = 15 * 3_600;
    let sweep = |from| {
        (0..7).map(move |key| {
            let at = second_of(from + 20 * i64::from(key));
            call(at, "Decrypt", key, refused())
        })
    };
    let burst = |count, from| many(count, "Decrypt", 10, from, 10);
    let known = || many(8, "Decrypt", 11, -8 * DAY, DAY);
    let cases: [(&str, Vec<Value>, &[&str]); 8] = [
        (
            "a sweep",
            [sweep(0).collect(), burst(30, 900)].concat(),
            &["critical"],
        ),
        (
            "a sweep long before",
            [sweep(-DAY).collect(), burst(30, 900)].concat(),
            &[],
        ),
        (
            "both",
            [sweep(-DAY).collect(), sweep(0).collect(), burst(30, 900)].concat(),
            &["critical"],
        ),
        (
            "one the morning and one the evening before",
            [
                sweep(0).collect(),
                sweep(midnight - 3_600).collect(),
                burst(30, DAY + 900),
            ]
            .concat(),
            &["critical"],
        ),
        (
            "a burst over midnight",
            [sweep(midnight - 900).collect(), burst(30, midnight - 150)].concat(),
            &["critical"],
        ),
        (
            "a try before midnight, a burst after it",
            [
                sweep(midnight - 900).collect(),
                burst(1, midnight - 30),
                burst(30, midnight + 60),
            ]
            .concat(),
            &["critical"],
        ),
        (
            "a key that was tried before the sweep of the day before",
            [
                burst(1, midnight - 1_000),
                sweep(midnight - 900).collect(),
                burst(30, midnight + 60),
            ]
            .concat(),
            &[],
        ),
        (
            "too few around midnight",
            [sweep(midnight - 900).collect(), burst(19, midnight - 90)].concat(),
            &[],
        ),
    ];
    for (what, records, expected) in cases {
        check("theft-chain", what, &[known(), records].concat(), expected);
    }
}

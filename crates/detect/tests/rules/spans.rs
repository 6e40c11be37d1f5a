//! Edges of the rules over days, hours and minutes: one more, one less, and midnight.

use serde_json::{Value, json};

use super::{check, findings_over, key_arn, lines, record, summary};

/// `2024-03-01T00:00:00Z` and so many seconds.
fn time(seconds: i64) -> String {
    let midnight = keytrail_event::EventTime::parse("2024-03-01T00:00:00Z").unwrap();
    midnight.plus_seconds(seconds).to_string()
}

const DAY: i64 = 86_400;

fn call(seconds: i64, name: &str, key: u8, more: Value) -> Value {
    let mut call = record(&time(seconds), name, key, more);
    // Several calls of a second are several events.
    call["eventID"] = json!(format!("{seconds}{name}{key}"));
    call
}

fn through(service: &str) -> Value {
    json!({"userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/app/s", "accountId": "111122223333", "invokedBy": service}})
}

#[test]
fn a_custom_takes_seven_days_of_use() {
    let fires = [("direct-use-of-service-key", "high", 1)];
    for (days, also_direct, expected) in [(7, false, &fires[..]), (6, false, &[]), (7, true, &[])] {
        let mut records: Vec<Value> = (0..days)
            .map(|day| call(2 * day * DAY, "Decrypt", 1, through("s3.amazonaws.com")))
            .collect();
        if also_direct {
            records.push(call(DAY, "Decrypt", 1, json!({})));
        }
        records.push(call(20 * DAY, "Decrypt", 1, json!({})));
        let rules: Vec<Value> = records;
        let findings = super::findings_over(super::lines(&rules).as_bytes());
        let found: Vec<_> = findings
            .iter()
            .filter(|finding| finding.rule == "direct-use-of-service-key")
            .map(|finding| {
                (
                    finding.rule.as_str(),
                    finding.severity.as_str(),
                    finding.count,
                )
            })
            .collect();
        assert_eq!(found, expected, "{days} days, direct: {also_direct}");
    }
}

#[test]
fn a_day_is_learnt_when_it_ends() {
    // Twice on the eighth day: both are told. After three days the path is known.
    let mut records: Vec<Value> = (0..7)
        .map(|day| call(day * DAY, "Decrypt", 1, through("s3.amazonaws.com")))
        .collect();
    for at in [
        7 * DAY,
        7 * DAY + 3_600,
        8 * DAY,
        9 * DAY,
        10 * DAY,
        11 * DAY,
    ] {
        records.push(call(at, "Decrypt", 1, through("lambda.amazonaws.com")));
    }
    let findings = super::findings_over(super::lines(&records).as_bytes());
    let counts: Vec<u64> = findings
        .iter()
        .filter(|finding| finding.rule == "direct-use-of-service-key")
        .map(|finding| finding.count)
        .collect();
    assert_eq!(counts, [4]);
}

#[test]
fn a_harmless_call_hides_no_other_tomorrow() {
    let context = json!({"encryptionContext": {"aws:s3:arn": "arn:aws:s3:::b/x"}});
    let mut by_s3 = through("s3.amazonaws.com");
    by_s3["requestParameters"] = context.clone();
    let mut records: Vec<Value> = (0..8)
        .map(|day| call(day * DAY, "Decrypt", 1, by_s3.clone()))
        .collect();
    // Eve is known.
    records.push(call(DAY, "Encrypt", 2, json!({})));
    // She tries the key in the very context, and then opens what S3 keeps.
    let direct = json!({"requestParameters": context});
    records.push(call(8 * DAY, "GenerateDataKey", 1, direct.clone()));
    records.push(call(9 * DAY, "Decrypt", 1, direct));
    let findings = super::findings_over(super::lines(&records).as_bytes());
    let severities: Vec<&str> = findings
        .iter()
        .filter(|finding| finding.rule == "direct-use-of-service-key")
        .map(|finding| finding.severity.as_str())
        .collect();
    assert_eq!(severities, ["high"], "{}", super::summary(&findings));
}

#[test]
fn a_sweep_has_its_time_and_may_cross_midnight() {
    let look = |start: i64, seconds: &[i64]| -> Vec<Value> {
        let calls = seconds.iter().enumerate();
        calls
            .map(|(key, second)| call(start + second, "DescribeKey", key as u8, json!({})))
            .collect()
    };
    let nine: Vec<i64> = (0..9).collect();
    let with = |last: i64| [nine.as_slice(), &[last]].concat();
    let fires = [("discovery-sweep", "low", 10)];
    for start in [9 * 3_600, DAY - 5, DAY - 3_595] {
        check(&look(start, &with(600)), &fires);
        check(&look(start, &with(601)), &[]);
        check(&look(start, &nine), &[]);
    }
}

#[test]
fn refusals_have_their_hour_and_may_cross_midnight() {
    let refused = |start: i64, last: i64| -> Vec<Value> {
        let denied = json!({"errorCode": "AccessDenied"});
        let seconds = [0, 1, 2, 3, last].into_iter().enumerate();
        seconds
            .map(|(key, second)| call(start + second, "Decrypt", key as u8, denied.clone()))
            .collect()
    };
    let fires = [("denied-sweep", "medium", 5)];
    for start in [9 * 3_600, DAY - 2, DAY - 3_600] {
        check(&refused(start, 3_600), &fires);
        check(&refused(start, 3_601), &[]);
    }
}

#[test]
fn what_was_over_yesterday_hides_nothing_of_today() {
    let each = |start: i64, name: &str, calls: u8, more: &Value| -> Vec<Value> {
        (0..calls)
            .map(|key| call(start + i64::from(key), name, key, more.clone()))
            .collect()
    };
    // A spell in the evening, and one the next day, long after it.
    for evening in [DAY - 1_800, DAY - 60] {
        for (name, more, rule) in [
            (
                "Decrypt",
                json!({"errorCode": "AccessDenied"}),
                "denied-sweep",
            ),
            ("DescribeKey", json!({}), "discovery-sweep"),
        ] {
            let mut records = each(evening, name, 12, &more);
            records.extend(each(DAY + 14 * 3_600, name, 12, &more));
            let findings = super::findings_over(super::lines(&records).as_bytes());
            let told: Vec<u64> = findings
                .iter()
                .filter(|finding| finding.rule == rule)
                .map(|finding| finding.count)
                .collect();
            assert_eq!(told, [24], "{evening}: {}", super::summary(&findings));
        }
    }
}

#[test]
fn a_million_looks_are_a_sweep_too() {
    let looks = |keys: u8| -> Vec<Value> {
        let seconds = (0..400_i64).flat_map(|second| (1..=keys).map(move |key| (second, key)));
        let look = |(second, key)| {
            let mut look = call(9 * 3_600 + second, "DescribeKey", key, json!({}));
            look["eventID"] = json!(format!("{second} {key}"));
            look
        };
        seconds.map(look).collect()
    };
    let findings = super::findings_over(super::lines(&looks(2)).as_bytes());
    assert_eq!(findings.len(), 1, "{}", super::summary(&findings));
    assert_eq!(findings[0].rule, "discovery-sweep");
    // Who keeps asking about one key does not look around; who lists all of them does, whichever one it then looks at.
    check(&looks(1), &[]);
    let mut listed: Vec<Value> = (0..9)
        .map(|second| {
            let mut list = call(9 * 3_600 + second, "ListAliases", 1, json!({}));
            list["resources"] = json!([]);
            list["requestParameters"] = json!(null);
            list
        })
        .collect();
    listed.push(call(9 * 3_600 + 9, "DescribeKey", 1, json!({})));
    check(&listed, &[("discovery-sweep", "low", 10)]);
}

#[test]
fn a_sweep_in_the_middle_of_an_hour_names_an_event() {
    let mut records: Vec<Value> = (0..10)
        .map(|number| {
            call(
                9 * 3_600 + 1_500 + number,
                "DescribeKey",
                number as u8 % 2,
                json!({}),
            )
        })
        .collect();
    // The ends of the hour's cells lie on both sides of it.
    for key in 0..2 {
        records.push(call(9 * 3_600 + 10, "DescribeKey", key, json!({})));
        records.push(call(9 * 3_600 + 3_500, "DescribeKey", key, json!({})));
    }
    let findings = super::findings_over(super::lines(&records).as_bytes());
    assert_eq!(findings.len(), 1, "{}", super::summary(&findings));
    assert_eq!((findings[0].count, findings[0].event_ids.len()), (10, 1));
}

#[test]
fn a_chain_has_a_day_and_may_lie_in_one_second() {
    let chain = |end: i64| -> Vec<Value> {
        let mut records = vec![call(0, "ImportKeyMaterial", 9, json!({}))];
        let reencrypt = json!({"requestParameters": {"sourceKeyId": key_arn(1), "destinationKeyId": key_arn(9)}});
        for number in 0..50 {
            let mut one = call(0, "ReEncrypt", 1, reencrypt.clone());
            one["eventID"] = json!(format!("{number}"));
            records.push(one);
        }
        records.push(call(end, "ScheduleKeyDeletion", 1, json!({})));
        records
    };
    for (end, is_chain) in [(0, true), (DAY, true), (DAY + 1, false)] {
        let findings = super::findings_over(super::lines(&chain(end)).as_bytes());
        let found = findings
            .iter()
            .any(|finding| finding.rule == "ransom-chain");
        assert_eq!(found, is_chain, "{end}: {}", super::summary(&findings));
    }
}

#[test]
fn customs_forget_nothing_over_a_month_of_weekends() {
    // A key that is used on Mondays only has its customs after seven Mondays.
    let monday = 3 * DAY;
    let mut records: Vec<Value> = (0..7)
        .map(|week| {
            let more = json!({"requestParameters": {"encryptionContext": {"tenant": "a"}}});
            call(monday + 7 * week * DAY, "Encrypt", 1, more)
        })
        .collect();
    records.push(call(monday + 49 * DAY, "Encrypt", 1, json!({})));
    let findings = super::findings_over(super::lines(&records).as_bytes());
    let rules: Vec<&str> = findings
        .iter()
        .map(|finding| finding.rule.as_str())
        .collect();
    assert!(rules.contains(&"context-anomaly"), "{rules:?}");
}

#[test]
fn the_callers_copy_teaches_no_custom_of_anothers_key() {
    let foreign = "arn:aws:kms:us-west-2:444455556666:key/00000009-12ab-34cd-56ef-1234567890ab";
    let with = |more: Value| {
        let mut more = more;
        more["resources"] = json!([{"ARN": foreign}]);
        more["requestParameters"] = json!({"encryptionContext": {"tenant": "a"}});
        more
    };
    let mut records: Vec<Value> = (0..8)
        .map(|day| call(day * DAY, "Decrypt", 1, with(through("s3.amazonaws.com"))))
        .collect();
    records.push(call(9 * DAY, "Decrypt", 1, with(json!({}))));
    let mut plain = call(9 * DAY + 60, "Decrypt", 1, with(json!({})));
    plain["requestParameters"] = json!({});
    records.push(plain);
    let findings = super::findings_over(super::lines(&records).as_bytes());
    let owners = ["direct-use-of-service-key", "context-anomaly"];
    let found = findings
        .iter()
        .any(|finding| owners.contains(&finding.rule.as_str()));
    assert!(!found, "{}", super::summary(&findings));
}

#[test]
fn a_principal_of_the_organisation_is_judged_at_home() {
    let looks = |account: &str| -> Vec<Value> {
        let identity = json!({"userIdentity": {"type": "AssumedRole", "arn": format!("arn:aws:sts::{account}:assumed-role/scan/s"), "accountId": account}});
        (0..10)
            .map(|second| call(second, "DescribeKey", second as u8, identity.clone()))
            .collect()
    };
    check(&looks(super::ORGANISATION_ACCOUNT), &[]);
    check(&looks("444455556666"), &[("discovery-sweep", "low", 10)]);
}

#[test]
fn only_the_refusal_before_the_change_begins_the_chain() {
    let rule = "denied-then-allowed";
    let refused = |at| call(at, "Decrypt", 1, json!({"errorCode": "AccessDenied"}));
    let written = |at| call(at, "PutKeyPolicy", 1, json!({}));
    let used = |at| call(at, "Decrypt", 1, json!({}));
    for (records, expected) in [
        // From the refusal to the use it takes an hour, however early others were.
        (
            vec![refused(0), refused(3_000), written(6_000), used(6_600)],
            1,
        ),
        (
            vec![refused(0), refused(3_000), written(6_000), used(6_601)],
            0,
        ),
        // A refusal that another change followed is too old for this one.
        (
            vec![
                refused(0),
                written(600),
                refused(1_200),
                written(4_801),
                used(4_802),
            ],
            0,
        ),
        (
            vec![
                refused(0),
                written(600),
                used(600),
                written(3_000),
                used(3_600),
            ],
            1,
        ),
        // Whoever uses the key before the change needs none.
        (
            vec![
                refused(0),
                used(599),
                written(600),
                written(3_000),
                used(3_600),
            ],
            0,
        ),
        (vec![written(0), refused(1), used(2)], 0),
        (
            vec![refused(DAY - 1_800), written(DAY - 60), used(DAY + 1_800)],
            1,
        ),
        (
            vec![refused(DAY - 1_800), written(DAY - 60), used(DAY + 1_801)],
            0,
        ),
    ] {
        let findings = super::findings_over(super::lines(&records).as_bytes());
        let found = findings.iter().filter(|finding| finding.rule == rule);
        assert_eq!(found.count(), expected, "{}", super::lines(&records));
    }
}

/// Only the first spell of a day was judged, and one that was no matter hid the next.
#[test]
fn every_spell_of_throttling_is_judged() {
    let throttled = json!({"errorCode": "ThrottlingException"});
    let spell = |hour: i64, calls: i64, name: &str, more: &Value| -> Vec<Value> {
        let times = (0..calls).map(|call| time(hour * 3_600 + 2 * call));
        times.map(|at| record(&at, name, 1, more.clone())).collect()
    };
    let away = |hour, calls| spell(hour, calls, "Decrypt", &throttled);
    // 22 of more than 2,200 calls, by a hundred callers.
    let busy: Vec<Value> = (0..100)
        .flat_map(|caller| {
            let arn = format!("arn:aws:iam::111122223333:user/{caller}");
            let identity = json!({"type": "IAMUser", "arn": arn, "accountId": "111122223333"});
            let mut calls = spell(9, 40, "Encrypt", &json!({"userIdentity": identity}));
            for call in &mut calls {
                let id = format!("{}{caller}", call["eventID"].as_str().unwrap());
                call["eventID"] = json!(id);
            }
            calls
        })
        .collect();
    let check = |records: Vec<Value>, expected: &[u64]| {
        let findings = findings_over(lines(&records).as_bytes());
        let found = findings
            .iter()
            .filter(|finding| finding.rule == "throttled");
        let counts: Vec<u64> = found.map(|finding| finding.count).collect();
        assert_eq!(counts, expected, "{}", summary(&findings));
    };
    check([busy.clone(), away(9, 22)].concat(), &[]);
    check([busy, away(9, 22), away(15, 100)].concat(), &[100]);
    check([away(9, 30), away(15, 25)].concat(), &[55]);
    // Above 128 calls of a kind an hour counts are estimates, which lie between the first and the last of them.
    let many = |calls: i64, apart: i64| -> Vec<Value> {
        let times = (0..calls).map(|call| (call, time(9 * 3_600 + call * apart / 4)));
        let record_at = |(call, at): (i64, String)| {
            let mut record = record(&at, "Decrypt", 1, throttled.clone());
            record["eventID"] = json!(format!("{call}"));
            record
        };
        times.map(record_at).collect()
    };
    for calls in [19, 25, 128, 130, 200, 800] {
        let findings = findings_over(lines(&many(calls, 1)).as_bytes());
        let found = findings.iter().find(|finding| finding.rule == "throttled");
        let counted = found.map_or(0, |finding| finding.count as i64);
        let expected = if calls < 20 { 0 } else { calls };
        assert!(
            (counted - expected).abs() * 10 <= expected,
            "{calls}: {counted}"
        );
    }
    // 200 over an hour are 17 in five minutes.
    check(many(200, 72), &[]);
    // A quota of grants is full.
    let full = json!({"errorCode": "LimitExceededException"});
    check(spell(9, 30, "CreateGrant", &full), &[]);
}

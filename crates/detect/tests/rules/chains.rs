//! Edges of the rules over several steps: what counts as a step, and whose.

use serde_json::{Value, json};

use super::calls::*;
use super::{findings_over, key_arn, lines, record, summary};

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
fn a_policy_that_denies_a_keys_use_cuts_off() {
    let deny = |condition: &str| {
        format!(
            r#"{DELEGATES},{{"Effect":"Deny","Principal":"*","Action":["kms:Decrypt"],"Resource":"*","Condition":{condition}}}"#
        )
    };
    let but_eve =
        deny(r#"{"ArnNotEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:user/eve"}}"#);
    let perimeter = deny(r#"{"StringNotEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}"#);
    let prepared = || put_policy(1, DELEGATES, 0);
    let cases: [(&str, Vec<Value>, &[&str]); 4] = [
        (
            "to all but its author",
            vec![prepared(), put_policy(1, &but_eve, 3_600)],
            &["critical"],
        ),
        (
            "of another key",
            vec![prepared(), put_policy(2, &but_eve, 3_600)],
            &["critical"],
        ),
        (
            "to another organisation",
            vec![prepared(), put_policy(1, &perimeter, 3_600)],
            &[],
        ),
        (
            "alone: a key that is retired",
            vec![put_policy(1, &but_eve, 3_600)],
            &[],
        ),
    ];
    for (what, policies, expected) in cases {
        let records = [policies, many(60, "GenerateDataKey", 1, 60, 1)].concat();
        check("ransom-chain", what, &records, expected);
    }
}

/// So many ReEncrypt from a key to another, a second each, from a second on.
fn moved(count: i64, from_key: u8, to: &str, from: i64) -> Vec<Value> {
    let from_arn = key_arn(from_key);
    let more = json!({"requestParameters": {"sourceKeyId": from_arn, "destinationKeyId": to},
        "resources": [{"ARN": from_arn}, {"ARN": to}]});
    (0..count)
        .map(|number| {
            call(
                second_of(from + number),
                "ReEncrypt",
                from_key,
                more.clone(),
            )
        })
        .collect()
}

/// The records of a migration: what prepares it, the moves, its end, and what is done besides.
type Parts = [Vec<Value>; 4];

#[test]
fn a_migration_to_keys_of_the_owner_is_no_ransom() {
    let retired = |key, at| call(second_of(at), "ScheduleKeyDeletion", key, json!({}));
    let prepared = || vec![put_policy(2, DELEGATES, 0)];
    let (own, partner, foreign) = (
        key_arn(2),
        key_of(super::ORGANISATION_ACCOUNT),
        key_of("444455556666"),
    );
    let end = || vec![retired(1, 3_600)];
    let made = |statement: &str| {
        let policy = format!(r#"{{"Statement":[{statement}]}}"#);
        let more = json!({"requestParameters": {"policy": policy}});
        vec![call(second_of(-60), "CreateKey", 2, more)]
    };
    let through_states = || {
        let mut calls = moved(60, 1, &own, 60);
        for one in &mut calls {
            one["userIdentity"]["invokedBy"] = json!("states.amazonaws.com");
        }
        calls
    };
    let shut = format!(
        r#"{DELEGATES},{{"Effect":"Deny","Principal":"*","Action":"kms:Decrypt","Resource":"*","Condition":{{"ArnNotEquals":{{"aws:PrincipalArn":"arn:aws:iam::111122223333:user/eve"}}}}}}"#
    );
    let by_mallory = |mut call: Value| {
        call["userIdentity"]["arn"] = json!("arn:aws:iam::111122223333:user/mallory");
        vec![call]
    };
    let critical = &["critical"][..];
    let cases: [(&str, Parts, &[&str]); 25] = [
        (
            "of the account",
            [prepared(), moved(60, 1, &own, 60), end(), vec![]],
            &["high"],
        ),
        (
            "of the account, and the key before is only disabled",
            [
                prepared(),
                moved(60, 1, &own, 60),
                vec![call(second_of(3_600), "DisableKey", 1, json!({}))],
                vec![],
            ],
            &["medium"],
        ),
        (
            "of the organisation",
            [prepared(), moved(60, 1, &partner, 60), end(), vec![]],
            &["high"],
        ),
        (
            "very many",
            [prepared(), moved(700, 1, &own, 60), end(), vec![]],
            &["high"],
        ),
        (
            "of two keys, one of which is disabled",
            [
                prepared(),
                [moved(60, 1, &own, 60), moved(60, 3, &own, 200)].concat(),
                end(),
                vec![call(second_of(3_700), "DisableKey", 3, json!({}))],
            ],
            &["high"],
        ),
        (
            "whose policy is narrowed before it goes",
            [
                vec![put_policy(1, LOCKS_OUT, 0)],
                moved(60, 1, &own, 60),
                end(),
                vec![],
            ],
            &["high"],
        ),
        (
            "made for it",
            [
                [made(DELEGATES), prepared()].concat(),
                moved(60, 1, &own, 60),
                end(),
                vec![],
            ],
            &["high"],
        ),
        (
            "of a stranger",
            [prepared(), moved(60, 1, &foreign, 60), end(), vec![]],
            critical,
        ),
        (
            "some of a stranger",
            [
                prepared(),
                [moved(60, 1, &own, 60), moved(5, 1, &foreign, 200)].concat(),
                end(),
                vec![],
            ],
            critical,
        ),
        (
            "destroyed too",
            [
                prepared(),
                moved(60, 1, &own, 60),
                end(),
                vec![retired(2, 3_700)],
            ],
            critical,
        ),
        (
            "destroyed alone",
            [
                prepared(),
                moved(60, 1, &own, 60),
                vec![],
                vec![retired(2, 3_700)],
            ],
            critical,
        ),
        (
            "destroyed on the next day",
            [
                prepared(),
                moved(60, 1, &own, 60),
                end(),
                vec![retired(2, 20 * 3_600)],
            ],
            &["high", "critical"],
        ),
        (
            "destroyed on the next day by another hand",
            [
                prepared(),
                moved(60, 1, &own, 60),
                end(),
                by_mallory(retired(2, 20 * 3_600)),
            ],
            &["high", "critical"],
        ),
        (
            "taken from its owner on the next day by another hand",
            [
                prepared(),
                moved(60, 1, &own, 60),
                end(),
                by_mallory(put_policy(2, LOCKS_OUT, 20 * 3_600)),
            ],
            &["high", "critical"],
        ),
        (
            "given another policy on the next day by another hand",
            [
                prepared(),
                moved(60, 1, &own, 60),
                end(),
                by_mallory(put_policy(2, DELEGATES, 20 * 3_600)),
            ],
            &["high"],
        ),
        (
            "back and forth",
            [
                prepared(),
                [moved(60, 1, &own, 60), moved(60, 2, &key_arn(1), 200)].concat(),
                end(),
                vec![retired(2, 3_700)],
            ],
            critical,
        ),
        (
            "to the key itself",
            [prepared(), moved(60, 1, &key_arn(1), 60), end(), vec![]],
            critical,
        ),
        (
            "taken from its owner",
            [
                vec![put_policy(2, LOCKS_OUT, 0)],
                moved(60, 1, &own, 60),
                end(),
                vec![],
            ],
            critical,
        ),
        (
            "never its owner's",
            [
                [made(LOCKS_OUT), vec![put_policy(3, DELEGATES, 0)]].concat(),
                moved(60, 1, &own, 60),
                end(),
                vec![],
            ],
            critical,
        ),
        (
            "denied to all but one since it was made",
            [
                [made(&shut), vec![put_policy(3, DELEGATES, 0)]].concat(),
                moved(60, 1, &own, 60),
                end(),
                vec![],
            ],
            critical,
        ),
        (
            "denied to all but one by another hand",
            [
                vec![put_policy(3, DELEGATES, 0)],
                moved(60, 1, &own, 60),
                end(),
                by_mallory(put_policy(2, &shut, 3_700)),
            ],
            critical,
        ),
        (
            "with material from outside",
            [
                [
                    vec![call(second_of(-2 * DAY), "ImportKeyMaterial", 2, lasting())],
                    prepared(),
                ]
                .concat(),
                moved(60, 1, &own, 60),
                end(),
                vec![],
            ],
            critical,
        ),
        (
            "and no old copies",
            [
                prepared(),
                moved(60, 1, &own, 60),
                end(),
                vec![delete_snapshot(3_700)],
            ],
            critical,
        ),
        (
            "and another key goes",
            [
                prepared(),
                moved(60, 1, &own, 60),
                end(),
                vec![retired(5, 3_700)],
            ],
            critical,
        ),
        (
            "as a state machine does",
            [prepared(), through_states(), end(), vec![]],
            critical,
        ),
    ];
    for (what, records, expected) in cases {
        check("ransom-chain", what, &records.concat(), expected);
    }
    let besides = [
        prepared(),
        moved(60, 1, &own, 60),
        many(60, "GenerateDataKey", 4, 200, 1),
        end(),
    ];
    let besides = besides.concat();
    check("ransom-chain", "and more is encrypted", &besides, critical);
    // A migration that goes on over midnight hides no ransom of the day behind it.
    let mut behind = [prepared(), moved(60, 1, &own, 60), end()].concat();
    behind.push(call(second_of(16 * 3_600), "DisableKey", 1, json!({})));
    let next = 25 * 3_600;
    behind.push(call(second_of(next), "ImportKeyMaterial", 4, lasting()));
    behind.extend(many(60, "GenerateDataKey", 4, next + 60, 1));
    behind.push(delete_snapshot(next + 3_600));
    let both = &["high", "critical"];
    check("ransom-chain", "a ransom behind it", &behind, both);
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
    let cases: [(&str, Vec<Value>, &[&str]); 9] = [
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
            "a sweep late the evening before the one that counts",
            [
                sweep(midnight - 1_800).collect(),
                sweep(DAY).collect(),
                burst(30, 2 * DAY - 3_600),
            ]
            .concat(),
            &["critical"],
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

#[test]
fn an_estimate_is_called_one() {
    for (count, mark) in [(100, ""), (400, "≈")] {
        let mut records = many(20, "Decrypt", 11, -20 * DAY, DAY);
        for key in 0..7 {
            records.push(call(
                second_of(20 * i64::from(key)),
                "Decrypt",
                key,
                refused(),
            ));
        }
        records.extend((0..count).map(|number| {
            let mut one = call(second_of(900 + number), "Decrypt", 10, json!({}));
            one["eventID"] = json!(format!("burst{number}"));
            one
        }));
        let findings = findings_over(lines(&records).as_bytes());
        let chain = findings
            .iter()
            .find(|one| one.rule == "theft-chain")
            .unwrap();
        let words = format!("then made {mark}");
        let rest = chain.title.split(&words).nth(1);
        let is_number = rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        assert!(is_number, "{}", chain.title);
        let is_told = chain.evidence.iter().any(|it| it.feature == "estimate");
        assert_eq!(is_told, !mark.is_empty(), "{}", summary(&findings));
    }
}

#[test]
fn a_look_is_a_habit_when_it_was_made_on_three_days_and_is_as_large() {
    let look = |day: i64, name: &str, keys: u8| -> Vec<Value> {
        let calls = (0..keys.max(10)).map(|number| {
            let at = second_of(day * DAY + i64::from(number));
            let mut look = call(at, name, 20 + number % keys, json!({}));
            look["eventID"] = json!(format!("{day} {number} {name}"));
            look
        });
        calls.collect()
    };
    let known = || many(20, "Decrypt", 11, -20 * DAY, DAY);
    let days = |from: i64, name: &str, keys: u8| -> Vec<Value> {
        (from..0).flat_map(|day| look(day, name, keys)).collect()
    };
    let theft = |keys: u8| {
        let mut records = [known(), look(0, "GetKeyPolicy", keys)].concat();
        records.extend(many(30, "Decrypt", 10, 7_200, 10));
        records
    };
    let cases: [(&str, Vec<Value>, &[&str]); 7] = [
        ("never before", theft(30), &["critical"]),
        (
            "one look around",
            [look(-2, "DescribeKey", 2), theft(30)].concat(),
            &["critical"],
        ),
        (
            "one just like it",
            [look(-2, "GetKeyPolicy", 30), theft(30)].concat(),
            &["critical"],
        ),
        (
            "a nightly plan",
            [days(-3, "GetKeyPolicy", 30), theft(30)].concat(),
            &[],
        ),
        (
            "a plan that has grown",
            [days(-9, "GetKeyPolicy", 16), theft(30)].concat(),
            &[],
        ),
        (
            "far more than the plan",
            [days(-9, "GetKeyPolicy", 14), theft(30)].concat(),
            &["critical"],
        ),
        (
            "a scanner that reads no policies",
            [days(-9, "DescribeKey", 30), theft(30)].concat(),
            &["critical"],
        ),
    ];
    for (what, records, expected) in cases {
        check("theft-chain", what, &records, expected);
    }
    // Of a handful at a time a habit is no leave to look at all keys in a day.
    let handfuls = |looks: u8| -> usize {
        let small = (-9..0).flat_map(|day| look(day, "DescribeKey", 2));
        let pauses = (0..looks).flat_map(|run| {
            (0..10_i64).map(move |number| {
                let at = second_of(i64::from(run) * 3_000 + number);
                let key = 20 + 7 * run + (number % 7) as u8;
                let mut look = call(at, "DescribeKey", key, json!({}));
                look["eventID"] = json!(format!("{run} {number} handful"));
                look
            })
        });
        let records: Vec<Value> = known().into_iter().chain(small).chain(pauses).collect();
        let findings = findings_over(lines(&records).as_bytes());
        let of_today = findings.iter().filter(|finding| {
            let is_sweep = finding.rule == "discovery-sweep";
            is_sweep && finding.last_seen.to_string() >= second_of(0)
        });
        of_today.count()
    };
    assert_eq!(handfuls(3), 0);
    assert_eq!(handfuls(10), 1);
    // Who scans every night is told of on its first days, as one finding.
    let nightly = [known(), days(-15, "GetKeyPolicy", 30)].concat();
    let findings = findings_over(lines(&nightly).as_bytes());
    let told: Vec<(&str, u64)> = findings
        .iter()
        .map(|finding| (finding.rule.as_str(), finding.count))
        .collect();
    assert_eq!(told, [("discovery-sweep", 90)], "{}", summary(&findings));
}

#[test]
fn a_change_lets_in_whom_and_for_what_it_may() {
    const IAM: &str = "iam.amazonaws.com";
    let deny = r#"{"Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}"#;
    let open = r#"{"Statement":{"Effect":"Allow","Action":"kms:Decrypt","Resource":"*"}}"#;
    let iam = |name: &str, request: Value| service(at(5), IAM, name, request);
    let grant_to = |user: &str| {
        let grantee = format!("arn:aws:iam::111122223333:{user}");
        let more = json!({"requestParameters": {"keyId": key_arn(1), "granteePrincipal": grantee, "operations": ["Decrypt"]},
            "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/admin", "accountId": "111122223333"}});
        call(at(5), "CreateGrant", 1, more)
    };
    let fires = &["high"][..];
    for (what, change, expected) in [
        ("a grant", grant_to("user/eve"), fires),
        ("a grant to all", grant_to("root"), fires),
        ("a grant to another", grant_to("role/other"), &[]),
        (
            "a policy of her own",
            iam(
                "PutUserPolicy",
                json!({"userName": "eve", "policyDocument": deny}),
            ),
            fires,
        ),
        (
            "a policy of nobody",
            iam(
                "CreatePolicy",
                json!({"policyName": "p", "policyDocument": open}),
            ),
            &[],
        ),
        (
            "a version",
            iam(
                "CreatePolicyVersion",
                json!({"policyDocument": open, "setAsDefault": true}),
            ),
            fires,
        ),
        (
            "a version of another service",
            iam(
                "CreatePolicyVersion",
                json!({"policyDocument": deny, "setAsDefault": true}),
            ),
            &[],
        ),
        (
            "a version that is not in force",
            iam(
                "CreatePolicyVersion",
                json!({"policyDocument": open, "setAsDefault": false}),
            ),
            &[],
        ),
        (
            "a version that is not shown",
            service(at(5), IAM, "CreatePolicyVersion", json!(null)),
            fires,
        ),
        (
            "a group's policy",
            iam(
                "PutGroupPolicy",
                json!({"groupName": "g", "policyDocument": open}),
            ),
            fires,
        ),
        (
            "another role's group",
            iam("AttachRolePolicy", json!({"roleName": "eve"})),
            &[],
        ),
        (
            "a policy taken off",
            iam("DetachUserPolicy", json!({"userName": "eve"})),
            fires,
        ),
        (
            "a policy taken off another",
            iam("DetachUserPolicy", json!({"userName": "bob"})),
            &[],
        ),
        (
            "a policy deleted",
            iam("DeleteUserPolicy", json!({"userName": "eve"})),
            fires,
        ),
        (
            "a role's policy deleted",
            iam("DeleteRolePolicy", json!({"roleName": "app"})),
            &[],
        ),
        (
            "a group's policy deleted",
            iam("DeleteGroupPolicy", json!({"groupName": "g"})),
            fires,
        ),
        (
            "a group left",
            iam(
                "RemoveUserFromGroup",
                json!({"groupName": "g", "userName": "eve"}),
            ),
            fires,
        ),
        (
            "a wider boundary",
            iam("PutUserPermissionsBoundary", json!({"userName": "eve"})),
            fires,
        ),
        (
            "a version that nobody uses",
            iam("DeletePolicyVersion", json!({"policyArn": "p"})),
            &[],
        ),
    ] {
        let records = [
            call(at(0), "Decrypt", 1, refused()),
            change,
            call(at(10), "Decrypt", 1, json!({})),
        ];
        check("denied-then-allowed", what, &records, expected);
    }
}

#[test]
fn what_was_refused_is_what_succeeds() {
    let change = || put_policy(1, DELEGATES, 300);
    let made = |minute, name| call(at(minute), name, 1, json!({}));
    let refused_to = |name| call(at(0), name, 1, refused());
    // Something else is refused later, and let in then.
    let later = || {
        [
            call(at(40), "GenerateMac", 1, refused()),
            put_policy(1, DELEGATES, 2_700),
        ]
    };
    for (what, records, expected) in [
        (
            "alike",
            vec![refused_to("ReEncrypt"), change(), made(10, "Decrypt")],
            &["high"][..],
        ),
        (
            "data keys",
            vec![
                refused_to("GenerateDataKey"),
                change(),
                made(10, "GenerateDataKeyWithoutPlaintext"),
            ],
            &["high"],
        ),
        (
            "otherwise",
            vec![refused_to("GenerateDataKey"), change(), made(10, "Decrypt")],
            &[],
        ),
        (
            "all the time",
            vec![
                refused_to("Decrypt"),
                made(2, "Decrypt"),
                change(),
                made(10, "Decrypt"),
            ],
            &[],
        ),
        (
            "before something else is refused",
            [refused_to("Decrypt"), change(), made(10, "Decrypt")]
                .into_iter()
                .chain(later())
                .collect(),
            &["high"],
        ),
        (
            "long after something else was refused",
            [refused_to("Decrypt"), change()]
                .into_iter()
                .chain(later())
                .chain([made(90, "GenerateMac")])
                .collect(),
            &["high"],
        ),
        (
            "something else all the time",
            vec![
                refused_to("Decrypt"),
                made(2, "Encrypt"),
                change(),
                made(10, "Decrypt"),
            ],
            &["high"],
        ),
    ] {
        check("denied-then-allowed", what, &records, expected);
    }
}

/// A tool makes a key and grants it to itself within one second, and the ids of the two records are in any order.
#[test]
fn what_makes_a_key_comes_first_of_its_second() {
    let with_id = |mut record: Value, id: &str| {
        record["eventID"] = json!(id);
        record
    };
    let to_self = || grant(EVE, &["Decrypt"]);
    let made = |id| with_id(call(at(0), "CreateKey", 1, policy(DELEGATION)), id);
    let granted = |id| with_id(call(at(0), "CreateGrant", 1, to_self()), id);
    let used = || call(at(1), "Decrypt", 1, json!({}));
    let rule = "self-grant-use";
    check(rule, "made first", &[made("a"), granted("b"), used()], &[]);
    check(
        rule,
        "granted first",
        &[made("b"), granted("a"), used()],
        &[],
    );
    let other = with_id(call(at(0), "CreateKey", 2, policy(DELEGATION)), "b");
    let of_other = [other, granted("a"), used()];
    check(rule, "another key", &of_other, &["high"]);
    let mut by_ana = made("b");
    by_ana["userIdentity"]["arn"] = json!("arn:aws:iam::111122223333:user/ana");
    let made_by_ana = [by_ana, granted("a"), used()];
    check(rule, "somebody else's key", &made_by_ana, &["high"]);
}

/// What an old key encrypted, its new replica opens.
#[test]
fn a_replica_of_an_old_key_is_no_new_key() {
    let rule = "self-grant-use";
    let replica = MULTI_REGION.replace("us-west-2", "us-east-1");
    let made = |minute, arn: &str, kind: &str| {
        let answer = json!({"keyMetadata": {"arn": arn, "multiRegion": true,
            "multiRegionConfiguration": {"multiRegionKeyType": kind}}});
        let more = json!({"requestParameters": {"policy": format!(r#"{{"Statement":[{DELEGATION}]}}"#)},
            "responseElements": answer, "resources": [{"ARN": arn}]});
        call(at(minute), "CreateKey", u8::from(kind == "REPLICA"), more)
    };
    let on_replica = |minute, name, mut more: Value| {
        more["resources"] = json!([{"ARN": replica}]);
        more["awsRegion"] = json!("us-east-1");
        call(at(minute), name, 1, more)
    };
    let within = |primary_made_at| {
        [
            made(primary_made_at, MULTI_REGION, "PRIMARY"),
            made(10, &replica, "REPLICA"),
            on_replica(11, "CreateGrant", grant(EVE, &["Decrypt"])),
            on_replica(12, "Decrypt", json!({})),
        ]
    };
    check(rule, "a deploy of both", &within(0), &[]);
    check(rule, "a replica of an old key", &within(-90), &["high"]);
    check(rule, "of a key from before", &within(0)[1..], &["high"]);
}

/// What a pipeline sets up is refused at first.
#[test]
fn a_repair_by_whoever_always_deploys_is_medium() {
    let day = |number: u32| format!("2024-03-{number:02}T09");
    let by = |user: &str, mut call: Value| {
        call["userIdentity"]["arn"] = json!(format!("arn:aws:iam::111122223333:user/{user}"));
        call["eventID"] = json!(format!("{}{user}{}", call["eventID"], call["eventName"]));
        call
    };
    let put = |time: String, user: &str, of: &str| {
        let request = json!({"userName": of, "policyName": "kms"});
        let more = json!({"eventSource": "iam.amazonaws.com", "requestParameters": request, "resources": []});
        by(user, record(&time, "PutUserPolicy", 0, more))
    };
    let decrypt =
        |time: String, user: &str, more: Value| by(user, record(&time, "Decrypt", 1, more));
    for (history, other, used_before, changer, expected) in [
        (&[1][..], "iam", false, "deploy", "medium"),
        (&[1], "iam", true, "deploy", "high"),
        (&[1, 2, 3], "iam", true, "deploy", "medium"),
        // Who never did so, whose habit is another, and who let themselves in.
        (&[], "iam", false, "deploy", "high"),
        (&[1, 2, 3], "grants", false, "deploy", "high"),
        (&[1, 2, 3], "iam", true, "app", "high"),
    ] {
        let mut records: Vec<Value> = history
            .iter()
            .map(|number| match other {
                "iam" => put(format!("{}:00:00Z", day(*number)), changer, "other"),
                _ => {
                    let request = json!({"granteePrincipal": "arn:aws:iam::111122223333:user/other", "operations": ["Encrypt"]});
                    let grant = json!({"requestParameters": request});
                    by(changer, record(&format!("{}:00:00Z", day(*number)), "CreateGrant", 2, grant))
                }
            })
            .collect();
        if used_before {
            records.push(decrypt(format!("{}:00:00Z", day(2)), "app", json!({})));
        }
        let refused = json!({"errorCode": "AccessDenied"});
        records.push(decrypt(format!("{}:00:00Z", day(9)), "app", refused));
        records.push(put(format!("{}:05:00Z", day(9)), changer, "app"));
        records.push(decrypt(format!("{}:10:00Z", day(9)), "app", json!({})));
        let findings = findings_over(lines(&records).as_bytes());
        let severities: Vec<&str> = findings
            .iter()
            .filter(|finding| finding.rule == "denied-then-allowed")
            .map(|finding| finding.severity.as_str())
            .collect();
        assert_eq!(
            severities,
            [expected],
            "{history:?} {other} {used_before} {changer}"
        );
    }
}

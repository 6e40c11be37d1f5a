//! What goes on in an episode after its first moment: something harmless must not hide what follows.

use keytrail_detect::bounds::EPISODE_FACTS_MAX;
use keytrail_detect::finding::Finding;
use serde_json::{Value, json};

use super::calls::*;
use super::{findings_over, key_arn, lines, record};

/// The findings of one rule over these records.
fn found(rule: &str, records: &[Value]) -> Vec<Finding> {
    let mut findings = findings_over(lines(records).as_bytes());
    findings.retain(|finding| finding.rule == rule);
    findings
}

fn says(finding: &Finding, words: &str) -> bool {
    let evidence = finding.evidence.iter().map(|evidence| &evidence.text);
    let mut said = evidence.chain(&finding.next_steps).chain([&finding.title]);
    said.any(|text| text.contains(words))
}

fn statement(principal: &str, actions: &str) -> String {
    format!(
        r#"{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":"{actions}","Resource":"*"}}"#
    )
}

#[test]
fn a_second_party_is_a_finding_of_its_own() {
    let put = |minute, more: &[String]| {
        let statements = [&[DELEGATION.to_owned()], more].concat().join(",");
        call(at(minute), "PutKeyPolicy", 1, policy(&statements))
    };
    let little = statement("arn:aws:iam::999988887777:root", "kms:Encrypt");
    let more = statement("arn:aws:iam::999988887777:root", "kms:Decrypt");
    let other = statement("arn:aws:iam::666655554444:root", "kms:*");
    let opened = found(
        "policy-external",
        &[
            put(0, &[]),
            put(1, std::slice::from_ref(&little)),
            put(2, &[little.clone(), other]),
            put(3, &[]),
            put(4, &[more]),
        ],
    );
    assert_eq!(opened.len(), 3, "{opened:#?}");
    assert!(opened.iter().any(|finding| says(finding, "666655554444")));
    // What is opened and closed again and again is one.
    let flaps: Vec<Value> = (0..10)
        .map(|minute| {
            put(
                minute,
                if minute % 2 == 0 {
                    &[]
                } else {
                    std::slice::from_ref(&little)
                },
            )
        })
        .collect();
    let flapping = found("policy-external", &flaps);
    assert_eq!((flapping.len(), flapping[0].count), (1, 5));
}

#[test]
fn what_is_opened_wider_after_it_was_closed_is_a_finding_of_its_own() {
    let put = |minute, actions: &str| {
        let open =
            format!(r#"{{"Effect":"Allow","Principal":"*","Action":"{actions}","Resource":"*"}}"#);
        call(at(minute), "PutKeyPolicy", 1, policy(&open))
    };
    let open = found(
        "policy-public",
        &[put(0, "kms:Encrypt"), put(1, "kms:List*"), put(2, "kms:*")],
    );
    assert_eq!(open.len(), 2, "{open:#?}");
    assert!(open.iter().any(|finding| says(finding, "administration")));
}

#[test]
fn each_grantee_and_each_thing_granted_is_told() {
    let grant = |minute: i64, grantee: &str, operations: Value, id: u64| {
        let more = json!({
            "requestParameters": {"keyId": key_arn(1), "granteePrincipal": grantee, "operations": operations},
            "responseElements": {"grantId": format!("{id:064x}")},
        });
        call(at(minute), "CreateGrant", 1, more)
    };
    let [a, b] = ["a", "b"].map(|role| format!("arn:aws:iam::999988887777:role/{role}"));
    let session = |n: u64| format!("arn:aws:sts::999988887777:assumed-role/job/{n}");
    let told = found(
        "grant-external",
        &[
            grant(0, &a, json!(["DescribeKey"]), 1),
            grant(1, &b, json!(["Decrypt", "CreateGrant"]), 2),
            grant(2, &a, json!(["Decrypt"]), 3),
        ],
    );
    assert_eq!(told.len(), 3, "{told:#?}");
    // The same again, by many sessions of one role, is one finding, whose steps revoke each grant.
    let grants: Vec<Value> = (0..3)
        .map(|n| grant(n as i64, &session(n), json!(["Decrypt"]), 10 + n))
        .collect();
    let told = found("grant-external", &grants);
    assert_eq!((told.len(), told[0].count), (1, 3));
    for n in 0..3 {
        assert!(
            says(&told[0], &format!("--grant-id {:064x}", 10 + n)),
            "{told:#?}"
        );
    }
}

#[test]
fn the_deadline_is_that_of_the_last_schedule() {
    let schedule = |time, days: u64| {
        let more = json!({
            "requestParameters": {"keyId": key_arn(1), "pendingWindowInDays": days},
            "responseElements": {"keyState": "PendingDeletion"},
        });
        record(time, "ScheduleKeyDeletion", 1, more)
    };
    let used = record("2024-03-05T08:00:00Z", "Decrypt", 1, json!({}));
    let cancelled = record("2024-03-05T10:00:00Z", "CancelKeyDeletion", 1, json!({}));
    let findings = found(
        "key-deletion-scheduled",
        &[
            used,
            schedule("2024-03-05T09:00:00Z", 30),
            cancelled,
            schedule("2024-03-05T11:00:00Z", 7),
        ],
    );
    assert_eq!((findings.len(), findings[0].count), (1, 2));
    assert!(says(&findings[0], "2024-03-12T11:00:00Z"), "{findings:#?}");
    assert!(!says(&findings[0], "2024-04-04"), "{findings:#?}");
}

#[test]
fn a_deletion_that_was_cancelled_has_no_deadline() {
    let scheduled = record(
        "2024-03-05T09:00:00Z",
        "ScheduleKeyDeletion",
        1,
        json!({"responseElements": {"keyState": "PendingDeletion"}}),
    );
    let ann = json!({"userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ann", "accountId": "111122223333"}});
    let cancelled = |time| record(time, "CancelKeyDeletion", 1, ann.clone());
    let soon = cancelled("2024-03-05T09:02:00Z");
    let findings = found("key-deletion-scheduled", &[scheduled.clone(), soon]);
    let [finding] = &*findings else {
        panic!("{findings:#?}");
    };
    assert!(says(
        finding,
        "user/ann cancelled it at 2024-03-05T09:02:00Z"
    ));
    assert!(!says(finding, "cancel-key-deletion"), "{finding:#?}");
    // It is told, and is no event of the problem: it must not outlast an expected window, nor open what was resolved.
    assert_eq!((finding.severity.as_str(), finding.count), ("medium", 1));
    assert_eq!(finding.last_seen, finding.first_seen);
    // Much later it is no part of the finding any more, and no finding of its own.
    let late = cancelled("2024-03-15T09:02:00Z");
    let findings = found("key-deletion-scheduled", &[scheduled, late]);
    assert_eq!((findings.len(), findings[0].count), (1, 1));
}

#[test]
fn the_larger_wave_stands_whichever_came_first() {
    let wave = |minute: i64, name: &str, keys: std::ops::Range<u8>| -> Vec<Value> {
        keys.map(|key| call(at(minute), name, key, json!({})))
            .collect()
    };
    let day = 1_440;
    for (first, second) in [(0, day), (day, 0)] {
        let records = [
            wave(first, "DisableKey", 0..3),
            wave(second, "ScheduleKeyDeletion", 10..40),
        ];
        let findings = found("key-deletion-bulk", &records.concat());
        let [finding] = &*findings else {
            panic!("{findings:#?}");
        };
        assert!(says(finding, "took 30 keys away"), "{finding:#?}");
        assert!(says(finding, "ScheduleKeyDeletion on"), "{finding:#?}");
        assert!(says(finding, "DisableKey on"), "{finding:#?}");
        assert!(says(finding, "aws kms cancel-key-deletion"), "{finding:#?}");
        assert!(says(finding, "aws kms enable-key"), "{finding:#?}");
    }
    let refused_on = |minute: i64, keys: std::ops::Range<u8>| -> Vec<Value> {
        keys.map(|key| call(at(minute), "Decrypt", key, refused()))
            .collect()
    };
    let sweeps = found(
        "denied-sweep",
        &[
            refused_on(0, 0..6),
            refused_on(day, 10..30),
            refused_on(2 * day, 40..50),
        ]
        .concat(),
    );
    assert_eq!((sweeps.len(), sweeps[0].count), (1, 36));
    assert!(says(&sweeps[0], "20 keys were refused"), "{sweeps:#?}");
}

#[test]
fn root_is_told_of_all_it_called() {
    let root = json!({"userIdentity": {"type": "Root", "arn": "arn:aws:iam::111122223333:root", "accountId": "111122223333"}});
    let calls = ["Encrypt", "Decrypt", "Encrypt", "PutKeyPolicy"];
    let records: Vec<Value> = (0..)
        .zip(calls)
        .map(|(minute, name)| call(at(minute), name, 1, root.clone()))
        .collect();
    let findings = found("root-used", &records);
    assert!(
        findings.iter().any(|finding| says(finding, "PutKeyPolicy")),
        "{findings:#?}"
    );
}

#[test]
fn what_is_added_is_bounded_and_the_bound_is_told() {
    let tags = |minute| {
        let more = json!({"requestParameters": {"keyId": key_arn(1), "tags": [{"tagKey": format!("key {minute}"), "tagValue": "x"}]}});
        call(at(minute), "TagResource", 1, more)
    };
    let records: Vec<Value> = (0..40).map(tags).collect();
    let findings = found("tags-changed", &records);
    let [finding] = &*findings else {
        panic!("{findings:#?}");
    };
    let told = finding
        .evidence
        .iter()
        .filter(|evidence| evidence.feature == "tags");
    assert_eq!(told.count(), EPISODE_FACTS_MAX);
    let bounds = finding
        .evidence
        .iter()
        .filter(|evidence| evidence.feature == "bound");
    assert_eq!(bounds.count(), 1);
}

/// A finding over grants tells which of them were ended, by whom; an end alone is no finding.
#[test]
fn the_end_of_a_grant_is_told_with_its_finding() {
    let id = |n: u8| format!("{n:064x}");
    let made = |minute, grantee: &str, operations: Value, n| {
        let more = json!({
            "requestParameters": {"keyId": key_arn(1), "granteePrincipal": grantee, "operations": operations},
            "responseElements": {"grantId": id(n)},
        });
        call(at(minute), "CreateGrant", 1, more)
    };
    let ana = json!({"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ana", "accountId": "111122223333"});
    let revoked = |minute, n| {
        let request = json!({"keyId": key_arn(1), "grantId": id(n)});
        call(
            at(minute),
            "RevokeGrant",
            1,
            json!({"requestParameters": request, "userIdentity": ana}),
        )
    };
    let retired = |minute, n| {
        let more = json!({"requestParameters": null, "additionalEventData": {"grantId": id(n)}, "userIdentity": ana});
        call(at(minute), "RetireGrant", 1, more)
    };
    let abroad = "arn:aws:iam::999988887777:role/a";
    let home = "arn:aws:iam::111122223333:role/b";
    for (rule, grantee, operations) in [
        ("grant-external", abroad, json!(["Decrypt"])),
        ("grant-broad", home, json!(["Decrypt"])),
        ("grant-delegable", home, json!(["Decrypt", "CreateGrant"])),
    ] {
        let make = |minute, n| made(minute, grantee, operations.clone(), n);
        let kept = &found(rule, &[make(0, 1), make(1, 2)])[0];
        let records = [make(0, 1), make(1, 2), revoked(60, 1), retired(3_000, 2)];
        let told = found(rule, &records);
        assert_eq!(told.len(), 1, "{rule}: {told:#?}");
        for (name, n) in [("RevokeGrant", 1), ("RetireGrant", 2)] {
            let words = format!("{name} by arn:aws:iam::111122223333:user/ana at ");
            assert!(says(&told[0], &words), "{rule}: {told:#?}");
            assert!(says(&told[0], &format!(", {}", id(n))), "{rule}: {told:#?}");
        }
        // All else is as if it had not ended.
        let undone = |finding: &Finding| {
            let mut finding = finding.clone();
            finding.evidence.retain(|it| it.feature != "undone");
            finding
        };
        assert_eq!(undone(&told[0]), *kept, "{rule}");
        let mut turned = records.to_vec();
        turned.reverse();
        assert_eq!(found(rule, &turned), told, "{rule}");
        let unseen = found(rule, &[revoked(60, 1)]);
        assert!(unseen.is_empty(), "{rule}: {unseen:#?}");
        let another = found(rule, &[make(0, 1), revoked(60, 3)]);
        assert!(
            !says(&another[0], "ended the grant"),
            "{rule}: {another:#?}"
        );
        let mut refused = revoked(60, 1);
        refused["errorCode"] = json!("AccessDenied");
        let refused = found(rule, &[make(0, 1), refused]);
        assert!(
            !says(&refused[0], "ended the grant"),
            "{rule}: {refused:#?}"
        );
    }
}

/// Who puts the policy before back need not be who changed it; whatever else is changed undoes nothing.
#[test]
fn a_policy_that_is_put_back_is_told_with_its_findings() {
    let put = |minute, more: &[&str], by: &str| {
        let statements = [&[DELEGATION], more].concat().join(",");
        let mut put = call(at(minute), "PutKeyPolicy", 1, policy(&statements));
        put["userIdentity"]["arn"] = json!(format!("arn:aws:iam::111122223333:user/{by}"));
        put
    };
    let guard =
        r#"{"Effect":"Deny","Principal":"*","Action":"kms:ScheduleKeyDeletion","Resource":"*"}"#;
    let own = r#"{"Effect":"Deny","Principal":"*","Action":"kms:PutKeyPolicy","Resource":"*","Condition":{"StringNotLike":{"aws:userid":"AIDAEXAMPLEEXAMPLE12"}}}"#;
    let abroad = statement("arn:aws:iam::999988887777:root", "kms:Decrypt");
    let everyone = r#"{"Effect":"Allow","Principal":"*","Action":"kms:Decrypt","Resource":"*"}"#;
    let words = format!(
        "PutKeyPolicy by arn:aws:iam::111122223333:user/ana at {} gave the key the policy of {} again",
        at(4_000),
        at(0)
    );
    for (rule, changed) in [
        ("policy-weakened", &[][..]),
        ("policy-external", &[guard, abroad.as_str()]),
        ("policy-public", &[guard, everyone]),
        ("policy-lockout", &[guard, own]),
    ] {
        let first = [put(0, &[guard], "rose"), put(10, changed, "eve")];
        let with = |more: Value| found(rule, &[&first[..], &[more]].concat());
        let told = with(put(4_000, &[guard], "ana"));
        assert_eq!(told.len(), 1, "{rule}: {told:#?}");
        assert!(says(&told[0], &words), "{rule}: {told:#?}");
        assert_eq!(told[0].count, 1);
        let otherwise = with(put(4_000, &[guard, guard, TO_NOBODY], "ana"));
        assert!(!says(&otherwise[0], "again"), "{rule}: {otherwise:#?}");
        // Over a policy in between, and on another key.
        let between = put(2_000, &[guard, TO_NOBODY], "eve");
        let told = found(
            rule,
            &[&first[..], &[between, put(4_000, &[guard], "ana")]].concat(),
        );
        assert!(says(&told[0], &words), "{rule}: {told:#?}");
        let mut other_key = put(4_000, &[guard], "ana");
        other_key["requestParameters"]["keyId"] = json!(key_arn(2));
        other_key["resources"] = json!([{"ARN": key_arn(2)}]);
        let told = with(other_key);
        assert!(!says(&told[0], "again"), "{rule}: {told:#?}");
    }
    // What is in force again is not undone by that.
    let back_to_weak = [
        put(0, &[guard], "rose"),
        put(10, &[], "eve"),
        put(20, &[TO_NOBODY], "ana"),
        put(4_000, &[], "eve"),
    ];
    let told = found("policy-weakened", &back_to_weak);
    assert_eq!((told.len(), told[0].count), (1, 1), "{told:#?}");
    assert!(!says(&told[0], "again"), "{told:#?}");
    // Whoever puts it back changed the policy as well.
    let back = [
        put(0, &[guard], "rose"),
        put(10, &[guard, abroad.as_str()], "eve"),
        put(20, &[guard], "ana"),
    ];
    let changed = found("policy-changed", &back);
    assert!(
        changed.iter().any(|finding| says(finding, "user/ana")
            || finding
                .principal
                .as_deref()
                .is_some_and(|by| by.ends_with("user/ana"))),
        "{changed:#?}"
    );
}

/// A statement that lets nobody in who matters.
const TO_NOBODY: &str = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/nobody"},"Action":"kms:ListGrants","Resource":"*"}"#;

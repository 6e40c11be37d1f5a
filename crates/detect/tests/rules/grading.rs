//! The same call weighs less where history shows that it changes little, and while there is no history.

use keytrail_detect::configuration::Configuration;
use serde_json::{Value, json};

use super::{findings_under, key_arn, lines, record, told};

const FOREIGN: &str = "arn:aws:kms:us-west-2:444455556666:key/00000009-12ab-34cd-56ef-1234567890ab";

/// The severities of a rule's findings over these records, by time, where no organisation is configured.
fn severities(rule: &str, records: &[Value]) -> Vec<&'static str> {
    let findings = findings_under(&Configuration::default(), lines(records).as_bytes());
    let of_rule = findings.iter().filter(|finding| finding.rule == rule);
    of_rule.map(|finding| finding.severity.as_str()).collect()
}

fn day(number: u32) -> String {
    format!("2024-03-{number:02}T09:00:00Z")
}

/// A use of key 7 on each of these days, so that the account is known.
fn days(from: u32, to: u32) -> Vec<Value> {
    (from..=to)
        .map(|number| record(&day(number), "Decrypt", 7, json!({})))
        .collect()
}

fn by_partner(number: u32) -> Value {
    let identity = json!({"type": "AWSAccount", "principalId": "AROAEXAMPLEPARTNER:x", "accountId": "444455556666"});
    record(
        &day(number),
        "Decrypt",
        1,
        json!({"userIdentity": identity}),
    )
}

#[test]
fn what_an_account_does_in_its_first_week_may_be_its_habit() {
    let rule = "cross-account-use";
    for (known_days, expected) in [(0, "low"), (6, "low"), (7, "medium")] {
        let mut records = days(1, known_days);
        records.push(by_partner(20));
        assert_eq!(severities(rule, &records), [expected], "{known_days}");
    }
    // Where it is said who belongs together, a stranger of the first day is a stranger.
    let mut configured = Configuration::default();
    let accounts = &mut configured.organisation.accounts;
    accounts.insert("777788889999".to_owned());
    let findings = findings_under(&configured, lines(&[by_partner(1)]).as_bytes());
    assert_eq!(findings[0].severity.as_str(), "medium");
}

#[test]
fn what_is_made_while_learning_says_so() {
    let findings = findings_under(
        &Configuration::default(),
        lines(&[by_partner(1)]).as_bytes(),
    );
    let features: Vec<_> = findings[0]
        .evidence
        .iter()
        .map(|evidence| evidence.feature.as_str())
        .collect();
    assert!(features.contains(&"learning"), "{features:?}");
}

#[test]
fn a_foreign_key_used_for_days_is_a_habit() {
    let encrypt = |number, name| {
        let request = json!({"keyId": FOREIGN, "destinationKeyId": FOREIGN});
        record(
            &day(number),
            name,
            1,
            json!({"requestParameters": request, "resources": [{"ARN": FOREIGN}]}),
        )
    };
    let rule = "reencrypt-foreign";
    let with = |mut records: Vec<Value>, more: Vec<Value>| {
        records.extend(more);
        severities(rule, &records)
    };
    let once = || vec![encrypt(20, "GenerateDataKey")];
    assert_eq!(with(days(1, 3), once()), ["low"]);
    assert_eq!(with(days(1, 9), once()), ["medium"]);
    // The habit of the first days goes on, as one finding.
    let habit = (1..=9)
        .map(|number| encrypt(number, "GenerateDataKey"))
        .collect();
    assert_eq!(with(days(1, 9), habit), ["low"]);
    // No habit excuses moving ciphertexts out.
    let moved = (1..=9).map(|number| encrypt(number, "ReEncrypt")).collect();
    assert_eq!(with(days(1, 9), moved), ["high"]);
}

#[test]
fn a_replica_that_a_stack_adds_to_an_old_key_is_low() {
    let key = "arn:aws:kms:us-west-2:111122223333:key/mrk-0000000112ab34cd56ef1234567890ab";
    let stack = |time: &str, name| {
        let identity = json!({"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/app/s", "accountId": "111122223333", "invokedBy": "cloudformation.amazonaws.com"});
        let more = json!({"requestParameters": {"keyId": key, "replicaRegion": "us-east-1"}, "resources": [{"ARN": key}], "userIdentity": identity});
        record(time, name, 1, more)
    };
    let (made, a_day, later) = (
        "2024-03-05T09:00:00Z",
        "2024-03-06T09:00:00Z",
        "2024-03-06T09:00:01Z",
    );
    let replicated = |time| stack(time, "ReplicateKey");
    let rule = "region-replicated";
    let after_making = |time| severities(rule, &[stack(made, "CreateKey"), replicated(time)]);
    assert!(after_making(a_day).is_empty());
    assert_eq!(after_making(later), ["low"]);
    assert_eq!(severities(rule, &[replicated(a_day)]), ["low"]);
}

#[test]
fn disabling_a_key_that_no_monthly_job_used_is_low() {
    let rule = "key-disabled";
    let on = |day: i64, name, key| {
        let start = keytrail_event::EventTime::parse("2024-01-01T09:00:00Z").unwrap();
        record(
            &start.plus_seconds(day * 86_400).to_string(),
            name,
            key,
            json!({}),
        )
    };
    for (known_days, created_on, used_on, expected) in [
        (35, None, None, "low"),
        (34, None, None, "medium"),
        (90, None, Some(65), "low"),
        (90, None, Some(66), "medium"),
        // A key that was never used since it was made has nothing to open.
        (9, Some(3), None, "low"),
        (9, Some(3), Some(70), "medium"),
    ] {
        let mut records: Vec<Value> = (0..known_days).map(|day| on(day, "Decrypt", 7)).collect();
        records.extend(created_on.map(|day| on(day, "CreateKey", 1)));
        records.extend(used_on.map(|day| on(day, "Decrypt", 1)));
        records.push(on(100, "DisableKey", 1));
        assert_eq!(
            severities(rule, &records),
            [expected],
            "{known_days} {created_on:?} {used_on:?}"
        );
    }
}

/// Whoever disables the key of a trail's logs stops the trail.
#[test]
fn disabling_the_key_of_a_trail_is_high() {
    let rule = "key-disabled";
    let trail =
        json!({"userIdentity": {"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"}});
    let used = |time| record(time, "GenerateDataKey", 1, trail.clone());
    let disabled = |key| record("2024-03-05T15:00:00Z", "DisableKey", key, json!({}));
    let lately = "2024-03-05T10:00:00Z";
    assert_eq!(severities(rule, &[used(lately), disabled(1)]), ["high"]);
    assert_eq!(severities(rule, &[used(lately), disabled(2)]), ["medium"]);
    let long_ago = used("2024-03-05T08:00:00Z");
    assert_eq!(severities(rule, &[long_ago, disabled(1)]), ["medium"]);
}

#[test]
fn a_refusal_without_its_request_is_one_low_attempt_of_a_person() {
    let refused = |name, minute: u32, key: u8, agent: &str, identity: &Value| {
        let message = format!(
            "User: x is not authorized to perform: kms:{name} on resource: {} because no identity-based policy allows it",
            key_arn(key)
        );
        let more = json!({"errorCode": "AccessDenied", "errorMessage": message, "requestParameters": null, "resources": [],
            "userAgent": agent, "userIdentity": identity});
        record(&format!("2024-03-05T09:0{minute}:00Z"), name, key, more)
    };
    let eve = json!({"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/eve", "accountId": "111122223333"});
    let through = |service: &str| json!({"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/app/s", "accountId": "111122223333", "invokedBy": service});
    for (rule, name) in [
        ("grant-broad", "CreateGrant"),
        ("policy-changed", "PutKeyPolicy"),
    ] {
        let check = |agent, identity: &Value, expected: &[(&str, u64)]| {
            let records = [1, 2, 3].map(|n| refused(name, n, n as u8, agent, identity));
            let findings = findings_under(&Configuration::default(), lines(&records).as_bytes());
            let expected: Vec<_> = expected
                .iter()
                .map(|(severity, count)| (rule, *severity, *count))
                .collect();
            assert_eq!(told(&findings), expected, "{agent} {identity}");
        };
        check("aws-cli/2.15.0", &eve, &[("low", 3)]);
        check("Terraform/1.7.0", &eve, &[]);
        for service in [
            "ec2.amazonaws.com",
            "cloudformation.amazonaws.com",
            "states.amazonaws.com",
        ] {
            check(service, &through(service), &[]);
        }
    }
}

#[test]
fn the_end_of_a_key_is_told_once() {
    let schedule = |number, window| {
        let request = json!({"keyId": key_arn(1), "pendingWindowInDays": window});
        record(
            &day(number),
            "ScheduleKeyDeletion",
            1,
            json!({"requestParameters": request}),
        )
    };
    let disable = |number| record(&day(number), "DisableKey", 1, json!({}));
    let eve = |mut call: Value| {
        call["userIdentity"]["arn"] = json!("arn:aws:iam::111122223333:user/ana");
        call
    };
    let with = |rule: &str, more: Vec<Value>| {
        let mut records = days(1, 9);
        records.extend(more);
        severities(rule, &records)
    };
    let rule = "key-deletion-scheduled";
    assert_eq!(with(rule, vec![disable(20), schedule(21, 30)]), ["medium"]);
    // Again, by somebody else: the end comes no sooner.
    let twice = vec![schedule(20, 30), eve(schedule(21, 30))];
    assert_eq!(with(rule, twice), ["medium", "low"]);
    // Sooner than it was to come.
    let sooner = vec![schedule(20, 30), eve(schedule(21, 8))];
    assert_eq!(with(rule, sooner), ["medium", "high"]);
    // It cannot be used any more, so disabling it takes nothing away.
    let after = vec![
        record(&day(20), "Decrypt", 1, json!({})),
        schedule(20, 30),
        disable(21),
    ];
    assert_eq!(with("key-disabled", after), ["low"]);
}

#[test]
fn a_grant_to_whoever_uses_the_key_is_low() {
    let worker = "arn:aws:iam::111122223333:role/worker";
    let grant = |operations: Value| {
        let request =
            json!({"keyId": key_arn(1), "granteePrincipal": worker, "operations": operations});
        record(
            &day(20),
            "CreateGrant",
            1,
            json!({"requestParameters": request}),
        )
    };
    let used = |number| {
        let session = json!({"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/worker/i-1", "accountId": "111122223333",
            "sessionContext": {"sessionIssuer": {"type": "Role", "arn": worker, "accountId": "111122223333"}}});
        record(&day(number), "Decrypt", 1, json!({"userIdentity": session}))
    };
    let rule = "grant-broad";
    let decrypt = || grant(json!(["Decrypt"]));
    assert_eq!(severities(rule, &[decrypt()]), ["medium"]);
    assert_eq!(severities(rule, &[used(19), decrypt()]), ["low"]);
    // Its use on the day of the grant may be the grant's.
    assert_eq!(severities(rule, &[used(20), decrypt()]), ["medium"]);
    let delegable = grant(json!(["Decrypt", "CreateGrant"]));
    assert_eq!(severities(rule, &[used(19), delegable]), ["medium"]);
}

#[test]
fn one_grant_to_a_stranger_is_one_finding() {
    let request = json!({"keyId": key_arn(1), "granteePrincipal": "arn:aws:iam::444455556666:role/x",
        "operations": ["Decrypt", "CreateGrant"]});
    let grant = record(
        &day(20),
        "CreateGrant",
        1,
        json!({"requestParameters": request}),
    );
    let findings = findings_under(&Configuration::default(), lines(&[grant]).as_bytes());
    let found: Vec<_> = findings
        .iter()
        .map(|finding| finding.rule.as_str())
        .collect();
    assert_eq!(found, ["grant-external"]);
    let evidence: Vec<_> = findings[0]
        .evidence
        .iter()
        .map(|it| it.feature.as_str())
        .collect();
    assert_eq!(evidence, ["grantee", "grant_operations", "delegable"]);
}

#[test]
fn disabling_keys_that_nobody_uses_is_a_retirement() {
    let rule = "key-deletion-bulk";
    let start = keytrail_event::EventTime::parse("2024-01-01T09:00:00Z").unwrap();
    let on = |day: i64, name, key: u8| {
        let time = start.plus_seconds(day * 86_400 + i64::from(key) * 60);
        record(&time.to_string(), name, key, json!({}))
    };
    let known = |days: i64| {
        (0..days)
            .map(|day| on(day, "Decrypt", 7))
            .collect::<Vec<_>>()
    };
    let check = |days: i64, more: Vec<Value>, operations: [&'static str; 3], expected: &str| {
        let mut records = known(days);
        records.extend(more);
        records.extend((1..).zip(operations).map(|(key, name)| on(100, name, key)));
        assert_eq!(
            severities(rule, &records),
            [expected],
            "{days} {operations:?}"
        );
    };
    let disabled = ["DisableKey"; 3];
    check(35, vec![], disabled, "medium");
    check(34, vec![], disabled, "critical");
    check(35, vec![on(60, "Decrypt", 2)], disabled, "medium");
    check(35, vec![on(70, "Decrypt", 2)], disabled, "critical");
    let grant = |day, name| {
        let mut call = on(day, name, 2);
        let grantee = "111122223333:aws:ec2-infrastructure:i-81e2f56c";
        call["requestParameters"] = json!({"keyId": key_arn(2), "grantId": "g", "granteePrincipal": grantee, "operations": ["Decrypt"]});
        call["responseElements"] = json!({"grantId": "g"});
        call
    };
    let held = || vec![grant(40, "CreateGrant")];
    check(35, held(), disabled, "critical");
    let left = [held(), vec![grant(50, "RetireGrant")]].concat();
    check(35, left, disabled, "medium");
    // A trail of write events alone tells of no use.
    let written: Vec<Value> = (0..90).map(|day| on(day, "TagResource", 7)).collect();
    check(0, written, disabled, "critical");
    let scheduled = ["DisableKey", "ScheduleKeyDeletion", "DisableKey"];
    check(35, vec![], scheduled, "critical");
}

#[test]
fn a_service_linked_role_of_the_organisation_is_a_service() {
    let grant = |account: &str, path: &str| {
        let grantee = format!("arn:aws:iam::{account}:role/{path}AWSServiceRoleForAutoScaling");
        let request = json!({"keyId": key_arn(1), "granteePrincipal": grantee, "operations": ["Decrypt", "CreateGrant"]});
        record(
            &day(20),
            "CreateGrant",
            1,
            json!({"requestParameters": request}),
        )
    };
    let check = |account: &str, path: &str, expected: &[(&str, &str, u64)]| {
        super::check(&[grant(account, path)], expected);
    };
    let (of_service, member) = (
        "aws-service-role/autoscaling.amazonaws.com/",
        super::ORGANISATION_ACCOUNT,
    );
    check("111122223333", of_service, &[]);
    check(member, of_service, &[]);
    check("444455556666", of_service, &[("grant-external", "high", 1)]);
    let wide = [
        ("grant-broad", "medium", 1),
        ("grant-delegable", "medium", 1),
    ];
    check(member, "", &wide);
    check(member, "x/aws-service-role/", &wide);
}

#[test]
fn a_policy_of_iam_that_is_written_again_is_told_once() {
    let rule = "iam-decrypt-all";
    let call = |number, name: &str, role: &str, action: &str| {
        let document =
            json!({"Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]});
        let request =
            json!({"roleName": role, "policyName": "p", "policyDocument": document.to_string()});
        let more = json!({"eventSource": "iam.amazonaws.com", "requestParameters": request, "resources": []});
        record(&day(number), name, 0, more)
    };
    let put = |number, role: &str, action: &str| call(number, "PutRolePolicy", role, action);
    let (decrypt, harmless) = ("kms:Decrypt", "s3:GetObject");
    let check = |records: &[Value], told: usize| {
        assert_eq!(severities(rule, records), vec!["high"; told], "{records:?}");
    };
    check(
        &[
            put(1, "app", decrypt),
            put(10, "app", decrypt),
            put(20, "app", decrypt),
        ],
        1,
    );
    check(&[put(1, "app", decrypt), put(10, "app", "kms:*")], 2);
    check(&[put(1, "app", decrypt), put(10, "other", decrypt)], 2);
    // It was gone in between.
    check(
        &[
            put(1, "app", decrypt),
            put(9, "app", harmless),
            put(20, "app", decrypt),
        ],
        2,
    );
    check(
        &[
            put(1, "app", decrypt),
            call(9, "DeleteRolePolicy", "app", ""),
            put(20, "app", decrypt),
        ],
        2,
    );
}

#[test]
fn material_that_is_renewed_is_low() {
    let import = |number, kind: &str, until: &str| {
        let mut request = json!({"keyId": key_arn(1), "importType": kind, "expirationModel": "KEY_MATERIAL_EXPIRES", "validTo": until});
        if until.is_empty() {
            request["expirationModel"] = json!("KEY_MATERIAL_DOES_NOT_EXPIRE");
        }
        let more = json!({"requestParameters": request, "eventID": format!("{number}{kind}")});
        record(&day(number), "ImportKeyMaterial", 1, more)
    };
    let (existing, new) = ("EXISTING_KEY_MATERIAL", "NEW_KEY_MATERIAL");
    let [april, may, soon] = [
        "2024-04-20T00:00:00Z",
        "2024-05-20T00:00:00Z",
        "2024-03-21T00:00:00Z",
    ];
    let rule = "material-imported";
    let renewed = |kind, first, second| {
        let records = [import(1, new, first), import(19, kind, second)];
        severities(rule, &records).last().copied()
    };
    assert_eq!(renewed(existing, april, may), Some("low"));
    assert_eq!(renewed(existing, april, ""), Some("low"));
    assert_eq!(severities(rule, &[import(19, existing, "")]), ["low"]);
    assert_eq!(renewed(new, april, may), Some("medium"));
    // An end that comes sooner than what was known is no renewal.
    assert_eq!(renewed(existing, may, april), Some("medium"));
    assert_eq!(renewed(existing, "", may), Some("medium"));
    assert_eq!(renewed(existing, april, soon), Some("high"));
    assert_eq!(severities(rule, &[import(19, existing, may)]), ["medium"]);
}

#[test]
fn whoever_made_both_keys_rotates_them() {
    let rule = "alias-repointed";
    let by = |user: &str, number, name, key| {
        let arn = format!("arn:aws:iam::111122223333:user/{user}");
        let identity = json!({"type": "IAMUser", "arn": arn, "accountId": "111122223333"});
        let request = json!({"aliasName": "alias/app", "targetKeyId": key_arn(key)});
        record(
            &day(number),
            name,
            key,
            json!({"userIdentity": identity, "requestParameters": request}),
        )
    };
    for (old_by, new_by, expected) in [
        (Some("deploy"), "deploy", "medium"),
        (Some("somebody"), "deploy", "high"),
        (Some("deploy"), "somebody", "high"),
        (None, "deploy", "high"),
    ] {
        let mut records: Vec<Value> = old_by
            .map(|user| by(user, 1, "CreateKey", 1))
            .into_iter()
            .collect();
        records.push(by("deploy", 2, "CreateAlias", 1));
        records.push(by(new_by, 19, "CreateKey", 2));
        records.push(by("deploy", 20, "UpdateAlias", 2));
        assert_eq!(
            severities(rule, &records),
            [expected],
            "{old_by:?} {new_by}"
        );
    }
}

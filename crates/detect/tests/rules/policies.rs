//! How grave a policy is, by what is known of the key and of the policy before.

use keytrail_detect::configuration::Configuration;
use serde_json::{Value, json};

use super::calls::*;
use super::{findings_over, findings_under, lines, summary};

const EVE: &str = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/eve"},"Action":"kms:*","Resource":"*"}"#;

/// A role of the account that may do everything, on a condition or without one.
fn role(name: &str, condition: &str) -> String {
    format!(
        r#"{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::111122223333:role/{name}"}},"Action":"kms:*","Resource":"*","Condition":{condition}}}"#
    )
}

fn put(minute: i64, statements: &[&str]) -> Value {
    call(at(minute), "PutKeyPolicy", 1, policy(&statements.join(",")))
}

fn by_terraform(mut call: Value) -> Value {
    call["userAgent"] = json!("APN/1.0 HashiCorp/1.0 Terraform/1.7.0");
    call
}

/// The severities of what a rule finds in these records.
fn check(rule: &str, records: &[Value], expected: &[&str]) {
    let findings = findings_over(lines(records).as_bytes());
    let of_rule = findings.iter().filter(|finding| finding.rule == rule);
    let found: Vec<&str> = of_rule.map(|finding| finding.severity.as_str()).collect();
    assert_eq!(found, expected, "{}", summary(&findings));
}

#[test]
fn a_ghost_beside_the_caller_is_no_second_administrator() {
    let rule = "policy-lockout";
    let ghost = role("ghost", r#"{"Bool":{"aws:SecureTransport":"false"}}"#);
    let other = role("other", "{}");
    let first = by_formation(&[DELEGATION, &other]);
    check(rule, &[first, put(90, &[EVE])], &["critical"]);
    let hardened = by_formation(&[EVE, &other]);
    check(rule, &[hardened, put(90, &[EVE, &ghost])], &["high"]);
    check(rule, &[put(0, &[EVE, &other])], &[]);
    // Again, and as it was made: nothing new.
    let made = |minute| call(at(minute), "CreateKey", 1, policy(&[EVE, &ghost].join(",")));
    check(rule, &[made(0)], &[]);
    check(rule, &[made(0), put(90, &[EVE, &ghost])], &[]);
    // The other one was sure, and is a ghost now.
    let records = [
        put(0, &[EVE, &role("ghost", "{}")]),
        put(90, &[EVE, &ghost]),
    ];
    check(rule, &records, &["high"]);
    // What is lost is graver than what is left.
    let records = [put(0, &[DELEGATION]), put(90, &[EVE, &ghost])];
    check(rule, &records, &["critical"]);
}

#[test]
fn a_tool_is_not_believed_where_the_account_loses_the_key() {
    let rule = "policy-changed";
    let (other, backdoor) = (role("other", "{}"), role("backdoor", "{}"));
    let [whole, bare] = [[DELEGATION, &other], [EVE, &other]];
    check(rule, &[by_terraform(put(0, &whole))], &[]);
    check(rule, &[by_terraform(put(0, &bare))], &["low"]);
    // The policy before was seen: what a deploy takes away is ordinary, whom it lets in beside the account too.
    let added = [&bare[..], &[backdoor.as_str()]].concat();
    let wider = [&whole[..], &[backdoor.as_str()]].concat();
    let after = |before: &[&str], now: &[&str]| [by_formation(before), by_terraform(put(90, now))];
    check(rule, &after(&added, &bare), &[]);
    check(rule, &after(&whole, &wider), &[]);
    check(rule, &after(&bare, &added), &["low"]);
}

fn by_formation(statements: &[&str]) -> Value {
    by_formation_at(0, statements)
}

fn by_formation_at(minute: i64, statements: &[&str]) -> Value {
    let mut made = put(minute, statements);
    made["userIdentity"] = through("cloudformation.amazonaws.com")["userIdentity"].clone();
    made
}

#[test]
fn who_used_the_key_before_may_have_been_named_before() {
    let rule = "self-grant-use";
    let named = put(20, &[DELEGATION, EVE]);
    let used = |minute| call(at(minute), "Decrypt", 1, json!({}));
    check(rule, &[named.clone(), used(30)], &["high"]);
    check(rule, &[used(0), named.clone(), used(30)], &["medium"]);
    check(rule, &[used(-1_440), named.clone(), used(30)], &["medium"]);
    let seen = [used(0), put(1, &[DELEGATION]), named, used(30)];
    check(rule, &seen, &["high"]);
    let granted = grant("arn:aws:iam::111122223333:user/eve", &["Decrypt"]);
    let granted = call(at(20), "CreateGrant", 1, granted);
    check(rule, &[used(0), granted, used(30)], &["high"]);
}

/// A statement for everyone of organisations.
fn of_organisation(condition: &str) -> String {
    format!(
        r#"{{"Effect":"Allow","Principal":"*","Action":"kms:Decrypt","Resource":"*","Condition":{condition}}}"#
    )
}

/// An organisation that nobody spoke of is likely the owner's own; one that the configuration does not name is not.
#[test]
fn an_organisation_is_an_outsider_unless_it_is_configured() {
    let check = |ids: &[&str], condition: &str, expected: &[(&str, &str)]| {
        let mut configuration = Configuration::default();
        configuration.organisation.ids = ids.iter().map(|id| (*id).to_owned()).collect();
        let everyone = of_organisation(condition);
        let records = [
            by_terraform(put(0, &[DELEGATION])),
            by_terraform(put(90, &[DELEGATION, &everyone])),
        ];
        let findings = findings_under(&configuration, lines(&records).as_bytes());
        let found: Vec<_> = findings
            .iter()
            .map(|finding| (finding.rule.as_str(), finding.severity.as_str()))
            .collect();
        assert_eq!(
            found,
            expected,
            "{ids:?} {condition} {}",
            summary(&findings)
        );
    };
    let id = r#"{"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}"#;
    let paths = r#"{"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":["o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*"]}}"#;
    for condition in [id, paths] {
        check(&[], condition, &[("policy-external", "medium")]);
        check(&["o-zzzzzzzzzz"], condition, &[("policy-external", "high")]);
        // All of the owner's organisation, whatever IAM policies of the account say.
        check(
            &["o-a1b2c3d4e5"],
            condition,
            &[("policy-weakened", "medium")],
        );
    }
    let through_service = r#"{"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5","kms:ViaService":"s3.us-west-2.amazonaws.com"}}"#;
    check(&["o-a1b2c3d4e5"], through_service, &[]);
    let network = r#"{"StringEquals":{"aws:VpceOrgID":"o-a1b2c3d4e5"}}"#;
    check(&[], network, &[("policy-external", "high")]);
}

#[test]
fn the_owners_organisation_is_named_as_such() {
    let everyone = of_organisation(r#"{"StringEquals":{"aws:PrincipalOrgID":"o-own1234567"}}"#);
    let records = [put(0, &[DELEGATION]), put(90, &[DELEGATION, &everyone])];
    let findings = findings_over(lines(&records).as_bytes());
    let title = "lets in more of its organisation than before";
    assert!(
        findings
            .iter()
            .any(|finding| finding.rule == "policy-weakened" && finding.title.ends_with(title)),
        "{}",
        summary(&findings)
    );
    // Together with another account, the organisation is no excuse.
    let organisation = of_organisation(r#"{"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}"#);
    let partner = r#"{"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"kms:Decrypt","Resource":"*"}"#;
    let both = put(90, &[DELEGATION, &organisation, partner]);
    let records = [by_terraform(put(0, &[DELEGATION])), both];
    let findings = findings_under(&Configuration::default(), lines(&records).as_bytes());
    assert_eq!(findings[0].severity.as_str(), "high");
    let steps = findings[0].next_steps.join(" ");
    assert!(
        steps.contains("organisation.ids") && steps.contains("organisation.accounts"),
        "{steps}"
    );
}

/// A statement that lets nobody in who matters.
const TO_NONE: &str = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/none"},"Action":"kms:ListGrants","Resource":"*"}"#;

/// A key that only one role administers may always have been so; one whose users are left out was not.
#[test]
fn a_caller_that_may_always_have_been_alone_is_medium() {
    let rule = "policy-lockout";
    let ghost = role("ghost", r#"{"Bool":{"aws:SecureTransport":"false"}}"#);
    let user = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/app"},"Action":"kms:Decrypt","Resource":"*"}"#;
    let through_s3 = r#"{"Effect":"Allow","Principal":"*","Action":"kms:Decrypt","Resource":"*","Condition":{"StringEquals":{"kms:CallerAccount":"111122223333","kms:ViaService":"s3.us-west-2.amazonaws.com"}}}"#;
    let used = |minute, by: &str| {
        let identity = json!({"type": "AssumedRole", "arn": format!("arn:aws:sts::111122223333:assumed-role/{by}/s"), "accountId": "111122223333",
            "sessionContext": {"sessionIssuer": {"type": "Role", "arn": format!("arn:aws:iam::111122223333:role/{by}"), "accountId": "111122223333"}}});
        call(at(minute), "Decrypt", 1, json!({"userIdentity": identity}))
    };
    const DAY: i64 = 1_440;
    for (statements, severity) in [(vec![EVE], "critical"), (vec![EVE, ghost.as_str()], "high")] {
        let named = [&statements[..], &[user]].concat();
        let open = [&statements[..], &[through_s3]].concat();
        check(rule, &[put(90, &statements)], &["medium"]);
        check(rule, &[used(0, "app"), put(90, &named)], &["medium"]);
        check(rule, &[used(0, "app"), put(90, &open)], &["medium"]);
        // Whom the policy leaves out loses the key.
        check(rule, &[used(0, "app"), put(90, &statements)], &[severity]);
        check(rule, &[used(0, "other"), put(90, &named)], &[severity]);
        check(
            rule,
            &[used(-20 * DAY, "app"), put(90, &statements)],
            &[severity],
        );
        check(
            rule,
            &[used(-40 * DAY, "app"), put(90, &statements)],
            &["medium"],
        );
        let mut granted = grant("arn:aws:iam::111122223333:role/app", &["Decrypt"]);
        granted["responseElements"] = json!({"grantId": "g"});
        let granted = call(at(-10), "CreateGrant", 1, granted);
        check(
            rule,
            &[granted, used(0, "app"), put(90, &statements)],
            &["medium"],
        );
        let mut looks = grant("arn:aws:iam::111122223333:role/app", &["DescribeKey"]);
        looks["responseElements"] = json!({"grantId": "g"});
        let looks = call(at(-10), "CreateGrant", 1, looks);
        check(
            rule,
            &[looks, used(0, "app"), put(90, &statements)],
            &[severity],
        );
        // Who is let in only in words is left out.
        let denied = user.replace("Allow", "Deny");
        let in_words = user.replace(
            r#""Resource":"*""#,
            r#""Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}"#,
        );
        for more in [[user, denied.as_str()], [TO_NONE, in_words.as_str()]] {
            let put = put(90, &[&statements[..], &more].concat());
            check(rule, &[used(0, "app"), put], &[severity]);
        }
    }
    // KMS was told not to check.
    let mut unchecked = put(90, &[EVE]);
    unchecked["requestParameters"]["bypassPolicyLockoutSafetyCheck"] = json!(true);
    check(rule, &[unchecked], &["critical"]);
    // Nobody of the account at all: it keeps nothing.
    let foreign =
        r#"{"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"kms:*","Resource":"*"}"#;
    check(rule, &[put(90, &[foreign])], &["critical"]);
}

#[test]
fn a_replica_that_is_given_a_policy_has_none_before() {
    let given = replicate(PARTNER);
    let mut copied = given.clone();
    let policy = copied["requestParameters"]["policy"].take();
    copied["responseElements"]["replicaPolicy"] = policy;
    check("policy-external", &[given], &["high"]);
    check("policy-external", &[copied], &["medium"]);
}

#[test]
fn who_used_a_key_is_not_shut_out_unseen() {
    let app = "arn:aws:iam::111122223333:role/app";
    let deny = |whom: &str, action: &str, condition: &str| {
        format!(
            r#"{{"Effect":"Deny","Principal":{whom},"Action":["{action}"],"Resource":"*","Condition":{condition}}}"#
        )
    };
    let [decrypt, all] = ["kms:Decrypt", r#""*""#];
    let but = |arn: &str| format!(r#"{{"ArnNotEquals":{{"aws:PrincipalArn":"{arn}"}}}}"#);
    let to_all = deny(all, decrypt, "{}");
    let to_app = deny(&format!(r#"{{"AWS":"{app}"}}"#), decrypt, "{}");
    let to_unused = deny(
        r#"{"AWS":"arn:aws:iam::111122223333:role/old"}"#,
        "kms:*",
        "{}",
    );
    let but_eve = deny(all, decrypt, &but(super::calls::EVE));
    let but_app = deny(all, decrypt, &but(app));
    let bomb = deny(
        all,
        decrypt,
        r#"{"DateGreaterThan":{"aws:CurrentTime":"2024-06-01T00:00:00Z"}}"#,
    );
    let perimeter = deny(
        all,
        decrypt,
        r#"{"StringNotEqualsIfExists":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"},"BoolIfExists":{"aws:PrincipalIsAWSService":"false"}}"#,
    );
    let endpoint = deny(
        all,
        decrypt,
        r#"{"StringNotEquals":{"aws:SourceVpce":"vpce-1a2b3c4d"}}"#,
    );
    let tls = deny(all, "kms:*", r#"{"Bool":{"aws:SecureTransport":"false"}}"#);
    let via = deny(
        all,
        decrypt,
        r#"{"StringNotEquals":{"kms:ViaService":"s3.us-west-2.amazonaws.com"}}"#,
    );
    // But one address: whoever else uses the key is most likely elsewhere.
    let address = deny(
        all,
        decrypt,
        r#"{"NotIpAddress":{"aws:SourceIp":"203.0.113.7/32"}}"#,
    );
    let no_more_new = deny(all, "kms:Encrypt", "{}");
    let by = |user: &str, day: i64| {
        let identity = json!({"type": "AssumedRole", "arn": format!("arn:aws:sts::111122223333:assumed-role/{user}/s"), "accountId": "111122223333"});
        call(
            at(day * 1_440),
            "Decrypt",
            1,
            json!({"userIdentity": identity}),
        )
    };
    let cases: [(&str, &str, bool, &[&str]); 12] = [
        ("to everyone", &to_all, true, &["high"]),
        ("to the only user", &to_app, true, &["high"]),
        ("to one of two users", &to_app, false, &["medium"]),
        ("to everyone but the caller", &but_eve, true, &["high"]),
        ("from a date on", &bomb, true, &["high"]),
        ("to who does not use it", &to_unused, true, &["low"]),
        ("to everyone but the user", &but_app, true, &["low"]),
        ("a perimeter", &perimeter, true, &["low"]),
        ("an endpoint", &endpoint, true, &["low"]),
        ("no TLS", &tls, true, &["low"]),
        ("no service", &via, false, &["low"]),
        ("but one address", &address, true, &["low"]),
    ];
    for (what, statement, is_alone, expected) in cases {
        for before in [None, Some(put(-30 * 1_440, &[DELEGATION]))] {
            let mut records: Vec<Value> = before.iter().cloned().map(by_terraform).collect();
            records.push(by("app", -2));
            if !is_alone {
                records.push(by("other", -1));
            }
            let now = put(0, &[DELEGATION, statement]);
            let told_of = |now: Value| {
                let records = [&records[..], &[now]].concat();
                let findings = findings_over(lines(&records).as_bytes());
                let of_rule = findings.iter().filter(|it| it.rule == "policy-changed");
                let severities = of_rule.map(|it| it.severity.as_str());
                severities.map(str::to_owned).collect::<Vec<String>>()
            };
            assert_eq!(told_of(now.clone()), expected, "{what}");
            // What a tool says of itself is too little where everyone is denied the key but a few.
            let is_of_few = ["to everyone but the user", "but one address"].contains(&what);
            let by_tool = if expected == ["low"] && !is_of_few {
                &[][..]
            } else {
                expected
            };
            assert_eq!(told_of(by_terraform(now)), by_tool, "{what}, by a tool");
        }
    }
    // Nobody used it for a month, or it was so before.
    let rule = "policy-changed";
    let now = || put(0, &[DELEGATION, &to_all]);
    check(rule, &[by("app", -31), now()], &["low"]);
    let before = by_terraform(put(-2_000, &[DELEGATION, &to_all]));
    let narrower = by_terraform(put(0, &[DELEGATION, &to_all, &no_more_new]));
    check(rule, &[by("app", -3), before, now()], &["high"]);
    let formed = |day: i64| by_formation_at(day * 1_440, &[DELEGATION, &to_all]);
    check(
        rule,
        &[formed(-5), by("app", -3), put(9, &[DELEGATION, &to_all])],
        &[],
    );
    // CloudFormation does what its user wrote.
    check(rule, &[by("app", -3), formed(0)], &["high"]);
    // What nobody used may be denied to everyone, which a tool does seldom.
    check(rule, &[narrower], &["low"]);
}

#[test]
fn a_trails_key_lets_cloudtrail_in() {
    let rule = "policy-changed";
    let trail = r#"{"Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":"kms:GenerateDataKey*","Resource":"*","Condition":{"StringEquals":{"aws:SourceAccount":"111122223333"}}}"#;
    let wider = trail.replace("GenerateDataKey*", "*");
    let other = trail.replace("cloudtrail", "logs");
    let by_trail = |minute: i64| {
        let service = json!({"userIdentity": {"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"}});
        call(at(minute), "GenerateDataKey", 1, service)
    };
    let before = || by_formation(&[DELEGATION, trail]);
    let deny = r#"{"Effect":"Deny","Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":"kms:GenerateDataKey*","Resource":"*","Condition":{"StringEquals":{"aws:SourceAccount":"111122223333"}}}"#;
    let hardened = r#"{"Effect":"Deny","Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":"kms:*","Resource":"*","Condition":{"StringNotEquals":{"aws:SourceAccount":"111122223333"}}}"#;
    let pairs = r#"{"Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":"kms:GenerateDataKeyPair","Resource":"*"}"#;
    let many: Vec<String> = (0..40)
        .map(|n| format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::111122223333:role/r{n}"}},"Action":"kms:DescribeKey","Resource":"*"}}"#))
        .collect();
    let many = many.join(",");
    for (what, records, expected) in [
        (
            "dropped",
            vec![before(), by_trail(80), put(90, &[DELEGATION])],
            &["high"][..],
        ),
        (
            "by a tool",
            vec![before(), by_trail(80), by_terraform(put(90, &[DELEGATION]))],
            &["high"],
        ),
        (
            "not seen before",
            vec![by_trail(80), put(90, &[DELEGATION, &other])],
            &["high"],
        ),
        (
            "kept",
            vec![
                before(),
                by_trail(80),
                by_terraform(put(90, &[DELEGATION, &wider])),
            ],
            &[],
        ),
        (
            "denied data keys",
            vec![
                before(),
                by_trail(80),
                by_formation_at(90, &[DELEGATION, trail, deny]),
            ],
            &["high"],
        ),
        (
            "denied data keys among much else",
            vec![
                before(),
                by_trail(80),
                put(90, &[DELEGATION, trail, &many, deny]),
            ],
            &["high"],
        ),
        (
            "let in for nothing",
            vec![before(), by_trail(80), put(90, &[DELEGATION, pairs])],
            &["high"],
        ),
        (
            "hardened",
            vec![
                before(),
                by_trail(80),
                by_terraform(put(90, &[DELEGATION, trail, hardened])),
            ],
            &[],
        ),
        (
            "never let in",
            vec![before(), by_terraform(put(90, &[DELEGATION]))],
            &[],
        ),
        (
            "another key since",
            vec![
                before(),
                by_trail(80),
                by_terraform(put(600, &[DELEGATION])),
            ],
            &[],
        ),
    ] {
        let findings = findings_over(lines(&records).as_bytes());
        let of_rule = findings.iter().filter(|it| it.rule == rule);
        let found: Vec<&str> = of_rule.map(|it| it.severity.as_str()).collect();
        assert_eq!(found, expected, "{what}: {}", summary(&findings));
    }
}

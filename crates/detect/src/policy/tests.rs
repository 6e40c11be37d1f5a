//! Policies with their answers, and the properties that must hold for every policy.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const OWNER: &str = "111111111111";

fn organisation() -> BTreeSet<String> {
    BTreeSet::from(["222222222222".to_owned()])
}

/// One policy, the positions of its public statements, and the outsiders it lets in.
struct Case {
    story: &'static str,
    statements: &'static str,
    public: &'static [usize],
    external: &'static [&'static str],
}

const fn case(
    story: &'static str,
    statements: &'static str,
    public: &'static [usize],
    external: &'static [&'static str],
) -> Case {
    Case {
        story,
        statements,
        public,
        external,
    }
}

/// Statements in short: `A` or `D`, principal, action, and a condition where there is one.
const CASES: &[Case] = &[
    // Principals.
    case("star", r#"A "*" "kms:Decrypt""#, &[0], &["everyone"]),
    case(
        "star in a map",
        r#"A {"AWS":"*"} "kms:*""#,
        &[0],
        &["everyone"],
    ),
    case(
        "star in an array",
        r#"A {"AWS":["111111111111","*"]} "kms:*""#,
        &[0],
        &["everyone"],
    ),
    case(
        "star in an array of one",
        r#"A {"AWS":["*"]} ["kms:Decrypt"]"#,
        &[0],
        &["everyone"],
    ),
    case(
        "star as a bare array",
        r#"A ["*"] "kms:Decrypt""#,
        &[0],
        &["everyone"],
    ),
    case(
        "star beside a service",
        r#"A {"Service":"s3.amazonaws.com","AWS":"*"} "*""#,
        &[0],
        &["everyone"],
    ),
    case(
        "principal kind in lower case",
        r#"A {"aws":"*"} "kms:Decrypt""#,
        &[0],
        &["everyone"],
    ),
    case(
        "star for every kind",
        r#"A {"*":"*"} "kms:Decrypt""#,
        &[0],
        &["everyone"],
    ),
    case(
        "star for federated",
        r#"A {"Federated":"*"} "kms:Decrypt""#,
        &[0],
        &["everyone"],
    ),
    case(
        "wildcard account",
        r#"A {"AWS":"arn:aws:iam::*:root"} "kms:Decrypt""#,
        &[0],
        &["everyone"],
    ),
    case(
        "wildcard in digits",
        r#"A {"AWS":"11111111111?"} "kms:Decrypt""#,
        &[0],
        &["everyone"],
    ),
    case(
        "wildcard name at home",
        r#"A {"AWS":"arn:aws:iam::111111111111:*"} "kms:*""#,
        &[],
        &[],
    ),
    case(
        "wildcard name abroad",
        r#"A {"AWS":"arn:aws:iam::999999999999:*"} "kms:*""#,
        &[],
        &["account 999999999999"],
    ),
    case(
        "root delegation",
        r#"A {"AWS":"arn:aws:iam::111111111111:root"} "kms:*""#,
        &[],
        &[],
    ),
    case(
        "bare account delegation",
        r#"A {"AWS":"111111111111"} "kms:*""#,
        &[],
        &[],
    ),
    case(
        "account as a number",
        r#"A {"AWS":111111111111} "kms:*""#,
        &[],
        &[],
    ),
    case(
        "other account",
        r#"A {"AWS":"999999999999"} "kms:Decrypt""#,
        &[],
        &["account 999999999999"],
    ),
    case(
        "role abroad",
        r#"A {"AWS":"arn:aws:iam::999999999999:role/x"} "kms:Decrypt""#,
        &[],
        &["account 999999999999"],
    ),
    case(
        "account of the organisation",
        r#"A {"AWS":"222222222222"} "kms:Decrypt""#,
        &[],
        &[],
    ),
    case(
        "service",
        r#"A {"Service":"logs.eu-west-1.amazonaws.com"} "kms:*""#,
        &[],
        &[],
    ),
    case(
        "federated",
        r#"A {"Federated":"accounts.google.com"} "kms:Decrypt""#,
        &[],
        &["identities of accounts.google.com"],
    ),
    case(
        "canonical user",
        r#"A {"CanonicalUser":"79a5"} "kms:Decrypt""#,
        &[],
        &["canonical user 79a5"],
    ),
    case(
        "unique id",
        r#"A {"AWS":"AROAEXAMPLEEXAMPLE123"} "kms:Decrypt""#,
        &[],
        &["the principal with the unique id AROAEXAMPLEEXAMPLE123"],
    ),
    case(
        "NotPrincipal allows all others",
        r#"A !{"AWS":"999999999999"} "kms:Decrypt""#,
        &[0],
        &["everyone"],
    ),
    case(
        "NotPrincipal of the owner",
        r#"A !{"AWS":"111111111111"} "kms:Decrypt""#,
        &[0],
        &["everyone"],
    ),
    case(
        "NotPrincipal closed",
        r#"A !{"AWS":"999999999999"} "kms:*" {"StringEquals":{"kms:CallerAccount":"111111111111"}}"#,
        &[],
        &[],
    ),
    case("nobody", r#"A {"AWS":[]} "kms:*""#, &[], &[]),
    // Actions.
    case("every action", r#"A "*" "*""#, &[0], &["everyone"]),
    case("action prefix", r#"A "*" "kms:De*""#, &[0], &["everyone"]),
    case(
        "action with a question mark",
        r#"A "*" "kms:Decr?pt""#,
        &[0],
        &["everyone"],
    ),
    case(
        "action in odd case",
        r#"A "*" "KmS:dEcRyPt""#,
        &[0],
        &["everyone"],
    ),
    case("grant", r#"A "*" ["kms:CreateGrant"]"#, &[0], &["everyone"]),
    case(
        "administration",
        r#"A "*" "kms:PutKeyPolicy""#,
        &[0],
        &["everyone"],
    ),
    case(
        "discovery only",
        r#"A "*" ["kms:Describe*","kms:List*","kms:Get*Policy"]"#,
        &[],
        &["everyone"],
    ),
    case("another service", r#"A "*" "s3:*""#, &[], &[]),
    case(
        "action not known yet",
        r#"A "*" "kms:TransmogrifyKey""#,
        &[0],
        &["everyone"],
    ),
    case(
        "NotAction of another service",
        r#"A "*" !"s3:*""#,
        &[0],
        &["everyone"],
    ),
    case(
        "NotAction leaves little",
        r#"A "*" !["kms:Describe*"]"#,
        &[0],
        &["everyone"],
    ),
    case("NotAction leaves nothing", r#"A "*" !"kms:*""#, &[], &[]),
    // Conditions that close.
    case(
        "caller account",
        r#"A "*" "kms:*" {"StringEquals":{"kms:CallerAccount":"111111111111"}}"#,
        &[],
        &[],
    ),
    case(
        "caller account abroad",
        r#"A "*" "kms:*" {"StringEquals":{"kms:CallerAccount":["111111111111","999999999999"]}}"#,
        &[],
        &["account 999999999999"],
    ),
    case(
        "keys in odd case",
        r#"A "*" "kms:*" {"STRINGequals":{"AWS:principalACCOUNT":"111111111111"}}"#,
        &[],
        &[],
    ),
    case(
        "caller account as a number",
        r#"A "*" "kms:*" {"StringEquals":{"kms:CallerAccount":111111111111}}"#,
        &[],
        &[],
    ),
    case(
        "through a service for an account",
        r#"A "*" "kms:*" {"StringEquals":{"kms:CallerAccount":"111111111111","kms:ViaService":"s3.eu-west-1.amazonaws.com"}}"#,
        &[],
        &[],
    ),
    case(
        "organisation",
        r#"A "*" "kms:*" {"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}"#,
        &[],
        &["organisation o-a1b2c3d4e5"],
    ),
    case(
        "own organisation",
        r#"A "*" "kms:*" {"StringEquals":{"aws:PrincipalOrgID":"${aws:ResourceOrgID}"}}"#,
        &[],
        &[],
    ),
    case(
        "own account",
        r#"A "*" "kms:*" {"StringEquals":{"aws:PrincipalAccount":"${aws:ResourceAccount}"}}"#,
        &[],
        &[],
    ),
    case(
        "organisation path",
        r#"A "*" "kms:*" {"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-a1b2c3d4e5/r-ab12/*"}}"#,
        &[],
        &["organisation o-a1b2c3d4e5"],
    ),
    case(
        "principal ARN",
        r#"A "*" "kms:*" {"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111111111111:role/*"}}"#,
        &[],
        &[],
    ),
    case(
        "source ARN",
        r#"A "*" "kms:*" {"ArnLike":{"aws:SourceArn":"arn:aws:sns:*:111111111111:topic"}}"#,
        &[],
        &[],
    ),
    case(
        "source account",
        r#"A "*" "kms:*" {"StringEquals":{"aws:SourceAccount":"111111111111"}}"#,
        &[],
        &[],
    ),
    case(
        "endpoint",
        r#"A "*" "kms:*" {"StringEquals":{"aws:SourceVpce":"vpce-1a2b3c4d"}}"#,
        &[],
        &["anyone who comes through vpce-1a2b3c4d"],
    ),
    case(
        "narrow range",
        r#"A "*" "kms:*" {"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}"#,
        &[],
        &["anyone who comes through 203.0.113.0/24"],
    ),
    case(
        "IfExists on a key that is demanded",
        r#"A "*" "kms:*" {"StringEqualsIfExists":{"aws:PrincipalAccount":"111111111111"},"Null":{"aws:PrincipalAccount":"false"}}"#,
        &[],
        &[],
    ),
    case(
        "one closing key among open ones",
        r#"A "*" "kms:*" {"Bool":{"aws:SecureTransport":"true"},"StringLike":{"kms:CallerAccount":"111111111111"}}"#,
        &[],
        &[],
    ),
    // Conditions that seem to close.
    case(
        "empty condition",
        r#"A "*" "kms:*" {}"#,
        &[0],
        &["everyone"],
    ),
    case(
        "through a service alone",
        r#"A "*" "kms:*" {"StringEquals":{"kms:ViaService":"s3.eu-west-1.amazonaws.com"}}"#,
        &[0],
        &["everyone"],
    ),
    case(
        "grants for services alone",
        r#"A "*" "kms:CreateGrant" {"Bool":{"kms:GrantIsForAWSResource":"true"}}"#,
        &[0],
        &["everyone"],
    ),
    case(
        "star account",
        r#"A "*" "kms:*" {"StringLike":{"kms:CallerAccount":"*"}}"#,
        &[0],
        &["everyone"],
    ),
    case(
        "star among accounts",
        r#"A "*" "kms:*" {"StringLike":{"kms:CallerAccount":["111111111111","*"]}}"#,
        &[0],
        &["everyone"],
    ),
    case(
        "account with a wildcard",
        r#"A "*" "kms:*" {"StringLike":{"kms:CallerAccount":"1111*"}}"#,
        &[0],
        &["everyone"],
    ),
    case(
        "not equal",
        r#"A "*" "kms:*" {"StringNotEquals":{"kms:CallerAccount":"999999999999"}}"#,
        &[0],
        &["everyone"],
    ),
    case(
        "if exists",
        r#"A "*" "kms:*" {"StringEqualsIfExists":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}"#,
        &[0],
        &["everyone"],
    ),
    case(
        "for all values",
        r#"A "*" "kms:*" {"ForAllValues:StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}"#,
        &[0],
        &["everyone"],
    ),
    case(
        "key present",
        r#"A "*" "kms:*" {"Null":{"aws:PrincipalOrgID":"false"}}"#,
        &[0],
        &["everyone"],
    ),
    case(
        "any organisation",
        r#"A "*" "kms:*" {"StringLike":{"aws:PrincipalOrgID":"o-*"}}"#,
        &[0],
        &["everyone"],
    ),
    case(
        "any role",
        r#"A "*" "kms:*" {"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/Admin"}}"#,
        &[0],
        &["everyone"],
    ),
    case(
        "the caller's own account",
        r#"A "*" "kms:*" {"StringEquals":{"aws:PrincipalAccount":"${aws:PrincipalAccount}"}}"#,
        &[0],
        &["everyone"],
    ),
    case(
        "the key's account",
        r#"A "*" "kms:*" {"StringEquals":{"aws:ResourceAccount":"111111111111"}}"#,
        &[0],
        &["everyone"],
    ),
    case(
        "the key's organisation",
        r#"A "*" "kms:*" {"StringEquals":{"aws:ResourceOrgID":"o-a1b2c3d4e5"}}"#,
        &[0],
        &["everyone"],
    ),
    case(
        "encryption context",
        r#"A "*" "kms:*" {"StringEquals":{"kms:EncryptionContext:a":"b"}}"#,
        &[0],
        &["everyone"],
    ),
    case(
        "principal tag",
        r#"A "*" "kms:*" {"StringEquals":{"aws:PrincipalTag/team":"a"}}"#,
        &[0],
        &["everyone"],
    ),
    case(
        "whole internet",
        r#"A "*" "kms:*" {"IpAddress":{"aws:SourceIp":["203.0.113.0/24","0.0.0.0/0"]}}"#,
        &[0],
        &["everyone"],
    ),
    case(
        "whole new internet",
        r#"A "*" "kms:*" {"IpAddress":{"aws:SourceIp":"::/0"}}"#,
        &[0],
        &["everyone"],
    ),
    case(
        "internet in halves",
        r#"A "*" "kms:*" {"IpAddress":{"aws:SourceIp":["0.0.0.0/1","128.0.0.0/1"]}}"#,
        &[0],
        &["everyone"],
    ),
    case(
        "not an address",
        r#"A "*" "kms:*" {"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}}"#,
        &[0],
        &["everyone"],
    ),
    case(
        "any endpoint",
        r#"A "*" "kms:*" {"StringLike":{"aws:SourceVpce":"vpce-*"}}"#,
        &[0],
        &["everyone"],
    ),
    case(
        "any bucket",
        r#"A "*" "kms:*" {"ArnLike":{"aws:SourceArn":"arn:aws:s3:::*"}}"#,
        &[0],
        &["everyone"],
    ),
    case(
        "colons swallowed",
        r#"A "*" "kms:*" {"StringLike":{"aws:SourceArn":"arn:aws:logs:*:111111111111:*"}}"#,
        &[0],
        &["everyone"],
    ),
    case(
        "no values",
        r#"A "*" "kms:*" {"StringEquals":{"kms:CallerAccount":[]}}"#,
        &[0],
        &["everyone"],
    ),
    case(
        "unknown operator",
        r#"A "*" "kms:*" {"StringIs":{"kms:CallerAccount":"111111111111"}}"#,
        &[0],
        &["everyone"],
    ),
    // Denials.
    case(
        "denied outright",
        r#"A "*" "kms:Decrypt" D "*" "kms:*""#,
        &[],
        &[],
    ),
    case(
        "denied before",
        r#"D {"AWS":"*"} "*" A "*" "kms:Decrypt""#,
        &[],
        &[],
    ),
    case(
        "denied in part",
        r#"A "*" "kms:*" D "*" "kms:Decrypt""#,
        &[0],
        &["everyone"],
    ),
    case(
        "denied in two parts",
        r#"A "*" "kms:*crypt" D "*" "kms:Decrypt" D "*" "kms:Encrypt""#,
        &[],
        &[],
    ),
    case(
        "outsiders denied by account",
        r#"A "*" "kms:*" D "*" "kms:*" {"StringNotEquals":{"kms:CallerAccount":["111111111111","999999999999"]}}"#,
        &[],
        &["account 999999999999"],
    ),
    case(
        "outsiders denied by organisation",
        r#"A "*" "kms:*" D "*" "*" {"StringNotEquals":{"aws:PrincipalOrgID":"${aws:ResourceOrgID}"},"BoolIfExists":{"aws:PrincipalIsAWSService":"false"}}"#,
        &[],
        &[],
    ),
    case(
        "an outsider allowed and denied",
        r#"A {"AWS":"999999999999"} "kms:*" D "*" "*" {"StringNotEquals":{"kms:CallerAccount":"111111111111"}}"#,
        &[],
        &[],
    ),
    case(
        "all but the owner denied",
        r#"A "*" "kms:*" D !{"AWS":"111111111111"} "kms:*""#,
        &[],
        &[],
    ),
    case(
        "all but everyone denied",
        r#"A "*" "kms:*" D !"*" "kms:*""#,
        &[0],
        &["everyone"],
    ),
    case(
        "one outsider denied",
        r#"A "*" "kms:*" D {"AWS":"999999999999"} "kms:*""#,
        &[0],
        &["everyone"],
    ),
    case(
        "insiders denied",
        r#"A "*" "kms:*" D "*" "kms:*" {"StringEquals":{"kms:CallerAccount":"111111111111"}}"#,
        &[0],
        &["everyone"],
    ),
    case(
        "nobody denied",
        r#"A "*" "kms:*" D "*" "kms:*" {"StringNotLike":{"kms:CallerAccount":"*"}}"#,
        &[0],
        &["everyone"],
    ),
    case(
        "denied only without encryption",
        r#"A "*" "kms:*" D "*" "kms:*" {"StringNotEquals":{"kms:CallerAccount":"111111111111"},"Bool":{"aws:SecureTransport":"false"}}"#,
        &[0],
        &["everyone"],
    ),
    case(
        "denied for any value",
        r#"A "*" "kms:*" D "*" "kms:*" {"ForAnyValue:StringNotEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}"#,
        &[0],
        &["everyone"],
    ),
    case(
        "denied with NotAction",
        r#"A "*" "kms:Decrypt" D "*" !"kms:Describe*""#,
        &[],
        &[],
    ),
    case(
        "denied but for the action",
        r#"A "*" "kms:Decrypt" D "*" !"kms:Decrypt""#,
        &[0],
        &["everyone"],
    ),
    case(
        "second statement",
        r#"A {"AWS":"111111111111"} "kms:*" A "*" "kms:Sign""#,
        &[1],
        &["everyone"],
    ),
];

/// Reads the short form: JSON values one after another, with `!` before what is negated.
fn statements(short: &str) -> Vec<Value> {
    let mut statements: Vec<Value> = Vec::new();
    let mut rest = short.trim();
    let mut position = 0;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(['A', 'D']) {
            let effect = if rest.starts_with('A') {
                "Allow"
            } else {
                "Deny"
            };
            statements.push(json!({ "Effect": effect, "Resource": "*" }));
            (rest, position) = (after.trim_start(), 0);
            continue;
        }
        let (negated, after) = rest
            .strip_prefix('!')
            .map_or((false, rest), |after| (true, after));
        let mut values = serde_json::Deserializer::from_str(after).into_iter::<Value>();
        let value = values.next().unwrap().unwrap();
        rest = after[values.byte_offset()..].trim_start();
        let element = match (position, negated) {
            (0, false) => "Principal",
            (0, true) => "NotPrincipal",
            (1, false) => "Action",
            (1, true) => "NotAction",
            _ => "Condition",
        };
        statements.last_mut().unwrap()[element] = value;
        position += 1;
    }
    statements
}

fn policy_of(statements: &[Value]) -> Policy {
    Policy::parse(&json!({ "Version": "2012-10-17", "Statement": statements }).to_string()).unwrap()
}

#[test]
fn every_policy_has_its_answers() {
    assert!(CASES.len() >= 60, "{}", CASES.len());
    for case in CASES {
        let policy = policy_of(&statements(case.statements));
        let public: Vec<usize> = public_access(&policy)
            .iter()
            .map(|found| found.statement.index)
            .collect();
        assert_eq!(public, case.public, "public: {}", case.story);
        let external = external_principals(&policy, OWNER, &organisation());
        let parties: Vec<String> = external
            .iter()
            .map(|found| found.party.to_string())
            .collect();
        assert_eq!(parties, case.external, "external: {}", case.story);
    }
}

#[test]
fn resources_count_against_the_doubtful_side() {
    let elsewhere = "arn:aws:kms:eu-west-1:111111111111:key/00000000-0000-0000-0000-000000000000";
    let mut allow = statements(r#"A "*" "kms:Decrypt""#);
    allow[0]["Resource"] = json!(elsewhere);
    assert_eq!(
        public_access(&policy_of(&allow)).len(),
        1,
        "a named key may be this one"
    );
    let mut denied = statements(r#"A "*" "kms:Decrypt" D "*" "kms:*""#);
    denied[1]["Resource"] = json!([elsewhere]);
    assert_eq!(
        public_access(&policy_of(&denied)).len(),
        1,
        "a named key may be another one"
    );
    let mut root = statements(r#"A {"AWS":"111111111111"} "kms:*""#);
    root[0]["Resource"] = json!(elsewhere);
    assert_eq!(
        root_delegation(&policy_of(&root), OWNER),
        RootDelegation::Missing
    );
}

#[test]
fn root_delegation_is_what_certainly_leaves_the_key_with_its_account() {
    let check = |short: &str, expected: &str| {
        let found = root_delegation(&policy_of(&statements(short)), OWNER);
        let word = match found {
            RootDelegation::Whole(_) => "whole",
            RootDelegation::Conditional(_) => "conditional",
            RootDelegation::Denied { .. } => "denied",
            RootDelegation::WithoutPutKeyPolicy(_) => "without",
            RootDelegation::Missing => "missing",
        };
        assert_eq!(word, expected, "{short}");
    };
    check(
        r#"A {"AWS":"arn:aws:iam::111111111111:root"} "kms:*""#,
        "whole",
    );
    check(
        r#"A {"AWS":["111111111111","999999999999"]} ["kms:Put*"]"#,
        "whole",
    );
    check(
        r#"A "*" "kms:*" {"StringEquals":{"kms:CallerAccount":"111111111111"}}"#,
        "whole",
    );
    check(
        r#"A {"AWS":"111111111111"} "kms:*" {"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#,
        "conditional",
    );
    check(
        r#"A {"AWS":"111111111111"} "kms:*" {"StringEquals":{"kms:CallerAccount":"999999999999"}}"#,
        "missing",
    );
    check(
        r#"A {"AWS":"111111111111"} ["kms:Decrypt","kms:Describe*"]"#,
        "without",
    );
    check(r#"A {"AWS":"111111111111"} !"kms:Put*""#, "without");
    check(
        r#"A {"AWS":"arn:aws:iam::111111111111:role/Admin"} "kms:*""#,
        "missing",
    );
    check(
        r#"A {"AWS":"arn:aws:iam::111111111111:*"} "kms:*""#,
        "missing",
    );
    check(r#"A {"AWS":"999999999999"} "kms:*""#, "missing");
    check(
        r#"A {"AWS":"111111111111"} "kms:*" D "*" "kms:PutKeyPolicy""#,
        "denied",
    );
    check(
        r#"A {"AWS":"111111111111"} "kms:*" D {"AWS":"111111111111"} "kms:Put*""#,
        "denied",
    );
    check(
        r#"A {"AWS":"111111111111"} "kms:*" D !{"AWS":"arn:aws:iam::999999999999:role/x"} "kms:*""#,
        "denied",
    );
    check(
        r#"A {"AWS":"111111111111"} "kms:*" D !{"AWS":"111111111111"} "kms:*""#,
        "whole",
    );
    check(
        r#"A {"AWS":"111111111111"} "kms:*" D "*" "*" {"StringNotEquals":{"kms:CallerAccount":"111111111111"}}"#,
        "whole",
    );
    check(
        r#"A {"AWS":"111111111111"} "kms:*" D "*" "*" {"StringEquals":{"kms:CallerAccount":"111111111111"}}"#,
        "denied",
    );
    check(
        r#"A {"AWS":"111111111111"} "kms:*" D "*" "*" {"Bool":{"aws:SecureTransport":"false"}}"#,
        "whole",
    );
    check(
        r#"A {"AWS":"111111111111"} "kms:*" D "*" "kms:ScheduleKeyDeletion""#,
        "whole",
    );
}

#[test]
fn lockouts_are_named() {
    const ADMIN: &str = "arn:aws:sts::111111111111:assumed-role/Admin/session";
    let check = |short: &str, expected: &[&str]| {
        let found = lockout(&policy_of(&statements(short)), OWNER, Some(ADMIN));
        let words = found.iter().map(|reason| match reason {
            LockoutReason::RootDelegationMissing(_) => "root",
            LockoutReason::NoAdministrator => "nobody",
            LockoutReason::CallerOnlyAdministrator(_) => "caller",
            LockoutReason::OnlyForeignAdministrators(_) => "foreign",
        });
        assert_eq!(words.collect::<Vec<_>>(), expected, "{short}");
    };
    check(r#"A {"AWS":"111111111111"} "kms:*""#, &[]);
    check(
        r#"A {"AWS":"arn:aws:iam::111111111111:role/path/Admin"} "kms:*""#,
        &["root", "caller"],
    );
    check(
        r#"A {"AWS":["arn:aws:iam::111111111111:role/Admin","arn:aws:iam::111111111111:user/a"]} "kms:*""#,
        &["root"],
    );
    check(
        r#"A {"AWS":"arn:aws:iam::111111111111:user/Admin"} "kms:*""#,
        &["root"],
    );
    check(
        r#"A {"AWS":"111111111111"} "kms:Decrypt""#,
        &["root", "nobody"],
    );
    check(
        r#"A {"Service":"s3.amazonaws.com"} "kms:*""#,
        &["root", "nobody"],
    );
    check(r#"A {"AWS":"999999999999"} "kms:*""#, &["root", "foreign"]);
    check(
        r#"A {"AWS":["999999999999","111111111111"]} "kms:*" D {"AWS":"111111111111"} "kms:*""#,
        &["root", "foreign"],
    );
    check(
        r#"A {"AWS":"111111111111"} "kms:*" D "*" "kms:*""#,
        &["root", "nobody"],
    );
    check(
        r#"A {"AWS":"111111111111"} "kms:*" D !{"AWS":["arn:aws:iam::111111111111:role/Admin"]} "kms:*""#,
        &["root", "caller"],
    );
    check(
        r#"A {"AWS":"111111111111"} "kms:*" D "*" "kms:*" {"ArnNotEquals":{"aws:PrincipalArn":["arn:aws:iam::111111111111:role/Admin","arn:aws:iam::111111111111:role/Break"]}}"#,
        &["root"],
    );
}

fn one_of(values: &'static [&'static str]) -> impl Strategy<Value = Value> {
    proptest::sample::select(values).prop_map(|text| serde_json::from_str(text).unwrap())
}

fn any_statement() -> impl Strategy<Value = Value> {
    let principal = one_of(&[
        r#""*""#,
        r#"{"AWS":"*"}"#,
        r#"{"AWS":"111111111111"}"#,
        r#"{"AWS":["arn:aws:iam::999999999999:role/x","arn:aws:iam::111111111111:role/Admin"]}"#,
        r#"{"Service":"s3.amazonaws.com"}"#,
        r#"{"Federated":"accounts.google.com"}"#,
    ]);
    let action = one_of(&[
        r#""kms:*""#,
        r#""*""#,
        r#"["kms:Decrypt","kms:Encrypt"]"#,
        r#""kms:De*""#,
        r#""kms:PutKeyPolicy""#,
        r#""kms:List*""#,
    ]);
    let operators = one_of(&[
        r#""StringEquals""#,
        r#""StringNotEquals""#,
        r#""StringLike""#,
        r#""StringEqualsIfExists""#,
        r#""ForAllValues:StringEquals""#,
        r#""ForAnyValue:StringNotEquals""#,
        r#""Null""#,
        r#""Bool""#,
    ]);
    let keys = one_of(&[
        r#""kms:CallerAccount""#,
        r#""aws:PrincipalOrgID""#,
        r#""aws:PrincipalArn""#,
        r#""kms:ViaService""#,
        r#""aws:PrincipalIsAWSService""#,
    ]);
    let values = one_of(&[
        r#""111111111111""#,
        r#"["111111111111","999999999999"]"#,
        r#""o-a1b2c3d4e5""#,
        r#""${aws:ResourceOrgID}""#,
        r#""*""#,
        "[]",
        r#""arn:aws:iam::111111111111:role/*""#,
        r#""false""#,
    ]);
    let conditions = proptest::collection::vec((operators, keys, values), 0..4);
    let shape = (
        any::<bool>(),
        proptest::bool::weighted(0.2),
        proptest::bool::weighted(0.2),
    );
    (shape, principal, action, conditions).prop_map(
        |((allow, not_principal, not_action), principal, action, conditions)| {
            let mut statement =
                json!({ "Effect": if allow { "Allow" } else { "Deny" }, "Resource": "*" });
            statement[if not_principal {
                "NotPrincipal"
            } else {
                "Principal"
            }] = principal;
            statement[if not_action { "NotAction" } else { "Action" }] = action;
            statement["Condition"] = json!({});
            for (operator, key, value) in conditions {
                statement["Condition"][operator.as_str().unwrap()][key.as_str().unwrap()] = value;
            }
            statement
        },
    )
}

fn any_statements() -> impl Strategy<Value = Vec<Value>> {
    proptest::collection::vec(any_statement(), 0..6)
}

/// What is open to the world, action by action, by the text of the statement.
fn open_to_the_world(statements: &[Value]) -> Vec<ActionSet> {
    let mut open = vec![ActionSet::NONE; statements.len()];
    for found in public_access(&policy_of(statements)) {
        open[found.statement.index] = found.actions;
    }
    open
}

/// The actions that some outsider has, statement by statement.
fn open_to_outsiders(statements: &[Value]) -> Vec<ActionSet> {
    let mut open = vec![ActionSet::NONE; statements.len()];
    for found in external_principals(&policy_of(statements), OWNER, &organisation()) {
        let all = &mut open[found.statement.index];
        *all = all.union(found.actions);
    }
    open
}

fn never_wider(narrow: &[ActionSet], wide: &[ActionSet]) -> bool {
    narrow
        .iter()
        .zip(wide)
        .all(|(narrow, wide)| wide.contains(*narrow))
}

proptest! {
    #[test]
    fn adding_a_deny_never_widens(statements in any_statements(), deny in any_statement()) {
        let mut more = statements.clone();
        let mut deny = deny;
        deny["Effect"] = json!("Deny");
        more.push(deny);
        prop_assert!(never_wider(&open_to_the_world(&more), &open_to_the_world(&statements)));
        prop_assert!(never_wider(&open_to_outsiders(&more), &open_to_outsiders(&statements)));
        let changes = diff(&digest(&policy_of(&statements)), &digest(&policy_of(&more)));
        prop_assert!(changes.iter().all(|change| !change.kind.weakens()), "{:?}", changes);
        let (before, after) = (policy_of(&statements), policy_of(&more));
        prop_assert!(!root_delegation(&after, OWNER).is_whole() || root_delegation(&before, OWNER).is_whole());
    }

    #[test]
    fn removing_a_condition_never_narrows(statements in any_statements(), operator in any::<proptest::sample::Index>()) {
        for position in 0..statements.len() {
            let mut fewer = statements.clone();
            let Value::Object(operators) = &mut fewer[position]["Condition"] else { continue };
            if operators.is_empty() {
                continue;
            }
            let name = operators.keys().nth(operator.index(operators.len())).unwrap().clone();
            operators.remove(&name);
            let is_allow = statements[position]["Effect"] == "Allow";
            let (narrow, wide) = if is_allow { (&statements, &fewer) } else { (&fewer, &statements) };
            prop_assert!(never_wider(&open_to_the_world(narrow), &open_to_the_world(wide)));
            prop_assert!(never_wider(&open_to_outsiders(narrow), &open_to_outsiders(wide)));
            let changes = diff(&digest(&policy_of(wide)), &digest(&policy_of(narrow)));
            prop_assert!(changes.iter().all(|change| !change.kind.weakens()), "{:?}", changes);
        }
    }

    #[test]
    fn what_is_public_is_external_too(statements in any_statements()) {
        prop_assert!(never_wider(&open_to_the_world(&statements), &open_to_outsiders(&statements)));
    }

    #[test]
    fn whatever_opens_a_policy_weakens_it(before in any_statements(), after in any_statements()) {
        let all = |open: Vec<ActionSet>| open.into_iter().fold(ActionSet::NONE, ActionSet::union);
        let opened = all(open_to_the_world(&after)).minus(all(open_to_the_world(&before)));
        let outsiders = all(open_to_outsiders(&after)).minus(all(open_to_outsiders(&before)));
        if !opened.is_empty() || !outsiders.is_empty() {
            let changes = diff(&digest(&policy_of(&before)), &digest(&policy_of(&after)));
            prop_assert!(changes.iter().any(|change| change.kind.weakens()), "{:?}", changes);
        }
    }

    #[test]
    fn a_digest_knows_no_order(statements in any_statements(), seed in any::<proptest::sample::Index>()) {
        let mut turned = statements.clone();
        if !turned.is_empty() {
            let middle = seed.index(turned.len());
            turned.rotate_left(middle);
        }
        let (one, other) = (digest(&policy_of(&statements)), digest(&policy_of(&turned)));
        prop_assert_eq!(&one, &other);
        prop_assert!(diff(&one, &other).is_empty());
        prop_assert!(serde_json::to_string(&one).unwrap().len() <= DIGEST_BYTES_MAX);
    }

    #[test]
    fn no_text_panics(text in ".{0,200}", statements in any_statements(), cut in any::<proptest::sample::Index>(), noise in ".{0,4}") {
        let mut policy = json!({ "Statement": statements }).to_string();
        let at = (0..=cut.index(policy.len())).rev().find(|at| policy.is_char_boundary(*at)).unwrap_or_default();
        policy.insert_str(at, &noise);
        for text in [text, policy] {
            if let Ok(policy) = Policy::parse(&text) {
                public_access(&policy);
                external_principals(&policy, OWNER, &organisation());
                lockout(&policy, OWNER, Some(&text));
                diff(&digest(&policy), &digest(&policy));
            }
        }
    }

    #[test]
    fn odd_values_never_panic(values in proptest::collection::vec("[*?:/$\\{\\}a-z0-9.é-]{0,24}", 6)) {
        let arn = format!("arn:{}:{}::111111111111:{}", values[3], values[4], values[5]);
        let statement = json!({ "Effect": "Allow", "Principal": { "AWS": [&values[0], &arn], "Federated": &values[1] },
            "Action": [&values[2], "kms:PutKeyPolicy"], "Resource": [&values[0]], "Condition": {
            "ArnLike": { "aws:PrincipalArn": &arn, "aws:SourceArn": &values }, "IpAddress": { "aws:SourceIp": &values },
            "StringLike": { "kms:CallerAccount": &values[1], "aws:PrincipalOrgPaths": &values[2] }, } });
        let mut deny = statement.clone();
        deny["Effect"] = json!("Deny");
        let policy = policy_of(&[statement, deny]);
        public_access(&policy);
        external_principals(&policy, OWNER, &organisation());
        lockout(&policy, OWNER, Some(&arn));
        digest(&policy);
    }
}

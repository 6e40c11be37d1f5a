//! Small variations of what a rule tells of, which must not hide it.

use serde_json::json;

use super::calls::*;
use super::{findings_over, key_arn, lines, summary};

/// What a small variation must not hide.
pub const EVASIVE: &[Case] = &[
    (
        "policy-public",
        "the actions in other letters, the principal in an array",
        || {
            vec![call(
                at(0),
                "PutKeyPolicy",
                1,
                policy(
                    r#"{"Effect":"allow","principal":{"AWS":["*"]},"ACTION":"KMS:dec*","Resource":"*"}"#,
                ),
            )]
        },
    ),
    (
        "policy-public",
        "a condition that every caller meets",
        || {
            vec![call(
                at(0),
                "PutKeyPolicy",
                1,
                policy(
                    r#"{"Effect":"Allow","Principal":"*","NotAction":"kms:List*","Resource":"*","Condition":{"StringLike":{"kms:CallerAccount":"*"}}}"#,
                ),
            )]
        },
    ),
    (
        "policy-public",
        "IfExists, which callers without the key meet",
        || {
            vec![call(
                at(0),
                "PutKeyPolicy",
                1,
                policy(
                    r#"{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*","Condition":{"StringEqualsIfExists":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}}"#,
                ),
            )]
        },
    ),
    (
        "policy-public",
        "the replica's policy instead of the key's",
        || {
            vec![replicate(
                r#"{"Effect":"Allow","Principal":"*","Action":"kms:Decrypt","Resource":"*"}"#,
            )]
        },
    ),
    ("policy-public", "a closing Deny without a Resource", || {
        vec![call(
            at(0),
            "CreateKey",
            1,
            policy(&format!(
                "{DELEGATION},{}",
                r#"{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"},
                {"Effect":"Deny","Principal":"*","Action":"kms:*","Condition":{"StringNotEquals":{"kms:CallerAccount":"111122223333"}}}"#
            )),
        )]
    }),
    ("policy-lockout", "a delegation without a Resource", || {
        let statements = format!(
            "{},{}",
            DELEGATION.replace(r#","Resource":"*""#, ""),
            r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/eve"},"Action":"kms:*","Resource":"*"}"#
        );
        vec![
            call(at(0), "PutKeyPolicy", 1, policy(DELEGATION)),
            call(at(1), "PutKeyPolicy", 1, policy(&statements)),
        ]
    }),
    ("policy-weakened", "a Deny that loses its Resource", || {
        let guard = r#"{"Effect":"Deny","Principal":"*","Action":"kms:ScheduleKeyDeletion","Resource":"*"}"#;
        let guarded = format!("{DELEGATION},{guard}");
        let unguarded = format!("{DELEGATION},{}", guard.replace(r#","Resource":"*""#, ""));
        let mut put = policy(&unguarded);
        put["userAgent"] = json!("Terraform/1.7.0");
        vec![
            call(at(0), "PutKeyPolicy", 1, policy(&guarded)),
            call(at(1), "PutKeyPolicy", 1, put),
        ]
    }),
    (
        "policy-external",
        "a partner in the replica's policy",
        || {
            vec![
                call(at(0), "PutKeyPolicy", 1, multi_region(policy(DELEGATION))),
                replicate(PARTNER),
            ]
        },
    ),
    (
        "policy-external",
        "everyone, but for the unique id of somebody",
        || vec![call(at(0), "CreateKey", 1, policy(TO_UNIQUE_ID))],
    ),
    (
        "policy-public",
        "a text pattern whose star takes in another account",
        || {
            vec![call(
                at(0),
                "PutKeyPolicy",
                1,
                policy(
                    r#"{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*","Condition":{"StringLike":{"aws:PrincipalArn":"arn:*:iam::111122223333:role/*"}}}"#,
                ),
            )]
        },
    ),
    (
        "policy-lockout",
        "a key that was made without a policy",
        || {
            let two = DELEGATION.replace(
                r#""arn:aws:iam::111122223333:root""#,
                r#"["arn:aws:iam::111122223333:user/eve","arn:aws:iam::111122223333:role/other"]"#,
            );
            vec![
                call(
                    at(0),
                    "CreateKey",
                    1,
                    json!({"requestParameters": {"description": ""}}),
                ),
                call(at(90), "PutKeyPolicy", 1, policy(&two)),
            ]
        },
    ),
    ("policy-lockout", "a Deny for all but one id", || {
        vec![
            call(at(0), "PutKeyPolicy", 1, policy(DELEGATION)),
            call(
                at(1),
                "PutKeyPolicy",
                1,
                policy(&format!(
                    "{DELEGATION},{}",
                    r#"{"Effect":"Deny","Principal":"*","Action":"kms:*","Resource":"*","Condition":{"StringNotLike":{"aws:userid":"AIDAEXAMPLEEXAMPLE12"}}}"#
                )),
            ),
        ]
    }),
    (
        "policy-lockout",
        "the bypass, where the replica is made",
        || {
            let mut call = replicate(DELEGATION);
            call["requestParameters"]["bypassPolicyLockoutSafetyCheck"] = json!(true);
            vec![call]
        },
    ),
    ("policy-weakened", "a Deny that is narrowed", || {
        vec![
            call(at(0), "PutKeyPolicy", 1, policy(PERIMETER)),
            call(at(1), "PutKeyPolicy", 1, policy(DELEGATION)),
        ]
    }),
    (
        "policy-weakened",
        "everyone of the account, whatever IAM says of them",
        || {
            let mut put = policy(TO_ACCOUNT);
            put["userAgent"] = json!("Terraform/1.7.0");
            vec![
                call(at(0), "CreateKey", 1, policy(DELEGATION)),
                call(at(90), "PutKeyPolicy", 1, put),
            ]
        },
    ),
    ("self-grant-use", "the caller named by a condition", || {
        vec![
            call(
                at(0),
                "PutKeyPolicy",
                1,
                policy(&format!(
                    "{DELEGATION},{}",
                    r#"{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"kms:Decrypt","Resource":"*","Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:user/eve"}}}"#
                )),
            ),
            call(at(9), "Decrypt", 1, json!({})),
        ]
    }),
    ("iam-decrypt-all", "a date that has passed", || {
        vec![iam_policy(
            json!({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}),
        )]
    }),
    ("iam-decrypt-all", "everybody but nobody", || {
        vec![iam_policy(
            json!({"StringNotEquals": {"aws:username": "nobody"}}),
        )]
    }),
    ("iam-decrypt-all", "an address, whichever it is", || {
        vec![iam_policy(json!({"Null": {"aws:SourceIp": "false"}}))]
    }),
    ("iam-decrypt-all", "a user agent, whichever it is", || {
        vec![iam_policy(json!({"StringLike": {"aws:UserAgent": "?*"}}))]
    }),
    ("iam-decrypt-all", "a key in two spellings", || {
        vec![iam_policy(
            json!({"StringLike": {"aws:UserAgent": "*", "AWS:UserAgent": "*"}}),
        )]
    }),
    ("iam-decrypt-all", "more than CloudTrail records", || {
        let mut call = iam_policy(json!({}));
        call["requestParameters"] = json!({"omitted": true, "originalSize": 120_000});
        vec![call]
    }),
    ("denied-then-allowed", "a managed policy attached", || {
        vec![
            call(at(0), "Decrypt", 1, refused()),
            service(
                at(5),
                "iam.amazonaws.com",
                "AttachUserPolicy",
                json!({"userName": "eve", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
            ),
            call(at(10), "Decrypt", 1, json!({})),
        ]
    }),
    (
        "denied-sweep",
        "a user that is called like a service",
        || {
            (0..9).map(|key| {
        let mut more = refused();
        more["userIdentity"] = json!({"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/s3.amazonaws.com", "accountId": "111122223333"});
        call(at(0), "Decrypt", key, more)
    }).collect()
        },
    ),
    (
        "trail-narrowed",
        "the trail's files made to expire tomorrow",
        || vec![trail_into("invoices"), lifecycle(1)],
    ),
    (
        "trail-narrowed",
        "an event data store instead of a trail",
        || {
            vec![service(
                at(0),
                "cloudtrail.amazonaws.com",
                "UpdateEventDataStore",
                json!({"eventDataStore": "arn:aws:cloudtrail:us-west-2:111122223333:eventdatastore/1", "multiRegionEnabled": false}),
            )]
        },
    ),
    (
        "ransom-chain",
        "old versions made to expire tomorrow",
        || {
            let mut calls = vec![call(at(0), "ImportKeyMaterial", 9, lasting())];
            calls.extend((0..60).map(|second| call(second_of(600 + second), "ReEncrypt", 1, json!({"requestParameters": {"sourceKeyId": key_arn(1), "destinationKeyId": key_arn(9)}}))));
            calls.push(lifecycle(1));
            calls
        },
    ),
    (
        "grant-external",
        "the account's id instead of a role",
        || {
            vec![call(
                at(0),
                "CreateGrant",
                1,
                grant("arn:aws:iam::444455556666:root", &["Verify"]),
            )]
        },
    ),
    ("grant-external", "made through a service", || {
        let mut more = grant("arn:aws:iam::444455556666:role/x", &["Decrypt"]);
        more["userIdentity"] = through("s3.amazonaws.com")["userIdentity"].clone();
        vec![call(at(0), "CreateGrant", 1, more)]
    }),
    (
        "grant-broad",
        "a state machine's role lets itself in",
        || vec![granted_through("states.amazonaws.com", "app")],
    ),
    (
        "grant-delegable",
        "an automation document makes the grant",
        || vec![granted_through("ssm.amazonaws.com", "backdoor")],
    ),
    (
        "grant-broad",
        "a service that nobody knows to take orders lets its caller in",
        || vec![granted_through("orders.amazonaws.com", "app")],
    ),
    (
        "grant-duplicate",
        "a second grant, made by a schedule",
        || {
            let mut again = granted_through("scheduler.amazonaws.com", "backdoor");
            again["eventTime"] = json!(at(1));
            again["eventID"] = json!("again");
            again["responseElements"]["grantId"] = json!("again");
            vec![granted_through("ssm.amazonaws.com", "backdoor"), again]
        },
    ),
    (
        "grant-revoked-in-use",
        "a state machine revokes the grant",
        || {
            let request = json!({"requestParameters": {"keyId": key_arn(1), "grantId": "g"}});
            let mut revoke = call(at(5), "RevokeGrant", 1, request);
            revoke["userIdentity"] = through("states.amazonaws.com")["userIdentity"].clone();
            vec![
                call(at(0), "CreateGrant", 1, grant(EVE, &["Decrypt"])),
                call(at(4), "Decrypt", 1, json!({})),
                revoke,
            ]
        },
    ),
    (
        "self-grant-use",
        "a state machine makes the grant, its role goes in",
        || {
            let mut used = call(at(5), "Decrypt", 1, through(""));
            used["eventID"] = json!("used");
            vec![granted_through("states.amazonaws.com", "app"), used]
        },
    ),
    ("reencrypt-foreign", "the destination by its alias", || {
        vec![call(
            at(0),
            "ReEncrypt",
            1,
            json!({"requestParameters": {"sourceKeyId": key_arn(1), "destinationKeyId": "arn:aws:kms:us-west-2:444455556666:alias/theirs"}, "resources": [{"ARN": key_arn(1)}, {"ARN": key_of("444455556666")}]}),
        )]
    }),
];

#[test]
fn a_small_variation_evades_no_rule() {
    let mut silent = Vec::new();
    for (rule, story, records) in EVASIVE {
        let findings = findings_over(lines(&records()).as_bytes());
        if !findings.iter().any(|finding| finding.rule == *rule) {
            silent.push(format!("{rule}: {story}\n{}", summary(&findings)));
        }
    }
    assert!(silent.is_empty(), "{}", silent.join("\n"));
}

//! The nearest benign case of every rule, by name.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::calls::*;
use super::evasive::EVASIVE;
use super::{ORGANISATION_ACCOUNT, findings_over, key_arn, lines, rules_over_records, summary};

/// Records on which the rule has nothing to say.
const BENIGN: &[Case] = &[
    (
        "alias-repointed",
        "a deploy points an alias where it points",
        || {
            let to = |time, name, key: u8| {
                call(
                    time,
                    name,
                    key,
                    json!({"requestParameters": {"aliasName": "alias/app", "targetKeyId": key_arn(key)}}),
                )
            };
            vec![to(at(0), "CreateAlias", 1), to(at(90), "UpdateAlias", 1)]
        },
    ),
    ("asymmetric-first", "a signature is verified", || {
        vec![
            call(at(0), "Verify", 1, json!({})),
            call(at(1), "GetPublicKey", 1, json!({})),
        ]
    }),
    ("context-anomaly", "the same context in every call", || {
        daily(9, "Decrypt", context("tenant", "a"))
    }),
    (
        "cross-account-use",
        "another account looks at a key that it may not use",
        || vec![call(at(0), "DescribeKey", 1, by_account("444455556666"))],
    ),
    (
        "default-encryption-off",
        "the default is switched on, and set again",
        || {
            vec![
                service(
                    at(0),
                    "ec2.amazonaws.com",
                    "EnableEbsEncryptionByDefault",
                    json!({}),
                ),
                service(
                    at(1),
                    "s3.amazonaws.com",
                    "PutBucketEncryption",
                    json!({"bucketName": "invoices", "ServerSideEncryptionConfiguration": {"Rule": {"ApplyServerSideEncryptionByDefault": {"KMSMasterKeyID": key_arn(1), "SSEAlgorithm": "aws:kms"}}}}),
                ),
            ]
        },
    ),
    (
        "denied-sweep",
        "an application without permission tries its one key again and again",
        || {
            (0..40)
                .map(|minute| call(at(minute), "Decrypt", 1, refused()))
                .collect()
        },
    ),
    (
        "denied-then-allowed",
        "another role gets its policy while an application retries",
        || {
            vec![
                call(at(0), "Decrypt", 1, refused()),
                service(
                    at(5),
                    "iam.amazonaws.com",
                    "PutRolePolicy",
                    json!({"roleName": "build", "policyName": "p", "policyDocument": "{}"}),
                ),
                call(at(10), "Decrypt", 1, json!({})),
            ]
        },
    ),
    (
        "direct-use-of-service-key",
        "a key that is used both ways",
        || {
            let mut calls = daily(9, "Decrypt", through("s3.amazonaws.com"));
            calls.extend(daily(9, "Decrypt", json!({})));
            calls
        },
    ),
    ("discovery-sweep", "AWS Config takes its inventory", || {
        (0..60)
            .map(|key| {
                call(
                    at(0),
                    "DescribeKey",
                    key,
                    service_linked("config.amazonaws.com"),
                )
            })
            .collect()
    }),
    ("enclave-debug", "a key that no enclave uses", || {
        daily(9, "Decrypt", json!({}))
    }),
    (
        "foreign-key-default",
        "a bucket gets a key of the organisation",
        || {
            vec![service(
                at(0),
                "s3.amazonaws.com",
                "PutBucketEncryption",
                json!({"bucketName": "invoices", "ServerSideEncryptionConfiguration": {"Rule": {"ApplyServerSideEncryptionByDefault": {"KMSMasterKeyID": key_of(ORGANISATION_ACCOUNT)}}}}),
            )]
        },
    ),
    (
        "foreign-key-object",
        "objects under a key of the organisation",
        || {
            vec![service(
                at(0),
                "s3.amazonaws.com",
                "PutObject",
                json!({"bucketName": "invoices", "x-amz-server-side-encryption-aws-kms-key-id": key_of(ORGANISATION_ACCOUNT)}),
            )]
        },
    ),
    (
        "grant-broad",
        "EBS lets an instance decrypt its volume",
        ebs_grant,
    ),
    (
        "grant-delegable",
        "EC2 Auto Scaling's role may grant on, as its documentation asks for",
        || {
            vec![call(
                at(0),
                "CreateGrant",
                1,
                grant(
                    "arn:aws:iam::111122223333:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling",
                    &["Decrypt", "CreateGrant"],
                ),
            )]
        },
    ),
    (
        "grant-broad",
        "Lambda lets a function's role decrypt the function's settings",
        || vec![granted_through("lambda.amazonaws.com", "function")],
    ),
    ("grant-duplicate", "two volumes of one instance", ebs_grant),
    (
        "grant-external",
        "a grant to the organisation, and a dry run of one to somebody else",
        || {
            let mut dry = grant("arn:aws:iam::444455556666:role/x", &["Decrypt"]);
            dry["errorCode"] = json!("DryRunOperationException");
            vec![
                call(
                    at(0),
                    "CreateGrant",
                    1,
                    grant(
                        &format!("arn:aws:iam::{ORGANISATION_ACCOUNT}:role/app"),
                        &["Decrypt"],
                    ),
                ),
                call(at(1), "CreateGrant", 1, dry),
            ]
        },
    ),
    (
        "grant-revoked-in-use",
        "a grant to another is revoked",
        || {
            vec![
                call(
                    at(0),
                    "CreateGrant",
                    1,
                    grant("arn:aws:iam::111122223333:role/idle", &["Decrypt"]),
                ),
                call(at(1), "Decrypt", 1, json!({})),
                call(
                    at(2),
                    "RevokeGrant",
                    1,
                    json!({"requestParameters": {"keyId": key_arn(1), "grantId": "g"}}),
                ),
            ]
        },
    ),
    (
        "grant-sprawl",
        "as many grants as resources, each retired in turn",
        || {
            let volume = |n: u8| {
                let mut made = grant("arn:aws:iam::111122223333:role/app", &["Decrypt"]);
                made["responseElements"]["grantId"] = json!(format!("g{n}"));
                let gone = json!({"requestParameters": null, "additionalEventData": {"grantId": format!("g{n}")}});
                [
                    call(at(2 * i64::from(n)), "CreateGrant", 1, made),
                    call(at(2 * i64::from(n) + 1), "RetireGrant", 1, gone),
                ]
            };
            (0..200).flat_map(volume).collect()
        },
    ),
    (
        "grant-stale",
        "a grant that is retired when its work is done",
        || {
            let mut calls = vec![
                call(
                    at(0),
                    "CreateGrant",
                    1,
                    grant("arn:aws:iam::111122223333:role/app", &["Decrypt"]),
                ),
                call(
                    at(60),
                    "RetireGrant",
                    1,
                    json!({"requestParameters": null, "additionalEventData": {"grantId": "g"}}),
                ),
            ];
            calls.push(call(at(50 * 1_440), "DescribeKey", 1, json!({})));
            calls
        },
    ),
    (
        "iam-decrypt-all",
        "all keys, through one service only",
        || {
            vec![iam_policy(
                json!({"StringEquals": {"kms:ViaService": "s3.us-west-2.amazonaws.com"}}),
            )]
        },
    ),
    (
        "key-churn",
        "a deletion is scheduled and cancelled by the same administrator",
        || {
            vec![
                call(at(0), "ScheduleKeyDeletion", 1, json!({})),
                call(at(30), "CancelKeyDeletion", 1, json!({})),
                call(at(31), "EnableKey", 1, json!({})),
            ]
        },
    ),
    (
        "key-deletion-bulk",
        "two keys of an application that goes",
        || {
            vec![
                call(at(0), "ScheduleKeyDeletion", 1, json!({})),
                call(at(1), "ScheduleKeyDeletion", 2, json!({})),
            ]
        },
    ),
    (
        "key-deletion-scheduled",
        "KMS deletes a key when its time has come",
        || vec![call(at(0), "DeleteKey", 1, by_kms())],
    ),
    (
        "key-disabled",
        "a key is enabled, and one that does not exist disabled",
        || {
            vec![
                call(at(0), "EnableKey", 1, json!({})),
                call(
                    at(1),
                    "DisableKey",
                    1,
                    json!({"errorCode": "NotFoundException"}),
                ),
            ]
        },
    ),
    (
        "key-origin-external",
        "Terraform makes a key of KMS's own",
        || deploy("Terraform/1.7.0"),
    ),
    (
        "key-store-tampered",
        "a key store is looked at and connected",
        || {
            vec![
                service(
                    at(0),
                    "kms.amazonaws.com",
                    "DescribeCustomKeyStores",
                    json!({}),
                ),
                service(
                    at(1),
                    "kms.amazonaws.com",
                    "ConnectCustomKeyStore",
                    json!({"customKeyStoreId": "cks-1234567890abcdef0"}),
                ),
            ]
        },
    ),
    ("log-silence", "a Region that was used for a week", || {
        daily(7, "Decrypt", json!({}))
    }),
    ("material-deleted", "KMS deletes what expired", || {
        vec![call(at(0), "DeleteExpiredKeyMaterial", 1, by_kms())]
    }),
    ("material-expiring", "material that does not expire", || {
        vec![
            call(at(0), "ImportKeyMaterial", 1, lasting()),
            call(at(1), "Decrypt", 1, json!({})),
        ]
    }),
    (
        "material-expiry-bomb",
        "material is imported to stay",
        || {
            vec![
                call(at(0), "GetParametersForImport", 1, json!({})),
                call(at(1), "ImportKeyMaterial", 1, lasting()),
                call(at(2), "Decrypt", 1, json!({})),
            ]
        },
    ),
    (
        "material-imported",
        "an import that KMS does not take",
        || {
            vec![
                call(at(0), "GetParametersForImport", 1, json!({})),
                call(
                    at(1),
                    "ImportKeyMaterial",
                    1,
                    json!({"errorCode": "IncorrectKeyMaterialException"}),
                ),
            ]
        },
    ),
    (
        "pending-key-used",
        "the owner looks at a key that is to be deleted",
        || {
            vec![
                call(at(0), "ScheduleKeyDeletion", 1, json!({})),
                call(at(1), "DescribeKey", 1, json!({})),
                call(
                    at(2),
                    "EnableKey",
                    1,
                    json!({"errorCode": "KMSInvalidStateException"}),
                ),
            ]
        },
    ),
    ("plaintext-datakey", "a key whose norm it is", || {
        daily(9, "GenerateDataKey", json!({}))
    }),
    (
        "policy-changed",
        "PutKeyPolicy with the policy that is there",
        || twice(DELEGATION),
    ),
    (
        "policy-external",
        "a service and an account of the organisation are let in",
        || {
            vec![
                call(at(0), "CreateKey", 1, policy(DELEGATION)),
                call(at(90), "PutKeyPolicy", 1, policy(HOME)),
            ]
        },
    ),
    (
        "policy-external",
        "a principal that was deleted stands as its unique id",
        || {
            let gone = DELEGATION.replace("arn:aws:iam::111122223333:root", "AROAEXAMPLEEXAMPLE12");
            vec![
                call(at(0), "CreateKey", 1, policy(DELEGATION)),
                call(
                    at(90),
                    "PutKeyPolicy",
                    1,
                    policy(&format!("{DELEGATION},{gone}")),
                ),
            ]
        },
    ),
    (
        "policy-lockout",
        "a data perimeter, and the console's unchecked box",
        || {
            vec![
                call(at(0), "PutKeyPolicy", 1, policy(DELEGATION)),
                call(at(1), "PutKeyPolicy", 1, policy(PERIMETER)),
            ]
        },
    ),
    (
        "policy-lockout",
        "a tool makes a key, and then puts its policy for two roles",
        || {
            let two = DELEGATION.replace(
                r#""arn:aws:iam::111122223333:root""#,
                r#"["arn:aws:iam::111122223333:role/deploy","arn:aws:iam::111122223333:role/admin"]"#,
            );
            vec![
                call(
                    at(0),
                    "CreateKey",
                    1,
                    json!({"requestParameters": {"description": ""}}),
                ),
                call(at(1), "PutKeyPolicy", 1, policy(&two)),
            ]
        },
    ),
    (
        "policy-lockout",
        "the key named by its ARN instead of a star",
        || {
            let by_arn = DELEGATION.replace(r#""*""#, &format!("{:?}", key_arn(1)));
            vec![
                call(at(0), "PutKeyPolicy", 1, policy(DELEGATION)),
                call(at(90), "PutKeyPolicy", 1, policy(&by_arn)),
            ]
        },
    ),
    (
        "policy-public",
        "root delegation, and everyone of the own account through a service",
        || {
            vec![
                call(at(0), "PutKeyPolicy", 1, policy(DELEGATION)),
                call(at(1), "PutKeyPolicy", 1, policy(MANAGED)),
            ]
        },
    ),
    (
        "policy-weakened",
        "everyone of the account through one service, as AWS's own keys have it",
        || {
            vec![
                call(at(0), "CreateKey", 1, policy(DELEGATION)),
                call(at(90), "PutKeyPolicy", 1, policy(MANAGED)),
            ]
        },
    ),
    ("policy-weakened", "a condition is added", || {
        vec![
            call(at(0), "PutKeyPolicy", 1, policy(DELEGATION)),
            call(at(1), "PutKeyPolicy", 1, policy(PERIMETER)),
        ]
    }),
    (
        "primary-moved",
        "a deploy's replica is kept in step",
        || {
            let mut calls = deploy("Terraform/1.7.0");
            calls.push(call(
                at(10),
                "SynchronizeMultiRegionKey",
                1,
                json!({"resources": [{"ARN": MULTI_REGION}], "requestParameters": null}),
            ));
            calls
        },
    ),
    (
        "ransom-chain",
        "a deploy writes a policy, expires old versions after a quarter, and encrypts",
        || {
            let mut calls = deploy("Terraform/1.7.0");
            calls.push(lifecycle(90));
            calls.extend(
                (0..100)
                    .map(|second| call(second_of(600 + second), "GenerateDataKey", 1, json!({}))),
            );
            calls
        },
    ),
    (
        "reencrypt-foreign",
        "data moves to another key of the organisation",
        || {
            vec![call(
                at(0),
                "ReEncrypt",
                1,
                json!({"requestParameters": {"sourceKeyId": key_arn(1), "destinationKeyId": key_of(ORGANISATION_ACCOUNT)}}),
            )]
        },
    ),
    ("region-new", "keys of another Region are listed", || {
        let mut calls = daily(9, "Decrypt", json!({}));
        calls.push(call(
            at(9 * 1_440),
            "ListKeys",
            1,
            json!({"awsRegion": "eu-west-1", "resources": [], "requestParameters": null}),
        ));
        calls
    }),
    (
        "region-replicated",
        "CloudFormation makes a key, and hours later its replica in a Region that is allowed",
        || {
            let stack = |minute, name| {
                let mut more = through("cloudformation.amazonaws.com");
                more["requestParameters"] =
                    json!({"keyId": MULTI_REGION, "replicaRegion": "us-east-1"});
                call(at(minute), name, 1, multi_region(more))
            };
            vec![stack(0, "CreateKey"), stack(240, "ReplicateKey")]
        },
    ),
    ("root-used", "a role that is called root", || {
        vec![call(
            at(0),
            "Decrypt",
            1,
            json!({"userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/root/root", "accountId": "111122223333"}}),
        )]
    }),
    ("rotation-burst", "KMS rotates, and somebody once", || {
        let mut calls: Vec<Value> = (0..5)
            .map(|minute| call(at(minute), "RotateKey", 1, by_kms()))
            .collect();
        calls.push(call(at(9), "RotateKeyOnDemand", 1, json!({})));
        calls
    }),
    (
        "rotation-disabled",
        "rotation is enabled again with the same period",
        || {
            let enable = |minute| {
                call(
                    at(minute),
                    "EnableKeyRotation",
                    1,
                    json!({"requestParameters": {"keyId": key_arn(1), "rotationPeriodInDays": 365}}),
                )
            };
            vec![enable(0), enable(60)]
        },
    ),
    (
        "self-grant-use",
        "whoever makes a key names itself and tries it",
        || {
            vec![
                call(at(0), "CreateKey", 1, policy(DELEGATION)),
                call(at(1), "PutKeyPolicy", 1, policy(TO_CALLER)),
                call(at(2), "Decrypt", 1, json!({})),
            ]
        },
    ),
    (
        "sod-violation",
        "a deploy's role makes, names and tries a key",
        || {
            let mut calls = deploy("Terraform/1.7.0");
            calls.push(call(at(20), "Encrypt", 1, json!({})));
            calls
        },
    ),
    ("sse-c-burst", "objects under KMS", || {
        (0..30).map(|second| service(second_of(second), "s3.amazonaws.com", "PutObject", json!({"bucketName": "invoices", "x-amz-server-side-encryption-aws-kms-key-id": key_arn(1)}))).collect()
    }),
    ("tags-changed", "Terraform tags the keys it keeps", || {
        vec![call(
            at(0),
            "TagResource",
            1,
            json!({"userAgent": "Terraform/1.7.0", "requestParameters": {"keyId": key_arn(1), "tags": [{"tagKey": "team", "tagValue": "a"}]}}),
        )]
    }),
    ("theft-chain", "an inventory, then a few calls", || {
        let mut calls: Vec<Value> = (0..30)
            .map(|key| call(at(0), "DescribeKey", key, json!({})))
            .collect();
        calls.extend((0..5).map(|minute| call(at(5 + minute), "Decrypt", 1, json!({}))));
        calls
    }),
    ("throttled", "a few calls of many", || {
        let mut calls: Vec<Value> = (0..300)
            .map(|second| call(second_of(second), "Decrypt", 1, json!({})))
            .collect();
        calls.push(call(
            at(1),
            "Decrypt",
            2,
            json!({"errorCode": "ThrottlingException"}),
        ));
        calls
    }),
    (
        "trail-kms-excluded",
        "data events are added, RDS's data API is left out",
        || {
            vec![service(
                at(0),
                "cloudtrail.amazonaws.com",
                "PutEventSelectors",
                json!({
                    "trailName": "main",
                    "eventSelectors": [{"readWriteType": "All", "includeManagementEvents": true, "excludeManagementEventSources": ["rdsdata.amazonaws.com"],
                        "dataResources": [{"type": "AWS::S3::Object", "values": ["arn:aws:s3:::invoices/"]}]}],
                }),
            )]
        },
    ),
    (
        "trail-narrowed",
        "the console sends every field, unchanged",
        || {
            let all = json!({"name": "main", "s3BucketName": "trail", "includeGlobalServiceEvents": true, "isMultiRegionTrail": false, "enableLogFileValidation": false, "isOrganizationTrail": false, "kmsKeyId": ""});
            let set =
                |minute, name| service(at(minute), "cloudtrail.amazonaws.com", name, all.clone());
            vec![
                set(0, "CreateTrail"),
                set(9, "UpdateTrail"),
                set(18, "UpdateTrail"),
            ]
        },
    ),
    (
        "trail-narrowed",
        "the trail's files expire after a quarter, those of another bucket tomorrow",
        || {
            let mut quarter = lifecycle(90);
            quarter["requestParameters"]["bucketName"] = json!("trail");
            vec![trail_into("trail"), quarter, lifecycle(1)]
        },
    ),
    ("trail-stopped", "a trail is started and looked at", || {
        vec![
            service(
                at(0),
                "cloudtrail.amazonaws.com",
                "StartLogging",
                json!({"name": "main"}),
            ),
            service(
                at(1),
                "cloudtrail.amazonaws.com",
                "GetTrailStatus",
                json!({"name": "main"}),
            ),
        ]
    }),
];

#[test]
fn every_rule_has_a_case_that_fires_and_a_benign_one() {
    let rows: BTreeSet<&str> = BENIGN.iter().map(|(rule, ..)| *rule).collect();
    for rule in rules_over_records() {
        let id = rule.about().id;
        assert!(rows.contains(id), "{id} has no benign row in this table");
        for name in ["fires.jsonl", "silent.jsonl"] {
            assert!(super::fixture(id, name).is_file(), "{id} has no {name}");
        }
    }
    for (rule, ..) in BENIGN.iter().chain(EVASIVE) {
        assert!(super::rules::find(rule).is_some(), "{rule} is no rule");
    }
}

#[test]
fn the_benign_case_of_every_rule_is_silent() {
    let mut loud = Vec::new();
    for (rule, story, records) in BENIGN {
        let findings = findings_over(lines(&records()).as_bytes());
        let of_rule: Vec<_> = findings
            .into_iter()
            .filter(|finding| finding.rule == *rule)
            .collect();
        if !of_rule.is_empty() {
            loud.push(format!("{rule}: {story}\n{}", summary(&of_rule)));
        }
    }
    assert!(loud.is_empty(), "{}", loud.join("\n"));
}

#[test]
fn a_deploy_in_one_go_is_nothing_to_look_at() {
    for agent in ["Terraform/1.7.0", "aws-cli/2.15.30"] {
        let findings = findings_over(lines(&deploy(agent)).as_bytes());
        assert!(findings.is_empty(), "{agent}: {}", summary(&findings));
    }
    let mut records = deploy("cloudformation.amazonaws.com");
    for record in &mut records {
        record["userIdentity"] = through("cloudformation.amazonaws.com")["userIdentity"].clone();
    }
    let findings = findings_over(lines(&records).as_bytes());
    assert!(findings.is_empty(), "{}", summary(&findings));
}

#[test]
fn the_world_and_a_stranger_are_told_by_one_rule() {
    let stranger = TO_ACCOUNT.replacen(
        r#""kms:CallerAccount":"111122223333""#,
        r#""kms:CallerAccount":["111122223333","444455556666"]"#,
        1,
    );
    let world = r#"{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"}"#;
    for (statements, rule) in [
        (stranger, "policy-external"),
        (format!("{DELEGATION},{world}"), "policy-public"),
    ] {
        let records = [
            call(at(0), "CreateKey", 1, policy(DELEGATION)),
            call(at(90), "PutKeyPolicy", 1, policy(&statements)),
        ];
        let findings = findings_over(lines(&records).as_bytes());
        let rules: Vec<&str> = findings.iter().map(|finding| &*finding.rule).collect();
        assert_eq!(rules, [rule], "{}", summary(&findings));
    }
}

#[test]
fn a_replica_lets_in_whom_its_primary_lets_in() {
    let records = [
        call(at(0), "PutKeyPolicy", 1, multi_region(policy(PARTNER))),
        replicate(PARTNER),
    ];
    let findings = findings_over(lines(&records).as_bytes());
    let told = findings
        .iter()
        .filter(|finding| finding.rule == "policy-external");
    let times: Vec<String> = told.map(|finding| finding.first_seen.to_string()).collect();
    assert_eq!(times, [at(0)], "{}", summary(&findings));
}

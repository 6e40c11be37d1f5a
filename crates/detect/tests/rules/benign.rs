//! The nearest benign case of every rule, by name, and small variations that evade none.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    ORGANISATION_ACCOUNT, findings_over, key_arn, lines, record, rules_over_records, summary,
};

/// A rule, the story, and the records on which the rule has nothing to say.
type Case = (&'static str, &'static str, fn() -> Vec<Value>);

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
        "policy-public",
        "root delegation, and everyone of the own account through a service",
        || {
            vec![
                call(at(0), "PutKeyPolicy", 1, policy(DELEGATION)),
                call(at(1), "PutKeyPolicy", 1, policy(MANAGED)),
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
        "CloudFormation makes a replica in a Region that is allowed",
        || {
            vec![call(at(0), "ReplicateKey", 1, {
                let mut more = through("cloudformation.amazonaws.com");
                more["requestParameters"] =
                    json!({"keyId": MULTI_REGION, "replicaRegion": "us-east-1"});
                more["resources"] = json!([{"ARN": MULTI_REGION}]);
                more
            })]
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

/// What a small variation must not hide.
const EVASIVE: &[Case] = &[
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
    ("reencrypt-foreign", "the destination by its alias", || {
        vec![call(
            at(0),
            "ReEncrypt",
            1,
            json!({"requestParameters": {"sourceKeyId": key_arn(1), "destinationKeyId": "arn:aws:kms:us-west-2:444455556666:alias/theirs"}, "resources": [{"ARN": key_arn(1)}, {"ARN": key_of("444455556666")}]}),
        )]
    }),
];

const DELEGATION: &str = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"}"#;
const PERIMETER: &str = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"},
    {"Effect":"Deny","Principal":"*","Action":"kms:*","Resource":"*","Condition":{"StringNotEqualsIfExists":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"},"BoolIfExists":{"aws:PrincipalIsAWSService":"false"}}}"#;
const MANAGED: &str = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"},
    {"Effect":"Allow","Principal":{"AWS":"*"},"Action":["kms:Decrypt","kms:CreateGrant"],"Resource":"*","Condition":{"StringEquals":{"kms:CallerAccount":"111122223333","kms:ViaService":"s3.us-west-2.amazonaws.com"}}}"#;
const PARTNER: &str = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"},
    {"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"kms:Decrypt","Resource":"*"}"#;
const HOME: &str = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"},
    {"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::777788889999:root","Service":"s3.amazonaws.com"},"Action":"kms:Decrypt","Resource":"*"}"#;
const TO_CALLER: &str = r#"{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:root","arn:aws:iam::111122223333:user/eve"]},"Action":"kms:*","Resource":"*"}"#;
const MULTI_REGION: &str =
    "arn:aws:kms:us-west-2:111122223333:key/mrk-0000000112ab34cd56ef1234567890ab";

/// A second of the fixtures' day.
fn second_of(seconds: i64) -> String {
    let start = keytrail_event::EventTime::parse("2024-03-05T09:00:00Z").unwrap();
    start.plus_seconds(seconds).to_string()
}

/// So many minutes into the fixtures' day.
fn at(minutes: i64) -> String {
    second_of(60 * minutes)
}

fn call(time: String, name: &str, key: u8, more: Value) -> Value {
    let mut call = record(&time, name, key, more);
    call["eventID"] = json!(format!(
        "{time}{name}{key}{}",
        call["userIdentity"]["invokedBy"]
    ));
    call
}

fn service(time: String, source: &str, name: &str, request: Value) -> Value {
    call(
        time,
        name,
        0,
        json!({"eventSource": source, "requestParameters": request, "resources": []}),
    )
}

/// The call once a day, for so many days.
fn daily(days: i64, name: &str, more: Value) -> Vec<Value> {
    (0..days)
        .map(|day| call(at(day * 1_440), name, 1, more.clone()))
        .collect()
}

fn context(key: &str, value: &str) -> Value {
    json!({"requestParameters": {"encryptionContext": {key: value}}})
}

fn refused() -> Value {
    json!({"errorCode": "AccessDenied"})
}

fn through(service: &str) -> Value {
    json!({"userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/app/s", "accountId": "111122223333", "invokedBy": service}})
}

fn by_account(account: &str) -> Value {
    json!({"userIdentity": {"type": "AWSAccount", "principalId": "AROAEXAMPLEEXAMPLE12:x", "accountId": account}})
}

fn by_kms() -> Value {
    json!({"eventType": "AwsServiceEvent", "requestParameters": null, "userIdentity": {"accountId": "111122223333", "invokedBy": "AWS Internal"}})
}

fn service_linked(service: &str) -> Value {
    let role = format!("arn:aws:iam::111122223333:role/aws-service-role/{service}/AWSServiceRole");
    json!({"userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/AWSServiceRole/x", "accountId": "111122223333",
        "sessionContext": {"sessionIssuer": {"type": "Role", "arn": role, "accountId": "111122223333"}}}})
}

fn key_of(account: &str) -> String {
    key_arn(9).replace("111122223333", account)
}

fn lasting() -> Value {
    json!({"requestParameters": {"keyId": key_arn(1), "expirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}})
}

fn policy(statements: &str) -> Value {
    json!({"requestParameters": {"keyId": key_arn(1), "policyName": "default", "bypassPolicyLockoutSafetyCheck": false, "policy": format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)}})
}

fn twice(statements: &str) -> Vec<Value> {
    vec![
        call(at(0), "CreateKey", 1, policy(statements)),
        call(at(90), "PutKeyPolicy", 1, policy(statements)),
    ]
}

fn multi_region(mut more: Value) -> Value {
    more["resources"] = json!([{"ARN": MULTI_REGION}]);
    more
}

fn replicate(statements: &str) -> Value {
    let mut more = multi_region(policy(statements));
    more["requestParameters"]["replicaRegion"] = json!("us-east-1");
    more["responseElements"] =
        json!({"replicaKeyMetadata": {"arn": MULTI_REGION.replace("us-west-2", "us-east-1")}});
    call(at(5), "ReplicateKey", 1, more)
}

fn grant(grantee: &str, operations: &[&str]) -> Value {
    json!({"requestParameters": {"keyId": key_arn(1), "granteePrincipal": grantee, "operations": operations}, "responseElements": {"grantId": "g"}})
}

/// EC2 grants its infrastructure the use of a key for each of two volumes.
fn ebs_grant() -> Vec<Value> {
    let volume = |minute, volume: &str| {
        let mut more = grant(
            "111122223333:aws:ec2-infrastructure:i-81e2f56c",
            &["Decrypt", "CreateGrant"],
        );
        more["requestParameters"]["constraints"] =
            json!({"encryptionContextSubset": {"aws:ebs:id": volume}});
        more["userIdentity"] = through("ec2.amazonaws.com")["userIdentity"].clone();
        call(at(minute), "CreateGrant", 1, more)
    };
    vec![volume(0, "vol-1"), volume(1, "vol-2")]
}

fn iam_policy(condition: Value) -> Value {
    let document = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*", "Condition": condition}]});
    service(
        at(0),
        "iam.amazonaws.com",
        "PutRolePolicy",
        json!({"roleName": "app", "policyName": "p", "policyDocument": document.to_string()}),
    )
}

fn lifecycle(days: u32) -> Value {
    service(
        at(30),
        "s3.amazonaws.com",
        "PutBucketLifecycle",
        json!({"bucketName": "invoices", "LifecycleConfiguration":
        {"Rule": {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, "NoncurrentVersionExpiration": {"NoncurrentDays": days}}}}),
    )
}

fn trail_into(bucket: &str) -> Value {
    let request =
        json!({"name": "main", "s3BucketName": bucket, "includeGlobalServiceEvents": true});
    service(at(0), "cloudtrail.amazonaws.com", "CreateTrail", request)
}

/// One deploy: a multi-Region key, its alias, policy, tags and rotation, and a replica.
fn deploy(agent: &str) -> Vec<Value> {
    let steps = [
        ("CreateKey", policy(DELEGATION)),
        (
            "CreateAlias",
            json!({"requestParameters": {"aliasName": "alias/app", "targetKeyId": MULTI_REGION}}),
        ),
        ("PutKeyPolicy", policy(PARTNER_OF_DEPLOY)),
        (
            "EnableKeyRotation",
            json!({"requestParameters": {"keyId": MULTI_REGION}}),
        ),
        (
            "TagResource",
            json!({"requestParameters": {"keyId": MULTI_REGION, "tags": [{"tagKey": "team", "tagValue": "a"}]}}),
        ),
        (
            "ReplicateKey",
            json!({"requestParameters": {"keyId": MULTI_REGION, "replicaRegion": "us-east-1"}}),
        ),
    ];
    let calls = (0..).zip(steps).map(|(minute, (name, more))| {
        let mut more = multi_region(more);
        more["userAgent"] = json!(agent);
        call(at(minute), name, 1, more)
    });
    calls.collect()
}

const PARTNER_OF_DEPLOY: &str = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"},
    {"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/app"},"Action":["kms:Decrypt","kms:GenerateDataKey"],"Resource":"*"}"#;

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

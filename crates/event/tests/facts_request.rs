//! Facts about requests and records as such: one test a row of the facts page.

mod common;

use std::collections::BTreeSet;

use common::{KEY, Seen, as_cloudtrail_writes, decrypt, one, read, without};
use keytrail_event::operation::{KMS_OPERATIONS, KMS_SERVICE_EVENTS};
use serde_json::{Map, Value, json};

fn seen(patch: Value) -> Seen {
    one(&decrypt(patch))
}

/// The context signature of a request.
fn check_context(request: Value, expected: &str) {
    let shown = request.to_string();
    let seen = seen(json!({ "requestParameters": request }));
    assert_eq!(seen.context, expected, "{shown}");
}

#[test]
fn an_encryption_context_is_an_object_of_strings() {
    check_context(json!({}), "");
    check_context(json!({"encryptionContext": {}}), "");
    check_context(json!({"encryptionContext": null}), "");
    check_context(
        json!({"encryptionContext": {"Project": "Alpha", "Department": "X"}}),
        "Department&Project",
    );
    check_context(
        json!({"encryptionContext": {"a": 5, "b": "x", "c": {"d": "e"}}}),
        "b",
    );
    check_context(json!({"encryptionContext": "HIDDEN"}), "");
    let seen = seen(json!({"requestParameters": {"encryptionContext": {"b": "2", "a": "1"}}}));
    let pairs = [("a", "1"), ("b", "2")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(seen.pairs, pairs);
}

#[test]
fn a_value_counts_as_the_resource_it_sits_in() {
    for (key, value, expected) in [
        (
            "aws:s3:arn",
            "arn:aws:s3:::invoices/2024/01.pdf",
            "aws:s3:arn=arn:aws:s3:::invoices",
        ),
        (
            "aws:s3:arn",
            "arn:aws:s3:::invoices/2024/02.pdf",
            "aws:s3:arn=arn:aws:s3:::invoices",
        ),
        (
            "aws:s3:arn",
            "arn:aws:s3:::invoices",
            "aws:s3:arn=arn:aws:s3:::invoices",
        ),
        ("aws:s3:arn", "free text of a caller", "aws:s3:arn"),
        (
            "aws:lambda:FunctionArn",
            "arn:aws:lambda:eu-west-1:111122223333:function:f",
            "aws:lambda:FunctionArn=arn:aws:lambda:eu-west-1:111122223333:function:f",
        ),
        (
            "aws:dynamodb:tableName",
            "orders",
            "aws:dynamodb:tableName=orders",
        ),
        (
            "aws:cloudtrail:arn",
            "arn:aws:cloudtrail:eu-west-1:111122223333:trail/main",
            "aws:cloudtrail:arn=arn:aws:cloudtrail:eu-west-1:111122223333:trail/main",
        ),
        (
            "PARAMETER_ARN",
            "arn:aws:ssm:eu-west-1:111122223333:parameter/db/password",
            "PARAMETER_ARN=arn:aws:ssm:eu-west-1:111122223333:parameter/db",
        ),
        (
            "SecretVersionId",
            "11111111-1111-4111-8111-111111111111",
            "SecretVersionId",
        ),
    ] {
        check_context(json!({"encryptionContext": {key: value}}), expected);
    }
}

#[test]
fn reencrypt_has_two_contexts_and_counts_under_its_source() {
    let request = json!({"sourceEncryptionContext": {"from": "x"}, "destinationEncryptionContext": {"to": "y"}});
    let seen = seen(json!({"eventName": "ReEncrypt", "requestParameters": request}));
    assert_eq!(seen.context, "from");
    assert!(seen.raw.contains("destinationEncryptionContext"));
}

#[test]
fn key_spec_and_number_of_bytes_both_occur() {
    for request in [
        json!({"keyId": KEY, "keySpec": "AES_256"}),
        json!({"keyId": KEY, "numberOfBytes": 32}),
    ] {
        let seen = seen(json!({"eventName": "GenerateDataKey", "requestParameters": request}));
        assert_eq!(
            (&*seen.operation, seen.key.as_deref()),
            ("GenerateDataKey", Some(KEY))
        );
    }
}

#[test]
fn read_only_says_nothing_about_the_class() {
    for name in [
        "Encrypt",
        "GenerateDataKey",
        "Decrypt",
        "Sign",
        "GenerateRandom",
    ] {
        for read_only in [json!(true), json!(false), json!(null), json!("true")] {
            let seen = seen(json!({"eventName": name, "readOnly": read_only}));
            assert_eq!(seen.class, "cryptographic", "{name}");
        }
    }
}

#[test]
fn every_operation_of_the_api_is_known_by_name_and_class() {
    let mut classes = BTreeSet::new();
    for (name, class) in KMS_OPERATIONS.into_iter().chain(KMS_SERVICE_EVENTS) {
        let seen = seen(json!({"eventName": name}));
        assert_eq!((&*seen.operation, seen.class), (name, class.as_str()));
        classes.insert(class.as_str());
    }
    let expected = ["cryptographic", "discovery", "management", "permission"];
    assert!(classes.iter().eq(&expected), "{classes:?}");
}

#[test]
fn an_unknown_operation_is_kept_as_unknown() {
    let seen = seen(json!({"eventName": "TransmogrifyKey"}));
    assert_eq!(
        (&*seen.operation, seen.class),
        ("TransmogrifyKey", "unknown")
    );
    assert_eq!(seen.key.as_deref(), Some(KEY));
}

#[test]
fn every_version_from_1_02_to_1_11_is_read() {
    for minor in 2..=11 {
        let version = format!("1.{minor:02}");
        let mut record = decrypt(json!({"eventVersion": version}));
        if minor < 6 {
            record = without(record, &["eventCategory", "managementEvent"]);
        }
        let seen = one(&record);
        assert_eq!(
            (&*seen.outcome, seen.key.as_deref()),
            ("success", Some(KEY)),
            "{version}"
        );
    }
    assert!(one(&without(decrypt(json!({})), &["eventVersion"])).is_kms);
}

#[test]
fn event_category_and_management_event_are_not_needed() {
    let record = without(
        decrypt(json!({})),
        &["eventCategory", "managementEvent", "eventType", "requestID"],
    );
    let seen = one(&record);
    assert_eq!((seen.is_kms, seen.is_service_event), (true, false));
}

#[test]
fn what_version_1_11_adds_is_carried() {
    for (place, value) in [
        (
            "additionalEventData",
            json!({"keyMaterialId": "0123456789abcdef"}),
        ),
        (
            "additionalEventData",
            json!({"recipient": {"attestationDocumentModuleId": "i-1-enc2", "attestationDocumentEnclaveImageDigest": "ab"}}),
        ),
        (
            "additionalEventData",
            json!({"backingKeys": [{"backingKeyId": "1"}], "grantId": "g"}),
        ),
        (
            "requestParameters",
            json!({"customKeyStoreId": "cks-1234567890abcdef0", "xksKeyId": "bb8562717f809024"}),
        ),
        (
            "requestParameters",
            json!({"recipient": {"keyEncryptionAlgorithm": "RSAES_OAEP_SHA_256"}}),
        ),
    ] {
        let seen = seen(json!({"eventVersion": "1.11", place: value}));
        assert_eq!(seen.key.as_deref(), Some(KEY), "{value}");
        let raw: Value = serde_json::from_str(&seen.raw).expect("the record is carried as JSON");
        assert_eq!(raw[place], value);
    }
}

#[test]
fn a_vpc_endpoint_event_carries_its_refusal() {
    let seen = seen(
        json!({"eventType": "AwsVpceEvent", "eventCategory": "NetworkActivity", "managementEvent": null,
        "errorCode": "VpceAccessDenied", "errorMessage": "The request was denied due to a VPC endpoint policy",
        "vpcEndpointId": "vpce-0123456789abcdef0", "requestParameters": null,
        "userIdentity": {"type": "AWSAccount", "principalId": "AIDAX", "accountId": "444455556666"}}),
    );
    assert_eq!(
        (&*seen.outcome, seen.family),
        ("VpceAccessDenied", "denied")
    );
    assert_eq!(seen.vpc_endpoint.as_deref(), Some("vpce-0123456789abcdef0"));
    assert_eq!(seen.principal, "ext:444455556666/AIDAX");
    assert!(seen.is_kms && !seen.is_service_event);
}

#[test]
fn an_outcome_is_success_or_the_error_code() {
    for (code, outcome, family) in [
        (json!(null), "success", "success"),
        (json!(""), "success", "success"),
        (json!("AccessDenied"), "AccessDenied", "denied"),
        (
            json!("AccessDeniedException"),
            "AccessDeniedException",
            "denied",
        ),
        (
            json!("KMSInvalidStateException"),
            "KMSInvalidStateException",
            "invalid-state",
        ),
        (json!("NotFoundException"), "NotFoundException", "not-found"),
        (
            json!("InvalidKeyUsageException"),
            "InvalidKeyUsageException",
            "invalid",
        ),
        (
            json!("ThrottlingException"),
            "ThrottlingException",
            "throttled",
        ),
    ] {
        let seen = seen(json!({"errorCode": code}));
        assert_eq!((&*seen.outcome, seen.family), (outcome, family));
    }
}

#[test]
fn records_of_every_size_are_read() {
    let small = without(
        decrypt(json!({})),
        &[
            "userIdentity",
            "requestParameters",
            "responseElements",
            "resources",
            "userAgent",
        ],
    );
    assert!(one(&small).is_kms);
    for bytes in [800, 1_200, 4_600, 200_000] {
        let context = json!({"encryptionContext": {"note": "x".repeat(bytes)}});
        assert_eq!(
            seen(json!({"requestParameters": context})).key.as_deref(),
            Some(KEY)
        );
    }
}

#[test]
fn nothing_depends_on_the_order_of_fields() {
    let record = decrypt(json!({"errorCode": "AccessDenied", "sharedEventID": "s"}));
    let fields: Map<String, Value> = record.as_object().cloned().unwrap_or_default();
    let expected = Seen {
        raw: String::new(),
        ..one(&record)
    };
    for turn in 0..fields.len() {
        let names = fields.iter().cycle().skip(turn).take(fields.len());
        let members: Vec<String> = names
            .map(|(name, value)| format!("{name:?} :\n{value}"))
            .collect();
        let text = format!("{{\n {}\n}}", members.join(" , "));
        for delivery in [text.clone(), format!("{{\"Records\":[{text}]}}")] {
            let outcome = read(delivery.as_bytes());
            let seen = outcome.seen.into_iter().next().map(|seen| Seen {
                raw: String::new(),
                ..seen
            });
            assert_eq!(seen.as_ref(), Some(&expected), "{delivery}");
        }
    }
}

#[test]
fn names_and_values_with_escapes_are_the_same_names_and_values() {
    let text = as_cloudtrail_writes(&decrypt(json!({})))
        .replace("eventName", "event\\u004eame")
        .replace("Decrypt", "De\\u0063rypt")
        .replace("user/Alice", "user\\/Alice");
    let outcome = read(text.as_bytes());
    let seen = outcome.seen.first();
    assert_eq!(seen.map(|seen| &*seen.operation), Some("Decrypt"));
    assert_eq!(
        seen.map(|seen| &*seen.principal),
        Some("arn:aws:iam::111122223333:user/Alice")
    );
}

#[test]
fn the_time_is_utc_in_whole_seconds() {
    for (text, expected) in [
        ("2024-02-29T23:59:59Z", "2024-02-29T23:59:59Z"),
        ("2024-01-31T12:00:00.123Z", "2024-01-31T12:00:00Z"),
        ("2024-01-31T13:00:00+01:00", "2024-01-31T12:00:00Z"),
        ("2024-01-31 12:00:00.000", "2024-01-31T12:00:00Z"),
    ] {
        assert_eq!(seen(json!({"eventTime": text})).time, expected);
    }
}

#[test]
fn other_services_are_kept_by_a_table_and_skipped_else() {
    let records = json!({"Records": [
        decrypt(json!({"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging"})),
        decrypt(json!({"eventSource": "s3.amazonaws.com", "eventName": "GetObject"})),
        decrypt(json!({})),
    ]});
    let outcome = read(records.to_string().as_bytes());
    let reading = outcome.reading;
    assert_eq!(
        (
            reading.records,
            reading.kms,
            reading.other_services,
            reading.skipped_other_services
        ),
        (3, 1, 1, 1)
    );
    let kept: Vec<(&str, bool)> = outcome
        .seen
        .iter()
        .map(|seen| (&*seen.operation, seen.is_kms))
        .collect();
    assert_eq!(kept, [("StopLogging", false), ("Decrypt", true)]);
}

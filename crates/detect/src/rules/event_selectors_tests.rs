//! The evaluator against selectors as PutEventSelectors and event data stores take them.

use keytrail_event::selection::KMS;
use serde_json::{Value, json};

use super::*;

const ALL: &str = "every KMS event";
const READS: &str =
    "every read-only KMS event: Decrypt, Encrypt, GenerateDataKey and all other use of keys";
const WRITES: &str = "every KMS event that writes: ScheduleKeyDeletion, DisableKey, PutKeyPolicy, CreateGrant and all other changes";

fn check(request: &Value, expected: &str) {
    let dark = Dark::of(request).map(|dark| dark.words());
    assert_eq!(dark.as_deref(), Some(expected), "{request}");
}

/// Basic selectors, each as (readWriteType, includeManagementEvents, excluded sources).
fn basic_request(selectors: &[(&str, bool, &[&str])]) -> Value {
    let one = |(kind, management, excluded): &(&str, bool, &[&str])| {
        json!({"readWriteType": kind, "includeManagementEvents": management,
            "dataResources": [], "excludeManagementEventSources": excluded})
    };
    json!({"trailName": "t", "eventSelectors": selectors.iter().map(one).collect::<Vec<_>>()})
}

/// Advanced selectors, each as its field selectors.
fn advanced_request(selectors: &[Value]) -> Value {
    let one = |fields: &Value| json!({"name": "", "fieldSelectors": fields});
    json!({"advancedEventSelectors": selectors.iter().map(one).collect::<Vec<_>>()})
}

fn management(more: &[Value]) -> Value {
    let mut fields = vec![json!({"field": "eventCategory", "equals": ["Management"]})];
    fields.extend_from_slice(more);
    Value::Array(fields)
}

#[test]
fn basic_selectors() {
    for (selectors, expected) in [
        (&[("All", true, &[][..])][..], ""),
        (&[("All", true, &["rdsdata.amazonaws.com"])], ""),
        (&[("All", true, &[KMS])], ALL),
        (&[("All", false, &[])], ALL),
        (&[("WriteOnly", true, &[])], READS),
        (&[("ReadOnly", true, &[])], WRITES),
        (&[("ReadOnly", false, &[])], ALL),
        (&[("ReadOnly", true, &[]), ("WriteOnly", true, &[])], ""),
        (&[("All", true, &[KMS]), ("All", true, &[])], ""),
        (
            &[("WriteOnly", true, &[KMS]), ("ReadOnly", true, &[])],
            WRITES,
        ),
        (&[("All", false, &[]), ("All", true, &[])], ""),
    ] {
        check(&basic_request(selectors), expected);
    }
}

#[test]
fn what_a_selector_does_not_say_is_recorded() {
    check(&json!({"eventSelectors": [{}]}), "");
    check(
        &json!({"EventSelectors": [{"IncludeManagementEvents": "False"}]}),
        ALL,
    );
}

#[test]
fn a_request_without_selectors_changes_nothing() {
    for request in [
        json!(null),
        json!({}),
        json!({"eventSelectors": []}),
        json!({"eventSelectors": "x"}),
    ] {
        assert_eq!(Dark::of(&request), None);
    }
}

#[test]
fn advanced_selectors() {
    let not_kms = || json!({"field": "eventSource", "notEquals": [KMS]});
    let data = || json!([{"field": "eventCategory", "equals": ["Data"]}, {"field": "resources.type", "equals": ["AWS::S3::Object"]}]);
    let network = json!([{"field": "eventCategory", "equals": ["NetworkActivity"]}, {"field": "eventSource", "equals": [KMS]}]);
    for (selectors, expected) in [
        (vec![management(&[])], ""),
        (vec![management(&[not_kms()])], ALL),
        (vec![management(&[not_kms()]), management(&[])], ""),
        (vec![data()], ALL),
        (vec![data(), management(&[])], ""),
        (vec![network], ALL),
        (
            vec![management(&[
                json!({"field": "eventSource", "notEquals": ["rdsdata.amazonaws.com"]}),
            ])],
            "",
        ),
        (
            vec![management(&[
                json!({"field": "eventSource", "notStartsWith": ["kms."]}),
            ])],
            ALL,
        ),
        (
            vec![management(&[
                json!({"field": "eventSource", "notEndsWith": [".amazonaws.com"]}),
            ])],
            ALL,
        ),
        (
            vec![management(&[
                json!({"field": "eventSource", "startsWith": ["kms"]}),
            ])],
            "",
        ),
        (
            vec![management(&[
                json!({"field": "eventSource", "equals": ["s3.amazonaws.com", KMS]}),
            ])],
            "",
        ),
        (
            vec![management(&[
                json!({"field": "eventSource", "equals": ["s3.amazonaws.com"]}),
            ])],
            ALL,
        ),
        (
            // Selecting operators are alternatives, deselecting ones take away from them.
            vec![management(&[
                json!({"field": "eventSource", "equals": ["s3.amazonaws.com"], "startsWith": ["kms"], "notEndsWith": ["x"]}),
            ])],
            "",
        ),
        (
            vec![management(&[
                json!({"field": "readOnly", "equals": ["false"]}),
            ])],
            READS,
        ),
        (
            vec![management(&[
                json!({"field": "readOnly", "equals": ["true"]}),
            ])],
            WRITES,
        ),
        (
            vec![
                management(&[not_kms(), json!({"field": "readOnly", "equals": ["true"]})]),
                management(&[json!({"field": "readOnly", "equals": ["false"]})]),
            ],
            READS,
        ),
        (
            vec![management(&[
                json!({"field": "eventName", "notEquals": ["Decrypt", "ListKeys"]}),
            ])],
            "Decrypt, ListKeys",
        ),
        (
            vec![management(&[
                json!({"field": "eventName", "notStartsWith": ["GenerateDataKey"]}),
            ])],
            "GenerateDataKey, GenerateDataKeyPair, GenerateDataKeyPairWithoutPlaintext, GenerateDataKeyWithoutPlaintext",
        ),
        (
            vec![management(&[
                json!({"field": "eventType", "notEquals": ["AwsServiceEvent"]}),
            ])],
            "DeleteExpiredKeyMaterial, DeleteKey, RotateKey, SynchronizeMultiRegionKey",
        ),
        (
            vec![management(&[
                json!({"field": "resources.type", "equals": ["AWS::KMS::Key"]}),
            ])],
            ALL,
        ),
    ] {
        check(&advanced_request(&selectors), expected);
    }
}

#[test]
fn one_callers_calls_can_go_dark() {
    let thief = "arn:aws:iam::111122223333:role/thief";
    let without = management(&[json!({"field": "userIdentity.arn", "notStartsWith": [thief]})]);
    check(
        &advanced_request(std::slice::from_ref(&without)),
        &format!("calls of {thief}"),
    );
    check(&advanced_request(&[without, management(&[])]), "");
    check(
        &advanced_request(&[management(&[
            json!({"field": "userIdentity.arn", "equals": [thief]}),
        ])]),
        ALL,
    );
    check(
        &advanced_request(&[management(&[
            json!({"field": "sessionCredentialFromConsole", "notEquals": ["true"]}),
        ])]),
        "calls of whoever works in the console",
    );
}

#[test]
fn only_what_is_new_counts() {
    let dark = |request: &Value| Dark::of(request).unwrap();
    let reads = dark(&basic_request(&[("WriteOnly", true, &[])]));
    let all = dark(&basic_request(&[("All", false, &[])]));
    assert_eq!(all.beyond(&reads).words(), WRITES);
    assert!(reads.beyond(&all).is_empty());
    assert!(reads.hides_use_or_change());
    let looking = advanced_request(&[management(&[
        json!({"field": "eventName", "notEquals": ["DescribeKey"]}),
    ])]);
    assert!(!dark(&looking).hides_use_or_change());
}

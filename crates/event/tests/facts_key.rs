//! Facts about key identity: one test a row of the facts page.

mod common;

use common::{ACCOUNT, FOREIGN, KEY, KEY_ID, OTHER, OTHER_ID, decrypt, one, without};
use serde_json::{Value, json};

const ALIAS_ARN: &str = "arn:aws:kms:eu-west-1:111122223333:alias/mine";
const ALIAS: &str = "alias:111122223333:eu-west-1:mine";
const MRK_ID: &str = "mrk-1234abcd12ab34cd56ef1234567890ab";

/// The key of a record that differs from a plain Decrypt by these fields.
fn check(patch: Value, expected: Option<&str>) {
    let record = decrypt(patch);
    assert_eq!(one(&record).key.as_deref(), expected, "{record}");
}

/// The key of a record whose only clue is `keyId`.
fn check_key_id(key_id: &str, expected: Option<&str>) {
    check(
        json!({"resources": null, "requestParameters": {"keyId": key_id}}),
        expected,
    );
}

#[test]
fn decrypt_names_its_key_in_resources_only() {
    check(json!({}), Some(KEY));
    check(json!({"requestParameters": null}), Some(KEY));
    check(
        json!({"requestParameters": {"encryptionContext": {"keyId": OTHER_ID}}}),
        Some(KEY),
    );
}

#[test]
fn an_alias_in_the_request_yields_to_the_arn_in_resources() {
    check(
        json!({"eventName": "Encrypt", "requestParameters": {"keyId": "alias/aws/ssm"}}),
        Some(KEY),
    );
    check(
        json!({"eventName": "Encrypt", "requestParameters": {"keyId": ALIAS_ARN}}),
        Some(KEY),
    );
}

#[test]
fn a_key_id_is_a_uuid_an_arn_an_alias_an_alias_arn_or_a_multi_region_id() {
    let mrk_arn = format!("arn:aws:kms:eu-west-1:{ACCOUNT}:key/{MRK_ID}");
    check_key_id(KEY_ID, Some(KEY));
    check_key_id(KEY, Some(KEY));
    check_key_id("alias/mine", Some(ALIAS));
    check_key_id(ALIAS_ARN, Some(ALIAS));
    check_key_id(MRK_ID, Some(&mrk_arn));
    check_key_id(&mrk_arn, Some(&mrk_arn));
    check_key_id(
        "alias/aws/ssm",
        Some("alias:111122223333:eu-west-1:aws/ssm"),
    );
    check_key_id(
        "arn:aws:kms:us-east-1:444455556666:alias/theirs",
        Some("alias:444455556666:us-east-1:theirs"),
    );
    check_key_id("", None);
    check_key_id("what a caller mistyped", None);
}

#[test]
fn an_arn_that_is_not_of_a_believable_key_is_no_key() {
    for text in [
        "arn:aws:s3:::bucket/key/1234abcd",
        "arn:aws:kms:eu-west-1:111122223333:key/",
        "arn:aws:kms:eu-west-1:111122223333:key/<script>",
        "arn:aws:kms:eu-west-1:1111:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "arn:<b>:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "arn:aws:kms:EU WEST:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    ] {
        check_key_id(text, None);
    }
    let long = format!(
        "arn:{}:kms:eu-west-1:{ACCOUNT}:key/{KEY_ID}",
        "a".repeat(9_999)
    );
    check_key_id(&long, None);
}

#[test]
fn the_partition_of_a_bare_id_follows_its_region() {
    for (region, partition) in [
        ("eu-west-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
    ] {
        let expected = format!("arn:{partition}:kms:{region}:{ACCOUNT}:key/{KEY_ID}");
        check(
            json!({"awsRegion": region, "resources": null, "requestParameters": {"keyId": KEY_ID}}),
            Some(&expected),
        );
    }
}

#[test]
fn the_order_of_resources_says_nothing() {
    let key = json!({"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": KEY});
    let alias = json!({"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": ALIAS_ARN});
    for name in ["CreateAlias", "UpdateAlias", "DeleteAlias"] {
        for resources in [json!([key, alias]), json!([alias, key])] {
            check(
                json!({"eventName": name, "resources": resources,
                    "requestParameters": {"aliasName": "alias/mine", "targetKeyId": OTHER_ID}}),
                Some(KEY),
            );
        }
    }
}

#[test]
fn alias_calls_without_resources_name_the_target_else_the_alias() {
    check(
        json!({"eventName": "CreateAlias", "resources": [],
            "requestParameters": {"aliasName": "alias/mine", "targetKeyId": KEY_ID}}),
        Some(KEY),
    );
    check(
        json!({"eventName": "DeleteAlias", "resources": [], "requestParameters": {"aliasName": "alias/mine"}}),
        Some(ALIAS),
    );
    check(
        json!({"eventName": "DeleteAlias", "resources": [{"ARN": ALIAS_ARN}], "requestParameters": null}),
        Some(ALIAS),
    );
}

/// Both keys of a ReEncrypt record.
fn check_reencrypt(request: Value, resources: &[&str], expected: (Option<&str>, Option<&str>)) {
    let resources: Vec<Value> = resources.iter().map(|arn| json!({"ARN": arn})).collect();
    let record = decrypt(
        json!({"eventName": "ReEncrypt", "requestParameters": request, "resources": resources}),
    );
    let seen = one(&record);
    assert_eq!(
        (seen.key.as_deref(), seen.destination_key.as_deref()),
        expected,
        "{record}"
    );
}

#[test]
fn reencrypt_takes_source_and_destination_from_the_request_first() {
    let both = (Some(KEY), Some(OTHER));
    let named = json!({"sourceKeyId": KEY_ID, "destinationKeyId": OTHER_ID});
    check_reencrypt(named.clone(), &[KEY, OTHER], both);
    check_reencrypt(named.clone(), &[OTHER, KEY], both);
    check_reencrypt(named, &[], both);
    let arns = json!({"sourceKeyId": KEY, "destinationKeyId": OTHER});
    check_reencrypt(arns, &[OTHER, KEY], both);
}

#[test]
fn reencrypt_tells_the_unnamed_key_from_the_named_one() {
    let both = (Some(KEY), Some(OTHER));
    for order in [[KEY, OTHER], [OTHER, KEY]] {
        check_reencrypt(json!({"destinationKeyId": OTHER_ID}), &order, both);
        check_reencrypt(
            json!({"sourceKeyId": "alias/a", "destinationKeyId": OTHER}),
            &order,
            both,
        );
        check_reencrypt(
            json!({"sourceKeyId": KEY_ID, "destinationKeyId": "alias/b"}),
            &order,
            both,
        );
        check_reencrypt(json!({"sourceKeyId": KEY_ID}), &order, both);
    }
}

#[test]
fn an_aliass_arn_tells_the_destinations_account() {
    let theirs = "arn:aws:kms:eu-west-1:444455556666:key/00000009-12ab-34cd-56ef-1234567890ab";
    let alias = json!({"destinationKeyId": "arn:aws:kms:eu-west-1:444455556666:alias/b"});
    for order in [[KEY, theirs], [theirs, KEY]] {
        check_reencrypt(alias.clone(), &order, (Some(KEY), Some(theirs)));
        let own = json!({"destinationKeyId": "arn:aws:kms:eu-west-1:111122223333:alias/b"});
        check_reencrypt(own, &order, (Some(theirs), Some(KEY)));
    }
    let by_alias = Some("alias:444455556666:eu-west-1:b");
    check_reencrypt(alias, &[KEY], (Some(KEY), by_alias));
    // The source is no destination, though it is of that account.
    let within = json!({"sourceKeyId": KEY, "destinationKeyId": "arn:aws:kms:eu-west-1:111122223333:alias/b"});
    check_reencrypt(within.clone(), &[OTHER, KEY], (Some(KEY), Some(OTHER)));
    check_reencrypt(
        within,
        &[KEY],
        (Some(KEY), Some("alias:111122223333:eu-west-1:b")),
    );
}

#[test]
fn reencrypt_without_key_ids_takes_resources_as_source_and_destination() {
    let both = (Some(KEY), Some(OTHER));
    check_reencrypt(Value::Null, &[KEY, OTHER], both);
    check_reencrypt(
        json!({"sourceKeyId": "alias/a", "destinationKeyId": "alias/b"}),
        &[KEY, OTHER],
        both,
    );
    check_reencrypt(
        json!({"destinationKeyId": KEY_ID}),
        &[KEY, KEY],
        (Some(KEY), Some(KEY)),
    );
    check_reencrypt(
        json!({"sourceKeyId": "alias/a", "destinationKeyId": "alias/b"}),
        &[],
        (
            Some("alias:111122223333:eu-west-1:a"),
            Some("alias:111122223333:eu-west-1:b"),
        ),
    );
}

#[test]
fn only_reencrypt_has_a_destination() {
    let two = json!([{"ARN": KEY}, {"ARN": OTHER}]);
    assert_eq!(
        one(&decrypt(json!({"resources": two}))).destination_key,
        None
    );
}

#[test]
fn resources_come_without_type_and_with_other_spellings() {
    check(
        json!({"resources": [{"ARN": KEY, "accountId": ACCOUNT}]}),
        Some(KEY),
    );
    check(json!({"resources": [{"arn": KEY}]}), Some(KEY));
    check(
        json!({"resources": [{"ARN": "arn:aws:s3:::b"}, {"ARN": KEY}]}),
        Some(KEY),
    );
    check(
        json!({"resources": [null, 5, "x", {}, {"ARN": 5}, {"ARN": KEY}]}),
        Some(KEY),
    );
}

#[test]
fn resources_are_absent_null_or_empty() {
    let request = json!({"keyId": KEY_ID});
    for resources in [json!(null), json!([]), json!({}), json!("x")] {
        check(
            json!({"resources": resources, "requestParameters": request}),
            Some(KEY),
        );
        check(json!({"resources": resources}), None);
    }
    let absent = without(
        decrypt(json!({"requestParameters": request})),
        &["resources"],
    );
    assert_eq!(one(&absent).key.as_deref(), Some(KEY));
}

#[test]
fn no_key_anywhere_is_a_real_case() {
    let denied = format!(
        "User: arn:aws:sts::{ACCOUNT}:assumed-role/app/s1 is not authorized to perform: \
         kms:CreateKey on resource: * because no identity-based policy allows the kms:CreateKey action"
    );
    let nowhere = json!({"resources": null, "requestParameters": null});
    for name in ["ListAliases", "ListKeys", "GenerateRandom"] {
        let record = without(decrypt(nowhere.clone()), &["eventName"]);
        let mut record = record;
        record["eventName"] = json!(name);
        assert_eq!(one(&record).key, None, "{name}");
    }
    check(
        json!({"eventName": "CreateKey", "resources": null, "requestParameters": null,
            "errorCode": "AccessDenied", "errorMessage": denied}),
        None,
    );
    check(
        json!({"eventName": "ConnectCustomKeyStore", "resources": null,
            "requestParameters": {"customKeyStoreId": "cks-1234567890abcdef0"}}),
        None,
    );
}

/// The key of a failed call whose record has neither request nor resources.
fn check_message(message: &str, expected: Option<&str>) {
    check(
        json!({"resources": null, "requestParameters": null,
            "errorCode": "AccessDenied", "errorMessage": message}),
        expected,
    );
}

#[test]
fn on_errors_the_key_may_stand_in_the_message_only() {
    let user =
        "User: arn:aws:iam::444455556666:user/Mallory is not authorized to perform: kms:Decrypt";
    check_message(&format!("Key '{KEY}' does not exist"), Some(KEY));
    check_message(
        &format!("{user} on resource: {KEY} because no resource-based policy allows it"),
        Some(KEY),
    );
    check_message(&format!("{user} on resource: {KEY}"), Some(KEY));
    check_message(&format!("{KEY} is disabled."), Some(KEY));
    check_message(&format!("Invalid key {KEY}."), Some(KEY));
    check_message(&format!("{KEY}: is pending deletion"), Some(KEY));
    check_message(&format!("Alias {ALIAS_ARN} is not found."), None);
    check_message(
        "The ciphertext refers to a customer master key that does not exist",
        None,
    );
    check_message(user, None);
}

#[test]
fn the_order_of_preference_of_the_key() {
    let third = "arn:aws:kms:eu-west-1:111122223333:key/33333333-3333-3333-3333-333333333333";
    let fourth = "arn:aws:kms:eu-west-1:111122223333:key/44444444-4444-4444-4444-444444444444";
    // From the best clue to the worst; each must win over all behind it.
    let resources = json!([{"ARN": ALIAS_ARN}, {"ARN": KEY}]);
    let message = format!("Key '{fourth}' does not exist");
    check(
        json!({"resources": resources, "requestParameters": {"keyId": OTHER}, "errorMessage": message}),
        Some(KEY),
    );
    check(
        json!({"resources": [{"ARN": ALIAS_ARN}], "requestParameters": {"keyId": OTHER}, "errorMessage": message}),
        Some(OTHER),
    );
    check(
        json!({"resources": [], "requestParameters": {"keyId": "33333333-3333-3333-3333-333333333333"}, "errorMessage": message}),
        Some(third),
    );
    check(
        json!({"resources": [], "requestParameters": {"keyId": "alias/mine"}, "errorMessage": message}),
        Some(fourth),
    );
    check(
        json!({"resources": [], "requestParameters": {"keyId": "alias/mine"}, "errorMessage": "no"}),
        Some(ALIAS),
    );
    check(
        json!({"resources": [], "requestParameters": {}, "errorMessage": "no"}),
        None,
    );
}

#[test]
fn a_key_of_another_account_keeps_its_own_account() {
    let theirs = format!("arn:aws:kms:us-east-1:{FOREIGN}:key/{KEY_ID}");
    check(json!({"resources": [{"ARN": theirs}]}), Some(&theirs));
    check_key_id(&theirs, Some(&theirs));
}

#[test]
fn what_aws_does_by_itself_names_its_key_in_the_service_event() {
    for name in [
        "RotateKey",
        "DeleteKey",
        "DeleteExpiredKeyMaterial",
        "SynchronizeMultiRegionKey",
    ] {
        let patch = json!({"eventName": name, "eventType": "AwsServiceEvent", "requestParameters": null,
            "resources": null, "serviceEventDetails": {"keyId": KEY_ID}});
        check(patch, Some(KEY));
    }
}

#[test]
fn a_created_key_is_named_by_the_answer() {
    check(
        json!({"eventName": "CreateKey", "resources": null, "requestParameters": {},
            "responseElements": {"keyMetadata": {"arn": KEY, "keyId": KEY_ID}}}),
        Some(KEY),
    );
    check(
        json!({"eventName": "CreateGrant", "resources": null, "requestParameters": null,
            "responseElements": {"grantId": "abcde", "keyId": KEY}}),
        Some(KEY),
    );
}

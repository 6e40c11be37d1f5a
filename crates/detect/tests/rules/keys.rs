//! Edges of the rules over aliases, Regions, key stores and keys of other accounts.

use serde_json::json;

use super::{check, key_arn, record};

const FOREIGN: &str = "arn:aws:kms:us-west-2:444455556666:key/00000009-12ab-34cd-56ef-1234567890ab";
const MULTI_REGION: &str =
    "arn:aws:kms:us-west-2:111122223333:key/mrk-0000000112ab34cd56ef1234567890ab";

#[test]
fn a_region_is_told_by_the_answer_where_the_request_does_not() {
    let replicate = |request, response| {
        record(
            "2024-03-05T09:00:00Z",
            "ReplicateKey",
            1,
            json!({"requestParameters": request, "responseElements": response, "resources": [{"ARN": MULTI_REGION}]}),
        )
    };
    let answered = MULTI_REGION.replace("us-west-2", "ap-southeast-3");
    for (request, response, severity) in [
        (json!({"replicaRegion": "us-east-1"}), json!(null), "medium"),
        (
            json!({"replicaRegion": "ap-southeast-3"}),
            json!(null),
            "high",
        ),
        (
            json!(null),
            json!({"replicaKeyMetadata": {"arn": answered}}),
            "high",
        ),
        (json!({"replicaRegion": 5}), json!([]), "medium"),
        (json!(null), json!(null), "medium"),
    ] {
        let records = [replicate(request, response)];
        check(&records, &[("region-replicated", severity, 1)]);
    }
}

#[test]
fn a_new_key_is_new_for_an_hour_and_for_its_maker() {
    let create = |user: &str| {
        record(
            "2024-03-05T09:00:00Z",
            "CreateKey",
            1,
            json!({"requestParameters": {}, "resources": [{"ARN": MULTI_REGION}],
                "userIdentity": {"type": "IAMUser", "arn": format!("arn:aws:iam::111122223333:user/{user}"), "accountId": "111122223333"}}),
        )
    };
    let replicate = |time| {
        record(
            time,
            "ReplicateKey",
            1,
            json!({"requestParameters": {"replicaRegion": "us-east-1"}, "resources": [{"ARN": MULTI_REGION}]}),
        )
    };
    let fires = [("region-replicated", "medium", 1)];
    for (maker, time, expected) in [
        ("eve", "2024-03-05T09:00:00Z", &[][..]),
        ("eve", "2024-03-05T10:00:00Z", &[]),
        ("eve", "2024-03-05T10:00:01Z", &fires),
        ("ana", "2024-03-05T09:00:01Z", &fires),
    ] {
        check(&[create(maker), replicate(time)], expected);
    }
}

#[test]
fn a_destination_is_foreign_in_any_form_and_order() {
    let reencrypt = |more| record("2024-03-05T09:00:00Z", "ReEncrypt", 1, more);
    let own = key_arn(1);
    let fires = [("reencrypt-foreign", "high", 1)];
    for (request, resources, expected) in [
        (
            json!({"sourceKeyId": own, "destinationKeyId": FOREIGN}),
            json!([{"ARN": own}, {"ARN": FOREIGN}]),
            &fires[..],
        ),
        (
            json!({"destinationKeyId": FOREIGN}),
            json!([{"ARN": FOREIGN}, {"ARN": own}]),
            &fires,
        ),
        (
            json!({"destinationKeyId": "arn:aws:kms:us-west-2:444455556666:alias/theirs"}),
            json!([{"ARN": own}, {"ARN": FOREIGN}]),
            &fires,
        ),
        (
            json!({"destinationKeyId": "arn:aws:kms:us-west-2:444455556666:alias/theirs"}),
            json!([{"ARN": FOREIGN}, {"ARN": own}]),
            &fires,
        ),
        (
            json!({"destinationKeyId": "arn:aws:kms:us-west-2:444455556666:alias/theirs"}),
            json!([{"ARN": own}]),
            &fires,
        ),
        (
            json!({"destinationKeyId": "arn:aws:kms:us-west-2:111122223333:alias/mine"}),
            json!([{"ARN": FOREIGN}, {"ARN": own}]),
            &[],
        ),
        (
            json!({"destinationKeyId": "arn:aws:kms:us-west-2:111122223333:alias/mine"}),
            json!([{"ARN": own}, {"ARN": FOREIGN}]),
            &[],
        ),
        (
            json!({"destinationKeyId": "arn:aws:kms:us-west-2:444455556666:alias/theirs"}),
            json!([]),
            &fires,
        ),
        (
            json!({"destinationKeyId": "00000002-12ab-34cd-56ef-1234567890ab"}),
            json!([]),
            &[],
        ),
        (
            json!({"destinationKeyId": "alias/444455556666"}),
            json!([]),
            &[],
        ),
        (
            json!({"sourceKeyId": FOREIGN, "destinationKeyId": own}),
            json!([{"ARN": FOREIGN}, {"ARN": own}]),
            &[],
        ),
    ] {
        let records = [reencrypt(
            json!({"requestParameters": request, "resources": resources}),
        )];
        check(&records, expected);
    }
}

#[test]
fn a_refused_destination_stands_in_the_message() {
    let refused = |action: &str, key: &str| {
        let message = format!(
            "User: arn:aws:iam::111122223333:user/eve is not authorized to perform: kms:{action} on resource: {key} because no resource-based policy allows the kms:{action} action"
        );
        let more = json!({"errorCode": "AccessDenied", "errorMessage": message, "requestParameters": null, "resources": null});
        record("2024-03-05T09:00:00Z", "ReEncrypt", 1, more)
    };
    let medium = [("reencrypt-foreign", "medium", 1)];
    check(&[refused("ReEncryptTo", FOREIGN)], &medium);
    check(&[refused("ReEncryptFrom", FOREIGN)], &[]);
    check(&[refused("ReEncryptTo", &key_arn(1))], &[]);
}

#[test]
fn an_alias_deleted_and_made_anew_within_one_second_stays() {
    let alias = |id: &str, name, key: u8| {
        let mut alias = record(
            "2024-03-05T09:00:00Z",
            name,
            key,
            json!({"requestParameters": {"aliasName": "alias/app"}}),
        );
        alias["eventID"] = json!(id);
        alias
    };
    let mut later = record(
        "2024-03-05T10:00:00Z",
        "UpdateAlias",
        2,
        json!({"requestParameters": {"aliasName": "alias/app"}}),
    );
    later["eventID"] = json!("d");
    // The deletion's id sorts behind the creation's; the alias still names key 2 afterwards, so the
    // update an hour later changes nothing.
    let mut first = alias("a", "CreateAlias", 1);
    first["eventTime"] = json!("2024-03-01T09:00:00Z");
    let records = [
        first,
        alias("c", "DeleteAlias", 1),
        alias("b", "CreateAlias", 2),
        later,
    ];
    check(&records, &[("alias-repointed", "medium", 1)]);
}

#[test]
fn white_space_hides_no_policy_of_iam() {
    let policy = r#"{"Statement":{"Effect":"Allow","Action":"kms:*","Resource":"*"}}"#;
    for spaces in [40_000, 130_000] {
        let request = json!({"userName": "eve", "policyName": "p", "policyDocument": format!("{policy}{}", " ".repeat(spaces))});
        let more = json!({"eventSource": "iam.amazonaws.com", "requestParameters": request, "resources": []});
        let put = record("2024-03-05T09:00:00Z", "PutUserPolicy", 0, more);
        check(&[put], &[("iam-decrypt-all", "high", 1)]);
    }
}

#[test]
fn an_alias_older_than_the_archive_is_moved_by_deletion_and_creation() {
    let alias = |time: &str, id: &str, name, key: u8| {
        let request = json!({"requestParameters": {"aliasName": "alias/prod"}});
        let mut alias = record(time, name, key, request);
        alias["eventID"] = json!(id);
        alias
    };
    let deleted = |id| alias("2024-03-05T09:00:00Z", id, "DeleteAlias", 1);
    let told: &[(&str, &str, u64)] = &[("alias-repointed", "medium", 1)];
    for (created, id, key, expected) in [
        ("2024-03-05T09:00:05Z", "b", 2, told),
        // Within one second the ids decide which comes first.
        ("2024-03-05T09:00:00Z", "b", 2, told),
        ("2024-03-05T09:00:00Z", "Z", 2, told),
        ("2024-03-06T09:00:00Z", "b", 2, told),
        ("2024-03-06T09:00:01Z", "b", 2, &[]),
        ("2024-03-05T09:00:05Z", "b", 1, &[]),
    ] {
        let mut records = [deleted("a"), alias(created, id, "CreateAlias", key)];
        check(&records, expected);
        records.reverse();
        check(&records, expected);
    }
    // The new key is young, whichever half comes first.
    for id in ["Z", "b"] {
        let made = alias("2024-03-05T08:00:00Z", "m", "CreateKey", 2);
        let created = alias("2024-03-05T09:00:00Z", id, "CreateAlias", 2);
        check(
            &[made, deleted("a"), created],
            &[("alias-repointed", "high", 1)],
        );
    }
}

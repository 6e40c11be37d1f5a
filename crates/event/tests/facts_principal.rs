//! Facts about principal identity: one test a row of the facts page.

mod common;

use common::{ACCOUNT, FOREIGN, Seen, decrypt, one, without};
use serde_json::{Value, json};

const ROLE: &str = "arn:aws:iam::111122223333:role/service/app";

fn seen(user_identity: Value) -> Seen {
    one(&decrypt(json!({ "userIdentity": user_identity })))
}

/// The canonical principal of an identity, and its type as output shows it.
fn check(user_identity: Value, principal: &str, principal_type: &str) {
    let shown = user_identity.to_string();
    let seen = seen(user_identity);
    assert_eq!(
        (&*seen.principal, seen.principal_type),
        (principal, principal_type),
        "{shown}"
    );
}

/// A session of the role, under this session name.
fn session(name: &str) -> Value {
    json!({
        "type": "AssumedRole",
        "principalId": format!("AROAEXAMPLE:{name}"),
        "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/app/{name}"),
        "accountId": ACCOUNT,
        "accessKeyId": format!("ASIA{name}"),
        "sessionContext": {
            "sessionIssuer": {"type": "Role", "principalId": "AROAEXAMPLE", "arn": ROLE, "accountId": ACCOUNT, "userName": "app"},
            "webIdFederationData": {},
            "attributes": {"mfaAuthenticated": "false", "creationDate": "2024-01-31T11:00:00Z"},
        },
    })
}

#[test]
fn a_service_has_neither_arn_nor_account_nor_principal_id() {
    check(
        json!({"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"}),
        "cloudtrail.amazonaws.com",
        "AWSService",
    );
    check(
        json!({"type": "AWSService"}),
        "kms.amazonaws.com",
        "AWSService",
    );
    check(
        json!({"type": "AWSService", "invokedBy": ""}),
        "kms.amazonaws.com",
        "AWSService",
    );
}

#[test]
fn a_service_event_without_type_is_aws_itself() {
    for name in [
        "RotateKey",
        "DeleteKey",
        "DeleteExpiredKeyMaterial",
        "SynchronizeMultiRegionKey",
    ] {
        let record = decrypt(json!({"eventName": name, "eventType": "AwsServiceEvent",
            "userIdentity": {"accountId": ACCOUNT, "invokedBy": "AWS Internal"},
            "sourceIPAddress": "AWS Internal", "userAgent": "AWS Internal", "requestParameters": null}));
        let seen = one(&record);
        assert_eq!(
            (&*seen.principal, seen.principal_type),
            ("aws-internal", "absent")
        );
        assert_eq!((&*seen.operation, seen.class), (name, "management"));
        assert!(seen.is_service_event);
    }
}

#[test]
fn a_service_event_is_aws_itself_whatever_its_identity_says() {
    let record = decrypt(
        json!({"eventName": "RotateKey", "eventType": "AwsServiceEvent",
        "userIdentity": {"type": "AWSService", "invokedBy": "kms.amazonaws.com"}}),
    );
    assert_eq!(one(&record).principal, "aws-internal");
}

#[test]
fn a_missing_identity_is_aws_itself() {
    let missing = one(&without(decrypt(json!({})), &["userIdentity"]));
    assert_eq!(
        (&*missing.principal, missing.principal_type),
        ("aws-internal", "absent")
    );
    for nothing in [
        json!(null),
        json!({}),
        json!({"accountId": ACCOUNT}),
        json!([]),
        json!("x"),
        json!(5),
    ] {
        check(nothing, "aws-internal", "absent");
    }
}

#[test]
fn empty_objects_in_the_session_context_mean_nothing() {
    check(
        json!({"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/Alice",
            "sessionContext": {"sessionIssuer": {}, "webIdFederationData": {}, "attributes": {}}}),
        "arn:aws:iam::111122223333:user/Alice",
        "IAMUser",
    );
    check(
        json!({"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/app/s",
            "sessionContext": {"sessionIssuer": {}, "webIdFederationData": {}}}),
        "arn:aws:iam::111122223333:role/app",
        "AssumedRole",
    );
}

#[test]
fn users_and_root_keep_their_arn_when_they_come_through_a_service() {
    for (kind, arn) in [
        ("IAMUser", "arn:aws:iam::111122223333:user/team/Alice"),
        ("Root", "arn:aws:iam::111122223333:root"),
    ] {
        let identity = json!({"type": kind, "principalId": "X", "arn": arn, "accountId": ACCOUNT,
            "accessKeyId": "ASIAEXAMPLE", "invokedBy": "secretsmanager.amazonaws.com",
            "sessionContext": {"sessionIssuer": {}, "attributes": {"mfaAuthenticated": "true"}}});
        check(identity.clone(), arn, kind);
        assert_eq!(seen(identity).path, "secretsmanager.amazonaws.com");
    }
}

#[test]
fn session_credential_from_console_is_a_string() {
    let record = decrypt(json!({"sessionCredentialFromConsole": "true"}));
    assert_eq!(
        one(&record).principal,
        "arn:aws:iam::111122223333:user/Alice"
    );
}

#[test]
fn the_session_name_is_evidence_and_never_identity() {
    for name in ["i-0123456789abcdef0", "botocore-session-1706702400", "x@y"] {
        check(session(name), ROLE, "AssumedRole");
        let seen = seen(session(name));
        assert_eq!(seen.session_name.as_deref(), Some(name));
        assert_eq!(seen.principal_account.as_deref(), Some(ACCOUNT));
    }
}

#[test]
fn a_session_without_issuer_is_the_role_its_arn_names() {
    let mut identity = session("s1");
    identity["sessionContext"] = json!(null);
    check(
        identity,
        "arn:aws:iam::111122223333:role/app",
        "AssumedRole",
    );
    check(
        json!({"type": "AssumedRole", "arn": "arn:aws-us-gov:sts::111122223333:assumed-role/app/s"}),
        "arn:aws-us-gov:iam::111122223333:role/app",
        "AssumedRole",
    );
}

#[test]
fn people_behind_identity_center_are_told_apart_by_their_session() {
    for person in ["ana@example.com", "bo@example.com"] {
        let arn = format!(
            "arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/{person}"
        );
        let identity = json!({"type": "AssumedRole", "arn": arn, "accountId": ACCOUNT, "sessionContext": {"sessionIssuer": {
            "type": "Role",
            "arn": format!("arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Admin_0123456789abcdef"),
        }}});
        check(identity, &arn, "AssumedRole");
    }
}

#[test]
fn all_types_of_identity_have_one_canonical_principal() {
    let federated = "arn:aws:sts::111122223333:federated-user/Bob";
    let user = "arn:aws:iam::111122223333:user/Alice";
    let root = "arn:aws:iam::111122223333:root";
    check(json!({"type": "IAMUser", "arn": user}), user, "IAMUser");
    check(session("s"), ROLE, "AssumedRole");
    check(
        json!({"type": "Root", "arn": root, "accountId": ACCOUNT}),
        root,
        "Root",
    );
    check(
        json!({"type": "AWSService", "invokedBy": "s3.amazonaws.com"}),
        "s3.amazonaws.com",
        "AWSService",
    );
    check(
        json!({"type": "AWSAccount", "principalId": "AROAX:s1", "accountId": FOREIGN}),
        "ext:444455556666/AROAX",
        "AWSAccount",
    );
    check(
        json!({"type": "FederatedUser", "arn": federated, "principalId": "111122223333:Bob",
            "sessionContext": {"sessionIssuer": {"type": "IAMUser", "arn": user}}}),
        federated,
        "FederatedUser",
    );
    check(
        json!({"type": "SAMLUser", "principalId": "SAMLExample:carol"}),
        "SAMLExample:carol",
        "SAMLUser",
    );
    check(
        json!({"type": "WebIdentityUser", "principalId": "accounts.example.com:app:user", "userName": "user"}),
        "accounts.example.com:app:user",
        "WebIdentityUser",
    );
    check(
        json!({"type": "IdentityCenterUser", "accountId": ACCOUNT, "onBehalfOf": {"userId": "94482488-3041-7026-18f3-be45837cd0e4",
            "identityStoreArn": "arn:aws:identitystore::111122223333:identitystore/d-1"}}),
        "identity-center:94482488-3041-7026-18f3-be45837cd0e4",
        "IdentityCenterUser",
    );
    check(json!({"type": "Role", "arn": ROLE}), ROLE, "Role");
    check(
        json!({"type": "Directory", "accountId": ACCOUNT}),
        "unknown:Directory",
        "Directory",
    );
    check(
        json!({"type": "Unknown", "userName": "x"}),
        "unknown:Unknown",
        "Unknown",
    );
    check(
        json!({"accountId": ACCOUNT, "invokedBy": "AWS Internal"}),
        "aws-internal",
        "absent",
    );
    check(json!({"type": "Martian"}), "unknown:Martian", "other");
}

#[test]
fn saml_and_web_identities_prefer_their_arn() {
    for kind in ["SAMLUser", "WebIdentityUser"] {
        let arn = "arn:aws:sts::111122223333:assumed-role/federated/carol";
        check(
            json!({"type": kind, "principalId": "x:y", "arn": arn}),
            "arn:aws:iam::111122223333:role/federated",
            kind,
        );
        let other = "arn:aws:iam::111122223333:saml-provider/x";
        check(
            json!({"type": kind, "principalId": "x:y", "arn": other}),
            other,
            kind,
        );
    }
}

#[test]
fn a_principal_of_another_account_without_arn_is_its_account_and_id() {
    for (id, expected) in [
        ("AIDAEXAMPLE", "ext:444455556666/AIDAEXAMPLE"),
        ("AROAEXAMPLE:session-1", "ext:444455556666/AROAEXAMPLE"),
        ("AROAEXAMPLE:session-2", "ext:444455556666/AROAEXAMPLE"),
    ] {
        for kind in ["AWSAccount", "AssumedRole"] {
            check(
                json!({"type": kind, "principalId": id, "accountId": FOREIGN}),
                expected,
                kind,
            );
        }
    }
}

#[test]
fn a_principal_of_ones_own_account_is_never_external() {
    for kind in ["IAMUser", "AssumedRole", "Directory", "Unknown"] {
        check(
            json!({"type": kind, "principalId": "AIDAEXAMPLE", "accountId": ACCOUNT}),
            &format!("unknown:{kind}"),
            kind,
        );
    }
}

#[test]
fn fields_of_a_wrong_type_count_as_absent() {
    check(
        json!({"type": "IAMUser", "arn": {"x": 1}, "principalId": 5, "accountId": [ACCOUNT]}),
        "unknown:IAMUser",
        "IAMUser",
    );
    check(json!({"type": 5}), "aws-internal", "absent");
    check(
        json!({"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/app/s", "sessionContext": "none"}),
        "arn:aws:iam::111122223333:role/app",
        "AssumedRole",
    );
}

#[test]
fn one_reader_does_not_mix_up_equal_identities_of_different_surroundings() {
    let identity = json!({"type": "AWSService"});
    let own = json!({"type": "Directory", "principalId": "d", "accountId": ACCOUNT});
    let records = [
        decrypt(json!({"userIdentity": identity})),
        decrypt(
            json!({"userIdentity": identity, "eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging"}),
        ),
        decrypt(json!({"userIdentity": identity, "eventType": "AwsServiceEvent"})),
        decrypt(json!({"userIdentity": own})),
        decrypt(json!({"userIdentity": own, "recipientAccountId": FOREIGN})),
    ];
    let outcome = common::read(json!({"Records": records}).to_string().as_bytes());
    let principals: Vec<&str> = outcome.seen.iter().map(|seen| &*seen.principal).collect();
    assert_eq!(
        principals,
        [
            "kms.amazonaws.com",
            "cloudtrail.amazonaws.com",
            "aws-internal",
            "unknown:Directory",
            "ext:111122223333/d",
        ]
    );
}

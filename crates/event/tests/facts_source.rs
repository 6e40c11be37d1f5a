//! Facts about where a call comes from: one test a row of the facts page.

mod common;

use common::{ACCOUNT, FOREIGN, KEY, Seen, decrypt, one, without};
use serde_json::{Value, json};

fn seen(patch: Value) -> Seen {
    one(&decrypt(patch))
}

/// Network, agent family and service path of a call with this address and agent.
fn check(address: &str, agent: &str, expected: (Option<&str>, Option<&str>, &str)) {
    let seen = seen(json!({"sourceIPAddress": address, "userAgent": agent}));
    let found = (seen.network.as_deref(), seen.agent.as_deref(), &*seen.path);
    assert_eq!(found, expected, "{address} {agent}");
}

#[test]
fn a_service_name_is_neither_a_network_nor_an_agent() {
    for service in [
        "secretsmanager.amazonaws.com",
        "AWS Internal",
        "s3.cn-north-1.amazonaws.com.cn",
    ] {
        check(service, service, (None, None, service));
    }
}

#[test]
fn a_direct_call_has_a_network_and_an_agent() {
    check(
        "192.0.2.10",
        "aws-cli/2.15.30 Python/3.11.8",
        (Some("192.0.0.0/16"), Some("aws-cli/2"), "direct"),
    );
    check(
        "2001:db8:7::1",
        "Boto3/1.26.1 Python/3.8",
        (Some("2001:db8::/32"), Some("Boto3/1"), "direct"),
    );
    check("10.0.0.1", "", (Some("10.0.0.0/16"), None, "direct"));
    check(
        "HIDDEN_DUE_TO_SECURITY_REASONS",
        "x",
        (None, Some("x"), "direct"),
    );
}

#[test]
fn address_and_agent_may_be_absent() {
    let record = without(decrypt(json!({})), &["sourceIPAddress", "userAgent"]);
    let seen = one(&record);
    assert_eq!((seen.network, seen.agent), (None, None));
    assert_eq!(seen.path, "direct");
}

#[test]
fn invoked_by_is_the_service_path() {
    for service in ["ssm.amazonaws.com", "AWS Internal", "lambda.amazonaws.com"] {
        let identity = json!({"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/Alice", "invokedBy": service});
        let seen = seen(json!({"userIdentity": identity, "sourceIPAddress": "192.0.2.10"}));
        assert_eq!(seen.path, service);
    }
}

#[test]
fn a_service_acts_along_its_own_path() {
    let identity = json!({"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"});
    let seen =
        seen(json!({"userIdentity": identity, "sourceIPAddress": "cloudtrail.amazonaws.com"}));
    assert_eq!(seen.path, "cloudtrail.amazonaws.com");
}

#[test]
fn tls_details_are_there_on_direct_calls_only() {
    let tls = json!({"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256", "clientProvidedHostHeader": "kms.eu-west-1.amazonaws.com"});
    assert!(seen(json!({"tlsDetails": tls})).has_tls);
    assert!(!seen(json!({"tlsDetails": null})).has_tls);
    assert!(!seen(json!({})).has_tls);
}

#[test]
fn a_call_through_an_endpoint_names_it() {
    let seen =
        seen(json!({"vpcEndpointId": "vpce-0123456789abcdef0", "vpcEndpointAccountId": ACCOUNT}));
    assert_eq!(seen.vpc_endpoint.as_deref(), Some("vpce-0123456789abcdef0"));
}

#[test]
fn the_copies_of_a_cross_account_call_share_one_id() {
    let shared = "99999999-9999-4999-8999-999999999999";
    let caller = seen(
        json!({"eventID": "c", "sharedEventID": shared, "recipientAccountId": FOREIGN,
        "userIdentity": {"type": "AssumedRole", "principalId": "AROAX:s", "accountId": FOREIGN,
            "arn": "arn:aws:sts::444455556666:assumed-role/reader/s"}}),
    );
    let owner = seen(json!({"eventID": "o", "sharedEventID": shared,
        "userIdentity": {"type": "AWSAccount", "principalId": "AROAX:s", "accountId": FOREIGN}}));
    assert_eq!(caller.shared_event_id.as_deref(), Some(shared));
    assert_eq!(caller.shared_event_id, owner.shared_event_id);
    assert_ne!(caller.hash, owner.hash);
    assert_eq!((&*caller.account, &*owner.account), (FOREIGN, ACCOUNT));
    assert_eq!(caller.principal, "arn:aws:iam::444455556666:role/reader");
    assert_eq!(owner.principal, "ext:444455556666/AROAX");
    assert_eq!(caller.key.as_deref(), Some(KEY));
    assert_eq!(owner.key.as_deref(), Some(KEY));
    assert_eq!(owner.principal_account.as_deref(), Some(FOREIGN));
}

#[test]
fn the_denied_side_of_a_cross_account_call_knows_the_foreign_key_by_its_message() {
    let theirs = "arn:aws:kms:eu-west-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let seen = seen(
        json!({"resources": null, "requestParameters": null, "errorCode": "AccessDenied",
        "errorMessage": format!("User: arn:aws:iam::111122223333:user/Alice is not authorized to perform: \
            kms:Decrypt on this resource because the resource does not exist: {theirs}")}),
    );
    assert_eq!(seen.key.as_deref(), Some(theirs));
    assert_eq!((&*seen.account, seen.family), (ACCOUNT, "denied"));
}

#[test]
fn the_account_is_the_recipients_else_the_callers_else_the_keys() {
    let service = json!({"type": "AWSService", "invokedBy": "s3.amazonaws.com"});
    for (patch, expected) in [
        (json!({}), ACCOUNT),
        (json!({"recipientAccountId": FOREIGN}), FOREIGN),
        (json!({"recipientAccountId": null}), ACCOUNT),
        (
            json!({"recipientAccountId": "", "userIdentity": service}),
            ACCOUNT,
        ),
        (
            json!({"recipientAccountId": null, "userIdentity": service, "resources": null}),
            "unknown",
        ),
    ] {
        assert_eq!(seen(patch.clone()).account, expected, "{patch}");
    }
}

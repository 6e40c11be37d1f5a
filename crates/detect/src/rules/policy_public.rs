//! `policy-public`: a key policy lets the whole world use, hand on or administer a key.

use keytrail_event::Record;

use super::policy_put::{is_policy_refused, key_given, writes_policy};
use super::policy_put_back::put_back;
use super::support::{events_of_key, key_argument, key_in_title};
use super::{About, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};
use crate::policy::{ActionClass, PolicyError, PublicStatement, public_access};

/// The rule.
pub struct PolicyPublic;

/// Statements that evidence spells out.
const STATEMENTS_SHOWN_MAX: usize = 8;

const ABOUT: About = About {
    id: "policy-public",
    title: "A key policy is open to everyone",
    severities: &[
        Severity::Low,
        Severity::Medium,
        Severity::High,
        Severity::Critical,
    ],
    attack: &[("TA0010", "T1537", "T1537")],
    practice: "least privilege in key policies",
    side: Side::Owner,
    fires_when: "PutKeyPolicy, CreateKey or ReplicateKey whose policy allows everyone a cryptographic, grant or administrative action, with neither a condition nor a Deny that closes it. A policy that KMS took but Keytrail cannot read: medium. A refused call fires one severity lower.",
    reads: &[
        "eventName",
        "errorCode",
        "recipientAccountId",
        "requestParameters.keyId",
        "requestParameters.policy",
        "responseElements.keyMetadata.arn",
        "responseElements.replicaKeyMetadata.arn",
        "responseElements.replicaPolicy",
        "resources[].ARN",
        "userIdentity",
    ],
};

impl Rule for PolicyPublic {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn selects(&self, record: &Record<'_>) -> bool {
        is_policy_refused(record)
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        if !writes_policy(record) {
            return None;
        }
        let policy = light.written.of(record)?;
        let key = key_given(record, light);
        let hit = match policy {
            Ok(policy) => match opened(record, key, &public_access(policy)) {
                Some(hit) => hit,
                None => return put_back(record, light),
            },
            Err(error) => unreadable(record, key, error),
        };
        Some(hit.lower_if_refused(record, light))
    }
}

fn opened(record: &Record<'_>, key: Option<&str>, open: &[PublicStatement]) -> Option<Hit> {
    if open.is_empty() {
        return None;
    }
    let mut classes: Vec<ActionClass> = open.iter().flat_map(|one| one.classes.clone()).collect();
    classes.sort();
    classes.dedup();
    let classes: Vec<String> = classes.iter().map(ActionClass::to_string).collect();
    let title = format!(
        "The policy of {} lets everyone in: {}",
        key_in_title(key),
        classes.join(", ")
    );
    // What a policy opens after it was closed again is a problem of its own, if it is more than before.
    let mut hit = Hit::of(record, Severity::Critical, title)
        .key(key)
        .class(classes.join(" "));
    for one in open.iter().take(STATEMENTS_SHOWN_MAX) {
        let evidence = Evidence::new("public_statement", &*one.text)
            .observed(one.actions)
            .expected("a named principal, or a condition such as kms:CallerAccount");
        hit.evidence.push(evidence);
    }
    let more = open.len().saturating_sub(STATEMENTS_SHOWN_MAX);
    if more > 0 {
        hit = hit.because(Evidence::new(
            "public_statement",
            format!("{more} more such statements"),
        ));
    }
    if record.outcome.is_success()
        && let Some(key) = key
    {
        let argument = key_argument(key);
        hit = hit.next(format!(
            "Name the principals, or close the statement with kms:CallerAccount or aws:PrincipalOrgID: aws kms put-key-policy --policy-name default --policy file://policy.json --key-id {argument}"
        ));
    }
    Some(hit.next(events_of_key(key, record, 24)))
}

/// What KMS took and Keytrail cannot read may say anything.
fn unreadable(record: &Record<'_>, key: Option<&str>, error: &PolicyError) -> Hit {
    let title = format!("The policy of {} cannot be read", key_in_title(key));
    let argument = key.map_or_else(|| "<key>".to_owned(), key_argument);
    Hit::of(record, Severity::Medium, title)
        .key(key)
        .class("unreadable")
        .because(Evidence::new(
            "policy",
            format!("Whether it is open is not known: {error}"),
        ))
        .next(format!(
            "Read it: aws kms get-key-policy --policy-name default --key-id {argument}"
        ))
}

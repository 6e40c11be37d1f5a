//! `grant-broad`: a grant lets somebody decrypt whatever the key protects.

use keytrail_event::Record;
use serde_json::Value;

use super::grant::{Grant, made_by_hand, with_steps};
use super::support::{cut, is_refused_at_owner, key_in_title, key_of, listed};
use super::{About, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct GrantBroad;

/// What lets a grantee at what is encrypted, or lets it hand that on.
const GRAVE: [&str; 3] = ["CreateGrant", "Decrypt", "ReEncryptFrom"];

const ABOUT: About = About {
    id: "grant-broad",
    title: "A grant is bound to no encryption context",
    severities: &[Severity::Low, Severity::Medium],
    attack: &[("TA0003", "T1098", "T1098")],
    practice: "a grant allows one thing for one purpose",
    side: Side::Owner,
    fires_when: "CreateGrant allows Decrypt, ReEncryptFrom or CreateGrant and demands no encryption context. Grants for AWS resources, those that services make or that are for a service, and those to a service-linked role of the key's account do not fire. A refused call fires one severity lower.",
    reads: &[
        "eventName",
        "errorCode",
        "recipientAccountId",
        "requestParameters.granteePrincipal",
        "requestParameters.granteeServicePrincipal",
        "requestParameters.operations",
        "requestParameters.constraints",
        "responseElements.grantId",
        "resources[].ARN",
        "userIdentity",
        "userIdentity.invokedBy",
    ],
};

impl Rule for GrantBroad {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn selects(&self, record: &Record<'_>) -> bool {
        is_refused_at_owner(record, "CreateGrant")
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        let body = made_by_hand(record)?;
        let grant = Grant::of(body);
        let operations = grant.operations();
        let grave: Vec<&str> = GRAVE
            .into_iter()
            .filter(|operation| operations.contains(operation))
            .collect();
        if grave.is_empty() || grant.demands_context() {
            return None;
        }
        Some(hit(record, light, body, &grave))
    }
}

fn hit(record: &Record<'_>, light: &Light<'_>, body: &Value, grave: &[&str]) -> Hit {
    let grant = Grant::of(body);
    let grantee = cut(grant.grantee());
    let key = key_of(record, light);
    let title = format!(
        "Grant on {} allows {} with no encryption context demanded",
        key_in_title(key),
        listed(grave.iter().copied())
    );
    let hit = Hit::of(record, Severity::Medium, title)
        .key(key)
        .class(grantee)
        .because(
            Evidence::new(
                "grantee",
                format!("{grantee} may use the key for whatever it encrypts, past the key policy"),
            )
            .observed(grantee),
        )
        .because(
            grant
                .terms()
                .expected("a constraint such as encryptionContextSubset"),
        );
    with_steps(hit, record, body, key).lower_if_refused(record, light)
}

//! `key-disabled`: somebody disabled a key.

use keytrail_event::Record;

use super::support::{
    events_of_key, is_made_or_refused, is_owners_copy, is_refused_at_owner, key_argument,
    key_in_title, key_of, last_use_evidence,
};
use super::{About, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct KeyDisabled;

const OPERATION: &str = "DisableKey";

const ABOUT: About = About {
    id: "key-disabled",
    title: "A key was disabled",
    severities: &[Severity::Low, Severity::Medium],
    attack: &[("TA0040", "T1485", "T1485")],
    practice: "no key is taken away while data depends on it",
    side: Side::Owner,
    fires_when: "DisableKey succeeds. A refused call fires one severity lower.",
    reads: &[
        "eventName",
        "errorCode",
        "recipientAccountId",
        "requestParameters.keyId",
        "resources[].ARN",
        "userIdentity",
    ],
};

impl Rule for KeyDisabled {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn selects(&self, record: &Record<'_>) -> bool {
        is_refused_at_owner(record, OPERATION)
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        if record.operation.name() != OPERATION
            || !is_owners_copy(record)
            || !is_made_or_refused(record)
        {
            return None;
        }
        let key = key_of(record, light);
        let title = format!("DisableKey on {}", key_in_title(key));
        let mut hit = Hit::of(record, Severity::Medium, title)
            .key(key)
            .because(
                Evidence::new(
                    "operation",
                    "A disabled key refuses every cryptographic call: what it encrypts cannot be read until EnableKey",
                )
                .observed(OPERATION),
            );
        hit.evidence
            .extend(last_use_evidence(key, record.time, light));
        if record.outcome.is_success()
            && let Some(key) = key
        {
            hit = hit.next(format!(
                "If nobody planned this: aws kms enable-key --key-id {}",
                key_argument(key)
            ));
        }
        hit = hit.next(events_of_key(key, record, 24));
        Some(hit.lower_if_refused(record, light))
    }
}

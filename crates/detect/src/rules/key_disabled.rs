//! `key-disabled`: somebody disabled a key.

use keytrail_event::Record;
use keytrail_event::selection::CLOUDTRAIL;

use super::support::{
    cut, events_of_key, is_owners_call, is_refused_at_owner, key_argument, key_in_title, key_of,
    last_use_evidence,
};
use super::trail_key::{use_by_trail, use_evidence};
use super::unused::is_unused;
use super::{About, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct KeyDisabled;

const OPERATION: &str = "DisableKey";

const ABOUT: About = About {
    id: "key-disabled",
    title: "A key was disabled",
    severities: &[Severity::Low, Severity::Medium, Severity::High],
    attack: &[("TA0040", "T1485", "T1485")],
    practice: "no key is taken away while data depends on it",
    side: Side::Owner,
    fires_when: "DisableKey succeeds: medium; low when nobody used the key for 35 days, as far as an account known for 35 days with records can tell, or ever since it was seen to be created, and no grant of it was left open, or when its deletion is scheduled already; high when CloudTrail used the key in the 6 hours before. A refused call fires one severity lower.",
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
        if !is_owners_call(record, OPERATION) {
            return None;
        }
        let key = key_of(record, light);
        let title = format!("DisableKey on {}", key_in_title(key));
        let deletion = key.and_then(|key| light.past.key(key)?.deletion.as_ref());
        let deletion = deletion.filter(|deletion| deletion.change.at < record.time);
        let knowledge = (light.past, &light.past.customs);
        let is_unused = key.is_some_and(|key| is_unused(key, record.time, light.uses, knowledge));
        let of_trail = key.and_then(|key| use_by_trail(key, record.time, light));
        let severity = if of_trail.is_some() {
            Severity::High
        } else if is_unused || deletion.is_some() {
            Severity::Low
        } else {
            Severity::Medium
        };
        let mut hit = Hit::of(record, severity, title)
            .key(key)
            .because(
                Evidence::new(
                    "operation",
                    "A disabled key refuses every cryptographic call: what it encrypts cannot be read until EnableKey",
                )
                .observed(OPERATION),
            );
        hit.evidence.extend(of_trail.as_ref().map_or_else(
            || last_use_evidence(key, record.time, light).or_else(|| is_unused.then(never_used)),
            |used| Some(use_evidence(used)),
        ));
        hit.evidence.extend(of_trail.map(|_| goes_dark()));
        if let Some(deletion) = deletion {
            let text = format!(
                "{} had scheduled the key's deletion at {}, so it could not be used already",
                cut(&deletion.change.by),
                deletion.change.at
            );
            hit = hit.because(Evidence::new("deletion", text).observed(deletion.due));
        }
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

fn goes_dark() -> Evidence {
    Evidence::new(
        "dark_events",
        "The key encrypts the logs of a trail, which are not delivered while it is disabled",
    )
    .observed(CLOUDTRAIL)
}

fn never_used() -> Evidence {
    Evidence::new("last_use", "No use of the key was seen in the days before").observed("none")
}

//! `rotation-disabled`: a key's rotation was switched off, or made slower.

use keytrail_event::Record;

use super::key_life::rotation_period_days;
use super::support::{
    events_of_key, is_made_or_refused, is_owners_copy, is_refused_at_owner, key_argument,
    key_in_title, key_of,
};
use super::{About, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct RotationDisabled;

const ABOUT: About = About {
    id: "rotation-disabled",
    title: "A key's rotation was switched off or made slower",
    severities: &[Severity::Low, Severity::Medium],
    attack: &[("TA0005", "T1600", "T1600")],
    practice: "keys rotate on a schedule that nobody uses up",
    side: Side::Owner,
    fires_when: "DisableKeyRotation succeeds; or EnableKeyRotation sets a longer period than this key was seen to have (365 days where the earlier call named none). A period set for the first time does not fire. A refused call fires one severity lower.",
    reads: &[
        "eventName",
        "eventTime",
        "errorCode",
        "recipientAccountId",
        "requestParameters.keyId",
        "requestParameters.rotationPeriodInDays",
        "resources[].ARN",
        "userIdentity",
    ],
};

impl Rule for RotationDisabled {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn selects(&self, record: &Record<'_>) -> bool {
        is_refused_at_owner(record, "DisableKeyRotation")
            || is_refused_at_owner(record, "EnableKeyRotation")
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        if !is_owners_copy(record) || !is_made_or_refused(record) {
            return None;
        }
        let key = key_of(record, light);
        let known = key
            .and_then(|key| light.past.key(key)?.rotation)
            .filter(|known| known.since <= record.time);
        let before = known.and_then(|known| known.period_days);
        let hit = match record.operation.name() {
            "DisableKeyRotation" => disabled(record, key, before),
            "EnableKeyRotation" => stretched(record, key, before?)?,
            _ => return None,
        };
        let hit = match (record.outcome.is_success(), key) {
            (true, Some(key)) => hit.next(format!(
                "If nobody planned this: aws kms enable-key-rotation --rotation-period-in-days {} --key-id {}",
                before.unwrap_or(super::key_life::ROTATION_PERIOD_DAYS_DEFAULT),
                key_argument(key)
            )),
            _ => hit,
        };
        Some(
            hit.next(events_of_key(key, record, 24))
                .lower_if_refused(record, light),
        )
    }
}

fn disabled(record: &Record<'_>, key: Option<&str>, before: Option<i64>) -> Hit {
    let title = format!("DisableKeyRotation on {}", key_in_title(key));
    let text = match before {
        Some(days) => format!("The key rotated every {days} days; now its material stays as it is"),
        None => "The key's material stays as it is from now on; the period it had is in no record read so far"
            .to_owned(),
    };
    let mut evidence = Evidence::new("rotation_period_days", text).observed("none");
    if let Some(days) = before {
        evidence = evidence.expected(days);
    }
    Hit::of(record, Severity::Medium, title)
        .key(key)
        .because(evidence)
}

fn stretched(record: &Record<'_>, key: Option<&str>, before: i64) -> Option<Hit> {
    let period = rotation_period_days(record).filter(|period| *period > before)?;
    let title = format!(
        "{} rotates every {period} days instead of {before}",
        key_in_title(key)
    );
    let text = format!("The rotation period was {before} days and is {period} days");
    let evidence = Evidence::new("rotation_period_days", text)
        .observed(period)
        .expected(before);
    Some(
        Hit::of(record, Severity::Medium, title)
            .key(key)
            .class("stretched")
            .because(evidence),
    )
}

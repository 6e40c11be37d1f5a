//! `sod-violation`: whoever administers a key also uses it.

use std::collections::BTreeMap;

use keytrail_event::EventTime;
use keytrail_event::time::{DAY_SECONDS, HOUR_SECONDS};

use super::caller::is_aws_principal;
use super::day::{DayHit, DayLight, KeyUse};
use super::key_changes::KeyChange;
use super::support::{argument, cut, key_in_title};
use super::{About, Hit, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct SodViolation;

/// What administers a key.
const ADMINISTRATION: [&str; 10] = [
    "CreateAlias",
    "CreateGrant",
    "DeleteAlias",
    "DisableKey",
    "DisableKeyRotation",
    "EnableKeyRotation",
    "PutKeyPolicy",
    "RotateKeyOnDemand",
    "ScheduleKeyDeletion",
    "UpdateAlias",
];

const ABOUT: About = About {
    id: "sod-violation",
    title: "A principal administers a key and uses it",
    severities: &[Severity::Medium],
    attack: &[("TA0004", "T1548.005", "T1548.005")],
    practice: "whoever administers a key does not use it",
    side: Side::Owner,
    fires_when: "A principal changes a key's policy, grants, aliases or rotation, disables it or schedules its deletion, and makes a successful cryptographic call with it within 24 hours before or after (rules.separation_hours). Told once for each (principal, key). What a principal does to a key that it made within 24 hours does not count, nor do AWS's own changes and grants for AWS resources.",
    reads: &[
        "eventName",
        "eventTime",
        "eventID",
        "errorCode",
        "recipientAccountId",
        "requestParameters.keyId",
        "resources[].ARN",
        "userIdentity",
        "userIdentity.invokedBy",
    ],
};

impl Rule for SodViolation {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn judge_day(&self, light: &DayLight<'_>) -> Vec<DayHit> {
        let mut pairs: BTreeMap<(&str, &str), Vec<&KeyChange>> = BTreeMap::new();
        let administration = light.past.changes.iter().filter(|change| {
            change.is_made
                && ADMINISTRATION.contains(&&*change.operation)
                && !is_aws_principal(&change.principal)
                && !is_of_own_new_key(change, light)
        });
        for change in administration {
            let pair = (change.principal.as_str(), change.key.as_str());
            pairs.entry(pair).or_default().push(change);
        }
        let hits = pairs
            .into_iter()
            .filter_map(|((principal, key), changes)| judge_pair(principal, key, &changes, light));
        hits.collect()
    }
}

/// Whether the principal made the key itself in the day before: a deploy, and nothing is encrypted with it yet.
fn is_of_own_new_key(change: &KeyChange, light: &DayLight<'_>) -> bool {
    let life = light.past.key(&change.key);
    life.is_some_and(|life| {
        let age = life.created.map(|created| change.at.seconds_since(created));
        age.is_some_and(|age| (0..=DAY_SECONDS).contains(&age))
            && life.creator.as_deref() == Some(&*change.principal)
    })
}

fn judge_pair(
    principal: &str,
    key: &str,
    changes: &[&KeyChange],
    light: &DayLight<'_>,
) -> Option<DayHit> {
    let title = format!(
        "{} administers {} and uses it",
        cut(principal),
        key_in_title(Some(key))
    );
    let hit = Hit::about(Some(principal), Some(key), Severity::Medium, title);
    if light.was_told(ABOUT.id, &hit) {
        return None;
    }
    let hours = light.configuration.rules.separation_hours;
    let span = (hours as i64).saturating_mul(HOUR_SECONDS);
    let (change, used) = changes.iter().find_map(|change| {
        let window = (change.at.plus_seconds(-span), change.at.plus_seconds(span));
        let is_same = |name: &str| name == principal;
        let used = light.uses.first_use_by(key, &is_same, window, light.past)?;
        Some((*change, used))
    })?;
    let hit = with_evidence(hit, change, &used);
    let id = used.event_id.as_deref().unwrap_or_default();
    let events: [(EventTime, &str, bool); 2] =
        [(change.at, &change.event_id, true), (used.first, id, true)];
    Some(DayHit::over(hit, Some(&change.region), events)?.once())
}

fn with_evidence(hit: Hit, change: &KeyChange, used: &KeyUse) -> Hit {
    let operation = used.operation.as_deref().unwrap_or("a cryptographic call");
    let since = change.at.min(used.first).plus_seconds(-DAY_SECONDS);
    hit.because(
        Evidence::new(
            "administration",
            format!("{} at {}", change.operation, change.at),
        )
        .observed(&change.operation),
    )
    .because(
        Evidence::new("use", format!("{operation} at {}", used.first))
            .observed(operation)
            .expected("nobody who administers the key uses it"),
    )
    .next("Give administration and use to two roles: KMS's key policies for administrators leave cryptography out.")
    .next(format!(
        "Read all that the principal did with the key: keytrail events ARCHIVE --principal {} --key {} --since {since}",
        argument(&change.principal, "principal"),
        argument(&change.key, "key")
    ))
}

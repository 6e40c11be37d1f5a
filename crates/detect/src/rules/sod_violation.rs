//! `sod-violation`: whoever administers a key also uses it.

use std::collections::BTreeMap;

use keytrail_event::EventTime;
use keytrail_event::time::{DAY_SECONDS, HOUR_SECONDS};

use super::caller::is_aws_principal;
use super::day::{DayHit, DayLight, KeyUse};
use super::key_changes::KeyChange;
use super::support::{argument, cut, key_in_title, listed};
use super::{About, Hit, Rule, Side};
use crate::account_day::is_use;
use crate::finding::{Evidence, FindingId, Severity};

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
    severities: &[Severity::Low, Severity::Medium],
    attack: &[("TA0004", "T1548.005", "T1548.005")],
    practice: "whoever administers a key does not use it",
    side: Side::Owner,
    fires_when: "A principal changes a key's policy, grants, aliases or rotation, disables it or schedules its deletion, and makes a successful cryptographic call with it within 24 hours before or after (rules.separation_hours). Told once for each (principal, key), and once more where it was low and is medium, all keys of a day as one finding of the principal. Low where the key was always reached through services only, and by the principal on an earlier day. What a principal does to a key that it made within 24 hours does not count, nor do AWS's own changes and grants for AWS resources.",
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
        let mut by_principal: BTreeMap<&str, Vec<Violation<'_>>> = BTreeMap::new();
        for ((principal, key), changes) in pairs {
            let found = by_principal.entry(principal).or_default();
            found.extend(judge_pair(principal, key, &changes, light));
        }
        let hits =
            by_principal
                .into_iter()
                .filter_map(|(principal, found)| match found.as_slice() {
                    [] => None,
                    [one] => one.alone(light),
                    several => together(principal, several, light),
                });
        hits.collect()
    }
}

/// A key that its administrator uses.
struct Violation<'l> {
    /// What tells of it alone.
    hit: Hit,
    key: &'l str,
    change: &'l KeyChange,
    used: KeyUse,
}

impl Violation<'_> {
    fn events(&self) -> [(EventTime, &str, bool); 2] {
        let id = self.used.event_id.as_deref().unwrap_or_default();
        [
            (self.change.at, &self.change.event_id, true),
            (self.used.first, id, true),
        ]
    }

    fn alone(&self, light: &DayLight<'_>) -> Option<DayHit> {
        let hit = with_evidence(self.hit.clone(), self.change, &self.used);
        let mut hit = DayHit::over(hit, Some(&self.change.region), self.events())?;
        hit.tells.push(told_as(&self.hit, light.account));
        Some(hit)
    }
}

/// What it counts as, once it is told: what was told as low hides nothing that is worse.
fn told_as(hit: &Hit, account: &str) -> FindingId {
    let class = match hit.severity {
        Severity::Low => "low",
        _ => "",
    };
    hit.clone().class(class).finding_id(ABOUT.id, account)
}

/// One finding of a principal and all keys of the day: a deploy writes many policies at once.
fn together(principal: &str, several: &[Violation<'_>], light: &DayLight<'_>) -> Option<DayHit> {
    let severity = several.iter().map(|one| one.hit.severity).max()?;
    let title = format!(
        "{} administers {} keys and uses them",
        cut(principal),
        several.len()
    );
    let keys = listed(several.iter().map(|one| one.key));
    let hit = Hit::about(Some(principal), None, severity, title)
        .because(Evidence::new("keys", format!("On the day: {keys}")).observed(several.len()))
        .names(several.iter().map(|one| one.key));
    // Of those alike the first.
    let worst = several.iter().rev().max_by_key(|one| one.hit.severity)?;
    let hit = with_evidence(hit, worst.change, &worst.used);
    let region = worst.change.region.as_str();
    let is_one_region = several.iter().all(|one| one.change.region == region);
    let events = several.iter().flat_map(Violation::events);
    let mut hit = DayHit::over(hit, is_one_region.then_some(region), events)?;
    let tells = several.iter();
    hit.tells = tells.map(|one| told_as(&one.hit, light.account)).collect();
    Some(hit)
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

fn judge_pair<'l>(
    principal: &str,
    key: &'l str,
    changes: &[&'l KeyChange],
    light: &DayLight<'_>,
) -> Option<Violation<'l>> {
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
    let mut low = hit.clone();
    low.severity = Severity::Low;
    let was_low = light.past.was_told(&told_as(&low, light.account));
    let (change, used) = changes.iter().find_map(|change| {
        let window = (change.at.plus_seconds(-span), change.at.plus_seconds(span));
        let is_same = |name: &str| name == principal;
        if was_low && !is_used_otherwise(principal, key, window, light) {
            return None;
        }
        let used = light.uses.first_use_by(key, &is_same, window, light.past)?;
        Some((*change, used))
    })?;
    let is_low = !was_low && is_by_services_as_ever(principal, key, change, light);
    Some(Violation {
        hit: if is_low { low } else { hit },
        key,
        change,
        used,
    })
}

/// Whether the principal uses the key on the day, in this window, in another way than it was ever used.
fn is_used_otherwise(
    principal: &str,
    key: &str,
    (from, to): (EventTime, EventTime),
    light: &DayLight<'_>,
) -> bool {
    let Some(customs) = light.customs.key(key) else {
        return false;
    };
    let is_same = |name: &str| name == principal;
    let otherwise = light.cells_by(is_same, is_use, |cell| {
        cell.key == key
            && cell.first_time() <= to
            && cell.last_time() >= from
            && !customs.paths.contains(cell.service_path)
    });
    !otherwise.is_empty()
}

/// Whether the principal uses the key through services only, as every use of the key always was, and did so on
/// an earlier day than that of the change: what it changes lets it in nowhere.
fn is_by_services_as_ever(
    principal: &str,
    key: &str,
    change: &KeyChange,
    light: &DayLight<'_>,
) -> bool {
    let Some(customs) = light.customs.key(key) else {
        return false;
    };
    let before = (
        EventTime::from_unix_seconds(0),
        change.at.day().start().plus_seconds(-1),
    );
    let is_same = |name: &str| name == principal;
    let known = light.uses.first_use_by(key, &is_same, before, light.past);
    if known.is_none() || !customs.is_by_services() {
        return false;
    }
    let today = light.cells_by(is_same, is_use, |cell| cell.key == key);
    today
        .iter()
        .all(|cell| customs.paths.contains(cell.service_path))
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

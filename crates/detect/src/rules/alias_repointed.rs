//! `alias-repointed`: an alias names another key than before.

use keytrail_event::key::short_key_name;
use keytrail_event::time::DAY_SECONDS;
use keytrail_event::{EventTime, Record};

use super::deletion_habits::is_made_by;
use super::past::{AliasTarget, alias_of};
use super::support::{
    argument, duration, events_of_key, is_made_or_refused, is_owners_copy, is_refused_at_owner,
    key_of,
};
use super::{About, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct AliasRepointed;

/// The calls that move an alias, or half of them do.
const OPERATIONS: [&str; 3] = ["CreateAlias", "DeleteAlias", "UpdateAlias"];
/// A key younger than this may have been made for the purpose.
const YOUNG_DAYS: i64 = 7;
/// An alias created within this time of its deletion was moved.
const MOVED_SECONDS: i64 = 24 * 3_600;

const ABOUT: About = About {
    id: "alias-repointed",
    title: "An alias was pointed at another key",
    severities: &[Severity::Low, Severity::Medium, Severity::High],
    attack: &[("TA0040", "T1565", "T1565")],
    practice: "an application encrypts with the key its owner chose",
    side: Side::Owner,
    fires_when: "UpdateAlias, or DeleteAlias and within 24 h CreateAlias, points an alias at another key than it was seen to name. An UpdateAlias whose earlier key was not seen fires too: it moves an alias by definition. High when the new key was created in the last 7 days, unless by the caller that made the old one too, has another origin or is of another account. A refused call fires one severity lower.",
    reads: &[
        "eventName",
        "eventTime",
        "errorCode",
        "recipientAccountId",
        "awsRegion",
        "requestParameters.aliasName",
        "requestParameters.targetKeyId",
        "resources[].ARN",
        "userIdentity",
        "responseElements.keyMetadata.origin (of CreateKey)",
    ],
};

impl Rule for AliasRepointed {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn selects(&self, record: &Record<'_>) -> bool {
        is_refused_at_owner(record, "UpdateAlias") || is_refused_at_owner(record, "CreateAlias")
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        let operation = record.operation.name();
        if !OPERATIONS.contains(&operation)
            || !is_owners_copy(record)
            || !is_made_or_refused(record)
        {
            return None;
        }
        let alias = alias_of(record)?;
        // What still reads as an alias is no target: the record does not tell the key.
        let named = key_of(record, light).filter(|key| key.starts_with("arn:"))?;
        let known = light.past.alias(&alias);
        let (target, before) = match (operation, known) {
            ("DeleteAlias", Some(known)) if is_second_half(known, record) => {
                (known.key.as_str(), Some(Before::of_deleted(named, record)))
            }
            ("DeleteAlias", _) | ("CreateAlias", None) => return None,
            (_, Some(known)) if known.key == named => return None,
            ("CreateAlias", Some(known)) if !was_just_deleted(known, record) => return None,
            (_, known) => (named, known.map(Before::of)),
        };
        let reasons = grave_reasons(record, &alias, target, before, light);
        let severity = if reasons.is_empty() {
            Severity::Medium
        } else {
            Severity::High
        };
        let name = short_key_name(&alias);
        let title = format!("{name} now names {}", short_key_name(target));
        let mut hit = Hit::of(record, severity, title)
            .key(Some(target))
            .class(&*alias)
            .because(predecessor(before, target));
        hit.evidence.extend(reasons);
        if record.outcome.is_success() {
            if let Some(before) = before {
                hit = hit.next(format!(
                    "If nobody planned this: aws kms update-alias --alias-name {} --target-key-id {} --region {}",
                    argument(&name, "alias"),
                    argument(before.key, "key"),
                    argument(&record.region, "region"),
                ));
            }
            hit = hit.next("Find what was encrypted through the alias since: it needs the new key, and whoever can take that key away holds the data.");
        }
        let hit = hit.next(events_of_key(Some(target), record, 24));
        Some(hit.lower_if_refused(record, light))
    }
}

/// The key that an alias named before it was moved.
#[derive(Clone, Copy)]
struct Before<'a> {
    key: &'a str,
    since: EventTime,
    deleted: Option<EventTime>,
}

impl<'a> Before<'a> {
    fn of(known: &'a AliasTarget) -> Self {
        Self {
            key: &known.key,
            since: known.since,
            deleted: known.deleted,
        }
    }

    fn of_deleted(key: &'a str, record: &Record<'_>) -> Self {
        Self {
            key,
            since: record.time,
            deleted: Some(record.time),
        }
    }
}

/// Whether a DeleteAlias comes behind the CreateAlias of its second, which could not tell that it moves the alias.
fn is_second_half(known: &AliasTarget, record: &Record<'_>) -> bool {
    let is_other = record
        .key
        .as_ref()
        .is_some_and(|key| !known.is_deleted_by(record, key));
    is_other
        && known.since == record.time
        && known.deleted.is_none()
        && known.before.is_none()
        && record.outcome.is_success()
}

/// Whether a CreateAlias is the second half of a move. Without the deletion in sight it is: KMS
/// refuses to create an alias that exists.
fn was_just_deleted(known: &AliasTarget, record: &Record<'_>) -> bool {
    known
        .deleted
        .is_none_or(|deleted| record.time.seconds_since(deleted) <= MOVED_SECONDS)
}

fn predecessor(before: Option<Before<'_>>, target: &str) -> Evidence {
    match before {
        Some(before) => {
            let span = match before.deleted {
                Some(deleted) if deleted == before.since => {
                    format!("until it was deleted at {deleted}")
                }
                _ => format!("since {}", before.since),
            };
            Evidence::new(
                "target_key",
                format!("The alias named {} {span}", short_key_name(before.key)),
            )
            .observed(target)
            .expected(before.key)
        }
        None => Evidence::new(
            "target_key",
            "Predecessor not seen: which key the alias named before is in no record read so far",
        )
        .observed(target),
    }
}

/// What makes the new key suspicious.
fn grave_reasons(
    record: &Record<'_>,
    alias: &str,
    target: &str,
    before: Option<Before<'_>>,
    light: &Light<'_>,
) -> Vec<Evidence> {
    let mut reasons = Vec::new();
    let life = light.past.key(target);
    if let Some(created) = life.and_then(|life| life.created) {
        let age = record.time.seconds_since(created);
        let is_callers = |key: &str| is_made_by(key, record.principal(), light.past);
        // Whoever made the old key could take that away as well: it rotates keys by hand.
        let is_rotation = is_callers(target) && before.is_some_and(|before| is_callers(before.key));
        if age < YOUNG_DAYS * DAY_SECONDS && !is_rotation {
            let text = format!("The new key was created {} before", duration(age.max(0)));
            reasons.push(Evidence::new("key_created", text).observed(created));
        }
    }
    let origin_of = |key: &str| light.past.key(key)?.origin.as_deref();
    if let (Some(new), Some(old)) = (
        origin_of(target),
        before.and_then(|before| origin_of(before.key)),
    ) && new != old
    {
        let text = format!("The new key's material has another origin: {new} instead of {old}");
        reasons.push(
            Evidence::new("key_origin", text)
                .observed(new)
                .expected(old),
        );
    }
    let (new, old) = (
        account_of_key(target),
        alias.split(':').nth(1).unwrap_or_default(),
    );
    if new != old {
        let text = format!("The new key is of account {new}, the alias of {old}");
        reasons.push(
            Evidence::new("key_account", text)
                .observed(new)
                .expected(old),
        );
    }
    reasons
}

fn account_of_key(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

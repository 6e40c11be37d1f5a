//! `key-deletion-bulk`: one principal takes several keys away within an hour.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use keytrail_event::key::short_key_name;
use keytrail_event::time::HOUR_SECONDS;

use super::bulk::{BulkUse, bulk_of};
use super::chain::CHAIN_SECONDS;
use super::day::{DayHit, DayLight};
use super::deletion_habits::{KeyKind, SCHEDULE, is_made_by, is_used_by_another};
use super::key_changes::{KeyChange, spells};
use super::support::{argument, import_commands, is_refused_at_owner, key_argument, listed};
use super::unused::{UNUSED_DAYS, is_unused};
use super::{About, BURST_SECONDS, Hit, Rule, Side};
use crate::bounds::EPISODE_STEPS_MAX;
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct KeyDeletionBulk;

const DISABLE: &str = "DisableKey";
const DELETE_MATERIAL: &str = "DeleteImportedKeyMaterial";
const OPERATIONS: [&str; 3] = [DELETE_MATERIAL, DISABLE, SCHEDULE];
/// What is undone first.
const URGENT_FIRST: [&str; 3] = [SCHEDULE, DELETE_MATERIAL, DISABLE];
/// Keys whose rescue is spelled out; two steps more say that there are others and where to look.
const RESCUED_MAX: usize = EPISODE_STEPS_MAX - 2;

const ABOUT: About = About {
    id: "key-deletion-bulk",
    title: "Several keys were taken away at once",
    severities: &[
        Severity::Low,
        Severity::Medium,
        Severity::High,
        Severity::Critical,
    ],
    attack: &[("TA0040", "T1485", "T1485")],
    practice: "no key is taken away while data depends on it",
    side: Side::Owner,
    fires_when: "One principal disables, schedules for deletion or strips of imported material at least 3 distinct keys (rules.bulk_keys) within an hour; medium when the keys were disabled only and nobody used any of them for 35 days and no grant of theirs was left open. Where some of the calls were refused and fewer than 3 keys were hit: high, or critical when 3 keys were tried within ten minutes. Deletions of keys that were all made within 3 days are medium by whoever made them, and low by whoever deletes such keys on 3 other days, at most twice as many, unless somebody encrypts in bulk within 24 h; of older keys that the same principal made, and nobody else used in the last 24 h, medium where that is such a habit, unless somebody encrypts in bulk.",
    reads: &[
        "eventName",
        "eventTime",
        "eventID",
        "errorCode",
        "recipientAccountId",
        "awsRegion",
        "requestParameters.keyId",
        "resources[].ARN",
        "userIdentity",
    ],
};

impl Rule for KeyDeletionBulk {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn selects(&self, record: &keytrail_event::Record<'_>) -> bool {
        OPERATIONS
            .iter()
            .any(|operation| is_refused_at_owner(record, operation))
    }

    fn judge_day(&self, light: &DayLight<'_>) -> Vec<DayHit> {
        let by_principal = light.past.changes.grouped(
            |change| OPERATIONS.contains(&&*change.operation),
            |change| &change.principal,
        );
        let bulk = OnceCell::new();
        let hits = by_principal
            .iter()
            .flat_map(|(principal, tried)| judge_principal(principal, tried, &bulk, light));
        hits.collect()
    }
}

/// The spells of one principal: those in which keys were hit, and apart from them those in which more were tried.
fn judge_principal(
    principal: &str,
    tried: &[&KeyChange],
    bulk: &OnceCell<Vec<BulkUse>>,
    light: &DayLight<'_>,
) -> Vec<DayHit> {
    let enough = light.configuration.rules.bulk_keys.max(2);
    let is_bulk = |window: &[&KeyChange]| keys_of(window).len() as u64 >= enough;
    let made: Vec<&KeyChange> = tried.iter().copied().filter(|one| one.is_made).collect();
    let made_spells = spells(&made, HOUR_SECONDS, is_bulk);
    let is_told = |spell: &Vec<&KeyChange>| {
        let hits = |one: &&KeyChange| made_spells.iter().any(|made| made.contains(one));
        spell.iter().any(hits)
    };
    let attempts = spells(tried, HOUR_SECONDS, is_bulk)
        .into_iter()
        .filter(|spell| !is_told(spell));
    let attempts = attempts.map(|spell| {
        let is_burst = !spells(&spell, BURST_SECONDS as i64, is_bulk).is_empty();
        let severity = if is_burst {
            Severity::Critical
        } else {
            Severity::High
        };
        (spell, severity, "attempt")
    });
    let made = made_spells.iter().map(|spell| {
        let severity = severity_of(principal, spell, bulk, light);
        (spell.clone(), severity, "")
    });
    let all = made.chain(attempts).filter_map(|(spell, severity, class)| {
        let is_news = spell.iter().any(|change| light.is_new(&change.event_id));
        let hit = || hit(principal, &spell, severity).class(class);
        is_news
            .then(|| DayHit::over_changes(hit(), &spell, light))
            .flatten()
    });
    all.collect()
}

/// Whether keys were disabled only, and all of them were used by nobody: that is how keys are retired, and undone at once.
fn is_retirement(spell: &[&KeyChange], light: &DayLight<'_>) -> bool {
    let knowledge = (light.past, light.customs);
    spell.iter().all(|change| {
        change.operation == DISABLE && is_unused(&change.key, change.at, light.uses, knowledge)
    })
}

/// How bad it is that these keys were taken away: what their maker, or a habit, takes away is less.
fn severity_of(
    principal: &str,
    spell: &[&KeyChange],
    bulk: &OnceCell<Vec<BulkUse>>,
    light: &DayLight<'_>,
) -> Severity {
    if is_retirement(spell, light) {
        return Severity::Medium;
    }
    let mut young: BTreeSet<&str> = BTreeSet::new();
    let mut own: BTreeSet<&str> = BTreeSet::new();
    for change in spell {
        match KeyKind::of(&change.key, principal, change.at, light.past) {
            Some(KeyKind::Young) if change.operation == SCHEDULE => young.insert(&change.key),
            Some(KeyKind::Own) if change.operation == SCHEDULE => {
                let knowledge = (light.uses, light.past);
                if is_used_by_another(&change.key, principal, change.at, knowledge) {
                    return Severity::Critical;
                }
                own.insert(&change.key)
            }
            _ => return Severity::Critical,
        };
    }
    // A habit is of days: what was deleted earlier on the day counts.
    let first_day = spell.first().map_or(light.day, |change| change.at.day());
    let until = spell.last().map_or(light.day.start(), |change| change.at);
    let is_habit = |kind, keys: &BTreeSet<&str>| {
        let (habits, span) = (&light.customs.deletion_habits, (first_day, until));
        let named = keys.iter().copied();
        keys.is_empty() || habits.covers_all(principal, kind, span, named, light.past)
    };
    let is_young_habit = is_habit(KeyKind::Young, &young);
    let is_of_maker = young
        .iter()
        .all(|key| is_made_by(key, principal, light.past));
    if !is_young_habit && !is_of_maker || !is_habit(KeyKind::Own, &own) {
        return Severity::Critical;
    }
    let since = light.day.start().plus_seconds(-CHAIN_SECONDS);
    let bulk = bulk.get_or_init(|| bulk_of(light, since));
    let is_encrypted_with = |key: &&str| bulk.iter().any(|bulk| bulk.may_be_with(key));
    if young.union(&own).any(is_encrypted_with) {
        Severity::Critical
    } else if is_young_habit && own.is_empty() {
        Severity::Low
    } else {
        Severity::Medium
    }
}

fn keys_of<'c>(changes: &[&'c KeyChange]) -> BTreeSet<&'c str> {
    changes.iter().map(|change| change.key.as_str()).collect()
}

fn hit(principal: &str, spell: &[&KeyChange], severity: Severity) -> Hit {
    let keys = keys_of(spell);
    let refused = spell.iter().filter(|change| !change.is_made).count();
    let (first, last) = (spell[0].at, spell[spell.len() - 1].at);
    let tried = if refused > 0 { "tried to take" } else { "took" };
    let title = format!(
        "One principal {tried} {} keys away between {first} and {last}",
        keys.len()
    );
    let mut hit = Hit::about(Some(principal), None, severity, title).names(keys.iter().copied());
    // Medium by habit are only deletions.
    let is_retirement = spell.iter().all(|change| change.operation == DISABLE);
    if severity == Severity::Medium && is_retirement {
        hit = hit.because(Evidence::new(
            "last_use",
            format!("Nobody was seen to use any of these keys in the {UNUSED_DAYS} days before"),
        ));
    }
    for operation in OPERATIONS {
        let by: Vec<&KeyChange> = spell
            .iter()
            .copied()
            .filter(|change| change.operation == operation)
            .collect();
        if by.is_empty() {
            continue;
        }
        let names: Vec<String> = keys_of(&by)
            .into_iter()
            .map(|key| short_key_name(key).into_owned())
            .collect();
        let text = format!(
            "{operation} on {}",
            listed(names.iter().map(String::as_str))
        );
        hit = hit.because(Evidence::new("keys", text).observed(names.len()));
    }
    if refused > 0 {
        let text = format!("{refused} of the calls were refused: nothing changed by them");
        hit = hit.because(Evidence::new("outcome", text).observed(refused));
    }
    let rescues = rescues(spell);
    for (_, step) in rescues.iter().take(RESCUED_MAX) {
        hit = hit.next(step);
    }
    if let more @ 1.. = rescues.len().saturating_sub(RESCUED_MAX) {
        hit = hit.next(format!(
            "{more} more keys were taken away, of which no commands stand here: do the same for each that the calls name"
        ));
    }
    hit.next(format!(
        "Read what the caller did before and after: keytrail events ARCHIVE --principal {} --since {}",
        argument(principal, "principal"),
        first.plus_seconds(-24 * HOUR_SECONDS)
    ))
}

/// How each key that was hit is kept, by urgency: what is pending is gone after its date, what lost its material fails
/// now and may not be anywhere else, and what is disabled waits.
fn rescues(spell: &[&KeyChange]) -> Vec<(usize, String)> {
    let urgency = |change: &KeyChange| URGENT_FIRST.iter().position(|it| *it == change.operation);
    let mut worst: BTreeMap<&str, usize> = BTreeMap::new();
    for change in spell.iter().filter(|change| change.is_made) {
        let urgency = urgency(change).unwrap_or(URGENT_FIRST.len());
        let known = worst.entry(&change.key).or_insert(urgency);
        *known = urgency.min(*known);
    }
    let steps = worst.into_iter().map(|(key, urgency)| {
        let argument = key_argument(key);
        let step = match URGENT_FIRST.get(urgency) {
            Some(&SCHEDULE) => format!(
                "Keep the key: aws kms cancel-key-deletion --key-id {argument}, then aws kms enable-key --key-id {argument}"
            ),
            Some(&DISABLE) => format!("Make the key usable: aws kms enable-key --key-id {argument}"),
            _ => format!("Import the material again: {}", import_commands(&argument)),
        };
        (urgency, step)
    });
    let mut steps: Vec<_> = steps.collect();
    steps.sort_by_key(|(urgency, _)| *urgency);
    steps
}

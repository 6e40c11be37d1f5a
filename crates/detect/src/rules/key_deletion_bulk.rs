//! `key-deletion-bulk`: one principal takes several keys away within an hour.

use std::collections::BTreeSet;

use keytrail_event::key::short_key_name;
use keytrail_event::time::HOUR_SECONDS;

use super::day::{DayHit, DayLight};
use super::key_changes::{KeyChange, spells};
use super::support::{argument, is_refused_at_owner, key_argument, listed};
use super::unused::{UNUSED_DAYS, is_unused};
use super::{About, BURST_SECONDS, Hit, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct KeyDeletionBulk;

const OPERATIONS: [&str; 3] = [
    "DeleteImportedKeyMaterial",
    "DisableKey",
    "ScheduleKeyDeletion",
];
/// Keys whose rescue is spelled out.
const RESCUED_MAX: usize = 5;

const ABOUT: About = About {
    id: "key-deletion-bulk",
    title: "Several keys were taken away at once",
    severities: &[Severity::Medium, Severity::High, Severity::Critical],
    attack: &[("TA0040", "T1485", "T1485")],
    practice: "no key is taken away while data depends on it",
    side: Side::Owner,
    fires_when: "One principal disables, schedules for deletion or strips of imported material at least 3 distinct keys (rules.bulk_keys) within an hour; medium when the keys were disabled only and nobody used any of them for 35 days and no grant of theirs was left open. Where some of the calls were refused and fewer than 3 keys were hit: high, or critical when 3 keys were tried within ten minutes.",
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
        let hits = by_principal
            .iter()
            .flat_map(|(principal, tried)| judge_principal(principal, tried, light));
        hits.collect()
    }
}

/// The spells of one principal: those in which keys were hit, and apart from them those in which more were tried.
fn judge_principal(principal: &str, tried: &[&KeyChange], light: &DayLight<'_>) -> Vec<DayHit> {
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
        let severity = if is_retirement(spell, light) {
            Severity::Medium
        } else {
            Severity::Critical
        };
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
        change.operation == "DisableKey" && is_unused(&change.key, change.at, light.uses, knowledge)
    })
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
    let mut hit = Hit::about(Some(principal), None, severity, title);
    if severity == Severity::Medium {
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
    for change in spell
        .iter()
        .filter(|change| change.is_made)
        .take(RESCUED_MAX)
    {
        let key = key_argument(&change.key);
        let step = match change.operation.as_str() {
            "ScheduleKeyDeletion" => format!(
                "Keep the key: aws kms cancel-key-deletion --key-id {key}, then aws kms enable-key --key-id {key}"
            ),
            "DisableKey" => format!("Make the key usable: aws kms enable-key --key-id {key}"),
            _ => format!(
                "Import the material again: aws kms get-parameters-for-import and aws kms import-key-material --key-id {key}"
            ),
        };
        hit = hit.next(step);
    }
    hit.next(format!(
        "Read what the caller did before and after: keytrail events ARCHIVE --principal {} --since {}",
        argument(principal, "principal"),
        first.plus_seconds(-24 * HOUR_SECONDS)
    ))
}

//! `ransom-chain`: keys are prepared, data is encrypted in bulk, the way back is cut off.

use std::collections::{BTreeMap, BTreeSet};

use keytrail_event::key::short_key_name;
use keytrail_event::{EventTime, Hour, OperationClass, OutcomeFamily};

use super::chain::{CHAIN_SECONDS, Step, first_chain, over_steps};
use super::customs::BulkUse;
use super::day::{DayHit, DayLight};
use super::gathered::ENCRYPTING;
use super::sightings::{events_of, grouped};
use super::support::{cut, listed};
use super::{About, Hit, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct RansomChain;

const PREPARED: usize = 0;
const ENCRYPTED: usize = 1;
const CUT_OFF: usize = 2;
const STAGES: [&str; 3] = ["prepared", "encrypted", "cut_off"];

/// Rules whose groups hold objects written under keys of somebody else's.
const OBJECT_RULES: [&str; 2] = ["foreign-key-object", "sse-c-burst"];
/// Objects in a group from which they are written in bulk.
const OBJECTS_MIN: u64 = 10;

const ABOUT: About = About {
    id: "ransom-chain",
    title: "Keys were prepared, data was encrypted in bulk, the way back was cut off",
    severities: &[Severity::Critical],
    attack: &[("TA0040", "T1486", "T1486")],
    practice: "data can be read by its owner tomorrow",
    side: Side::Owner,
    fires_when: "Within 24 hours, by one principal, or on one key with the bulk use by a principal new to it: (1) a key policy is written, key material imported, a key with material from outside created, or a key of another account set as a service's; (2) at least rules.ransom_bulk_calls (50) calls of ReEncrypt, GenerateDataKey or Encrypt in an hour, or 10 objects written under foreign or customer-provided keys in an hour; (3) a key is disabled, scheduled for deletion or stripped of its material, versioning suspended, objects or backups made to expire within 7 days, object lock lifted, or backups or snapshots deleted.",
    reads: &[
        "eventSource",
        "eventName",
        "eventTime",
        "eventID",
        "errorCode",
        "recipientAccountId",
        "resources[].ARN",
        "requestParameters.keyId",
        "requestParameters.origin",
        "requestParameters.VersioningConfiguration.Status",
        "requestParameters.LifecycleConfiguration.Rule",
        "requestParameters.ObjectLockConfiguration.Rule",
        "requestParameters.lifecycle.deleteAfterDays",
        "requestParameters.pointInTimeRecoverySpecification.pointInTimeRecoveryEnabled",
        "userIdentity",
    ],
};

impl Rule for RansomChain {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn judge_day(&self, light: &DayLight<'_>) -> Vec<DayHit> {
        let from = light.day.start().plus_seconds(-CHAIN_SECONDS);
        let mut steps = changes(light, from);
        let is_there = |stage| steps.iter().any(|step| step.stage == stage);
        if !is_there(PREPARED) || !is_there(CUT_OFF) {
            return Vec::new();
        }
        steps.extend(bulk_steps(light, from));
        steps.sort();
        let mut by_principal: BTreeMap<&str, Vec<&Step>> = BTreeMap::new();
        let mut by_key: BTreeMap<&str, Vec<&Step>> = BTreeMap::new();
        for step in &steps {
            by_principal.entry(&step.principal).or_default().push(step);
            let is_usual = step.stage == ENCRYPTED && !is_new_pair(light, step);
            if !step.key.is_empty() && !is_usual {
                by_key.entry(&step.key).or_default().push(step);
            }
        }
        let mut told: BTreeSet<&Step> = BTreeSet::new();
        let mut hits = Vec::new();
        for (principal, steps) in &by_principal {
            if let Some(run) = first_chain(steps, STAGES.len(), light) {
                told.extend(run.iter().copied());
                hits.extend(over_steps(hit(Some(principal), None, run), run, light));
            }
        }
        for (key, steps) in &by_key {
            let run = first_chain(steps, STAGES.len(), light);
            // The same steps by one principal are told already.
            if let Some(run) = run.filter(|run| run.iter().any(|step| !told.contains(step))) {
                hits.extend(over_steps(hit(None, Some(key), run), run, light));
            }
        }
        hits
    }
}

/// Changes that prepare or cut off.
fn changes(light: &DayLight<'_>, from: EventTime) -> Vec<Step> {
    let of_keys = light
        .past
        .changes
        .iter()
        .filter(|change| change.is_made)
        .filter_map(|change| {
            let stage = match change.operation.as_str() {
                "ImportKeyMaterial" | "PutKeyPolicy" => PREPARED,
                "CreateKey" if is_external(light, &change.key) => PREPARED,
                "DeleteImportedKeyMaterial" | "DisableKey" | "ScheduleKeyDeletion" => CUT_OFF,
                _ => return None,
            };
            Some(Step {
                at: change.at,
                stage,
                words: format!("{} on {}", change.operation, short_key_name(&change.key)),
                principal: change.principal.clone(),
                key: change.key.clone(),
                last: change.at,
                calls: 1,
                event_id: change.event_id.clone(),
            })
        });
    let organisation = &light.configuration.organisation.accounts;
    let of_services = light.past.services.service_changes().filter_map(|change| {
        let stage = match &change.foreign_account {
            Some(account) if organisation.contains(account) => return None,
            Some(_) => PREPARED,
            None => CUT_OFF,
        };
        Some(Step {
            at: change.at,
            stage,
            words: format!("{} by {}", change.operation, cut(&change.principal)),
            principal: change.principal.clone(),
            key: String::new(),
            last: change.at,
            calls: 1,
            event_id: change.event_id.clone(),
        })
    });
    let all = of_keys.chain(of_services);
    all.filter(|step| (from..light.day.end()).contains(&step.at))
        .collect()
}

fn is_external(light: &DayLight<'_>, key: &str) -> bool {
    let origin = light.past.key(key).and_then(|life| life.origin.as_deref());
    matches!(origin, Some("EXTERNAL" | "EXTERNAL_KEY_STORE"))
}

/// Encryption in bulk, of the day and of the day before.
fn bulk_steps(light: &DayLight<'_>, from: EventTime) -> Vec<Step> {
    let before = light.customs.bulk().iter().cloned();
    let all = before.chain(bulk_uses(light));
    let recent = all.filter(|bulk| bulk.last >= from);
    let steps = recent.map(|bulk| Step {
        at: bulk.first,
        stage: ENCRYPTED,
        words: match bulk.key.as_str() {
            "" => format!("{} {} calls", bulk.calls, bulk.operation),
            key => format!(
                "{} {} calls with {}",
                bulk.calls,
                bulk.operation,
                short_key_name(key)
            ),
        },
        principal: bulk.principal,
        key: bulk.key,
        last: bulk.last,
        calls: bulk.calls,
        event_id: bulk.event_id,
    });
    steps.collect()
}

/// Who encrypted in bulk on the day: by principal, hour and operation, with one key or several.
pub(crate) fn bulk_uses(light: &DayLight<'_>) -> Vec<BulkUse> {
    let enough = light.configuration.rules.ransom_bulk_calls.max(1);
    // Nearly every day nobody does.
    let all = light.gathered.encrypting.iter();
    let bulk: BTreeSet<(&str, &str, Hour)> = all
        .filter(|(_, calls)| **calls >= enough)
        .map(|(of_hour, _)| *of_hour)
        .collect();
    let is_use = |class, outcome| {
        !bulk.is_empty()
            && class == OperationClass::Cryptographic
            && outcome == OutcomeFamily::Success
    };
    let cells = light.cells_in(is_use, |cell| {
        ENCRYPTING.contains(&cell.operation)
            && bulk.contains(&(cell.principal, cell.operation, cell.hour))
    });
    let mut found = Vec::new();
    let groups = grouped(&cells, |cell| {
        Some((cell.principal, cell.hour, cell.operation))
    });
    for ((principal, _, operation), cells) in groups {
        let calls: u64 = cells.iter().map(|cell| cell.calls()).sum();
        let (Some(first), Some(last)) = (
            cells.iter().map(|cell| cell.first()).min(),
            cells.iter().map(|cell| cell.last()).max(),
        ) else {
            continue;
        };
        if calls < enough {
            continue;
        }
        let key = cells[0].key;
        let is_one_key = cells.iter().all(|cell| cell.key == key);
        found.push(BulkUse {
            first: first.time,
            last: last.time,
            principal: principal.to_owned(),
            key: if is_one_key { key } else { "" }.to_owned(),
            operation: operation.to_owned(),
            calls,
            event_id: first.event_id.text().into_owned(),
        });
    }
    for rule in OBJECT_RULES {
        light.records_selected_by(rule, |record, count| {
            let is_object = super::foreign_keys::writes_object(record);
            if is_object && record.outcome.is_success() && count >= OBJECTS_MIN {
                found.push(BulkUse {
                    first: record.time,
                    last: record.time,
                    principal: record.principal().to_owned(),
                    key: String::new(),
                    operation: cut(record.operation.name()).to_owned(),
                    calls: count,
                    event_id: record.event_id.as_deref().unwrap_or_default().to_owned(),
                });
            }
        });
    }
    found.sort();
    found
}

/// Whether the principal did not use the key before the steps' day.
fn is_new_pair(light: &DayLight<'_>, step: &Step) -> bool {
    let before = step.at.day().start().plus_seconds(-1);
    let span = (EventTime::from_unix_seconds(0), before);
    let is_it = |principal: &str| principal == step.principal;
    light
        .uses
        .first_use_by(&step.key, &is_it, span, light.past)
        .is_none()
}

fn hit(principal: Option<&str>, key: Option<&str>, run: &[&Step]) -> Hit {
    let one_of = |stage: usize| {
        let step = run.iter().find(|step| step.stage == stage);
        step.map_or("", |step| step.words.as_str())
    };
    let title = format!(
        "Ransom in the making: {}; {}; {}",
        one_of(PREPARED),
        one_of(ENCRYPTED),
        one_of(CUT_OFF)
    );
    let mut hit = Hit::about(principal, key, Severity::Critical, cut(&title));
    for (stage, feature) in STAGES.into_iter().enumerate() {
        let steps: Vec<String> = run
            .iter()
            .filter(|step| step.stage == stage)
            .map(|step| format!("{} at {}", step.words, step.at))
            .collect();
        let words = listed(steps.iter().map(String::as_str));
        hit = hit.because(Evidence::new(feature, &words).observed(steps.len()));
    }
    let (who, first) = run
        .first()
        .map_or(("", EventTime::from_unix_seconds(0)), |step| {
            (step.principal.as_str(), step.at)
        });
    hit.next("Stop the principals named here now: revoke their sessions, take their keys, deny them KMS.")
        .next("Keep what can be kept: cancel key deletions, enable keys, stop lifecycle rules, lock backup vaults.")
        .next(events_of(who, first, 1))
}

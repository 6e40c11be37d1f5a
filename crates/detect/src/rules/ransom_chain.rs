//! `ransom-chain`: keys are prepared, data is encrypted in bulk, the way back is cut off.

use std::collections::{BTreeMap, BTreeSet};

use keytrail_event::key::short_key_name;
use keytrail_event::{EventTime, Record};

use super::bulk::{BulkUse, bulk_of};
use super::chain::{CHAIN_SECONDS, Step, first_chain, over_steps};
use super::day::{DayHit, DayLight};
use super::deletion_habits::SCHEDULE;
use super::key_changes::KeyChange;
use super::moved_data::{Moves, tells_move};
use super::sightings::events_of;
use super::support::{cut, listed};
use super::{About, Hit, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct RansomChain;

/// The rule's id.
pub const RANSOM_CHAIN: &str = "ransom-chain";

const PREPARED: usize = 0;
const ENCRYPTED: usize = 1;
const CUT_OFF: usize = 2;
const STAGES: [&str; 3] = ["prepared", "encrypted", "cut_off"];

const ABOUT: About = About {
    id: RANSOM_CHAIN,
    title: "Keys were prepared, data was encrypted in bulk, the way back was cut off",
    severities: &[Severity::Medium, Severity::High, Severity::Critical],
    attack: &[("TA0040", "T1486", "T1486")],
    practice: "data can be read by its owner tomorrow",
    side: Side::Owner,
    fires_when: "Within 24 hours, by one principal, or on one key with the bulk use by a principal new to it: (1) a key policy is written that takes something away or is that of the key encrypted with, key material imported, a key with material from outside created, or a key of another account set as a service's; (2) at least rules.ransom_bulk_calls (50) calls of ReEncrypt, GenerateDataKey or Encrypt within an hour, unless the principal used the keys before and makes at least a quarter as many in an hour of other days, or 10 objects written under foreign or customer-provided keys in an hour; (3) a key is disabled, scheduled for deletion, stripped of its material or, by a policy that is not also the only step of (1), denied to everyone or everyone but a few, versioning suspended, objects or backups made to expire within 7 days, object lock lifted, or backups or snapshots deleted. Medium, or high once a key is scheduled for deletion, where all that was encrypted is what ReEncrypt moved from keys that are then disabled or scheduled for deletion, and nothing else is cut off, to keys of the account or organisation.accounts that KMS made the material of, that are neither disabled nor pending deletion, and whose policy, where it was seen, delegates to the account and denies the key's use neither to everyone nor to all but a few.",
    reads: &[
        "eventSource",
        "eventName",
        "eventTime",
        "eventID",
        "errorCode",
        "recipientAccountId",
        "resources[].ARN",
        "requestParameters.keyId",
        "requestParameters.sourceKeyId",
        "requestParameters.destinationKeyId",
        "requestParameters.origin",
        "requestParameters.policy",
        "requestParameters.bypassPolicyLockoutSafetyCheck",
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

    fn selects(&self, record: &Record<'_>) -> bool {
        tells_move(record)
    }

    fn judge_day(&self, light: &DayLight<'_>) -> Vec<DayHit> {
        let from = light.day.start().plus_seconds(-CHAIN_SECONDS);
        // Nearly every day one of them is missing, whatever was encrypted.
        let all = changes(light, from, None);
        let is_there = |stage| all.iter().any(|(step, _)| step.stage == stage);
        if !is_there(PREPARED) || !is_there(CUT_OFF) {
            return Vec::new();
        }
        let bulk = bulk_of(light, from);
        let changes = changes(light, from, Some(&bulk));
        let origins = Origins {
            bulk: bulk.iter().map(|bulk| (step_of(bulk), bulk)).collect(),
            changes: changes
                .iter()
                .filter_map(|(step, change)| Some((step, (*change)?)))
                .collect(),
        };
        let mut steps: Vec<Step> = changes.iter().map(|(step, _)| step.clone()).collect();
        let of_known_pairs: BTreeSet<Step> = bulk
            .iter()
            .filter(|bulk| bulk.is_of_known_pair)
            .map(step_of)
            .collect();
        steps.extend(bulk.iter().map(step_of));
        steps.sort();
        let mut by_principal: BTreeMap<&str, Vec<&Step>> = BTreeMap::new();
        let mut by_key: BTreeMap<&str, Vec<&Step>> = BTreeMap::new();
        for step in &steps {
            by_principal.entry(&step.principal).or_default().push(step);
            // A key may be retired while its applications still use it, and more than ever.
            if !step.key.is_empty() && !of_known_pairs.contains(step) {
                by_key.entry(&step.key).or_default().push(step);
            }
        }
        for steps in by_principal.values_mut().chain(by_key.values_mut()) {
            let losses = origins.losses(steps, light);
            steps.extend(losses);
            steps.sort();
            steps.dedup();
        }
        let mut told: BTreeSet<&Step> = BTreeSet::new();
        let mut hits = Vec::new();
        for (principal, steps) in &by_principal {
            if let Some(run) = first_chain(steps, STAGES.len(), light) {
                told.extend(run.iter().copied());
                let hit = hit((Some(principal), None), run, origins.moves(steps, light));
                hits.extend(over_steps(hit, run, light));
            }
        }
        for (key, steps) in &by_key {
            let run = first_chain(steps, STAGES.len(), light);
            // The same steps by one principal are told already.
            if let Some(run) = run.filter(|run| run.iter().any(|step| !told.contains(step))) {
                let hit = hit((None, Some(key)), run, origins.moves(steps, light));
                hits.extend(over_steps(hit, run, light));
            }
        }
        hits
    }
}

/// What steps were made of.
struct Origins<'a> {
    bulk: BTreeMap<Step, &'a BulkUse>,
    changes: BTreeMap<&'a Step, &'a KeyChange>,
}

impl<'a> Origins<'a> {
    /// What anybody did to keys that these steps moved data to and that their owner holds no more: another hand may end
    /// what looked like a migration the day before. Steps that lack a stage are not completed by it.
    fn losses(&self, steps: &[&Step], light: &DayLight<'_>) -> Vec<&'a Step> {
        let has = |stage: usize| steps.iter().any(|step| step.stage == stage);
        if !(0..STAGES.len()).all(has) {
            return Vec::new();
        }
        let bulk = steps.iter().filter_map(|step| self.bulk.get(*step));
        let lost: BTreeSet<&str> = bulk.flat_map(|bulk| bulk.moves.lost(light)).collect();
        let all = self.changes.keys().copied();
        all.filter(|step| lost.contains(step.key.as_str()))
            .collect()
    }

    /// The moves that these steps come to, and their severity, where they are nothing else: all data stays with its owner, and whatever else
    /// was done goes with that. All steps are looked at, since a chain that is in order must hide none that is not.
    fn moves(&self, steps: &[&Step], light: &DayLight<'_>) -> Option<(Moves, Severity)> {
        let of_bulk = steps.iter().filter(|step| step.stage == ENCRYPTED);
        let moves = of_bulk.map(|step| Some(&self.bulk.get(*step)?.moves));
        let moves = Moves::all_of(moves.collect::<Option<Vec<&Moves>>>()?)?;
        let goes_with = |step: &&Step| {
            let change = self.changes.get(*step);
            change.is_some_and(|change| moves.go_with(change))
        };
        let mut others = steps.iter().filter(|step| step.stage != ENCRYPTED);
        let is_move = moves.stay_with_owner(light) && others.all(goes_with);
        let is_pending = |step: &&Step| {
            let change = self.changes.get(*step);
            change.is_some_and(|change| change.operation == SCHEDULE)
        };
        // What is pending when the new key is taken away weeks later cannot be waited out.
        let severity = if steps.iter().any(is_pending) {
            Severity::High
        } else {
            Severity::Medium
        };
        is_move.then_some((moves, severity))
    }
}

/// Changes that prepare or cut off, given the bulk use, or for whatever it may be. A policy that takes nothing away
/// prepares nothing but for the key of the bulk use, and a deletion that is its principal's habit cuts off nothing but
/// that key.
fn changes<'a>(
    light: &DayLight<'a>,
    from: EventTime,
    bulk: Option<&[BulkUse]>,
) -> Vec<(Step, Option<&'a KeyChange>)> {
    let may_be_of_bulk =
        |key: &str| bulk.is_none_or(|bulk| bulk.iter().any(|bulk| bulk.may_be_with(key)));
    let is_habit = |change: &KeyChange| {
        let is_of_one_key = |bulk: &BulkUse| !bulk.key.is_empty();
        let habits = &light.customs.deletion_habits;
        bulk.is_some_and(|bulk| bulk.iter().all(is_of_one_key))
            && !may_be_of_bulk(&change.key)
            && habits.covers_deletion(&change.principal, &change.key, change.at, light.past)
    };
    let of_keys = light
        .past
        .changes
        .iter()
        .filter(|change| change.is_made)
        .flat_map(|change| {
            let (prepares, cuts_off) = match change.operation.as_str() {
                "ImportKeyMaterial" => (true, false),
                "PutKeyPolicy" => (
                    change.takes_away || may_be_of_bulk(&change.key),
                    change.denies_use,
                ),
                "CreateKey" => (is_external(light, &change.key), false),
                SCHEDULE if is_habit(change) => (false, false),
                "DeleteImportedKeyMaterial" | "DisableKey" | SCHEDULE => (false, true),
                _ => (false, false),
            };
            let stages = [(prepares, PREPARED), (cuts_off, CUT_OFF)].into_iter();
            let stages = stages.filter(|(is_it, _)| *is_it);
            stages.map(move |(_, stage)| {
                let step = Step {
                    at: change.at,
                    stage,
                    words: format!("{} on {}", change.operation, short_key_name(&change.key)),
                    principal: change.principal.clone(),
                    key: change.key.clone(),
                    last: change.at,
                    calls: 1,
                    event_id: change.event_id.clone(),
                };
                (step, Some(change))
            })
        });
    let organisation = &light.configuration.organisation.accounts;
    let of_services = light.past.services.service_changes().filter_map(|change| {
        let stage = match &change.foreign_account {
            Some(account) if organisation.contains(account) => return None,
            Some(_) => PREPARED,
            None => CUT_OFF,
        };
        let step = Step {
            at: change.at,
            stage,
            words: format!("{} by {}", change.operation, cut(&change.principal)),
            principal: change.principal.clone(),
            key: String::new(),
            last: change.at,
            calls: 1,
            event_id: change.event_id.clone(),
        };
        Some((step, None))
    });
    let all = of_keys.chain(of_services);
    all.filter(|(step, _)| (from..light.day.end()).contains(&step.at))
        .collect()
}

fn is_external(light: &DayLight<'_>, key: &str) -> bool {
    let origin = light.past.key(key).and_then(|life| life.origin.as_deref());
    matches!(origin, Some("EXTERNAL" | "EXTERNAL_KEY_STORE"))
}

fn step_of(bulk: &BulkUse) -> Step {
    Step {
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
        principal: bulk.principal.clone(),
        key: bulk.key.clone(),
        last: bulk.last,
        calls: bulk.calls,
        event_id: bulk.event_id.clone(),
    }
}

fn hit(
    about: (Option<&str>, Option<&str>),
    run: &[&Step],
    moves: Option<(Moves, Severity)>,
) -> Hit {
    let one_of = |stage: usize| {
        let step = run.iter().find(|step| step.stage == stage);
        step.map_or("", |step| step.words.as_str())
    };
    let (severity, what) = match &moves {
        Some((_, severity)) => (*severity, "Data moved to other keys of its owner"),
        None => (Severity::Critical, "Ransom in the making"),
    };
    let title = format!(
        "{what}: {}; {}; {}",
        one_of(PREPARED),
        one_of(ENCRYPTED),
        one_of(CUT_OFF)
    );
    let mut hit = Hit::about(about.0, about.1, severity, cut(&title))
        .names(run.iter().map(|step| step.key.as_str()));
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
    let events = events_of(who, first, 1);
    let Some((moves, _)) = moves else {
        return hit
            .next("Stop the principals named here now: revoke their sessions, take their keys, deny them KMS.")
            .next("Keep what can be kept: cancel key deletions, enable keys, stop lifecycle rules, lock backup vaults.")
            .next(events);
    };
    let keys: BTreeSet<&str> = moves.destinations().collect();
    let text = format!(
        "All of it went to {}, of the account or its organisation, as far as this account's records tell neither disabled nor pending deletion: so far a migration that retires the keys before",
        listed(keys.iter().copied())
    );
    hit.class("move")
        .because(Evidence::new("destination", text).observed(keys.len()))
        .names(keys.iter().copied())
        .next("If nobody planned this migration, stop the principals named here, and cancel the deletion of the keys that data came from, or enable them.")
        .next("Before those keys are gone, see that all of their data is under the new ones, and that the new ones are kept.")
        .next(events)
}

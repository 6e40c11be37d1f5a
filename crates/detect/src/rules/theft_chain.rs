//! `theft-chain`: somebody looks for keys, finds one it never used, and decrypts in a burst.

use std::collections::{BTreeMap, BTreeSet};

use keytrail_event::EventTime;
use keytrail_event::arn::Arn;

use super::BURST_SECONDS;
use super::caller::{is_aws_principal, is_judged_at};
use super::chain::CHAIN_SECONDS;
use super::customs::PastSweep;
use super::day::{DayCell, DayHit, DayLight};
use super::sightings::{
    Moment, calls_evidence, estimate_mark, events_of, grouped, moments, over_cells, spells,
};
use super::support::{argument, key_in_title, learning_evidence, listed};
use super::sweep::{Kind, keys_of, operations_of, span_of};
use super::{About, Hit, Rule, Side};
use crate::account_day::is_use;
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct TheftChain;

const DECRYPT: &str = "Decrypt";
/// Keys that were new to a principal which the next day remembers, at most, and calls with them.
const NEW_KEYS_MAX: usize = 32;
const LATE_CALLS_MAX: usize = 128;

const ABOUT: About = About {
    id: "theft-chain",
    title: "A principal searched for keys, used new ones, and decrypted in a burst",
    severities: &[Severity::Medium, Severity::Critical],
    attack: &[("TA0009", "T1530", "T1530"), ("TA0007", "T1580", "T1580")],
    practice: "data is decrypted by those it is for",
    side: Side::Caller,
    fires_when: "Within 24 hours, each step not before the one before it: a principal sweeps over keys (denied-sweep or discovery-sweep), uses a key that it did not use before the day, nor before the sweep where that was on the day before, and makes at least rules.theft_burst_calls Decrypt calls (20) with such keys within ten minutes. Medium while the account is known for less than 7 days with records, when every pair is new.",
    reads: &[
        "eventName",
        "eventTime",
        "errorCode",
        "errorMessage",
        "recipientAccountId",
        "resources[].ARN",
        "requestParameters.keyId",
        "userIdentity",
    ],
};

impl Rule for TheftChain {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn judge_day(&self, light: &DayLight<'_>) -> Vec<DayHit> {
        let mut searched: BTreeMap<String, Vec<PastSweep>> = BTreeMap::new();
        let all = light
            .customs
            .sweeps()
            .iter()
            .cloned()
            .chain(past_sweeps(light));
        let from = light.day.start().plus_seconds(-CHAIN_SECONDS);
        for sweep in all.filter(|sweep| sweep.first >= from) {
            let known = searched.entry(sweep.principal.clone()).or_default();
            known.push(sweep);
        }
        for sweeps in searched.values_mut() {
            sweeps.sort_by(|a, b| (a.first, a.last, &a.words).cmp(&(b.first, b.last, &b.words)));
        }
        if searched.is_empty() {
            return Vec::new();
        }
        let who = |principal: &str| {
            searched.contains_key(principal)
                && !is_aws_principal(principal)
                && is_judged_at(principal, light.account, light.configuration)
        };
        let cells = light.cells_by(who, is_use, |cell| !cell.key.is_empty());
        let groups = grouped(&cells, |cell| Some(cell.principal));
        let hits = groups.iter().filter_map(|(principal, cells)| {
            // The earliest that is followed by all the rest tells most; another may be a decoy, or too long ago.
            let mut sweeps = searched.get(*principal)?.iter();
            sweeps.find_map(|sweep| judge_sweep(light, sweep, cells))
        });
        hits.collect()
    }
}

fn judge_sweep(light: &DayLight<'_>, sweep: &PastSweep, cells: &[&DayCell<'_>]) -> Option<DayHit> {
    // Cells of one key stand side by side.
    let by_key = cells.chunk_by(|a, b| a.key == b.key);
    let of_new = by_key.filter(|cells| {
        let mut late = cells.iter().filter(|cell| cell.last_time() >= sweep.first);
        late.next()
            .is_some_and(|cell| sweep.new_keys.contains(cell.key) || is_new_pair(light, cell))
    });
    let new = of_new.flatten().copied();
    let new: Vec<&DayCell<'_>> = new.filter(|cell| cell.last_time() >= sweep.first).collect();
    let decrypts: Vec<&DayCell<'_>> = new
        .iter()
        .copied()
        .filter(|cell| cell.operation == DECRYPT)
        .collect();
    let enough = light.configuration.rules.theft_burst_calls.max(2);
    let late = sweep.late.iter().map(|at| Moment {
        at: *at,
        key: "",
        operation: DECRYPT,
    });
    let mut times: Vec<_> = moments(&decrypts).into_iter().chain(late).collect();
    times.retain(|moment| {
        moment.at >= sweep.first && moment.at.seconds_since(sweep.first) <= CHAIN_SECONDS
    });
    times.sort_unstable();
    let bursts = spells(&times, BURST_SECONDS as i64, |window| {
        window.len() as u64 >= enough
    });
    // What was over yesterday was told yesterday.
    let ends_today = |burst: &&[Moment<'_>]| {
        let last = burst.last();
        last.is_some_and(|last| last.at >= light.day.start())
    };
    let burst = bursts.into_iter().find(ends_today)?;
    let (began, ended) = span_of(burst);
    let burst_calls = burst.len();
    let evening = burst.partition_point(|moment| moment.at < light.day.start()) as u64;
    let mut keys: Vec<&str> = new.iter().map(|cell| cell.key).collect();
    keys.sort_unstable();
    keys.dedup();
    let names: Vec<_> = keys.iter().map(|key| key_in_title(Some(key))).collect();
    let names = listed(names.iter().map(|name| &**name));
    let calls = evening + decrypts.iter().map(|cell| cell.calls()).sum::<u64>();
    let mark = estimate_mark(&decrypts);
    // Of a cell that only estimates, fewer moments are known than there were calls.
    let least = if mark.is_empty() { "" } else { "at least " };
    let severity = if light.customs.is_account_known() {
        Severity::Critical
    } else {
        Severity::Medium
    };
    let title = format!(
        "One principal searched for keys from {}, then made {mark}{calls} Decrypt calls with {} new to it",
        sweep.first,
        if keys.len() == 1 {
            "a key".to_owned()
        } else {
            format!("{} keys", keys.len())
        }
    );
    let mut hit = Hit::about(Some(&sweep.principal), None, severity, title)
        .because(
            Evidence::new("sweep", format!("{} calls between {} and {}: {}", sweep.calls, sweep.first, sweep.last, sweep.words))
                .observed(sweep.calls),
        )
        .because(
            Evidence::new("new_keys", format!("Not used by the principal before the sweep's day: {names}"))
                .observed(keys.len()),
        )
        .because(
            Evidence::new("burst", format!("{least}{burst_calls} Decrypt calls from {began} to {ended}, at least {enough} of them within {} minutes", BURST_SECONDS / 60))
                .observed(burst_calls)
                .expected(format!("fewer than {enough}")),
        )
        .because(calls_evidence(&new))
        .names(keys.iter().copied())
        .next(stop_step(&sweep.principal, light.account))
        .next("Find what was decrypted: the encryption context names secrets, parameters, objects. Change what was a secret.")
        .next(events_of(&sweep.principal, sweep.first, 24));
    if !light.customs.is_account_known() {
        hit = hit.because(learning_evidence());
    }
    let mut found = over_cells(hit, &decrypts)?;
    found.first_seen = found.first_seen.min(sweep.first);
    found.count += evening + sweep.calls;
    if let Some(id) = event_id_of(light, sweep) {
        found.event_ids.insert(0, id);
    }
    Some(found)
}

/// The id of an event of the sweep, where one is known: of sweeps of the day before none is.
fn event_id_of(light: &DayLight<'_>, past: &PastSweep) -> Option<String> {
    let kinds = [Kind::Denied, Kind::Discovery].into_iter();
    let mut sweeps = kinds.flat_map(|kind| light.sweeps(kind));
    let it = sweeps.find(|sweep| {
        sweep.principal == past.principal && sweep.span() == (past.first, past.last)
    })?;
    it.event_id().map(str::to_owned)
}

/// How to stop a principal, with the command where one does: roles that AWS makes take no policies.
fn stop_step(principal: &str, account: &str) -> String {
    let words = "Stop the principal now: revoke its sessions, take its keys, deny it KMS.";
    let Some(arn) = Arn::parse(principal).filter(|arn| arn.account == account) else {
        return words.to_owned();
    };
    let (kind, path) = arn.resource.split_once('/').unwrap_or_default();
    let is_of_aws = path.starts_with("aws-reserved/") || path.starts_with("aws-service-role/");
    if !matches!(kind, "role" | "user") || is_of_aws {
        return words.to_owned();
    }
    let name = argument(path.rsplit('/').next().unwrap_or_default(), "name");
    let partition = argument(arn.partition, "partition");
    format!(
        "{words} All of it at once: aws iam attach-{kind}-policy --{kind}-name {name} --policy-arn arn:{partition}:iam::aws:policy/AWSDenyAll"
    )
}

/// Whether the principal did not use the key before the day.
fn is_new_pair(light: &DayLight<'_>, cell: &DayCell<'_>) -> bool {
    let is_it = |principal: &str| principal == cell.principal;
    let span = (
        EventTime::from_unix_seconds(0),
        light.day.start().plus_seconds(-1),
    );
    let known = light.uses.first_use_by(cell.key, &is_it, span, light.past);
    known.is_none()
}

/// The sweeps of the day that are no habit.
fn past_sweeps(light: &DayLight<'_>) -> Vec<PastSweep> {
    let mut found = Vec::new();
    for kind in [Kind::Denied, Kind::Discovery] {
        for sweep in light.sweeps(kind) {
            let what = match kind {
                Kind::Denied => "refused",
                Kind::Discovery => "looked at",
            };
            found.extend(sweep.runs().map(|calls| {
                let (first, last) = span_of(calls);
                PastSweep {
                    principal: sweep.principal.to_owned(),
                    first,
                    last,
                    calls: calls.len() as u64,
                    words: format!(
                        "{} keys {what} ({})",
                        keys_of(calls).len(),
                        operations_of(calls)
                    ),
                    new_keys: BTreeSet::new(),
                    late: Vec::new(),
                }
            }));
        }
    }
    found
}

/// The same as the next day remembers them: with what it can not see of this one.
pub(crate) fn sweeps_to_remember(light: &DayLight<'_>) -> Vec<PastSweep> {
    let mut sweeps = past_sweeps(light);
    let searched: BTreeSet<String> = sweeps.iter().map(|one| one.principal.clone()).collect();
    let who = |principal: &str| {
        searched.contains(principal)
            && !is_aws_principal(principal)
            && is_judged_at(principal, light.account, light.configuration)
    };
    let cells = light.cells_by(who, is_use, |cell| !cell.key.is_empty());
    let by_pair = grouped(&cells, |cell| Some((cell.principal, cell.key)));
    let new = by_pair
        .into_values()
        .filter(|cells| is_new_pair(light, cells[0]));
    let evening = light.day.end().plus_seconds(-(BURST_SECONDS as i64));
    for cells in new {
        let Some(first) = cells.iter().map(|cell| cell.first_time()).min() else {
            continue;
        };
        let (principal, key) = (cells[0].principal, cells[0].key);
        let decrypts: Vec<&DayCell<'_>> = cells
            .into_iter()
            .filter(|cell| cell.operation == DECRYPT && cell.last_time() >= evening)
            .collect();
        let late = moments(&decrypts).into_iter().map(|moment| moment.at);
        let late: Vec<EventTime> = late.filter(|at| *at >= evening).collect();
        let of_it = sweeps.iter_mut().filter(|sweep| {
            sweep.principal == principal
                && sweep.first <= first
                && sweep.new_keys.len() < NEW_KEYS_MAX
        });
        for sweep in of_it {
            sweep.new_keys.insert(key.to_owned());
            let room = LATE_CALLS_MAX.saturating_sub(sweep.late.len());
            sweep.late.extend(late.iter().rev().take(room));
        }
    }
    for sweep in &mut sweeps {
        sweep.late.sort_unstable();
    }
    sweeps
}

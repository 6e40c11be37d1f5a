//! `theft-chain`: somebody looks for keys, finds one it never used, and decrypts in a burst.

use std::collections::BTreeMap;

use keytrail_event::{EventTime, OperationClass, OutcomeFamily};

use super::BURST_SECONDS;
use super::caller::{is_aws_principal, is_judged_at};
use super::chain::CHAIN_SECONDS;
use super::customs::PastSweep;
use super::day::{DayCell, DayHit, DayLight};
use super::sightings::{calls_evidence, events_of, grouped, moments, over_cells, spell};
use super::support::{key_in_title, listed};
use super::sweep::Kind;
use super::{About, Hit, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct TheftChain;

const DECRYPT: &str = "Decrypt";

const ABOUT: About = About {
    id: "theft-chain",
    title: "A principal searched for keys, used new ones, and decrypted in a burst",
    severities: &[Severity::High, Severity::Critical],
    attack: &[("TA0009", "T1530", "T1530"), ("TA0007", "T1580", "T1580")],
    practice: "data is decrypted by those it is for",
    side: Side::Caller,
    fires_when: "Within 24 hours, each step not before the one before it: a principal sweeps over keys (denied-sweep or discovery-sweep), uses a key that it did not use on an earlier day, and makes at least rules.theft_burst_calls Decrypt calls (20) with such keys within ten minutes. High while the account is known for less than 7 days with records, when every pair is new.",
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
        let mut searched: BTreeMap<String, PastSweep> = BTreeMap::new();
        let all = light
            .customs
            .sweeps()
            .iter()
            .cloned()
            .chain(past_sweeps(light));
        let from = light.day.start().plus_seconds(-CHAIN_SECONDS);
        for sweep in all.filter(|sweep| sweep.first >= from) {
            // The earliest sweep leaves most room for what follows.
            let known = searched
                .entry(sweep.principal.clone())
                .or_insert_with(|| sweep.clone());
            if sweep.first < known.first {
                *known = sweep;
            }
        }
        if searched.is_empty() {
            return Vec::new();
        }
        let is_use = |class, outcome| {
            class == OperationClass::Cryptographic && outcome == OutcomeFamily::Success
        };
        let cells = light.cells_in(is_use, |cell| {
            !cell.key.is_empty()
                && searched.contains_key(cell.principal)
                && !is_aws_principal(cell.principal)
                && is_judged_at(cell.principal, light.account, light.configuration)
        });
        let groups = grouped(&cells, |cell| Some(cell.principal));
        let hits = groups.iter().filter_map(|(principal, cells)| {
            judge_principal(light, searched.get(*principal)?, cells)
        });
        hits.collect()
    }
}

fn judge_principal(
    light: &DayLight<'_>,
    sweep: &PastSweep,
    cells: &[&DayCell<'_>],
) -> Option<DayHit> {
    let is_new = |cell: &&&DayCell<'_>| {
        let is_it = |principal: &str| principal == cell.principal;
        let span = (
            EventTime::from_unix_seconds(0),
            light.day.start().plus_seconds(-1),
        );
        let known = light.uses.first_use_by(cell.key, &is_it, span, light.past);
        known.is_none() && cell.last_time() >= sweep.first
    };
    let new: Vec<&DayCell<'_>> = cells.iter().filter(is_new).copied().collect();
    let decrypts: Vec<&DayCell<'_>> = new
        .iter()
        .copied()
        .filter(|cell| cell.operation == DECRYPT)
        .collect();
    let enough = light.configuration.rules.theft_burst_calls.max(2);
    let times: Vec<_> = moments(&decrypts)
        .into_iter()
        .filter(|moment| {
            moment.at >= sweep.first && moment.at.seconds_since(sweep.first) <= CHAIN_SECONDS
        })
        .collect();
    let burst = spell(&times, BURST_SECONDS as i64, |window| {
        window.len() as u64 >= enough
    });
    let began = burst?.first()?.at;
    let mut keys: Vec<&str> = new.iter().map(|cell| cell.key).collect();
    keys.sort_unstable();
    keys.dedup();
    let names: Vec<_> = keys.iter().map(|key| key_in_title(Some(key))).collect();
    let names = listed(names.iter().map(|name| &**name));
    let calls: u64 = decrypts.iter().map(|cell| cell.calls()).sum();
    let severity = if light.customs.is_account_known() {
        Severity::Critical
    } else {
        Severity::High
    };
    let title = format!(
        "One principal searched for keys from {}, then made {calls} Decrypt calls with {} new to it",
        sweep.first,
        if keys.len() == 1 {
            "a key".to_owned()
        } else {
            format!("{} keys", keys.len())
        }
    );
    let learning = if light.customs.is_account_known() {
        ""
    } else {
        "; the account is still being learnt, so what is new is hardly known"
    };
    let hit = Hit::about(Some(&sweep.principal), None, severity, title)
        .because(
            Evidence::new("sweep", format!("{} calls between {} and {}: {}", sweep.calls, sweep.first, sweep.last, sweep.words))
                .observed(sweep.calls),
        )
        .because(
            Evidence::new("new_keys", format!("Not used by the principal on an earlier day: {names}{learning}"))
                .observed(keys.len()),
        )
        .because(
            Evidence::new("burst", format!("At least {enough} Decrypt calls within {} minutes, from {began}", BURST_SECONDS / 60))
                .observed(calls)
                .expected(format!("fewer than {enough}")),
        )
        .because(calls_evidence(&new))
        .next("Stop the principal now: revoke its sessions, take its keys, deny it KMS.")
        .next("Find what was decrypted: the encryption context names secrets, parameters, objects. Change what was a secret.")
        .next(events_of(&sweep.principal, sweep.first, 24));
    let mut found = over_cells(hit, &decrypts)?;
    found.first_seen = found.first_seen.min(sweep.first);
    Some(found)
}

/// The sweeps of the day, as the next one remembers them: those of a principal that has the habit are none.
pub(crate) fn past_sweeps(light: &DayLight<'_>) -> Vec<PastSweep> {
    let mut found = Vec::new();
    for kind in [Kind::Denied, Kind::Discovery] {
        for sweep in light.sweeps(kind) {
            if kind == Kind::Discovery && light.customs.looked(sweep.principal, light.day) {
                continue;
            }
            let (first, last) = sweep.span();
            let what = match kind {
                Kind::Denied => "refused",
                Kind::Discovery => "looked at",
            };
            found.push(PastSweep {
                principal: sweep.principal.to_owned(),
                first,
                last,
                calls: sweep.calls.len() as u64,
                words: format!(
                    "{} keys {what} ({})",
                    sweep.keys(),
                    sweep.operations_in_words()
                ),
            });
        }
    }
    found
}

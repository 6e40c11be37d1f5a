//! What must hold after every step, and at the end.

use std::collections::{BTreeMap, BTreeSet};

use keytrail_detect::behaviour::BEHAVIOURS;
use keytrail_detect::bounds::CLOSE_LAG_SECONDS;
use keytrail_detect::configuration::Configuration;
use keytrail_detect::engine;
use keytrail_detect::finding::{Finding, FindingState};
use keytrail_detect::plan::Plan;
use keytrail_detect::state::State;
use keytrail_detect::tally::{Tally, TallyCounts};
use keytrail_event::EventTime;
use keytrail_store::Store;
use keytrail_store::executor::{Executor, base_of as stored_base, tally_of};
use pollster::block_on;

use super::delivery::File;
use super::life::ACCOUNTS;
use super::records::moment;

/// What is known beside the store.
#[derive(Debug, Default)]
pub(super) struct Checks {
    /// The ids of the events delivered in time, by account.
    in_time: BTreeMap<usize, BTreeSet<String>>,
    counts: TallyCounts,
    /// The last provisional score of each episode.
    scores: BTreeMap<String, f64>,
}

/// How far an estimate of a sketch may be off: six times its standard error of 3.25 %.
const ESTIMATE_OFF_MAX: f64 = 0.2;

impl Checks {
    /// Notes a delivery.
    pub fn delivered(&mut self, file: &File, tally: &Tally) {
        self.counts.add(&tally.counts);
        let stamp = moment(file.stamp);
        let known = self.in_time.entry(file.account).or_default();
        for record in &file.records {
            let text = |name: &str| {
                let from = record.split_once(&format!("\"{name}\":\""))?.1;
                Some(from.split_once('"')?.0.to_owned())
            };
            let (Some(id), Some(time)) = (text("eventID"), text("eventTime")) else {
                continue;
            };
            let Some(time) = EventTime::parse(&time) else {
                continue;
            };
            // In time: at most two hours after the end of the event's hour, and at most 15 minutes before it.
            let is_late = stamp.seconds_since(time.hour().end()) > 2 * 3_600;
            let is_future = time.seconds_since(stamp) > 15 * 60;
            if !is_late && !is_future {
                known.insert(id);
            }
        }
    }

    pub const fn untimely(&self) -> u64 {
        self.counts.late + self.counts.future
    }

    /// Kept records are counted once each, however often they were delivered.
    pub fn counts<S: Store>(
        &self,
        executor: &Executor<'_, S>,
        account: usize,
    ) -> Result<(), String> {
        let name = ACCOUNTS[account];
        let store = executor.store();
        let mut distinct = 0;
        let mut is_exact = true;
        for day in block_on(store.days(name)).map_err(|error| error.to_string())? {
            let stored =
                block_on(store.read_tally(name, day)).map_err(|error| error.to_string())?;
            let bytes = stored.map(|stored| stored.value).unwrap_or_default();
            let tally = tally_of(&bytes).map_err(|error| error.to_string())?;
            distinct += tally.distinct();
            is_exact &= tally.cells.iter().all(|(_, cell)| cell.events.is_exact());
            if tally.encode() != bytes {
                return Err(format!("the tally of {name} on {day} has two forms"));
            }
        }
        let expected = self.in_time.get(&account).map_or(0, BTreeSet::len) as u64;
        let off = distinct.abs_diff(expected) as f64 / expected.max(1) as f64;
        if (is_exact && distinct != expected) || off > ESTIMATE_OFF_MAX {
            return Err(format!(
                "account {name} holds {distinct} distinct records, and {expected} were delivered in time"
            ));
        }
        Ok(())
    }

    /// What was known of scores is of no use once days are folded again.
    pub fn forget_scores(&mut self) {
        self.scores.clear();
    }

    /// A provisional score of a behaviour never falls while its hours fill, and is never above the final one.
    pub fn scores<S: Store>(
        &mut self,
        executor: &Executor<'_, S>,
        account: &str,
        refolded: bool,
    ) -> Result<(), String> {
        if refolded {
            self.forget_scores();
        }
        let findings = block_on(executor.findings(account)).map_err(|error| error.to_string())?;
        for finding in findings.values() {
            let is_behaviour = BEHAVIOURS.iter().any(|about| about.id == finding.rule);
            if !is_behaviour || finding.state == FindingState::Withdrawn {
                continue;
            }
            let known = self.scores.get(&finding.episode).copied();
            if known.is_some_and(|known| finding.score < known) {
                return Err(format!(
                    "the score of {} fell from {known:?} to {}",
                    finding.episode, finding.score
                ));
            }
            self.scores.insert(finding.episode.clone(), finding.score);
        }
        Ok(())
    }
}

/// What stands at the end is what a replay of the same files finds; returns how many findings.
pub(super) fn end<S: Store>(
    executor: &Executor<'_, S>,
    files: &[File],
    clock: EventTime,
) -> Result<usize, String> {
    tallies(executor.store(), files)?;
    let (expected, state) = replayed(files, clock)?;
    let mut standing = Vec::new();
    for account in ACCOUNTS {
        let findings = block_on(executor.findings(account)).map_err(|error| error.to_string())?;
        let findings = findings.into_values();
        standing.extend(findings.filter(|finding| finding.state != FindingState::Withdrawn));
        let base = base_of(executor.store(), account)?;
        let replayed = state.bases().find(|(name, _)| *name == account);
        let expected = replayed.map(|(_, base)| base.encode());
        if base.is_some() && base != expected {
            return Err(format!(
                "the base of account {account} is not that of a replay"
            ));
        }
    }
    let (standing, expected) = (lines(standing), lines(expected));
    if standing == expected {
        return Ok(expected.len());
    }
    let missing = expected.iter().find(|line| !standing.contains(line));
    let surplus = standing.iter().find(|line| !expected.contains(line));
    Err(format!(
        "the stream ends with other findings than a replay: missing {missing:?}, too many {surplus:?}"
    ))
}

/// The tallies that are kept are those of the same files merged in another order, byte for byte.
fn tallies<S: Store>(store: &S, files: &[File]) -> Result<(), String> {
    let mut merged: BTreeMap<_, Tally> = BTreeMap::new();
    for file in files.iter().rev() {
        for (name, tally) in file.tally()?.into_account_days() {
            merged.entry(name).or_default().merge(tally);
        }
    }
    for ((account, day), expected) in merged {
        let stored =
            block_on(store.read_tally(&account, day)).map_err(|error| error.to_string())?;
        if stored.is_some_and(|stored| stored.value != expected.encode()) {
            return Err(format!(
                "the tally of account {account} on {day} depends on the order of deliveries"
            ));
        }
    }
    Ok(())
}

fn base_of<S: Store>(store: &S, account: &str) -> Result<Option<Vec<u8>>, String> {
    let pointer = block_on(store.pointer(account)).map_err(|error| error.to_string())?;
    let Some(pointer) = pointer else {
        return Ok(None);
    };
    let shard = pointer.only_shard(account);
    let bytes = block_on(store.read_base(&shard)).map_err(|error| error.to_string())?;
    let bytes = bytes.ok_or_else(|| format!("{shard} is gone"))?;
    let base = stored_base(&bytes).map_err(|error| error.to_string())?;
    Ok(Some(base.encode()))
}

/// The findings as JSON Lines, sorted, without what tells how they came about.
fn lines(findings: Vec<Finding>) -> Vec<String> {
    let mut lines: Vec<String> = findings
        .into_iter()
        .map(|finding| {
            let finding = Finding {
                revision: 1,
                published_at: None,
                ..finding
            };
            serde_json::to_string(&finding).unwrap_or_else(|error| error.to_string())
        })
        .collect();
    lines.sort();
    lines
}

/// What a replay of the files finds, as of this time.
fn replayed(files: &[File], clock: EventTime) -> Result<(Vec<Finding>, State), String> {
    let (findings, state) = pass(files, clock, State::default())?;
    if state.has_afterwards() {
        return pass(files, clock, State::knowing(state.into_afterwards()));
    }
    Ok((findings, state))
}

fn pass(
    files: &[File],
    clock: EventTime,
    mut state: State,
) -> Result<(Vec<Finding>, State), String> {
    let configuration = Configuration::default();
    let mut findings = BTreeMap::new();
    let mut emit = |plan: Plan| {
        for finding in plan.findings {
            let finding = finding.unpack();
            findings.insert(finding.episode.clone(), finding);
        }
    };
    for file in files {
        engine::advance(
            &mut state,
            moment(file.stamp),
            &configuration,
            &engine::OneByOne,
            &mut emit,
        );
        state.absorb(file.tally()?);
    }
    let newest = clock.plus_seconds(-CLOSE_LAG_SECONDS);
    engine::finish(
        &mut state,
        newest,
        &configuration,
        &engine::OneByOne,
        &mut emit,
    );
    Ok((findings.into_values().collect(), state))
}

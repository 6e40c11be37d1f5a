//! The use of keys on one day of one account, gathered from its cells.

use std::collections::BTreeMap;

use keytrail_event::{Day, EventTime, Hour, OperationClass, OutcomeFamily};

use crate::cell::{Cell, CellKey, Ends, Values};
use crate::plan::PairDay;
use crate::rules::past::{KeyUses, Past};
use crate::state::AccountState;
use crate::symbol::Symbols;
use crate::tally::Tally;

/// One account's cells of one day.
#[derive(Debug, Default)]
pub(crate) struct AccountDay<'t> {
    symbols: Option<&'t Symbols>,
    /// Sorted by names, so that nothing depends on the table's order.
    sorted: Vec<(&'t CellKey, &'t Cell)>,
    pub cells: u64,
    pub estimated_cells: u64,
}

impl<'t> AccountDay<'t> {
    /// The cells of a day by account.
    pub fn of_day(tally: &'t Tally, day: Day) -> BTreeMap<String, Self> {
        let mut accounts: BTreeMap<String, Self> = BTreeMap::new();
        for (key, cell) in tally.cells.iter().filter(|(key, _)| key.hour.day() == day) {
            let account = tally.symbols.name(key.account).to_owned();
            let account = accounts.entry(account).or_default();
            account.symbols = Some(&tally.symbols);
            account.sorted.push((key, cell));
            account.cells += 1;
            account.estimated_cells += u64::from(!cell.events.is_exact());
        }
        let name = |symbol| tally.symbols.name(symbol);
        for account in accounts.values_mut() {
            account.sorted.sort_by(|(a, _), (b, _)| {
                let names = |key: &CellKey| {
                    [
                        key.principal,
                        key.key,
                        key.region,
                        key.operation,
                        key.service_path,
                    ]
                    .map(name)
                };
                (names(a), a.hour, a.outcome).cmp(&(names(b), b.hour, b.outcome))
            });
        }
        accounts
    }

    fn name(&self, symbol: crate::symbol::Symbol) -> &'t str {
        self.symbols.map_or("", |symbols| symbols.name(symbol))
    }

    /// What each (principal, key) pair did with its key, sorted. Cells without a key and calls that
    /// are not cryptographic belong to no pair.
    pub fn pairs(&self, past: &Past) -> Vec<PairUse> {
        let mut pairs: BTreeMap<(String, String), PairUse> = BTreeMap::new();
        for (cell_key, cell) in &self.sorted {
            let named = self.name(cell_key.key);
            if named.is_empty() || cell_key.class != OperationClass::Cryptographic {
                continue;
            }
            let principal = self.name(cell_key.principal).to_owned();
            let key = past.resolve(named).to_owned();
            let pair = pairs
                .entry((principal, key))
                .or_insert_with_key(|(principal, key)| PairUse {
                    principal: principal.clone(),
                    key: key.clone(),
                    region: self.name(cell_key.region).to_owned(),
                    hours: BTreeMap::new(),
                });
            let hour = pair.hours.entry(cell_key.hour).or_default();
            hour.add(
                self.name(cell_key.operation),
                self.name(cell_key.service_path),
                cell_key.outcome,
                cell,
            );
        }
        pairs.into_values().collect()
    }
}

/// What one pair did on one day.
#[derive(Debug, Clone)]
pub(crate) struct PairUse {
    pub principal: String,
    pub key: String,
    pub region: String,
    pub hours: BTreeMap<Hour, HourUse>,
}

impl PairUse {
    /// The day as it is learnt.
    pub fn day(&self, account: &str) -> PairDay {
        PairDay {
            account: account.to_owned(),
            principal: self.principal.clone(),
            key: self.key.clone(),
            calls: self.hours.values().map(|hour| hour.calls).sum(),
            peak_hour_calls: self
                .hours
                .values()
                .map(|hour| hour.calls)
                .max()
                .unwrap_or(0),
            active_hours: self.hours.len() as u8,
            last_use: self
                .hours
                .values()
                .filter_map(|hour| hour.last_success)
                .max(),
        }
    }
}

/// What one pair did in one hour.
#[derive(Debug, Clone, Default)]
pub(crate) struct HourUse {
    pub calls: u64,
    pub is_estimate: bool,
    pub succeeded: u64,
    pub denied: u64,
    pub operations: BTreeMap<String, u64>,
    pub service_paths: BTreeMap<String, u64>,
    pub ends: Option<Ends>,
    pub last_success: Option<EventTime>,
    pub networks: Values,
    pub agents: Values,
    pub contexts: Values,
    pub sessions: Values,
}

impl HourUse {
    fn add(&mut self, operation: &str, service_path: &str, outcome: OutcomeFamily, cell: &Cell) {
        let calls = cell.events.count();
        self.calls += calls;
        self.is_estimate |= !cell.events.is_exact();
        match outcome {
            OutcomeFamily::Success => {
                self.succeeded += calls;
                let last = cell.ends.as_ref().map(|ends| ends.last.time);
                self.last_success = self.last_success.max(last);
            }
            OutcomeFamily::Denied => self.denied += calls,
            _ => {}
        }
        *self.operations.entry(operation.to_owned()).or_default() += calls;
        *self
            .service_paths
            .entry(service_path.to_owned())
            .or_default() += calls;
        match (&mut self.ends, &cell.ends) {
            (Some(ends), Some(more)) => ends.stretch(more),
            (ends @ None, Some(more)) => *ends = Some(more.clone()),
            (_, None) => {}
        }
        self.networks.merge(&cell.networks);
        self.agents.merge(&cell.agents);
        self.contexts.merge(&cell.contexts);
        self.sessions.merge(&cell.sessions);
    }
}

/// When keys were used: from the base, and from the cells of the day being judged.
#[derive(Debug)]
pub(crate) struct DayUses<'a> {
    account: Option<&'a AccountState>,
    /// Per key, the ends of each cell of successful cryptographic use.
    today: BTreeMap<String, Vec<(EventTime, EventTime)>>,
}

impl<'a> DayUses<'a> {
    pub fn new(
        account: Option<&'a AccountState>,
        day: Option<&AccountDay<'_>>,
        past: &Past,
    ) -> Self {
        let mut today: BTreeMap<String, Vec<(EventTime, EventTime)>> = BTreeMap::new();
        for (cell_key, cell) in day.into_iter().flat_map(|day| &day.sorted) {
            let is_use = cell_key.class == OperationClass::Cryptographic
                && cell_key.outcome == OutcomeFamily::Success;
            if let (true, Some(ends), Some(day)) = (is_use, &cell.ends, day) {
                let key = past.resolve(day.name(cell_key.key)).to_owned();
                today
                    .entry(key)
                    .or_default()
                    .push((ends.first.time, ends.last.time));
            }
        }
        Self { account, today }
    }
}

impl KeyUses for DayUses<'_> {
    fn last_use(&self, key: &str, at: EventTime) -> Option<EventTime> {
        let today = self
            .today
            .get(key)
            .into_iter()
            .flatten()
            .filter_map(|(first, last)| {
                if *last <= at {
                    Some(*last)
                } else {
                    (*first <= at).then_some(*first)
                }
            });
        let earlier = self.account.into_iter().flat_map(|account| {
            let histories = account.pairs.values().filter_map(|keys| keys.get(key));
            histories
                .filter_map(|history| history.last_use)
                .filter(|last| *last <= at)
        });
        today.chain(earlier).max()
    }
}

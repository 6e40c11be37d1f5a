//! From an account's cells to the facts of its day.
//!
//! Everything is sorted by names, so that the order of cells and of deliveries changes nothing.

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use keytrail_event::source::DIRECT;
use keytrail_event::{Day, OperationClass, OutcomeFamily};

use super::canonical::{class_of, peer_group};
use super::facts::{
    DayFacts, HourFacts, KeyFacts, NO_CONTEXT, NO_KEY, PairFacts, PairHour, PrincipalFacts,
    ValueFacts,
};
use super::features::Feature;
use super::ranks::Ranks;
use super::surroundings::{Grant, Surroundings};
use crate::cell::Cell;
use crate::cells::CellKey;
use crate::symbol::{Symbol, Symbols};
use crate::values::ValueKind;

impl<'d> DayFacts<'d> {
    /// Gathers a day of an account from its cells, in any order.
    pub fn gather(
        account: &'d str,
        day: Day,
        symbols: &'d Symbols,
        cells: impl Iterator<Item = (CellKey, &'d Cell)>,
        grants: &'d [Grant],
        surroundings: &'d impl Surroundings,
    ) -> Self {
        let cells: Vec<(CellKey, &Cell)> = cells.collect();
        let principals = Ranks::of(cells.iter().map(|(key, _)| key.principal), |symbol| {
            symbols.name(symbol)
        });
        let keys = Ranks::of(cells.iter().map(|(key, _)| key.key), |symbol| {
            surroundings.resolve(symbols.name(symbol))
        });
        let mut entries: Vec<Entry<'d>> = cells
            .into_iter()
            .map(|(key, cell)| Entry {
                principal: principals.rank(key.principal),
                key: keys.rank(key.key),
                key_cell: key,
                cell,
            })
            .collect();
        entries.sort_unstable_by_key(|entry| {
            let key = entry.key_cell;
            (
                entry.principal,
                key.hour,
                entry.key,
                key.operation,
                key.outcome,
                key.service_path,
                key.region,
                key.key,
            )
        });
        let mut gathering = Gathering::new(account, day, symbols, &keys, surroundings);
        for entries in entries.chunk_by(|a, b| a.principal == b.principal) {
            let name = principals.names[entries[0].principal as usize];
            gathering.principal(name, entries, grants);
        }
        gathering.finish()
    }
}

/// One cell with its numbers.
struct Entry<'d> {
    principal: u32,
    key: u32,
    key_cell: CellKey,
    cell: &'d Cell,
}

/// A day on its way.
struct Gathering<'d> {
    facts: DayFacts<'d>,
    /// Numbers of names in the order they came.
    numbers: HashMap<Symbol, u32, RandomState>,
    /// Numbers of names that are no symbols.
    other_numbers: HashMap<&'d str, u32, RandomState>,
    names: Vec<&'d str>,
    /// The number of the key without a name, if there is one.
    no_key: Option<u32>,
    /// Values of the principal at hand, not yet brought together.
    values: Vec<ValueFacts>,
    /// (key, hour, successful calls) of the principal at hand.
    uses: Vec<(u32, u8, f64)>,
}

impl<'d> Gathering<'d> {
    fn new(
        account: &'d str,
        day: Day,
        symbols: &'d Symbols,
        keys: &Ranks<'d>,
        surroundings: &impl Surroundings,
    ) -> Self {
        let facts = DayFacts {
            account,
            day: day.days_since_1970(),
            principals: Vec::new(),
            names: Vec::new(),
            keys: keys
                .names
                .iter()
                .map(|name| KeyFacts {
                    name,
                    created: surroundings.created(name),
                    exists: false,
                    calls: [0.0; 24],
                })
                .collect(),
            hours: Vec::new(),
            values: Vec::new(),
            pairs: Vec::new(),
            pair_hours: Vec::new(),
            cells: Vec::new(),
            symbols,
        };
        Self {
            facts,
            numbers: HashMap::default(),
            other_numbers: HashMap::default(),
            names: Vec::new(),
            no_key: keys.names.binary_search(&"").ok().map(|place| place as u32),
            values: Vec::new(),
            uses: Vec::new(),
        }
    }

    fn number(&mut self, symbol: Symbol) -> u32 {
        let names = &mut self.names;
        *self.numbers.entry(symbol).or_insert_with(|| {
            names.push(self.facts.symbols.name(symbol));
            names.len() as u32 - 1
        })
    }

    fn number_of(&mut self, name: &'d str) -> u32 {
        if let Some(symbol) = self.facts.symbols.find(name) {
            return self.number(symbol);
        }
        let names = &mut self.names;
        *self.other_numbers.entry(name).or_insert_with(|| {
            names.push(name);
            names.len() as u32 - 1
        })
    }

    fn principal(&mut self, name: &'d str, entries: &[Entry<'d>], grants: &'d [Grant]) {
        let class = class_of(name, self.facts.account);
        let starts = (
            self.facts.hours.len(),
            self.facts.values.len(),
            self.facts.pairs.len(),
            self.facts.cells.len(),
        );
        for cells in entries.chunk_by(|a, b| a.key_cell.hour == b.key_cell.hour) {
            self.hour(cells);
        }
        for grant in grants.iter().filter(|grant| grant.principal == name) {
            let hour = grant.time.hour().of_day();
            let grantee = self.number_of(&grant.grantee);
            self.value(Feature::Grantee, NO_KEY, grantee, hour);
        }
        self.join_values();
        self.join_uses();
        self.facts.principals.push(PrincipalFacts {
            name,
            class,
            group: peer_group(name, class),
            hours: starts.0..self.facts.hours.len(),
            values: starts.1..self.facts.values.len(),
            pairs: starts.2..self.facts.pairs.len(),
            cells: starts.3..self.facts.cells.len(),
        });
    }
    fn hour(&mut self, entries: &[Entry<'d>]) {
        let hour = entries[0].key_cell.hour.of_day();
        let mut facts = HourFacts {
            hour,
            newest: i64::MIN,
            ..HourFacts::default()
        };
        let mut last_key = None;
        for entry in entries {
            let has_key = Some(entry.key) != self.no_key;
            if has_key && last_key != Some(entry.key) {
                facts.keys += 1.0;
                last_key = Some(entry.key);
            }
            let (key, cell) = (entry.key_cell, entry.cell);
            let calls = cell.events.count() as f64;
            let is_use = key.class == OperationClass::Cryptographic;
            match key.outcome {
                OutcomeFamily::Success if is_use => facts.data += calls,
                OutcomeFamily::Success => facts.control += calls,
                OutcomeFamily::Denied => facts.denied += calls,
                _ => facts.failed += calls,
            }
            let last = cell.last_time(key.hour);
            facts.newest = facts.newest.max(last.unix_seconds());
            self.cell_values(entry, hour, has_key.then_some(entry.key));
            if is_use && has_key {
                let is_success = key.outcome == OutcomeFamily::Success;
                let used = if is_success { calls } else { 0.0 };
                self.uses.push((entry.key, hour, used));
            }
            if has_key && key.outcome == OutcomeFamily::Success {
                let facts = &mut self.facts.keys[entry.key as usize];
                facts.exists = true;
                if is_use {
                    facts.calls[usize::from(hour)] += calls as f32;
                } else if self.facts.symbols.name(key.operation) == "CreateKey" {
                    let first = cell.ends(key.hour).first.time;
                    facts.created = Some(facts.created.unwrap_or(first).min(first));
                }
            }
            self.facts.cells.push((key, cell));
        }
        self.facts.hours.push(facts);
    }

    fn cell_values(&mut self, entry: &Entry<'d>, hour: u8, key: Option<u32>) {
        let (cell_key, cell) = (entry.key_cell, entry.cell);
        let operation = self.number(cell_key.operation);
        let region = self.number(cell_key.region);
        let path = self.number(cell_key.service_path);
        self.value(Feature::Operation, NO_KEY, operation, hour);
        self.value(Feature::Region, NO_KEY, region, hour);
        self.value(Feature::Path, NO_KEY, path, hour);
        let is_success = cell_key.outcome == OutcomeFamily::Success;
        if let (true, OperationClass::Cryptographic, Some(key)) = (is_success, cell_key.class, key)
        {
            self.value(Feature::Path, key, path, hour);
            let mut has_context = false;
            for context in cell.values.kept(ValueKind::Context) {
                has_context = true;
                let context = self.number(context);
                self.value(Feature::Context, key, context, hour);
            }
            if !has_context {
                let none = self.number_of(NO_CONTEXT);
                self.value(Feature::Context, key, none, hour);
            }
        }
        if self.names[path as usize] == DIRECT {
            for (kind, feature) in [
                (ValueKind::Network, Feature::Network),
                (ValueKind::Agent, Feature::Agent),
            ] {
                for value in cell.values.kept(kind) {
                    let value = self.number(value);
                    self.value(feature, NO_KEY, value, hour);
                }
            }
        }
    }

    fn value(&mut self, feature: Feature, key: u32, name: u32, hour: u8) {
        let bit = 1 << hour;
        // Cells of an hour come side by side, so most repetitions are near.
        for known in self.values.iter_mut().rev().take(8) {
            if (known.feature, known.key, known.name) == (feature, key, name) {
                known.hours |= bit;
                return;
            }
        }
        self.values.push(ValueFacts {
            feature,
            key,
            name,
            hours: bit,
        });
    }

    fn join_values(&mut self) {
        self.values
            .sort_unstable_by_key(|value| (value.feature, value.key, value.name));
        let joined = self
            .values
            .chunk_by(|a, b| (a.feature, a.key, a.name) == (b.feature, b.key, b.name));
        self.facts.values.extend(joined.map(|same| ValueFacts {
            hours: same.iter().fold(0, |bits, value| bits | value.hours),
            ..same[0]
        }));
        self.values.clear();
    }

    fn join_uses(&mut self) {
        self.uses
            .sort_unstable_by_key(|(key, hour, _)| (*key, *hour));
        for uses in self.uses.chunk_by(|a, b| a.0 == b.0) {
            let start = self.facts.pair_hours.len();
            let (mut tried, mut used) = (0, 0);
            for calls in uses.chunk_by(|a, b| a.1 == b.1) {
                let hour = calls[0].1;
                let succeeded: f64 = calls.iter().map(|(.., calls)| calls).sum();
                tried |= 1 << hour;
                if succeeded > 0.0 {
                    used |= 1 << hour;
                    self.facts.pair_hours.push(PairHour {
                        hour,
                        calls: succeeded,
                    });
                }
            }
            self.facts.pairs.push(PairFacts {
                key: uses[0].0,
                tried,
                used,
                hours: start..self.facts.pair_hours.len(),
            });
        }
        self.uses.clear();
    }

    /// Numbers names by their order, so that nothing depends on which came first.
    fn finish(mut self) -> DayFacts<'d> {
        let numbered = self.names.iter().zip(0..);
        let mut names: Vec<(&'d str, u32)> =
            numbered.map(|(name, number)| (*name, number)).collect();
        names.sort_unstable();
        let mut renumbered = vec![0; names.len()];
        for (rank, (_, number)) in names.iter().enumerate() {
            renumbered[*number as usize] = rank as u32;
        }
        for principal in &self.facts.principals {
            let values = &mut self.facts.values[principal.values.clone()];
            for value in &mut *values {
                value.name = renumbered[value.name as usize];
            }
            values.sort_unstable_by_key(|value| (value.feature, value.key, value.name));
        }
        self.facts.names = names.into_iter().map(|(name, _)| name).collect();
        self.facts
    }
}

//! What happened on one UTC day of one account, as baselines need it: gathered once from its cells.
//!
//! Everything is sorted by names, so that the order of cells and of deliveries changes nothing.

use std::borrow::Cow;
use std::ops::Range;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use keytrail_event::source::DIRECT;
use keytrail_event::{Day, EventTime, OperationClass, OutcomeFamily, Record};

use super::canonical::{Class, class_of, peer_group};
use super::features::Feature;
use crate::bounds::CELL_VALUE_BYTES_MAX;
use crate::cell::Cell;
use crate::cells::CellKey;
use crate::symbol::{Symbol, Symbols};
use crate::values::ValueKind;

/// No key.
pub const NO_KEY: u32 = u32::MAX;

/// One account's day.
#[derive(Debug)]
pub struct DayFacts<'d> {
    /// The account.
    pub account: &'d str,
    /// Days since 1970-01-01.
    pub day: i64,
    /// The principals, sorted by name.
    pub principals: Vec<PrincipalFacts<'d>>,
    /// Names of values by number, sorted.
    pub names: Vec<&'d str>,
    /// Canonical keys by number, sorted.
    pub keys: Vec<KeyFacts<'d>>,
    /// Hours of all principals, by (principal, hour).
    pub hours: Vec<HourFacts>,
    /// Values of all principals, by (principal, feature, key, name).
    pub values: Vec<ValueFacts>,
    /// Keys of all principals, by (principal, key).
    pub pairs: Vec<PairFacts>,
    /// Hours of all pairs, by (principal, key, hour).
    pub pair_hours: Vec<PairHour>,
    /// Cells of all principals, by (principal, hour).
    pub cells: Vec<(CellKey, &'d Cell)>,
    symbols: &'d Symbols,
}

/// One principal's day: ranges in the day's lists.
#[derive(Debug, Clone)]
pub struct PrincipalFacts<'d> {
    /// The canonical principal.
    pub name: &'d str,
    /// What kind it is.
    pub class: Class,
    /// Its peer group.
    pub group: Cow<'d, str>,
    /// In [`DayFacts::hours`].
    pub hours: Range<usize>,
    /// In [`DayFacts::values`].
    pub values: Range<usize>,
    /// In [`DayFacts::pairs`].
    pub pairs: Range<usize>,
    /// In [`DayFacts::cells`].
    pub cells: Range<usize>,
}

/// What a principal did in one hour, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct HourFacts {
    /// 0 to 23.
    pub hour: u8,
    /// Successful cryptographic calls.
    pub data: f64,
    /// Other successful calls.
    pub control: f64,
    /// Refused calls.
    pub denied: f64,
    /// Calls that failed otherwise.
    pub failed: f64,
    /// Distinct keys named, whatever came of it.
    pub keys: f64,
    /// Seconds of the newest event, since 1970-01-01.
    pub newest: i64,
}

impl HourFacts {
    /// All calls.
    #[must_use]
    pub fn calls(&self) -> f64 {
        self.data + self.control + self.denied + self.failed
    }
}

/// A value a principal showed, and in which hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueFacts {
    /// The feature: network, agent, Region, path, operation, grantee or context.
    pub feature: Feature,
    /// The key it belongs to, for contexts and for paths on a key; [`NO_KEY`] otherwise.
    pub key: u32,
    /// The value, by number in [`DayFacts::names`].
    pub name: u32,
    /// The hours as bits, hour 0 the lowest.
    pub hours: u32,
}

/// A key a principal named in a cryptographic call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairFacts {
    /// By number in [`DayFacts::keys`].
    pub key: u32,
    /// Hours with calls, refused ones too, as bits.
    pub tried: u32,
    /// Hours with successful calls, as bits.
    pub used: u32,
    /// In [`DayFacts::pair_hours`]: the hours with successful calls.
    pub hours: Range<usize>,
}

/// Successful calls of a pair in an hour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairHour {
    /// 0 to 23.
    pub hour: u8,
    /// Successful cryptographic calls.
    pub calls: f64,
}

/// What became of one key.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyFacts<'d> {
    /// The canonical key.
    pub name: &'d str,
    /// When its CreateKey was seen, if it was.
    pub created: Option<EventTime>,
    /// Whether any call that named it succeeded, so that it exists.
    pub exists: bool,
    /// Successful cryptographic calls of all principals by hour of the day.
    pub calls: [f32; 24],
}

/// A grant that was made, from the records carried whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// When.
    pub time: EventTime,
    /// By whom, canonically.
    pub principal: String,
    /// The grantee as the record names it.
    pub grantee: String,
}

impl Grant {
    /// The grant a record tells of, if it does.
    #[must_use]
    pub fn of(record: &Record<'_>) -> Option<Self> {
        if record.operation.name() != "CreateGrant" || !record.outcome.is_success() {
            return None;
        }
        let body = record.body();
        let grantee = body["requestParameters"]["granteePrincipal"].as_str()?;
        Some(Self {
            time: record.time,
            principal: record.principal().to_owned(),
            grantee: grantee[..grantee.floor_char_boundary(CELL_VALUE_BYTES_MAX)].to_owned(),
        })
    }
}

/// What is known beside the cells.
pub trait Surroundings {
    /// The key that a name in a record stands for.
    fn resolve<'a>(&'a self, name: &'a str) -> &'a str;
    /// When a key's CreateKey was seen.
    fn created(&self, key: &str) -> Option<EventTime>;
}

/// Nothing is known beside the cells.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSurroundings;

impl Surroundings for NoSurroundings {
    fn resolve<'a>(&'a self, name: &'a str) -> &'a str {
        name
    }
    fn created(&self, _: &str) -> Option<EventTime> {
        None
    }
}

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

    /// The name behind a symbol of a cell's key.
    #[must_use]
    pub fn symbol_name(&self, symbol: Symbol) -> &'d str {
        self.symbols.name(symbol)
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

/// Stands for a cryptographic call without an encryption context.
pub const NO_CONTEXT: &str = "(none)";

/// The order of names, as numbers.
struct Ranks<'n> {
    ranks: HashMap<Symbol, u32, RandomState>,
    /// The names by rank.
    names: Vec<&'n str>,
}

impl<'n> Ranks<'n> {
    fn of(symbols: impl Iterator<Item = Symbol>, name: impl Fn(Symbol) -> &'n str) -> Self {
        let mut ranks: HashMap<Symbol, u32, RandomState> =
            symbols.map(|symbol| (symbol, 0)).collect();
        let mut names: Vec<&'n str> = ranks.keys().map(|symbol| name(*symbol)).collect();
        names.sort_unstable();
        names.dedup();
        for (symbol, rank) in &mut ranks {
            // There are fewer names than symbols, whose numbers have 32 bits.
            *rank = names.binary_search(&name(*symbol)).unwrap_or_default() as u32;
        }
        Self { ranks, names }
    }

    fn rank(&self, symbol: Symbol) -> u32 {
        self.ranks.get(&symbol).copied().unwrap_or_default()
    }
}

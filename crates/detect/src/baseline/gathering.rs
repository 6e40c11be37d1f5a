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
use super::features::{FEATURES, Feature};
use super::surroundings::{Grant, Surroundings};
use crate::cell::Cell;
use crate::cell_order::{CellOrder, Ranked};
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
        let order = CellOrder::of(&cells, symbols, |name| surroundings.resolve(name));
        Self::gather_in_order(
            account,
            day,
            symbols,
            (&cells, &order),
            grants,
            surroundings,
        )
    }

    /// Likewise, from cells whose order, with the same surroundings, is known.
    pub(crate) fn gather_in_order(
        account: &'d str,
        day: Day,
        symbols: &'d Symbols,
        (cells, order): (&[(CellKey, &'d Cell)], &CellOrder<'_>),
        grants: &'d [Grant],
        surroundings: &'d impl Surroundings,
    ) -> Self {
        let mut keys: Vec<&'d str> = vec![""; order.keys.len()];
        for ranked in &order.cells {
            let name = &mut keys[ranked.key as usize];
            if name.is_empty() {
                let (key, _) = cells[ranked.number as usize];
                *name = surroundings.resolve(symbols.name(key.key));
            }
        }
        let mut gathering = Gathering::new(account, day, symbols, &keys, surroundings);
        gathering.facts.cells.reserve_exact(order.cells.len());
        for ranked in order.cells.chunk_by(|a, b| a.principal == b.principal) {
            let (key, _) = cells[ranked[0].number as usize];
            let entries = Entries { ranked, cells };
            gathering.principal(symbols.name(key.principal), entries, grants);
        }
        gathering.finish()
    }
}

/// The cells of one principal in their order.
#[derive(Clone, Copy)]
struct Entries<'c, 'd> {
    ranked: &'c [Ranked],
    cells: &'c [(CellKey, &'d Cell)],
}

impl<'d> Entries<'_, 'd> {
    fn at(self, place: usize) -> Entry<'d> {
        let Ranked { key, number, .. } = self.ranked[place];
        let (key_cell, cell) = self.cells[number as usize];
        Entry {
            key,
            key_cell,
            cell,
        }
    }
}

/// One cell with the number of its key.
struct Entry<'d> {
    key: u32,
    key_cell: CellKey,
    cell: &'d Cell,
}

/// Where a value stands among those of the principal at hand. Without a symbol it is [`NO_CONTEXT`].
#[derive(Debug, Clone, Copy)]
struct Last {
    key: u32,
    symbol: Option<Symbol>,
    place: usize,
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
    /// The name of calls that no service made for somebody, if there is any.
    direct: Option<Symbol>,
    /// The number of [`NO_CONTEXT`], once it is needed.
    no_context: Option<u32>,
    /// Values of the principal at hand, not yet brought together.
    values: Vec<ValueFacts>,
    /// The value that came last of each feature, of none and of some key: cells in the order of their names repeat it.
    last: [[Option<Last>; 2]; FEATURES],
    /// (key, hour, successful calls) of the principal at hand.
    uses: Vec<(u32, u8, f64)>,
    /// By hour of the day the cells of the principal at hand: (place among its cells, calls).
    of_hours: [Vec<(u32, f64)>; 24],
}

impl<'d> Gathering<'d> {
    fn new(
        account: &'d str,
        day: Day,
        symbols: &'d Symbols,
        keys: &[&'d str],
        surroundings: &impl Surroundings,
    ) -> Self {
        let facts = DayFacts {
            account,
            day: day.days_since_1970(),
            principals: Vec::new(),
            names: Vec::new(),
            keys: keys
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
            // Keys are sorted.
            no_key: keys.first().filter(|name| name.is_empty()).map(|_| 0),
            direct: symbols.find(DIRECT),
            no_context: None,
            values: Vec::new(),
            last: [[None; 2]; FEATURES],
            uses: Vec::new(),
            of_hours: Default::default(),
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

    fn principal(&mut self, name: &'d str, entries: Entries<'_, 'd>, grants: &'d [Grant]) {
        let class = class_of(name, self.facts.account);
        let starts = (
            self.facts.hours.len(),
            self.facts.values.len(),
            self.facts.pairs.len(),
            self.facts.cells.len(),
        );
        self.last = [[None; 2]; FEATURES];
        for place in 0..entries.ranked.len() {
            let entry = entries.at(place);
            let calls = entry.cell.events.count() as f64;
            self.cell(&entry, calls);
            // Within an hour the cells stay in the order of keys.
            let hour = usize::from(entry.key_cell.hour.of_day());
            self.of_hours[hour].push((place as u32, calls));
        }
        // The lists are lent out and given back, so that their room serves all principals.
        let mut of_hours = std::mem::take(&mut self.of_hours);
        for (hour, cells) in (0_u8..).zip(&mut of_hours) {
            if !cells.is_empty() {
                self.hour(hour, entries, cells);
            }
            cells.clear();
        }
        self.of_hours = of_hours;
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

    /// One hour's cells, in the order of their keys, each with its calls.
    fn hour(&mut self, hour: u8, entries: Entries<'_, 'd>, cells: &[(u32, f64)]) {
        let mut facts = HourFacts {
            hour,
            newest: i64::MIN,
            ..HourFacts::default()
        };
        let mut last_key = None;
        for (place, calls) in cells {
            let entry = entries.at(*place as usize);
            let has_key = Some(entry.key) != self.no_key;
            if has_key && last_key != Some(entry.key) {
                facts.keys += 1.0;
                last_key = Some(entry.key);
            }
            let (key, cell) = (entry.key_cell, entry.cell);
            let is_use = key.class == OperationClass::Cryptographic;
            match key.outcome {
                OutcomeFamily::Success if is_use => facts.data += calls,
                OutcomeFamily::Success => facts.control += calls,
                OutcomeFamily::Denied => facts.denied += calls,
                _ => facts.failed += calls,
            }
            let last = cell.last_time(key.hour);
            facts.newest = facts.newest.max(last.unix_seconds());
            self.facts.cells.push((key, cell));
        }
        self.facts.hours.push(facts);
    }

    /// What a cell with so many calls tells of the principal at hand and of its key.
    fn cell(&mut self, entry: &Entry<'d>, calls: f64) {
        let (key, cell) = (entry.key_cell, entry.cell);
        let hour = key.hour.of_day();
        let has_key = Some(entry.key) != self.no_key;
        self.cell_values(entry, hour, has_key.then_some(entry.key));
        let is_use = key.class == OperationClass::Cryptographic;
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
    }

    fn cell_values(&mut self, entry: &Entry<'d>, hour: u8, key: Option<u32>) {
        let (cell_key, cell) = (entry.key_cell, entry.cell);
        let path = cell_key.service_path;
        self.seen(Feature::Operation, NO_KEY, Some(cell_key.operation), hour);
        self.seen(Feature::Region, NO_KEY, Some(cell_key.region), hour);
        self.seen(Feature::Path, NO_KEY, Some(path), hour);
        let is_success = cell_key.outcome == OutcomeFamily::Success;
        if let (true, OperationClass::Cryptographic, Some(key)) = (is_success, cell_key.class, key)
        {
            self.seen(Feature::Path, key, Some(path), hour);
            let mut has_context = false;
            for context in cell.values.kept(ValueKind::Context) {
                has_context = true;
                self.seen(Feature::Context, key, Some(context), hour);
            }
            if !has_context {
                self.seen(Feature::Context, key, None, hour);
            }
        }
        if Some(path) == self.direct {
            for (kind, feature) in [
                (ValueKind::Network, Feature::Network),
                (ValueKind::Agent, Feature::Agent),
            ] {
                for value in cell.values.kept(kind) {
                    self.seen(feature, NO_KEY, Some(value), hour);
                }
            }
        }
    }

    /// Notes a value of the principal at hand, [`NO_CONTEXT`] where there is no symbol.
    fn seen(&mut self, feature: Feature, key: u32, symbol: Option<Symbol>, hour: u8) {
        let slot = (feature as usize, usize::from(key != NO_KEY));
        if let Some(last) = self.last[slot.0][slot.1]
            && (last.key, last.symbol) == (key, symbol)
        {
            self.values[last.place].hours |= 1 << hour;
            return;
        }
        let name = match (symbol, self.no_context) {
            (Some(symbol), _) => self.number(symbol),
            (None, Some(known)) => known,
            (None, None) => self.number_of(NO_CONTEXT),
        };
        if symbol.is_none() {
            self.no_context = Some(name);
        }
        let place = self.value(feature, key, name, hour);
        self.last[slot.0][slot.1] = Some(Last { key, symbol, place });
    }

    /// Notes a value; where it stands.
    fn value(&mut self, feature: Feature, key: u32, name: u32, hour: u8) -> usize {
        let bit = 1 << hour;
        // Cells come in the order of their names, so most repetitions are near.
        for (place, known) in self.values.iter_mut().enumerate().rev().take(8) {
            if (known.feature, known.key, known.name) == (feature, key, name) {
                known.hours |= bit;
                return place;
            }
        }
        self.values.push(ValueFacts {
            feature,
            key,
            name,
            hours: bit,
        });
        self.values.len() - 1
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

    /// Uses come by key and hour, as cells do.
    fn join_uses(&mut self) {
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
            // What is sorted by feature and key stays so.
            let alike = values.chunk_by_mut(|a, b| (a.feature, a.key) == (b.feature, b.key));
            for values in alike {
                values.sort_unstable_by_key(|value| value.name);
            }
        }
        self.facts.names = names.into_iter().map(|(name, _)| name).collect();
        self.facts
    }
}

//! The use of keys on one day of one account, gathered from its cells.
//!
//! Cells of one (principal, key, hour) are brought side by side by sorting small numbers; what is
//! only looked at when a finding is made (networks, agents, contexts) stays in the cells till then.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use keytrail_event::{Day, EventTime, Hour, OperationClass, OutcomeFamily};

use crate::base::Base;
use crate::cell::{Cell, Ends, Exemplar};
use crate::cells::CellKey;
use crate::items::{Item, items_of_day};
use crate::plan::PairDay;
use crate::rules::day::KeyUse;
use crate::rules::past::{KeyUses, Past};
use crate::symbol::{Symbol, Symbols};
use crate::tally::Tally;

/// One account's set of one day: its cells, in no order, and the records that rules judge.
#[derive(Debug)]
pub struct AccountDay<'t> {
    account: String,
    day: Day,
    symbols: &'t Symbols,
    cells: Vec<(CellKey, &'t Cell)>,
    items: Vec<Item<'t>>,
}

impl<'t> AccountDay<'t> {
    /// The accounts of a day, sorted by name.
    #[must_use]
    pub fn of_day(tally: &'t Tally, day: Day) -> Vec<Self> {
        let mut items = items_of_day(tally, day);
        let mut accounts: HashMap<Symbol, Vec<_>, RandomState> = HashMap::default();
        for (key, cell) in tally.cells.iter().filter(|(key, _)| key.hour.day() == day) {
            accounts.entry(key.account).or_default().push((key, cell));
        }
        let symbols = &tally.symbols;
        let mut cells: BTreeMap<String, Vec<_>> = accounts
            .into_iter()
            .map(|(account, cells)| (symbols.name(account).to_owned(), cells))
            .collect();
        for account in items.keys() {
            cells.entry(account.clone()).or_default();
        }
        let days = cells.into_iter().map(|(account, cells)| Self {
            items: items.remove(&account).unwrap_or_default(),
            account,
            day,
            symbols,
            cells,
        });
        days.collect()
    }

    /// The account.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The day.
    #[must_use]
    pub const fn day(&self) -> Day {
        self.day
    }

    /// The records that rules judge, in the order of (time, event id).
    pub(crate) fn items(&self) -> &[Item<'t>] {
        &self.items
    }

    /// The cells, in no order.
    pub(crate) fn cells_named(&self) -> impl Iterator<Item = (CellKey, &'t Cell)> {
        self.cells.iter().copied()
    }

    /// The names that cells refer to.
    pub(crate) const fn symbols(&self) -> &'t Symbols {
        self.symbols
    }

    /// The name that a cell's key gives as a number.
    pub(crate) fn name(&self, symbol: Symbol) -> &'t str {
        self.symbols.name(symbol)
    }

    /// How many cells there are.
    pub(crate) fn cells(&self) -> u64 {
        self.cells.len() as u64
    }

    /// How many cells have a count that is an estimate.
    pub(crate) fn estimated_cells(&self) -> u64 {
        self.cells
            .iter()
            .filter(|(_, cell)| !cell.events.is_exact())
            .count() as u64
    }

    /// What each (principal, key) pair did with its key, sorted by names. Cells without a key and
    /// calls that are not cryptographic belong to no pair.
    pub(crate) fn pairs<'d>(&self, past: &'d Past) -> Vec<PairUse<'d>>
    where
        't: 'd,
    {
        let used: Vec<(CellKey, &'t Cell)> = self
            .cells
            .iter()
            .filter(|(key, _)| {
                key.class == OperationClass::Cryptographic && !self.symbols.name(key.key).is_empty()
            })
            .copied()
            .collect();
        let symbols = self.symbols;
        let principals = Ranks::of(used.iter().map(|(key, _)| key.principal), |symbol| {
            symbols.name(symbol)
        });
        let keys = Ranks::of(used.iter().map(|(key, _)| key.key), |symbol| {
            past.resolve(symbols.name(symbol))
        });
        let mut entries: Vec<(u32, u32, Hour, CellKey, &'t Cell)> = used
            .into_iter()
            .map(|(key, cell)| {
                (
                    principals.of_symbol(key.principal),
                    keys.of_symbol(key.key),
                    key.hour,
                    key,
                    cell,
                )
            })
            .collect();
        entries.sort_unstable_by_key(|(principal, key, hour, ..)| (*principal, *key, *hour));
        let pairs = entries.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1));
        pairs
            .map(|entries| {
                let (principal, key, ..) = entries[0];
                let hours = entries.chunk_by(|a, b| a.2 == b.2).map(|cells| {
                    let mut use_ = HourUse::new(symbols);
                    for (.., key, cell) in cells {
                        use_.add(*key, cell);
                    }
                    (cells[0].2, use_)
                });
                PairUse {
                    principal: principals.names[principal as usize],
                    key: keys.names[key as usize],
                    hours: hours.collect(),
                }
            })
            .collect()
    }
}

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

    fn of_symbol(&self, symbol: Symbol) -> u32 {
        self.ranks.get(&symbol).copied().unwrap_or_default()
    }
}

/// What one pair did on one day.
#[derive(Debug, Clone)]
pub(crate) struct PairUse<'d> {
    pub principal: &'d str,
    pub key: &'d str,
    /// The hours with calls, in order.
    pub hours: Vec<(Hour, HourUse<'d>)>,
}

impl PairUse<'_> {
    /// The day as it is learnt: `None` when no call succeeded, since being refused is no use.
    pub fn day(&self) -> Option<PairDay> {
        let hours = || {
            let hours = self.hours.iter().map(|(_, use_)| use_);
            hours.filter(|use_| use_.succeeded > 0)
        };
        hours().next()?;
        Some(PairDay {
            principal: self.principal.to_owned(),
            key: self.key.to_owned(),
            calls: hours().map(|hour| hour.succeeded).sum(),
            peak_hour_calls: hours().map(|hour| hour.succeeded).max().unwrap_or(0),
            active_hours: hours().count() as u8,
            last_use: hours().filter_map(|hour| hour.last_success).max(),
        })
    }

    /// The Region of the first name among those the calls were made in.
    pub fn region(&self) -> &str {
        let cells = self.hours.iter().flat_map(|(_, use_)| use_.cells());
        cells.map(|cell| cell.region).min().unwrap_or_default()
    }
}

/// What one pair did in one hour.
#[derive(Debug, Clone)]
pub(crate) struct HourUse<'d> {
    symbols: &'d Symbols,
    cells: Vec<(CellKey, &'d Cell)>,
    pub calls: u64,
    pub succeeded: u64,
    /// Whether a count in it is an estimate.
    pub is_estimate: bool,
    pub first: Option<Exemplar>,
    pub last: Option<Exemplar>,
    last_success: Option<EventTime>,
}

/// One cell with the names its key stands for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NamedCell<'d> {
    pub region: &'d str,
    pub operation: &'d str,
    pub service_path: &'d str,
    pub outcome: OutcomeFamily,
    pub cell: &'d Cell,
    /// The names that the cell's values refer to.
    pub symbols: &'d Symbols,
}

impl<'d> HourUse<'d> {
    fn new(symbols: &'d Symbols) -> Self {
        Self {
            symbols,
            cells: Vec::new(),
            calls: 0,
            succeeded: 0,
            is_estimate: false,
            first: None,
            last: None,
            last_success: None,
        }
    }

    fn add(&mut self, key: CellKey, cell: &'d Cell) {
        let calls = cell.events.count();
        self.calls += calls;
        self.is_estimate |= !cell.events.is_exact();
        self.cells.push((key, cell));
        let Ends { first, last } = cell.ends(key.hour);
        if key.outcome == OutcomeFamily::Success {
            self.succeeded += calls;
            self.last_success = self.last_success.max(Some(last.time));
        }
        self.first = Some(match self.first.take() {
            Some(earlier) => earlier.min(first),
            None => first,
        });
        self.last = self.last.take().max(Some(last));
    }

    /// The cells behind the numbers.
    pub fn cells(&self) -> impl Iterator<Item = NamedCell<'d>> {
        let symbols = self.symbols;
        self.cells.iter().map(move |(key, cell)| NamedCell {
            region: symbols.name(key.region),
            operation: symbols.name(key.operation),
            service_path: symbols.name(key.service_path),
            outcome: key.outcome,
            cell,
            symbols,
        })
    }
}

/// When keys were used: from the base, and from the cells of the day being judged.
#[derive(Debug)]
pub(crate) struct DayUses<'a> {
    base: &'a Base,
    day: &'a AccountDay<'a>,
    /// The spans of use by the key's name in the records, gathered when first asked for.
    spans: OnceCell<BTreeMap<&'a str, Vec<Span<'a>>>>,
}

/// When one principal used one key: the first and the last time, and the cell where its day is open.
#[derive(Debug, Clone, Copy)]
struct Span<'a> {
    first: EventTime,
    last: EventTime,
    principal: &'a str,
    cell: Option<(CellKey, &'a Cell)>,
}

impl Span<'_> {
    /// The first and last call not before `from` and not after `to`, as far as the cell can tell.
    fn within(&self, from: EventTime, to: EventTime) -> Option<(EventTime, EventTime)> {
        if self.first > to || self.last < from {
            return None;
        }
        if let Some((key, cell)) = self.cell
            && cell.events.is_exact()
        {
            let start = key.hour.start();
            let second = |at: EventTime| at.seconds_since(start).clamp(0, 3_600) as u64;
            let (first, last) = cell.events.ends_within(second(from), second(to))?;
            return Some((
                start.plus_seconds(first as i64),
                start.plus_seconds(last as i64),
            ));
        }
        let inside = |at: &EventTime| (from..=to).contains(at);
        let first = Some(self.first).filter(inside);
        let last = Some(self.last).filter(inside);
        Some((first.or(last)?, last.or(first)?))
    }
}

impl<'a> DayUses<'a> {
    pub const fn new(base: &'a Base, day: &'a AccountDay<'a>) -> Self {
        Self {
            base,
            day,
            spans: OnceCell::new(),
        }
    }

    fn spans(&self) -> &BTreeMap<&'a str, Vec<Span<'a>>> {
        self.spans.get_or_init(|| {
            let mut spans: BTreeMap<&'a str, Vec<Span<'a>>> = BTreeMap::new();
            let day = self.day;
            for (key, cell) in &day.cells {
                let is_use = key.class == OperationClass::Cryptographic
                    && key.outcome == OutcomeFamily::Success;
                if is_use {
                    let ends = cell.ends(key.hour);
                    let span = Span {
                        first: ends.first.time,
                        last: ends.last.time,
                        principal: day.symbols.name(key.principal),
                        cell: Some((*key, *cell)),
                    };
                    spans
                        .entry(day.symbols.name(key.key))
                        .or_default()
                        .push(span);
                }
            }
            for (principal, keys) in &self.base.pairs {
                for (key, history) in keys {
                    if let Some(last) = history.last_use {
                        let span = Span {
                            first: last,
                            last,
                            principal,
                            cell: None,
                        };
                        spans.entry(key.as_str()).or_default().push(span);
                    }
                }
            }
            for spans in spans.values_mut() {
                spans.sort_unstable_by_key(|span| {
                    let operation = span.cell.map(|(key, _)| (key.operation, key.service_path));
                    (span.first, span.last, span.principal, operation)
                });
            }
            spans
        })
    }

    /// The spans of a key, under its own name and under those of its aliases.
    fn spans_of<'s>(
        &'s self,
        key: &'s str,
        past: &'s Past,
    ) -> impl Iterator<Item = &'s [Span<'a>]> {
        let spans = self.spans();
        let aliases = spans
            .range("alias:".."alias;")
            .filter(move |(name, _)| past.resolve(name) == key);
        let named = spans.get_key_value(key).into_iter().chain(aliases);
        named.map(|(_, spans)| spans.as_slice())
    }
}

impl KeyUses for DayUses<'_> {
    fn last_use(&self, key: &str, at: EventTime, past: &Past) -> Option<EventTime> {
        let latest = self.spans_of(key, past).filter_map(|spans| {
            let begun = &spans[..spans.partition_point(|span| span.first <= at)];
            // Of a span that goes on behind `at`, only its first event is known to lie before it.
            let before = begun.iter().rev().take(SPANS_LOOKED_AT).map(|span| {
                if span.last <= at {
                    span.last
                } else {
                    span.first
                }
            });
            before.max()
        });
        latest.max()
    }

    fn first_use_by(
        &self,
        key: &str,
        who: &dyn Fn(&str) -> bool,
        (from, to): (EventTime, EventTime),
        past: &Past,
    ) -> Option<KeyUse> {
        let all = self.spans_of(key, past).flatten();
        let within = all.filter_map(|span| {
            let (first, last) = span.within(from, to)?;
            who(span.principal).then_some((first, last, span))
        });
        let operation = |span: &Span<'_>| {
            let (key, _) = span.cell?;
            Some(self.day.name(key.operation))
        };
        let (first, last, span) = within
            .min_by_key(|(first, last, span)| (*first, *last, span.principal, operation(span)))?;
        let ends = span.cell.map(|(key, cell)| cell.ends(key.hour));
        let exemplar = ends.and_then(|ends| {
            let ends = [ends.first, ends.last];
            ends.into_iter()
                .find(|end| end.time == first || end.time == last)
        });
        Some(KeyUse {
            principal: span.principal.to_owned(),
            operation: operation(span).map(str::to_owned),
            first,
            last,
            event_id: exemplar
                .map(|end| end.event_id.text().into_owned())
                .filter(|id| !id.is_empty()),
        })
    }
}

/// Spans looked at from the latest start back. A span lasts an hour at most, so the latest starts
/// tell the hour of the last use; its very second may lie in an earlier span, which changes nothing
/// that is asked of it.
const SPANS_LOOKED_AT: usize = 64;

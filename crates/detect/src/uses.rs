//! The use of keys on one day of one account, gathered from its cells.
//!
//! Cells of one (principal, key, hour) are brought side by side by sorting small numbers; what is
//! only looked at when a finding is made (networks, agents, contexts) stays in the cells till then.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use keytrail_event::{Day, EventTime, OperationClass, OutcomeFamily};

use crate::base::Base;
use crate::cell::Cell;
use crate::cell_order::CellOrder;
use crate::cells::CellKey;
use crate::items::{Item, items_of_day};
use crate::plan::LastUse;
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
    is_cut: bool,
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
            is_cut: tally.cut().is_some(),
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

    /// The records that rules judge, in the order of (time, event id); of one second, those that make a key come first.
    pub(crate) fn items(&self) -> &[Item<'t>] {
        &self.items
    }

    /// The cells, in no order.
    pub(crate) fn cells_named(&self) -> impl Iterator<Item = (CellKey, &'t Cell)> {
        self.cells.iter().copied()
    }

    /// The cells as an order numbers them.
    pub(crate) fn cells_unordered(&self) -> &[(CellKey, &'t Cell)] {
        &self.cells
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

    /// Whether there were so many principals that some have no cells here.
    pub(crate) const fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// How many cells have a count that is an estimate.
    pub(crate) fn estimated_cells(&self) -> u64 {
        self.cells
            .iter()
            .filter(|(_, cell)| !cell.events.is_exact())
            .count() as u64
    }

    /// A cell by its number in an order.
    pub(crate) fn cell(&self, number: u32) -> (CellKey, &'t Cell) {
        self.cells[number as usize]
    }

    /// The cells in the order of their names, aliases followed as the past tells.
    pub(crate) fn order(&self, past: &Past) -> CellOrder<'t> {
        CellOrder::of(&self.cells, self.symbols, |name| past.resolve(name))
    }

    /// When each (principal, key) pair last used its key, sorted by names: successful cryptographic
    /// calls only, since being refused is no use.
    pub(crate) fn last_uses(&self, order: &CellOrder<'_>) -> Vec<LastUse> {
        let pairs = order
            .cells
            .chunk_by(|a, b| (a.principal, a.key) == (b.principal, b.key));
        let uses = pairs.filter_map(|cells| {
            let key = &*order.keys[cells[0].key as usize];
            let used = cells
                .iter()
                .map(|ranked| self.cell(ranked.number))
                .filter(|(key, _)| is_use(key));
            let at = used.map(|(key, cell)| cell.last_time(key.hour)).max()?;
            (!key.is_empty()).then(|| LastUse {
                principal: order.principals[cells[0].principal as usize].to_owned(),
                key: key.to_owned(),
                at,
            })
        });
        uses.collect()
    }
}

/// Whether a cell is of successful cryptographic calls.
fn is_use(key: &CellKey) -> bool {
    key.class == OperationClass::Cryptographic && key.outcome == OutcomeFamily::Success
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
                    let span = Span {
                        first: cell.first_time(key.hour),
                        last: cell.last_time(key.hour),
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
                for (key, last) in keys {
                    let span = Span {
                        first: *last,
                        last: *last,
                        principal,
                        cell: None,
                    };
                    spans.entry(key.as_str()).or_default().push(span);
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

impl<'a> KeyUses for DayUses<'a> {
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

    fn knows(&self, principal: &str) -> bool {
        self.base.pairs.contains_key(principal)
    }

    fn first_use_by(
        &self,
        key: &str,
        who: &dyn Fn(&str) -> bool,
        (from, to): (EventTime, EventTime),
        past: &Past,
    ) -> Option<KeyUse> {
        let all = self.spans_of(key, past);
        let begun = all.flat_map(|spans| &spans[..spans.partition_point(|span| span.first <= to)]);
        // A principal has a span for each hour and operation; who it is needs to be asked but once.
        let mut verdicts: HashMap<&str, bool, RandomState> = HashMap::default();
        let mut is_asked_for =
            |principal: &'a str| *verdicts.entry(principal).or_insert_with(|| who(principal));
        let within = begun.filter_map(|span| {
            let is_candidate = span.last >= from && is_asked_for(span.principal);
            let (first, last) = is_candidate.then(|| span.within(from, to))??;
            Some((first, last, span))
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

//! When keys were used, as the cells of one day of one account and the base tell.
//!
//! What is only looked at when a finding is made (networks, agents, contexts) stays in the cells till then.

use std::cell::OnceCell;
use std::collections::HashMap;

use foldhash::fast::RandomState;
use keytrail_event::EventTime;

use crate::account_day::{AccountDay, is_use};
use crate::base::Base;
use crate::rules::day::KeyUse;
use crate::rules::past::{KeyUses, Past};
use crate::symbol::Symbol;

/// When keys were used: from the base, and from the cells of the day being judged.
#[derive(Debug)]
pub(crate) struct DayUses<'a> {
    base: &'a Base,
    day: &'a AccountDay<'a>,
    /// The spans of use, gathered when first asked for.
    spans: OnceCell<Spans<'a>>,
}

/// The spans of use by the key's name in the records.
#[derive(Debug, Default)]
struct Spans<'a> {
    keys: HashMap<&'a str, SpansOfKey, RandomState>,
    /// Those of the names that are aliases, sorted.
    aliases: Vec<&'a str>,
    /// The principals that spans give as numbers.
    principals: Vec<&'a str>,
}

/// The spans of use of one key.
#[derive(Debug, Default)]
struct SpansOfKey {
    /// By time.
    spans: Vec<Span>,
    /// Principals with the places of their spans, sorted: a principal has a span for each hour and operation.
    by_principal: Vec<(u32, u32)>,
}

/// When one principal used one key: the first and the last time, and the cell where its day is open.
#[derive(Debug, Clone, Copy)]
struct Span {
    first: EventTime,
    last: EventTime,
    principal: u32,
    cell: Option<u32>,
}

impl Span {
    /// The order by time, as a number.
    const fn place(&self) -> i128 {
        let seconds = self.last.unix_seconds() - self.first.unix_seconds();
        (self.first.unix_seconds() as i128) << 64 | seconds as i128
    }
}

impl<'a> Spans<'a> {
    fn of(day: &'a AccountDay<'a>, base: &'a Base) -> Self {
        let mut principals: Vec<&'a str> = Vec::new();
        let mut numbers: HashMap<Symbol, u32, RandomState> = HashMap::default();
        let mut number = |name: &'a str, symbol: Option<Symbol>| {
            let mut new = || {
                principals.push(name);
                principals.len() as u32 - 1
            };
            match symbol {
                Some(symbol) => *numbers.entry(symbol).or_insert_with(new),
                None => new(),
            }
        };
        let mut by_symbol: HashMap<Symbol, SpansOfKey, RandomState> = HashMap::default();
        // A number of 32 bits overflows long after the memory.
        for (place, (key, cell)) in (0_u32..).zip(day.cells_unordered()) {
            if is_use(key.class, key.outcome) {
                let span = Span {
                    first: cell.first_time(key.hour),
                    last: cell.last_time(key.hour),
                    principal: number(day.name(key.principal), Some(key.principal)),
                    cell: Some(place),
                };
                by_symbol.entry(key.key).or_default().spans.push(span);
            }
        }
        let by_name = by_symbol.into_iter();
        let mut keys: HashMap<&str, SpansOfKey, RandomState> =
            by_name.map(|(key, spans)| (day.name(key), spans)).collect();
        for (principal, of_keys) in &base.pairs {
            let number = number(principal, day.symbols().find(principal));
            for (key, last) in of_keys {
                let span = Span {
                    first: *last,
                    last: *last,
                    principal: number,
                    cell: None,
                };
                keys.entry(key).or_default().spans.push(span);
            }
        }
        let name = |span: &Span| principals[span.principal as usize];
        for SpansOfKey {
            spans,
            by_principal,
        } in keys.values_mut()
        {
            // Single numbers are sorted fast, and few spans are of one time.
            spans.sort_unstable_by_key(Span::place);
            let alike = spans.chunk_by_mut(|a, b| a.place() == b.place());
            for spans in alike.filter(|spans| spans.len() > 1) {
                spans.sort_unstable_by(|a, b| {
                    let way = |span: &Span| span.cell.map(|cell| day.way(cell));
                    name(a).cmp(name(b)).then_with(|| way(a).cmp(&way(b)))
                });
            }
            let principals = spans.iter().map(|span| span.principal);
            by_principal.extend(principals.zip(0..));
            by_principal.sort_unstable();
        }
        let aliases = keys.keys().filter(|name| name.starts_with("alias:"));
        let mut aliases: Vec<&str> = aliases.copied().collect();
        aliases.sort_unstable();
        Self {
            keys,
            aliases,
            principals,
        }
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

    fn spans(&self) -> &Spans<'a> {
        self.spans.get_or_init(|| Spans::of(self.day, self.base))
    }

    /// The spans of a key, under its own name and under those of its aliases.
    fn spans_of<'s>(
        &'s self,
        key: &'s str,
        past: &'s Past,
    ) -> impl Iterator<Item = &'s SpansOfKey> {
        let spans = self.spans();
        let aliases = spans.aliases.iter().copied();
        let aliases = aliases.filter(move |name| past.resolve(name) == key);
        let names = std::iter::once(key).chain(aliases);
        names.filter_map(|name| spans.keys.get(name))
    }

    /// The first and last call of a span not before `from` and not after `to`, as far as its cell can tell.
    fn within(
        &self,
        span: &Span,
        (from, to): (EventTime, EventTime),
    ) -> Option<(EventTime, EventTime)> {
        if span.first > to || span.last < from {
            return None;
        }
        let cell = span.cell.map(|cell| self.day.cell(cell));
        if let Some((key, cell)) = cell
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
        let first = Some(span.first).filter(inside);
        let last = Some(span.last).filter(inside);
        Some((first.or(last)?, last.or(first)?))
    }

    /// The operation of a span, where its day is still open.
    fn operation(&self, span: &Span) -> Option<&'a str> {
        let (key, _) = self.day.cell(span.cell?);
        Some(self.day.name(key.operation))
    }
}

impl<'a> KeyUses for DayUses<'a> {
    fn last_use(&self, key: &str, at: EventTime, past: &Past) -> Option<EventTime> {
        let latest = self.spans_of(key, past).filter_map(|of_key| {
            let spans = &of_key.spans;
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
        let mut earliest: Option<(EventTime, EventTime, &Span)> = None;
        for of_key in self.spans_of(key, past) {
            let by_principal = of_key.by_principal.chunk_by(|a, b| a.0 == b.0);
            for places in by_principal {
                let spans = places
                    .iter()
                    .map(|(_, place)| &of_key.spans[*place as usize]);
                // What begins behind the earliest known use is none that is earlier.
                let until = earliest.map_or(to, |(first, ..)| first.min(to));
                let spans = spans.take_while(|span| span.first <= until);
                let mut spans = spans.filter(|span| span.last >= from).peekable();
                let principal = self.spans().principals[places[0].0 as usize];
                if spans.peek().is_none() || !who(principal) {
                    continue;
                }
                for span in spans {
                    let Some((first, last)) = self.within(span, (from, to)) else {
                        continue;
                    };
                    let order = |(first, last, span): (EventTime, EventTime, &Span)| {
                        let principal = self.spans().principals[span.principal as usize];
                        (first, last, principal, self.operation(span))
                    };
                    let found = (first, last, span);
                    if earliest.is_none_or(|known| order(found) < order(known)) {
                        earliest = Some(found);
                    }
                }
            }
        }
        let (first, last, span) = earliest?;
        let cell = span.cell.map(|cell| self.day.cell(cell));
        let ends = cell.map(|(key, cell)| cell.ends(key.hour));
        let exemplar = ends.and_then(|ends| {
            let ends = [ends.first, ends.last];
            ends.into_iter()
                .find(|end| end.time == first || end.time == last)
        });
        Some(KeyUse {
            principal: self.spans().principals[span.principal as usize].to_owned(),
            operation: self.operation(span).map(str::to_owned),
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

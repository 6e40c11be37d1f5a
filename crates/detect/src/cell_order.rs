//! A day's cells in the order of their names: sorted once, for all who look at them so.

use std::borrow::Cow;
use std::cmp::Ordering;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use keytrail_event::time::HOUR_SECONDS;
use keytrail_event::{Hour, OperationClass, OutcomeFamily};

use crate::cell::Cell;
use crate::cells::CellKey;
use crate::symbol::{Symbol, Symbols};

/// The order of a day's cells, and the names that it is by.
#[derive(Debug)]
pub(crate) struct CellOrder<'t> {
    /// The principals by rank.
    pub principals: Vec<&'t str>,
    /// The keys by rank, an alias as the key that it stands for. The target of an alias is a name of its own, so that the
    /// order holds nothing of what was learnt.
    pub keys: Vec<Cow<'t, str>>,
    /// The cells by principal, key, hour, and the rest of their names.
    pub cells: Vec<Ranked>,
}

/// One cell of an order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ranked {
    /// The principal's rank.
    pub principal: u32,
    /// The key's rank.
    pub key: u32,
    /// Which of the day's cells it is.
    pub number: u32,
    /// The operation's class.
    pub class: OperationClass,
    /// How the calls ended.
    pub outcome: OutcomeFamily,
}

impl<'t> CellOrder<'t> {
    /// The order of these cells of one account's day. `resolve` tells which key a name stands for.
    pub fn of<'n>(
        cells: &[(CellKey, &Cell)],
        symbols: &'t Symbols,
        resolve: impl Fn(&'n str) -> &'n str,
    ) -> Self
    where
        't: 'n,
    {
        let name = |symbol| symbols.name(symbol);
        let principals = Ranks::of(cells.iter().map(|(key, _)| key.principal), name);
        let keys = Ranks::of(cells.iter().map(|(key, _)| key.key), |symbol| {
            resolve(name(symbol))
        });
        // A number of 32 bits overflows long after the memory.
        let numbered = (0_u32..).zip(cells);
        let mut places: Vec<u128> = numbered
            .map(|(number, (key, _))| {
                let parts = [
                    principals.rank(key.principal),
                    keys.rank(key.key),
                    hour_rank(key.hour),
                    number,
                ];
                parts
                    .into_iter()
                    .fold(0, |place, part| place << 32 | u128::from(part))
            })
            .collect();
        // Single numbers are sorted fast, and few cells are of one principal, key and hour.
        places.sort_unstable();
        let alike = places.chunk_by_mut(|a, b| a >> 32 == b >> 32);
        for places in alike.filter(|places| places.len() > 1) {
            let key = |place: &u128| &cells[*place as u32 as usize].0;
            places.sort_unstable_by(|a, b| by_rest(key(a), key(b), symbols));
        }
        let ranked = places.into_iter().map(|place| {
            let (key, _) = &cells[place as u32 as usize];
            Ranked {
                principal: (place >> 96) as u32,
                key: (place >> 64) as u32,
                number: place as u32,
                class: key.class,
                outcome: key.outcome,
            }
        });
        let own = |key: &'n str| {
            // Only the target of an alias is no name of the day's own cells, or need not be.
            symbols.find(key).map_or_else(
                || Cow::Owned(key.to_owned()),
                |symbol| Cow::Borrowed(symbols.name(symbol)),
            )
        };
        Self {
            principals: principals.names,
            keys: keys.names.into_iter().map(own).collect(),
            cells: ranked.collect(),
        }
    }
}

/// The order of hours, as numbers: those of any year that a record can name fit.
fn hour_rank(hour: Hour) -> u32 {
    let hours = hour.start().unix_seconds().div_euclid(HOUR_SECONDS);
    (hours + (1 << 31)) as u32
}

/// What orders cells of one principal, key and hour. Names are looked at only where they differ.
fn by_rest(a: &CellKey, b: &CellKey, symbols: &Symbols) -> Ordering {
    let by_name = |name: fn(&CellKey) -> Symbol| {
        let (a, b) = (name(a), name(b));
        if a == b {
            Ordering::Equal
        } else {
            symbols.name(a).cmp(symbols.name(b))
        }
    };
    by_name(|key| key.operation)
        .then_with(|| a.outcome.cmp(&b.outcome))
        .then_with(|| by_name(|key| key.service_path))
        .then_with(|| by_name(|key| key.region))
        .then_with(|| by_name(|key| key.key))
        .then_with(|| a.class.cmp(&b.class))
}

/// The order of names, as numbers.
struct Ranks<'n> {
    ranks: HashMap<Symbol, u32, RandomState>,
    /// The names by rank.
    names: Vec<&'n str>,
}

impl<'n> Ranks<'n> {
    fn of(symbols: impl Iterator<Item = Symbol>, name: impl Fn(Symbol) -> &'n str) -> Self {
        let mut ranks: HashMap<Symbol, u32, RandomState> = HashMap::default();
        ranks.extend(symbols.map(|symbol| (symbol, 0)));
        let mut named: Vec<(&'n str, &mut u32)> = ranks
            .iter_mut()
            .map(|(symbol, rank)| (name(*symbol), rank))
            .collect();
        named.sort_unstable_by_key(|(name, _)| *name);
        let mut names: Vec<&'n str> = Vec::with_capacity(named.len());
        for (name, rank) in named {
            if names.last() != Some(&name) {
                names.push(name);
            }
            // There are fewer names than symbols, whose numbers have 32 bits.
            *rank = names.len() as u32 - 1;
        }
        Self { ranks, names }
    }

    fn rank(&self, symbol: Symbol) -> u32 {
        self.ranks.get(&symbol).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use keytrail_event::EventTime;
    use proptest::prelude::*;

    use super::*;
    use crate::cell::Series;

    /// Cells of few names, whose numbers are given in the order in which they are asked for.
    fn cells(names: &[(u8, u8, u8, u8)]) -> (Symbols, Vec<(CellKey, Cell)>) {
        let mut symbols = Symbols::default();
        let cells = names.iter().map(|(principal, key, operation, hour)| {
            let series = Series {
                account: symbols.intern("account"),
                region: symbols.intern("region"),
                principal: symbols.intern(&format!("principal {principal}")),
                key: symbols.intern(&format!("key {key}")),
                operation: symbols.intern(&format!("operation {operation}")),
                service_path: symbols.intern("path"),
                class: OperationClass::Cryptographic,
                outcome: OutcomeFamily::Success,
            };
            let hour = EventTime::from_unix_seconds(3_600 * i64::from(*hour)).hour();
            (CellKey { series, hour }, Cell::new(0, 1, ""))
        });
        let cells = cells.collect();
        (symbols, cells)
    }

    /// The first key's name stands for one that has no cell.
    fn resolve(name: &str) -> &str {
        if name == "key 0" { "key 9" } else { name }
    }

    proptest! {
        #[test]
        fn cells_are_in_the_order_of_their_names(
            names in proptest::collection::vec((0..5_u8, 0..5_u8, 0..3_u8, 0..4_u8), 0..40)
        ) {
            let (symbols, cells) = cells(&names);
            let cells: Vec<(CellKey, &Cell)> = cells.iter().map(|(key, cell)| (*key, cell)).collect();
            let order = CellOrder::of(&cells, &symbols, resolve);
            let found: Vec<(String, String, u8, String)> = order.cells.iter().map(|ranked| {
                let key = cells[ranked.number as usize].0;
                (
                    order.principals[ranked.principal as usize].to_owned(),
                    order.keys[ranked.key as usize].to_string(),
                    key.hour.of_day(),
                    symbols.name(key.operation).to_owned(),
                )
            }).collect();
            let mut expected: Vec<(String, String, u8, String)> = names.iter().map(|(principal, key, operation, hour)| {
                let key = resolve(&format!("key {key}")).to_owned();
                (format!("principal {principal}"), key, *hour, format!("operation {operation}"))
            }).collect();
            expected.sort();
            prop_assert_eq!(found, expected);
        }
    }
}

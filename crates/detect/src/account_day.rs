//! One account's day: the cells and the records that are judged together.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;
use keytrail_event::{Day, OperationClass, OutcomeFamily};

use crate::cell::Cell;
use crate::cell_order::CellOrder;
use crate::cells::CellKey;
use crate::items::{Item, items_of_day};
use crate::plan::LastUse;
use crate::rules::past::Past;
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

    /// What tells cells of one principal, key and hour apart: the operation, the service path and the Region.
    pub(crate) fn way(&self, number: u32) -> [&'t str; 3] {
        let (key, _) = self.cell(number);
        [key.operation, key.service_path, key.region].map(|symbol| self.name(symbol))
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
            let used = cells.iter().filter(|cell| is_use(cell.class, cell.outcome));
            let used = used.map(|ranked| self.cell(ranked.number));
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

/// Whether a cell of this class and outcome is of successful cryptographic calls.
pub(crate) fn is_use(class: OperationClass, outcome: OutcomeFamily) -> bool {
    class == OperationClass::Cryptographic && outcome == OutcomeFamily::Success
}

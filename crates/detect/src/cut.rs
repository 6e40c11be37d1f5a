//! Cutting a day that is too large: of too many principals, the first by hash keep their cells.
//!
//! A principal's cells stay or go together, so what stays is whole. Keeping the first of an order is a
//! union like any other: order, repetition and division of deliveries change nothing.
//!
//! That needs a part never to take more room than the whole. Names of values that a full cell gives up for shorter
//! ones, or for some that other cells keep too, can break it by their few bytes: which principal is the last to stay
//! may then depend on the division of deliveries, if the day ends that close to its bound.

use hashbrown::HashMap;

use crate::bounds::{DAY_CELLS_BYTES_MAX, DAY_PRINCIPALS_MAX};
use crate::cells::CellKey;
use crate::symbol::Adopted;
use crate::tally::Tally;
use crate::values::ValueKind;

impl Tally {
    /// The hash of the first principal whose cells did not fit; it and those behind it have none here.
    #[must_use]
    pub const fn cut(&self) -> Option<u64> {
        self.cut
    }

    /// Keeps to so many principals, and their cells with the names in them to so many bytes.
    pub fn cut_cells(&mut self, room: CellRoom) {
        let first = match self.first_beyond(room) {
            Some(first) => Some(self.cut.map_or(first, |cut| cut.min(first))),
            None => self.cut,
        };
        self.cut = first;
        let Some(first) = first else { return };
        let symbols = &self.symbols;
        let stays = |key: &CellKey| symbols.hash(key.principal) < first;
        if self.cells.keys().all(|key| stays(&key)) {
            return;
        }
        let symbols = std::mem::take(&mut self.symbols);
        self.forget_recent();
        let mut kept = Adopted::new(&symbols);
        for (key, cell) in self.cells.clear() {
            if symbols.hash(key.principal) < first {
                self.adopt_cell(key, cell, &mut kept);
            }
        }
    }

    /// How many principals have cells.
    #[must_use]
    pub fn principals(&self) -> usize {
        let mut is_principal = vec![false; self.symbols.len()];
        for key in self.cells.keys() {
            if let Some(is_principal) = is_principal.get_mut(key.principal.index()) {
                *is_principal = true;
            }
        }
        is_principal.into_iter().filter(|is_one| *is_one).count()
    }

    /// The first principal by hash with whom there are too many, or cells and names take too many
    /// bytes: a function of the set alone.
    fn first_beyond(&self, room: CellRoom) -> Option<u64> {
        // What is held is never less than what is counted below.
        if self.cells.bytes() + self.symbols.bytes() <= room.bytes
            && self.cells.len() <= room.principals
        {
            return None;
        }
        let mut of_principal: HashMap<u64, Vec<usize>, foldhash::fast::RandomState> =
            HashMap::default();
        let cells: Vec<_> = self.cells.iter().collect();
        for (place, (key, _)) in cells.iter().enumerate() {
            let hash = self.symbols.hash(key.principal);
            of_principal.entry(hash).or_default().push(place);
        }
        let mut order: Vec<u64> = of_principal.keys().copied().collect();
        order.sort_unstable();
        let mut is_named = vec![false; self.symbols.len()];
        let mut bytes = 0;
        let too_many = order.get(room.principals).copied();
        let too_large = order.into_iter().find(|hash| {
            for place in of_principal.get(hash).into_iter().flatten() {
                let (key, cell) = &cells[*place];
                bytes += self.cells.bytes_of(cell);
                let values = ValueKind::ALL.into_iter();
                let values = values.flat_map(|kind| cell.values.kept(kind));
                for symbol in key.series.symbols().into_iter().chain(values) {
                    if let Some(is_named) = is_named.get_mut(symbol.index())
                        && !std::mem::replace(is_named, true)
                    {
                        bytes += self.symbols.bytes_of(symbol);
                    }
                }
            }
            bytes > room.bytes
        });
        too_many.into_iter().chain(too_large).min()
    }
}

/// Room for the cells of one account's day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellRoom {
    /// Principals.
    pub principals: usize,
    /// Bytes of cells and the names in them.
    pub bytes: usize,
}

impl CellRoom {
    /// What one account's day has.
    pub const OF_A_DAY: Self = Self {
        principals: DAY_PRINCIPALS_MAX,
        bytes: DAY_CELLS_BYTES_MAX,
    };
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sample::{merged, samples, tally};
    use crate::values::Values;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn what_is_cut_does_not_depend_on_order_or_division(a in samples(), b in samples(), bytes in 200..20_000_usize, principals in 1..8_usize) {
            let (a, b) = (tally(&a), tally(&b));
            let all = merged(&a, &b);
            // Where cells give names up, a part may be the larger one.
            let gives_up = |values: &Values| ValueKind::ALL.into_iter().any(|kind| values.overflowed(kind));
            let is_given_up = all.cells.values().any(|cell| gives_up(&cell.values));
            let bytes = if is_given_up { usize::MAX } else { bytes };
            let cut = |tally: &Tally| {
                let mut tally = tally.clone();
                tally.cut_cells(CellRoom { principals, bytes });
                tally
            };
            let whole = cut(&all);
            prop_assert_eq!(cut(&merged(&cut(&b), &a)).encode(), whole.encode());
            prop_assert_eq!(cut(&merged(&cut(&b), &cut(&a))).encode(), whole.encode());
            prop_assert_eq!(cut(&merged(&whole, &b)).encode(), whole.encode());
            prop_assert_eq!(Tally::decode(&whole.encode()).unwrap().encode(), whole.encode());
            prop_assert!(whole.cut().is_some() || whole.encode() == all.encode());
            let held = whole.cells.values().map(|cell| whole.cells.bytes_of(cell)).sum::<usize>();
            prop_assert!(held <= bytes && whole.principals() <= principals);
        }
    }
}

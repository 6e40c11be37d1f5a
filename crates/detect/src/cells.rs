//! Cells by series and hour.
//!
//! The seven names of a series are hashed once; from then on it is a number, and a record of the
//! same hour as the series' last one finds its cell without another search.

use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use keytrail_event::Hour;

use crate::cell::{Cell, Series};
use crate::symbol::Symbols;

/// What tells cells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellKey {
    /// Everything but the hour.
    pub series: Series,
    /// The hour.
    pub hour: Hour,
}

impl std::ops::Deref for CellKey {
    type Target = Series;

    fn deref(&self) -> &Series {
        &self.series
    }
}

/// Cells by series and hour.
#[derive(Debug, Clone, Default)]
pub struct Cells {
    series: Vec<KnownSeries>,
    /// Indices into `series`.
    numbers: HashTable<u32>,
    cells: Vec<Placed>,
    /// Indices into `cells`.
    places: HashTable<u32>,
    hasher: RandomState,
    /// Bytes of memory that cells take beside themselves.
    heap_bytes: usize,
    /// How often numbers and places were given anew.
    epoch: u32,
}

#[derive(Debug, Clone)]
struct KnownSeries {
    series: Series,
    /// The cell that was last asked for.
    recent: u32,
}

#[derive(Debug, Clone)]
struct Placed {
    series: u32,
    hour: Hour,
    cell: Cell,
}

/// The place of a cell within one [`Cells`], as long as [`Cells::epoch`] stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place(u32);

/// The number of a series within one [`Cells`], as long as [`Cells::epoch`] stays.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SeriesNumber(u32);

impl Cells {
    /// How many cells there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Changes when numbers of series and places of cells are given anew.
    pub(crate) const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Takes all cells out, so that numbers and places are given anew.
    pub(crate) fn clear(&mut self) -> impl Iterator<Item = (CellKey, Cell)> + use<> {
        let emptied = Self {
            epoch: self.epoch.wrapping_add(1),
            ..Self::default()
        };
        std::mem::replace(self, emptied).into_cells()
    }

    /// The cells, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (CellKey, &Cell)> {
        self.cells
            .iter()
            .map(|placed| (self.key(placed), &placed.cell))
    }

    /// The keys of cells, in no order.
    pub fn keys(&self) -> impl Iterator<Item = CellKey> {
        self.cells.iter().map(|placed| self.key(placed))
    }

    /// The cells themselves, in no order.
    pub fn values(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter().map(|placed| &placed.cell)
    }

    /// Takes the cells out, in no order.
    pub fn into_cells(self) -> impl Iterator<Item = (CellKey, Cell)> {
        let Self { series, cells, .. } = self;
        cells.into_iter().map(move |placed| {
            let key = CellKey {
                series: series[placed.series as usize].series,
                hour: placed.hour,
            };
            (key, placed.cell)
        })
    }

    fn key(&self, placed: &Placed) -> CellKey {
        CellKey {
            series: self.series[placed.series as usize].series,
            hour: placed.hour,
        }
    }

    /// The number of a series, given now if it has none.
    #[inline]
    pub(crate) fn series(&mut self, series: Series) -> SeriesNumber {
        let hash = self.hasher.hash_one(series);
        let known = &self.series;
        let is_it = |number: &u32| known[*number as usize].series == series;
        match self.numbers.find(hash, is_it) {
            Some(number) => SeriesNumber(*number),
            None => self.add_series(hash, series),
        }
    }

    #[cold]
    fn add_series(&mut self, hash: u64, series: Series) -> SeriesNumber {
        // A number of 32 bits overflows long after the memory.
        let number = self.series.len() as u32;
        self.series.push(KnownSeries {
            series,
            recent: u32::MAX,
        });
        let (known, hasher) = (&self.series, &self.hasher);
        let hash_of = |number: &u32| hasher.hash_one(known[*number as usize].series);
        self.numbers.insert_unique(hash, number, hash_of);
        SeriesNumber(number)
    }

    /// Whether the cell in this place is that of a series and hour.
    #[inline]
    pub(crate) fn is_at(
        &self,
        Place(place): Place,
        SeriesNumber(series): SeriesNumber,
        hour: Hour,
    ) -> bool {
        let placed = self.cells.get(place as usize);
        placed.is_some_and(|placed| placed.hour == hour && placed.series == series)
    }

    /// Where the cell of a series and hour is.
    #[inline]
    pub(crate) fn place(
        &mut self,
        SeriesNumber(series): SeriesNumber,
        hour: Hour,
    ) -> Option<Place> {
        let recent = self.series[series as usize].recent;
        let is_it = |placed: &Placed| placed.hour == hour && placed.series == series;
        if self.cells.get(recent as usize).is_some_and(is_it) {
            return Some(Place(recent));
        }
        let cells = &self.cells;
        let hash = self.hasher.hash_one((series, hour));
        let is_it = |place: &u32| is_it(&cells[*place as usize]);
        let place = self.places.find(hash, is_it).copied()?;
        self.series[series as usize].recent = place;
        Some(Place(place))
    }

    /// Changes a cell, and notes what that adds to the memory.
    #[inline]
    pub(crate) fn change(&mut self, Place(place): Place, change: impl FnOnce(&mut Cell)) {
        let cell = &mut self.cells[place as usize].cell;
        let before = cell.heap_bytes();
        change(cell);
        self.heap_bytes = (self.heap_bytes + cell.heap_bytes()).saturating_sub(before);
    }

    /// Adds a cell where there is none.
    pub(crate) fn add(
        &mut self,
        SeriesNumber(series): SeriesNumber,
        hour: Hour,
        cell: Cell,
    ) -> Place {
        self.heap_bytes += cell.heap_bytes();
        // A number of 32 bits overflows long after the memory.
        let place = self.cells.len() as u32;
        self.cells.push(Placed { series, hour, cell });
        let (cells, hasher) = (&self.cells, &self.hasher);
        let hash_of = |place: &u32| {
            let placed = &cells[*place as usize];
            hasher.hash_one((placed.series, placed.hour))
        };
        let hash = hasher.hash_one((series, hour));
        self.places.insert_unique(hash, place, hash_of);
        self.series[series as usize].recent = place;
        Place(place)
    }

    /// Adds a cell to the one of the same key, whose values have numbers of this table.
    pub(crate) fn merge(&mut self, key: CellKey, cell: Cell, symbols: &Symbols) {
        let series = self.series(key.series);
        match self.place(series, key.hour) {
            Some(place) => self.change(place, |known| known.merge(&cell, symbols)),
            None => {
                self.add(series, key.hour, cell);
            }
        }
    }

    /// About how many bytes of memory one of the cells takes, its series not counted.
    pub(crate) fn bytes_of(&self, cell: &Cell) -> usize {
        size_of::<Placed>() + INDEX_BYTES + cell.heap_bytes()
    }

    /// About how many bytes of memory the cells take.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.heap_bytes
            + self.cells.len() * (size_of::<Placed>() + INDEX_BYTES)
            + self.series.len() * (size_of::<KnownSeries>() + INDEX_BYTES)
    }
}

/// Bytes of an entry in a table of indices: four, a byte of control, and a table that is half full.
const INDEX_BYTES: usize = 8;

#[cfg(test)]
mod tests {
    use keytrail_event::{EventTime, OperationClass, OutcomeFamily};

    use super::*;
    use crate::symbol::Symbol;

    fn series(principal: Symbol, any: Symbol) -> Series {
        Series {
            account: any,
            region: any,
            principal,
            key: any,
            operation: any,
            service_path: any,
            class: OperationClass::Cryptographic,
            outcome: OutcomeFamily::Success,
        }
    }

    #[test]
    fn a_cell_is_found_again_whatever_came_between() {
        let mut symbols = Symbols::default();
        let any = symbols.intern("any");
        let names: Vec<Symbol> = (0..40)
            .map(|n| symbols.intern(&format!("principal {n}")))
            .collect();
        let hour = |n: i64| EventTime::from_unix_seconds(1_700_000_000 + 3_600 * n).hour();
        let mut cells = Cells::default();
        for event in 0..20_000_u64 {
            let series = cells.series(series(names[(event * 7 % 40) as usize], any));
            let hour = hour((event * 31 % 48) as i64);
            match cells.place(series, hour) {
                Some(place) => cells.change(place, |cell| cell.add(1, event << 20, "")),
                None => {
                    cells.add(series, hour, Cell::new(1, event << 20, ""));
                }
            }
        }
        assert_eq!(cells.len(), 240);
        let counted: u64 = cells.values().map(|cell| cell.events.count()).sum();
        assert_eq!(counted, 20_000);
        assert!(cells.bytes() > 240 * size_of::<Cell>());
        let epoch = cells.epoch();
        assert_eq!(cells.clear().count(), 240);
        assert_eq!((cells.len(), cells.bytes()), (0, 0));
        assert_ne!(cells.epoch(), epoch);
    }
}

//! Writing a tally.

use std::borrow::Borrow;

use keytrail_event::{EventTime, Hour, OperationClass, OutcomeFamily};

use super::VERSION;
use crate::cell::Cell;
use crate::cells::Cells;
use crate::distinct::DistinctEvents;
use crate::event_id::EventId;
use crate::notable::{Group, Notable};
use crate::symbol::Symbol;
use crate::tally::Tally;
use crate::values::ValueKind;

/// Bytes of a piece, or a little more.
const PIECE_BYTES: usize = 64 << 10;

/// What takes pieces.
type Take<'t> = dyn FnMut(&[u8]) + 't;

pub(super) fn tally(tally: &Tally, take: &mut Take<'_>) {
    let dictionary = Dictionary::of(tally, &tally.cells);
    let mut out = Writer::new(&dictionary, take);
    out.cells(&tally.cells);
    let mut notables: Vec<(u64, &Notable)> = tally.notables.iter().collect();
    notables.sort_unstable_by_key(|(hash, _)| *hash);
    out.notables(notables);
    let mut groups: Vec<(u64, &Group)> = tally.groups.iter().collect();
    groups.sort_unstable_by_key(|(hash, _)| *hash);
    out.groups(groups);
    out.finish(tally.cut);
}

/// The same, which takes less memory: cells go as soon as all of them are written, records one by one.
pub(super) fn into_pieces(mut tally: Tally, take: &mut Take<'_>) {
    let cells = std::mem::take(&mut tally.cells);
    let dictionary = Dictionary::of(&tally, &cells).into_owned();
    let Tally {
        symbols,
        notables,
        groups,
        cut,
        ..
    } = tally;
    drop(symbols);
    let mut out = Writer::new(&dictionary, take);
    out.cells(&cells);
    drop(cells);
    let mut notables: Vec<(u64, Notable)> = notables.into_iter().collect();
    notables.sort_unstable_by_key(|(hash, _)| *hash);
    out.notables(notables);
    let mut groups: Vec<(u64, Group)> = groups.into_iter().collect();
    groups.sort_unstable_by_key(|(hash, _)| *hash);
    out.groups(groups);
    out.finish(cut);
}

/// The names that are used, sorted.
struct Dictionary<N> {
    names: Vec<N>,
    /// The numbers of symbols, by index; of symbols that are not used, anything.
    numbers: Vec<u32>,
}

impl<'t> Dictionary<&'t str> {
    /// Of the tally, whose cells these are.
    fn of(tally: &'t Tally, cells: &Cells) -> Self {
        let symbols = &tally.symbols;
        let mut used = vec![false; symbols.len()];
        for (key, cell) in cells.iter() {
            let values = ValueKind::ALL.into_iter();
            let values = values.flat_map(|kind| cell.values.kept(kind));
            for symbol in key.series.symbols().into_iter().chain(values) {
                if let Some(used) = used.get_mut(symbol.index()) {
                    *used = true;
                }
            }
        }
        let used = symbols.all().filter(|symbol| used[symbol.index()]);
        let mut entries: Vec<(&str, Option<Symbol>)> = used
            .map(|symbol| (symbols.name(symbol), Some(symbol)))
            .collect();
        let records = tally.notables.values().map(Notable::account);
        let groups = tally.groups.values().flat_map(|group| {
            let [first, last] = [&group.first, &group.last].map(Notable::account);
            [group.rule, first, last]
        });
        entries.extend(records.chain(groups).map(|name| (name, None)));
        entries.sort_unstable();
        let mut names: Vec<&str> = Vec::new();
        let mut numbers = vec![0; symbols.len()];
        for (name, symbol) in entries {
            if names.last() != Some(&name) {
                names.push(name);
            }
            if let Some(symbol) = symbol {
                numbers[symbol.index()] = (names.len() - 1) as u32;
            }
        }
        Self { names, numbers }
    }

    /// The same, without the tally.
    fn into_owned(self) -> Dictionary<Box<str>> {
        Dictionary {
            names: self.names.into_iter().map(Box::from).collect(),
            numbers: self.numbers,
        }
    }
}

impl<N: AsRef<str>> Dictionary<N> {
    fn of_symbol(&self, symbol: Symbol) -> u32 {
        self.numbers.get(symbol.index()).copied().unwrap_or(0)
    }

    fn of_name(&self, name: &str) -> u64 {
        // Every name that is asked for was put in.
        let place = self
            .names
            .binary_search_by(|known| known.as_ref().cmp(name));
        place.unwrap_or_default() as u64
    }
}

struct Writer<'w, N> {
    /// What has not been handed over yet.
    bytes: Vec<u8>,
    dictionary: &'w Dictionary<N>,
    take: &'w mut Take<'w>,
}

/// A series as it is written and sorted: six names, class and outcome.
type SeriesNumbers = ([u32; 6], u8, u8);

impl<'w, N: AsRef<str>> Writer<'w, N> {
    fn new(dictionary: &'w Dictionary<N>, take: &'w mut Take<'w>) -> Self {
        Self {
            bytes: vec![VERSION],
            dictionary,
            take,
        }
    }

    /// Hands a piece over once there is one.
    fn hand_over(&mut self) {
        if self.bytes.len() >= PIECE_BYTES {
            (self.take)(&self.bytes);
            self.bytes.clear();
        }
    }

    /// The names, and all cells.
    fn cells(&mut self, cells: &Cells) {
        self.number(self.dictionary.names.len() as u64);
        for name in &self.dictionary.names {
            self.text(name.as_ref());
            self.hand_over();
        }
        self.all_series(cells);
    }

    /// The records, which come sorted.
    fn notables(&mut self, notables: Vec<(u64, impl Borrow<Notable>)>) {
        self.number(notables.len() as u64);
        for (hash, notable) in notables {
            self.bytes.extend(hash.to_le_bytes());
            self.record(notable.borrow());
            self.hand_over();
        }
    }

    /// The groups, which come sorted.
    fn groups(&mut self, groups: Vec<(u64, impl Borrow<Group>)>) {
        self.number(groups.len() as u64);
        for (hash, group) in groups {
            self.bytes.extend(hash.to_le_bytes());
            self.group(group.borrow());
            self.hand_over();
        }
    }

    /// Where the cells were cut, and the last piece.
    fn finish(mut self, cut: Option<u64>) {
        if let Some(cut) = cut {
            self.bytes.extend(cut.to_le_bytes());
        }
        (self.take)(&self.bytes);
    }

    fn all_series(&mut self, cells: &Cells) {
        let cells = cells.iter().map(|(key, cell)| {
            let names = key
                .series
                .symbols()
                .map(|symbol| self.dictionary.of_symbol(symbol));
            let series = (names, class_number(key.class), outcome_number(key.outcome));
            (series, hours(key.hour), cell)
        });
        let mut cells: Vec<(SeriesNumbers, i64, &Cell)> = cells.collect();
        cells.sort_unstable_by_key(|(series, hours, _)| (*series, *hours));
        let of_series = || cells.chunk_by(|a, b| a.0 == b.0);
        self.number(of_series().count() as u64);
        for cells in of_series() {
            let (names, class, outcome) = cells[0].0;
            for name in names {
                self.number(u64::from(name));
            }
            self.bytes.extend([class, outcome]);
            self.number(cells.len() as u64);
            let mut before = None;
            for (_, hours, cell) in cells {
                match before {
                    None => self.number(zigzag(*hours)),
                    Some(before) => self.number((*hours - before) as u64),
                }
                before = Some(*hours);
                self.cell(cell);
                self.hand_over();
            }
        }
    }

    fn cell(&mut self, cell: &Cell) {
        self.events(&cell.events);
        let [first, last] = cell.end_seconds_and_ids();
        let is_another = first != last;
        self.end(&first);
        self.bytes.push(u8::from(is_another));
        if is_another {
            self.end(&last);
        }
        for kind in ValueKind::ALL {
            let values = cell.values.kept(kind);
            let mut numbers: Vec<u32> = values
                .map(|value| self.dictionary.of_symbol(value))
                .collect();
            numbers.sort_unstable();
            let overflowed = u64::from(cell.values.overflowed(kind));
            self.number(numbers.len() as u64 * 2 + overflowed);
            for number in numbers {
                self.number(u64::from(number));
            }
        }
    }

    fn end(&mut self, (second, id): &(u16, EventId)) {
        self.number(u64::from(*second));
        match id {
            EventId::Uuid(uuid) => {
                self.bytes.push(0);
                self.bytes.extend(uuid.to_bytes());
            }
            EventId::Other(text) => {
                self.number(text.len() as u64 + 1);
                self.bytes.extend(text.as_bytes());
            }
        }
    }

    fn events(&mut self, events: &DistinctEvents) {
        if let Some(registers) = events.registers() {
            self.number(0);
            self.bytes.extend(registers);
        } else {
            let elements = events.exact().unwrap_or_default();
            self.number(elements.len() as u64);
            for element in elements {
                self.bytes.extend(element.to_bits().to_le_bytes());
            }
        }
    }

    fn group(&mut self, group: &Group) {
        self.number(self.dictionary.of_name(group.rule));
        self.events(&group.events);
        self.record(&group.first);
        let is_another = group.first != group.last;
        self.bytes.push(u8::from(is_another));
        if is_another {
            self.record(&group.last);
        }
    }

    fn record(&mut self, notable: &Notable) {
        self.number(self.dictionary.of_name(notable.account()));
        self.number(zigzag(notable.time.unix_seconds()));
        self.bytes.push(notable.flags());
        self.text(&notable.raw);
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes.extend(text.as_bytes());
    }

    /// LEB128: seven bits a byte, the lowest first, the top bit set in all but the last.
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }
}

fn hours(hour: Hour) -> i64 {
    hour.start()
        .seconds_since(EventTime::from_unix_seconds(0))
        .div_euclid(3_600)
}

/// Small numbers of either sign as small numbers.
const fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63) as u64
}

const fn class_number(class: OperationClass) -> u8 {
    match class {
        OperationClass::Cryptographic => 0,
        OperationClass::Management => 1,
        OperationClass::Permission => 2,
        OperationClass::Discovery => 3,
        OperationClass::Unknown => 4,
    }
}

const fn outcome_number(outcome: OutcomeFamily) -> u8 {
    match outcome {
        OutcomeFamily::Success => 0,
        OutcomeFamily::Denied => 1,
        OutcomeFamily::InvalidState => 2,
        OutcomeFamily::NotFound => 3,
        OutcomeFamily::Throttled => 4,
        OutcomeFamily::Invalid => 5,
        OutcomeFamily::Other => 6,
    }
}

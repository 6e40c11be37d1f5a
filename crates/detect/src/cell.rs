//! A cell: what one principal did with one key in one way in one hour.

use keytrail_event::{EventTime, Hour, OperationClass, OutcomeFamily};

use crate::distinct::{DistinctEvents, Element};
use crate::event_id::{EventId, Uuid};
use crate::symbol::{Adopted, Symbol, Symbols};
use crate::values::Values;

/// What tells the cells of an hour apart: a function of the record alone, the key as the record names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Series {
    /// The account whose trail shows it.
    pub account: Symbol,
    /// The Region.
    pub region: Symbol,
    /// The canonical principal.
    pub principal: Symbol,
    /// The key as the record names it; the empty name where it names none.
    pub key: Symbol,
    /// The operation.
    pub operation: Symbol,
    /// The service path.
    pub service_path: Symbol,
    /// The operation's class.
    pub class: OperationClass,
    /// How the calls ended.
    pub outcome: OutcomeFamily,
}

impl Series {
    /// The names of the series.
    pub(crate) const fn symbols(&self) -> [Symbol; 6] {
        [
            self.account,
            self.region,
            self.principal,
            self.key,
            self.operation,
            self.service_path,
        ]
    }

    /// The same series in another table's numbers.
    #[must_use]
    pub(crate) fn translate(self, adopted: &mut Adopted<'_>, into: &mut Symbols) -> Self {
        Self {
            account: adopted.translate(self.account, into),
            region: adopted.translate(self.region, into),
            principal: adopted.translate(self.principal, into),
            key: adopted.translate(self.key, into),
            operation: adopted.translate(self.operation, into),
            service_path: adopted.translate(self.service_path, into),
            ..self
        }
    }
}

/// The events of a cell: how many distinct ones, the first and last, and what they had in common.
/// There is at least one.
#[derive(Debug, Clone)]
pub struct Cell {
    /// The distinct events.
    pub events: DistinctEvents,
    /// What they had in common.
    pub values: Values,
    first: End,
    last: End,
    /// The ids of ends that are no UUIDs.
    other_ids: Option<Box<[Box<str>; 2]>>,
}

/// The first or last event of a cell.
#[derive(Debug, Clone, Copy)]
struct End {
    /// Zero where the id stands among `other_ids`.
    uuid: Uuid,
    second: u16,
    is_uuid: bool,
}

/// Bytes that two ids may take which are no UUIDs.
const OTHER_IDS_BYTES: usize = 160;

const FIRST: usize = 0;
const LAST: usize = 1;

impl End {
    fn at(second: u16, event_id: &str) -> Self {
        let uuid = Uuid::parse(event_id);
        Self {
            uuid: uuid.unwrap_or_default(),
            second,
            is_uuid: uuid.is_some(),
        }
    }
}

impl Cell {
    /// The cell of one event, so many seconds (0 to 3,599) into its hour.
    #[must_use]
    pub fn new(second: u16, event_hash: u64, event_id: &str) -> Self {
        let end = End::at(second, event_id);
        let other = || Box::new([event_id.into(), event_id.into()]);
        Self {
            events: DistinctEvents::of(Element::new(second, event_hash)),
            values: Values::default(),
            first: end,
            last: end,
            other_ids: (!end.is_uuid).then(other),
        }
    }

    pub(crate) fn of_parts(events: DistinctEvents, values: Values, ends: Ends) -> Self {
        let Ends { first, last } = ends;
        let end = |exemplar: &Exemplar| {
            let second = exemplar.time.seconds_since(exemplar.time.hour().start());
            End::at(second as u16, &exemplar.event_id.text())
        };
        let mut cell = Self {
            events,
            values,
            first: end(&first),
            last: end(&last),
            other_ids: None,
        };
        if !cell.first.is_uuid || !cell.last.is_uuid {
            let ids = [first, last].map(|exemplar| exemplar.event_id.text().into());
            cell.other_ids = Some(Box::new(ids));
        }
        cell
    }

    /// Adds an event.
    #[inline]
    pub fn add(&mut self, second: u16, event_hash: u64, event_id: &str) {
        self.events.insert(Element::new(second, event_hash));
        if second > self.first.second && second < self.last.second {
            return;
        }
        let end = End::at(second, event_id);
        if end.is_uuid && self.first.is_uuid && self.last.is_uuid {
            let key = |end: &End| (end.second, end.uuid);
            if key(&end) < key(&self.first) {
                self.first = end;
            } else if key(&end) > key(&self.last) {
                self.last = end;
            }
        } else {
            let event_id = EventId::of(event_id);
            self.stretch(&[(second, event_id.clone()), (second, event_id)]);
        }
    }

    fn id(&self, which: usize) -> EventId {
        let end = [self.first, self.last][which];
        match &self.other_ids {
            Some(ids) if !end.is_uuid => EventId::Other(ids[which].clone()),
            _ => EventId::Uuid(end.uuid),
        }
    }

    /// Reaches from the earlier first to the later last.
    fn stretch(&mut self, [first, last]: &[(u16, EventId); 2]) {
        if *first < (self.first.second, self.id(FIRST)) {
            self.set_end(FIRST, first);
        }
        if *last > (self.last.second, self.id(LAST)) {
            self.set_end(LAST, last);
        }
    }

    fn set_end(&mut self, which: usize, (second, event_id): &(u16, EventId)) {
        let end = End::at(*second, &event_id.text());
        if let EventId::Other(text) = event_id {
            self.other_ids.get_or_insert_default()[which] = text.clone();
        }
        match which {
            FIRST => self.first = end,
            _ => self.last = end,
        }
        if self.first.is_uuid && self.last.is_uuid {
            self.other_ids = None;
        }
    }

    /// Adds what another cell of the same series and hour holds, whose values have the same table's numbers.
    pub fn merge(&mut self, other: &Self, symbols: &Symbols) {
        self.events.merge(&other.events);
        self.values.merge(&other.values, symbols);
        self.stretch(&other.end_seconds_and_ids());
    }

    /// The seconds and ids of the first and the last event.
    pub(crate) fn end_seconds_and_ids(&self) -> [(u16, EventId); 2] {
        [
            (self.first.second, self.id(FIRST)),
            (self.last.second, self.id(LAST)),
        ]
    }

    /// The first and the last event, by (time, id), of the cell, which is of this hour.
    #[must_use]
    pub fn ends(&self, hour: Hour) -> Ends {
        let exemplar = |which: usize, end: End| Exemplar {
            time: hour.start().plus_seconds(i64::from(end.second)),
            event_id: self.id(which),
        };
        Ends {
            first: exemplar(FIRST, self.first),
            last: exemplar(LAST, self.last),
        }
    }

    /// When the first event was, in a cell of this hour.
    #[must_use]
    pub fn first_time(&self, hour: Hour) -> EventTime {
        hour.start().plus_seconds(i64::from(self.first.second))
    }

    /// When the last event was, in a cell of this hour.
    #[must_use]
    pub fn last_time(&self, hour: Hour) -> EventTime {
        hour.start().plus_seconds(i64::from(self.last.second))
    }

    /// Bytes of memory beside the cell itself.
    #[inline]
    pub(crate) fn heap_bytes(&self) -> usize {
        let ids = if self.other_ids.is_some() {
            OTHER_IDS_BYTES
        } else {
            0
        };
        self.events.heap_bytes() + self.values.heap_bytes() + ids
    }
}

/// One event in full: when and which.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exemplar {
    /// When.
    pub time: EventTime,
    /// Which.
    pub event_id: EventId,
}

/// The first and the last event, by (time, id).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ends {
    /// The first.
    pub first: Exemplar,
    /// The last.
    pub last: Exemplar,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use xxhash_rust::xxh3::xxh3_64;

    use super::*;

    fn cell(events: &[(u16, String)]) -> Cell {
        let mut cells = events
            .iter()
            .map(|(second, id)| (*second, xxh3_64(id.as_bytes()), id));
        let (second, hash, id) = cells.next().unwrap();
        let mut cell = Cell::new(second, hash, id);
        for (second, hash, id) in cells {
            cell.add(second, hash, id);
        }
        cell
    }

    fn id() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-c]{0,2}",
            "[01]-1".prop_map(|end| format!("11111111-1111-1111-1111-1111111{end}111")),
            "[01]{2}".prop_map(|end| format!("11111111-1111-1111-1111-1111111111{end}")),
        ]
    }

    fn events() -> impl Strategy<Value = Vec<(u16, String)>> {
        proptest::collection::vec((0..6_u16, id()), 1..12)
    }

    proptest! {
        #[test]
        fn ends_are_the_least_and_greatest(events in events(), more in events()) {
            let hour = EventTime::from_unix_seconds(1_700_000_000).hour();
            let mut all: Vec<&(u16, String)> = events.iter().chain(&more).collect();
            all.sort();
            let expected = |(second, id): &(u16, String)| Exemplar {
                time: hour.start().plus_seconds(i64::from(*second)),
                event_id: EventId::of(id),
            };
            let expected = Ends {
                first: expected(all[0]),
                last: expected(all[all.len() - 1]),
            };
            let mut merged = cell(&more);
            merged.merge(&cell(&events), &Symbols::default());
            prop_assert_eq!(&merged.ends(hour), &expected);
            let together: Vec<_> = events.into_iter().chain(more).collect();
            let whole = cell(&together);
            prop_assert_eq!(&whole.ends(hour), &expected);
            prop_assert_eq!(&whole.events, &merged.events);
            let again = Cell::of_parts(whole.events, whole.values, expected.clone());
            prop_assert_eq!(again.ends(hour), expected);
        }
    }

    #[test]
    fn a_cell_is_small() {
        assert!(size_of::<Cell>() <= 104, "{}", size_of::<Cell>());
    }
}

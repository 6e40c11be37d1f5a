//! A cell: what one principal did with one key in one way in one hour.

use keytrail_event::{EventTime, Hour, OperationClass, OutcomeFamily};
use xxhash_rust::xxh3::xxh3_64;

use crate::bounds::{CELL_VALUE_BYTES_MAX, CELL_VALUES_MAX};
use crate::distinct::DistinctEvents;
use crate::symbol::{Adopted, Symbol};

/// What tells cells apart: a function of the record alone, the key as the record names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellKey {
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
    /// The operation's class.
    pub class: OperationClass,
    /// How the calls ended.
    pub outcome: OutcomeFamily,
    /// The service path.
    pub service_path: Symbol,
    /// The hour.
    pub hour: Hour,
}

impl CellKey {
    /// The same key in another table's numbers.
    #[must_use]
    pub fn translate(self, adopted: &Adopted) -> Self {
        Self {
            account: adopted.translate(self.account),
            region: adopted.translate(self.region),
            principal: adopted.translate(self.principal),
            key: adopted.translate(self.key),
            operation: adopted.translate(self.operation),
            service_path: adopted.translate(self.service_path),
            ..self
        }
    }
}

/// The events of a cell: how many distinct ones, the first and last, and what they had in common.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cell {
    /// The distinct events.
    pub events: DistinctEvents,
    /// The first and the last event, in full.
    pub ends: Option<Ends>,
    /// Networks the calls came from.
    pub networks: Values,
    /// Families of agents.
    pub agents: Values,
    /// Signatures of encryption contexts.
    pub contexts: Values,
    /// Names of sessions: evidence, never identity.
    pub sessions: Values,
}

impl Cell {
    /// Adds what another cell of the same key holds.
    pub fn merge(&mut self, other: &Self) {
        self.events.merge(&other.events);
        if let Some(ends) = &other.ends {
            self.stretch(ends);
        }
        self.networks.merge(&other.networks);
        self.agents.merge(&other.agents);
        self.contexts.merge(&other.contexts);
        self.sessions.merge(&other.sessions);
    }

    fn stretch(&mut self, other: &Ends) {
        match &mut self.ends {
            None => self.ends = Some(other.clone()),
            Some(ends) => ends.stretch(other),
        }
    }

    /// Notes one event's time and id as first or last, where it is.
    pub fn note_end(&mut self, time: EventTime, event_id: &str) {
        match &mut self.ends {
            None => {
                let end = Exemplar::new(time, event_id);
                self.ends = Some(Ends {
                    first: end.clone(),
                    last: end,
                });
            }
            Some(ends) => {
                if ends.first.is_after(time, event_id) {
                    ends.first = Exemplar::new(time, event_id);
                } else if ends.last.is_before(time, event_id) {
                    ends.last = Exemplar::new(time, event_id);
                }
            }
        }
    }
}

/// One event in full: when and which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exemplar {
    /// When.
    pub time: EventTime,
    event_id: EventId,
}

/// An event id. CloudTrail's are UUIDs of 36 characters, which need no memory of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
enum EventId {
    Uuid([u8; 36]),
    Other(Box<str>),
}

impl Exemplar {
    /// An event at this time with this id, empty where the record has none.
    #[must_use]
    pub fn new(time: EventTime, event_id: &str) -> Self {
        let event_id = match event_id.as_bytes().try_into() {
            Ok(uuid) => EventId::Uuid(uuid),
            Err(_) => EventId::Other(event_id.into()),
        };
        Self { time, event_id }
    }

    /// The event id; empty where the record has none.
    #[must_use]
    pub fn event_id(&self) -> &str {
        match &self.event_id {
            // The bytes were a text when they came in.
            EventId::Uuid(uuid) => std::str::from_utf8(uuid).unwrap_or_default(),
            EventId::Other(text) => text,
        }
    }

    fn is_after(&self, time: EventTime, event_id: &str) -> bool {
        self.time > time || (self.time == time && self.event_id() > event_id)
    }

    fn is_before(&self, time: EventTime, event_id: &str) -> bool {
        self.time < time || (self.time == time && self.event_id() < event_id)
    }
}

impl PartialOrd for Exemplar {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Exemplar {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.time, self.event_id()).cmp(&(other.time, other.event_id()))
    }
}

/// The first and the last event, by (time, id).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ends {
    /// The first.
    pub first: Exemplar,
    /// The last.
    pub last: Exemplar,
}

impl Ends {
    /// Reaches from the earlier first to the later last.
    pub fn stretch(&mut self, other: &Self) {
        if other.first < self.first {
            self.first = other.first.clone();
        }
        if other.last > self.last {
            self.last = other.last.clone();
        }
    }
}

/// A few values out of possibly many: the smallest by hash stay, and whether any had to go.
/// Union is associative, commutative and idempotent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values {
    /// Sorted by (hash, value).
    kept: Vec<(u64, Box<str>)>,
    overflowed: bool,
}

impl Values {
    /// Adds a value; what is longer than 256 bytes is cut.
    pub fn insert(&mut self, value: &str) {
        let value = &value[..value.floor_char_boundary(CELL_VALUE_BYTES_MAX)];
        // The same value as just before is by far the most frequent case.
        if self.kept.iter().any(|(_, known)| **known == *value) {
            return;
        }
        self.insert_hashed(xxh3_64(value.as_bytes()), value);
    }

    fn insert_hashed(&mut self, hash: u64, value: &str) {
        let place = self
            .kept
            .binary_search_by(|(known, text)| (*known, &**text).cmp(&(hash, value)));
        let Err(place) = place else {
            return;
        };
        if place < CELL_VALUES_MAX {
            self.kept.insert(place, (hash, value.into()));
        }
        if self.kept.len() > CELL_VALUES_MAX || place == CELL_VALUES_MAX {
            self.kept.truncate(CELL_VALUES_MAX);
            self.overflowed = true;
        }
    }

    /// Adds the values of another set.
    pub fn merge(&mut self, other: &Self) {
        for (hash, value) in &other.kept {
            self.insert_hashed(*hash, value);
        }
        self.overflowed |= other.overflowed;
    }

    /// The values kept, sorted as text.
    #[must_use]
    pub fn sorted(&self) -> Vec<&str> {
        let mut values: Vec<&str> = self.kept.iter().map(|(_, value)| &**value).collect();
        values.sort_unstable();
        values
    }

    /// Whether there were more values than are kept.
    #[must_use]
    pub const fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(texts: &[String]) -> Values {
        let mut values = Values::default();
        for text in texts {
            values.insert(text);
        }
        values
    }

    fn texts() -> impl Strategy<Value = Vec<String>> {
        proptest::collection::vec("[a-d]{0,3}", 0..30)
    }

    proptest! {
        #[test]
        fn value_sets_are_a_semilattice(a in texts(), b in texts(), c in texts()) {
            let merged = |mut a: Values, b: &Values| { a.merge(b); a };
            let (a, b, c) = (values(&a), values(&b), values(&c));
            prop_assert_eq!(merged(a.clone(), &b), merged(b.clone(), &a));
            prop_assert_eq!(merged(merged(a.clone(), &b), &c), merged(a.clone(), &merged(b, &c)));
            prop_assert_eq!(merged(a.clone(), &a), a);
        }

        #[test]
        fn overflow_means_more_than_are_kept(texts in texts()) {
            let set = values(&texts);
            let distinct: std::collections::BTreeSet<_> = texts.iter().collect();
            prop_assert_eq!(set.overflowed(), distinct.len() > CELL_VALUES_MAX);
            prop_assert_eq!(set.sorted().len(), distinct.len().min(CELL_VALUES_MAX));
        }

        #[test]
        fn ends_do_not_depend_on_order(mut events in proptest::collection::vec((0..50_i64, "[a-c]"), 1..20)) {
            let cell = |events: &[(i64, String)]| {
                let mut cell = Cell::default();
                for (second, id) in events {
                    cell.note_end(EventTime::from_unix_seconds(*second), id);
                }
                cell
            };
            let forward = cell(&events);
            events.reverse();
            prop_assert_eq!(cell(&events), forward);
        }
    }
}

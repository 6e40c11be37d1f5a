//! Records carried whole, and groups of frequent ones that a rule wants.

use keytrail_event::{EventTime, Hour, Record};

use crate::distinct::{DistinctEvents, Element};
use crate::symbol::{Adopted, Symbol};
use crate::tally::Timing;

/// A record carried whole, as JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notable {
    /// When it happened.
    pub time: EventTime,
    /// The record's JSON text.
    pub raw: Box<str>,
    /// Whether a copy of it was in time, so that it is also in a cell.
    in_time: bool,
    is_kms: bool,
}

impl Notable {
    /// Carries a record.
    #[must_use]
    pub fn of(record: &Record<'_>, timing: Timing) -> Self {
        Self {
            time: record.time,
            raw: record.raw.into(),
            in_time: timing == Timing::InTime,
            is_kms: record.is_kms(),
        }
    }

    /// Of several records with one event id the smallest by (time, bytes) stands.
    pub fn merge(&mut self, other: Self) {
        let in_time = self.in_time || other.in_time;
        if (other.time, &other.raw) < (self.time, &self.raw) {
            *self = other;
        }
        self.in_time = in_time;
    }

    /// Whether the record was in time but is in no cell, being of another service than KMS.
    #[must_use]
    pub const fn is_only_notable(&self) -> bool {
        self.in_time && !self.is_kms
    }
}

/// What tells groups apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey {
    /// The rule that selected the records.
    pub rule: &'static str,
    /// The account whose trail shows them.
    pub account: Symbol,
    /// The canonical principal.
    pub principal: Symbol,
    /// The key as the records name it.
    pub key: Symbol,
    /// The hour.
    pub hour: Hour,
}

impl GroupKey {
    /// The same key in another table's numbers.
    #[must_use]
    pub fn translate(self, adopted: &Adopted) -> Self {
        Self {
            account: adopted.translate(self.account),
            principal: adopted.translate(self.principal),
            key: adopted.translate(self.key),
            ..self
        }
    }
}

/// Frequent records that one rule selected: how many, the first and the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The distinct events.
    pub events: DistinctEvents,
    /// The first record, by (time, bytes).
    pub first: Notable,
    /// The last record, by (time, bytes).
    pub last: Notable,
}

impl Group {
    /// A group of one record.
    #[must_use]
    pub fn of(event: Element, record: &Record<'_>, timing: Timing) -> Self {
        let mut events = DistinctEvents::default();
        events.insert(event);
        let notable = Notable::of(record, timing);
        Self {
            events,
            first: notable.clone(),
            last: notable,
        }
    }

    /// Adds a record.
    pub fn add(&mut self, event: Element, record: &Record<'_>, timing: Timing) {
        self.events.insert(event);
        let this = (record.time, record.raw);
        if this < (self.first.time, &*self.first.raw) {
            self.first = Notable::of(record, timing);
        }
        if this > (self.last.time, &*self.last.raw) {
            self.last = Notable::of(record, timing);
        }
    }

    /// Adds what another group of the same key holds.
    pub fn merge(&mut self, other: Self) {
        self.events.merge(&other.events);
        if (other.first.time, &other.first.raw) < (self.first.time, &self.first.raw) {
            self.first = other.first;
        }
        if (other.last.time, &other.last.raw) > (self.last.time, &self.last.raw) {
            self.last = other.last;
        }
    }
}

//! Records carried whole, and groups of frequent ones that a rule wants.

use std::cmp::Ordering;

use keytrail_event::{EventTime, Hour, KeyName, OperationClass, Record};
use xxhash_rust::xxh3::xxh3_64;

use crate::bounds::NOTABLE_BYTES_MAX;
use crate::carried::Carry;
use crate::distinct::{DistinctEvents, Element};
use crate::rules::RANSOM_CHAIN;
use crate::timing::Timing;

/// A record carried whole, as JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notable {
    /// When it happened.
    pub time: EventTime,
    /// The record's JSON text.
    pub raw: Box<str>,
    account: Box<str>,
    /// Whether a copy of it was in time, so that it is also in a cell.
    in_time: bool,
    is_kms: bool,
    is_grant: bool,
}

impl Notable {
    /// Carries a record.
    #[must_use]
    pub fn of(record: &Record<'_>, timing: Timing) -> Self {
        Self {
            time: record.time,
            raw: record.raw.into(),
            account: (&*record.account).into(),
            in_time: timing == Timing::InTime,
            is_kms: record.is_kms(),
            is_grant: matches!(
                record.operation.name(),
                "CreateGrant" | "RetireGrant" | "RevokeGrant"
            ),
        }
    }

    /// The account whose trail shows it.
    #[must_use]
    pub const fn account(&self) -> &str {
        &self.account
    }

    /// What decides which of several records is the first.
    fn order(&self) -> (EventTime, &str) {
        (self.time, &self.raw)
    }

    /// What is known of the record beside its text, a bit each.
    pub(crate) const fn flags(&self) -> u8 {
        self.in_time as u8 | (self.is_kms as u8) << 1 | (self.is_grant as u8) << 2
    }

    /// The record with these [`Notable::flags`], if they are such.
    pub(crate) fn of_parts(time: EventTime, account: &str, flags: u8, raw: &str) -> Option<Self> {
        (flags < 8 && raw.len() <= NOTABLE_BYTES_MAX).then(|| Self {
            time,
            raw: raw.into(),
            account: account.into(),
            in_time: flags & 1 != 0,
            is_kms: flags & 2 != 0,
            is_grant: flags & 4 != 0,
        })
    }

    /// Whether the record was in time but is in no cell, being of another service than KMS.
    #[must_use]
    pub const fn is_only_notable(&self) -> bool {
        self.in_time && !self.is_kms
    }
}

/// The hash that tells groups apart: the rule, who, which key, the hour, and all that the rule could
/// judge differently: the operation, how it ended, the other key, what a refused change asked for, and
/// the rule's own aspect of the record.
#[must_use]
pub fn group_hash(rule: &str, aspect: &str, record: &Record<'_>) -> u64 {
    fn name(key: &Option<KeyName>) -> &str {
        key.as_ref().map(KeyName::as_str).unwrap_or_default()
    }
    let is_change = matches!(
        record.operation.class(),
        OperationClass::Management | OperationClass::Permission
    );
    // A tree's text has its members sorted.
    let request = is_change.then(|| record.body()["requestParameters"].to_string());
    let hour = record.time.hour().start().to_string();
    let parts = [
        rule,
        &record.account,
        record.principal(),
        name(&record.key),
        name(&record.destination_key),
        &hour,
        record.operation.name(),
        record.outcome.as_str(),
        &request.unwrap_or_default(),
        aspect,
    ];
    let mut bytes = Vec::with_capacity(512);
    for part in parts {
        bytes.extend_from_slice(part.as_bytes());
        // No text holds this byte.
        bytes.push(0xff);
    }
    xxh3_64(&bytes)
}

/// Frequent records that one rule selected: how many, the first and the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The rule.
    pub rule: &'static str,
    /// The hour.
    pub hour: Hour,
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
    pub fn of(rule: &'static str, event: Element, record: &Record<'_>, timing: Timing) -> Self {
        let mut events = DistinctEvents::default();
        events.insert(event);
        let notable = Notable::of(record, timing);
        Self {
            rule,
            hour: record.time.hour(),
            events,
            first: notable.clone(),
            last: notable,
        }
    }

    /// When its events happened, sorted; none where they are only estimated.
    pub fn times(&self) -> impl Iterator<Item = EventTime> {
        let start = self.hour.start();
        let events = self.events.exact().unwrap_or_default().iter();
        events.map(move |event| start.plus_seconds(event.second() as i64))
    }

    /// Adds a record.
    pub fn add(&mut self, event: Element, record: &Record<'_>, timing: Timing) {
        self.events.insert(event);
        let this = (record.time, record.raw);
        match this.cmp(&self.first.order()) {
            Ordering::Less => self.first = Notable::of(record, timing),
            Ordering::Equal => self.first.in_time |= timing == Timing::InTime,
            Ordering::Greater => {}
        }
        match this.cmp(&self.last.order()) {
            Ordering::Greater => self.last = Notable::of(record, timing),
            Ordering::Equal => self.last.in_time |= timing == Timing::InTime,
            Ordering::Less => {}
        }
    }
}

impl Carry for Notable {
    /// Grants are made by the thousand; everything else is rare.
    fn rank(&self) -> u8 {
        u8::from(self.is_grant)
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.raw.len() + self.account.len()
    }

    /// Of several records with one event id the smallest by (time, bytes) stands.
    fn merge(&mut self, other: Self) {
        let in_time = self.in_time || other.in_time;
        if (other.time, &other.raw) < (self.time, &self.raw) {
            *self = other;
        }
        self.in_time = in_time;
    }
}

impl Carry for Group {
    /// Data is moved between as many pairs of keys as somebody likes, and where that is not told a migration is taken for a
    /// ransom: nothing is hidden by it.
    fn rank(&self) -> u8 {
        u8::from(self.rule == RANSOM_CHAIN)
    }

    fn bytes(&self) -> usize {
        let records = self.first.bytes() + self.last.bytes();
        size_of::<DistinctEvents>() + self.events.heap_bytes() + records
    }

    /// Adds what another group of the same key holds.
    fn merge(&mut self, other: Self) {
        self.events.merge(&other.events);
        match other.first.order().cmp(&self.first.order()) {
            Ordering::Less => self.first = other.first,
            // The same record, which may have been in time once and late once.
            Ordering::Equal => self.first.in_time |= other.first.in_time,
            Ordering::Greater => {}
        }
        match other.last.order().cmp(&self.last.order()) {
            Ordering::Greater => self.last = other.last,
            Ordering::Equal => self.last.in_time |= other.last.in_time,
            Ordering::Less => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carried::{Carried, Room};
    use crate::items::Rereader;

    #[test]
    fn moves_of_data_push_nothing_out_but_moves() {
        let raw = r#"{"eventVersion":"1.08","eventTime":"2024-03-05T09:00:00Z","eventName":"ReEncrypt","eventSource":"kms.amazonaws.com","awsRegion":"us-west-2","recipientAccountId":"111122223333","eventID":"e","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/eve","accountId":"111122223333"}}"#;
        let mut left = Vec::new();
        Rereader::default().record(raw, |record| {
            let room = Room {
                number: 2,
                bytes: usize::MAX / 2,
            };
            let mut carried = Carried::with_room(room);
            let rules = [RANSOM_CHAIN, RANSOM_CHAIN, "denied-sweep", "root-used"];
            for (hash, rule) in (0..).zip(rules) {
                let event = Element::new(0, hash);
                carried.insert(hash, Group::of(rule, event, record, Timing::InTime));
            }
            carried.trim();
            left.extend(carried.values().map(|group| group.rule));
        });
        left.sort_unstable();
        assert_eq!(left, ["denied-sweep", "root-used"]);
    }
}

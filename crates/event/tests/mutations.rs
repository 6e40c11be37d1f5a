//! Deliveries damaged at random: nothing panics, every record is counted, what is untouched is found.

mod common;

use std::ops::Range;

use common::{as_cloudtrail_writes, decrypt, id, read, read_in_pieces};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::json;

/// One change to the bytes of a delivery.
#[derive(Debug, Clone)]
enum Change {
    Flip(Index, u8),
    Set(Index, u8),
    Delete(Index, usize),
    Insert(Index, u8),
    Truncate(Index),
}

fn change() -> impl Strategy<Value = Change> {
    // The bytes that JSON is made of do the worst damage.
    let byte = || prop_oneof![any::<u8>(), select(b"{}[]\",:\\\n 5tn-".to_vec())];
    prop_oneof![
        (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        (any::<Index>(), byte()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (any::<Index>(), 1..40_usize).prop_map(|(at, count)| Change::Delete(at, count)),
        (any::<Index>(), byte()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        any::<Index>().prop_map(Change::Truncate),
    ]
}

/// A delivery of records, and where each of them stands in it.
#[derive(Debug, Clone)]
struct Delivery {
    bytes: Vec<u8>,
    records: Vec<Option<Range<usize>>>,
}

/// The shapes that are damaged.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Records,
    Array,
    Lines,
}

impl Delivery {
    fn new(shape: Shape, count: usize) -> Self {
        let (head, between, tail) = match shape {
            Shape::Records => (r#"{"Records":["#, ",", "]}"),
            Shape::Array => ("[", ",", "]"),
            Shape::Lines => ("", "\n", "\n"),
        };
        let mut bytes = head.as_bytes().to_vec();
        let mut records = Vec::new();
        for number in 0..count {
            if number > 0 {
                bytes.extend_from_slice(between.as_bytes());
            }
            let start = bytes.len();
            bytes.extend_from_slice(record(number).as_bytes());
            records.push(Some(start..bytes.len()));
        }
        bytes.extend_from_slice(tail.as_bytes());
        Self { bytes, records }
    }

    /// Makes the change; a record that it touches is not expected any more.
    fn apply(&mut self, change: &Change) {
        let length = self.bytes.len();
        if length == 0 {
            return;
        }
        let (touched, grown) = match *change {
            Change::Flip(at, bit) => {
                let at = at.index(length);
                self.bytes[at] ^= 1 << bit;
                (at..at + 1, 0)
            }
            Change::Set(at, byte) => {
                let at = at.index(length);
                self.bytes[at] = byte;
                (at..at + 1, 0)
            }
            Change::Delete(at, count) => {
                let at = at.index(length);
                let end = length.min(at + count);
                self.bytes.drain(at..end);
                (at..end, 0)
            }
            Change::Insert(at, byte) => {
                let at = at.index(length);
                self.bytes.insert(at, byte);
                (at..at, 1)
            }
            Change::Truncate(at) => {
                let at = at.index(length);
                self.bytes.truncate(at);
                (at..length, 0)
            }
        };
        let removed = length + grown - self.bytes.len();
        for record in &mut self.records {
            *record = record.take().and_then(|place| {
                if place.end <= touched.start {
                    Some(place)
                } else if place.start >= touched.end {
                    let moved = |at: usize| at + grown - removed;
                    Some(moved(place.start)..moved(place.end))
                } else {
                    None
                }
            });
        }
    }
}

/// A record with escapes, brackets and braces inside its strings.
fn record(number: usize) -> String {
    as_cloudtrail_writes(&decrypt(json!({
        "eventID": id(number),
        "userAgent": "[S3Console/0.4, {\"quoted\\\": \"}]\u{e9}",
        "requestParameters": {"encryptionContext": {"a\"b": "{[\\"}},
        "additionalEventData": {"list": [[1, -2.5e3, null, true], {}]},
    })))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_untouched_is_found(
        shape in select(vec![Shape::Records, Shape::Array, Shape::Lines]),
        count in 1..7_usize,
        changes in vec(change(), 1..4),
    ) {
        let mut delivery = Delivery::new(shape, count);
        for change in &changes {
            delivery.apply(change);
        }
        let outcome = read(&delivery.bytes);
        let found = outcome.ids();
        for (number, place) in delivery.records.iter().enumerate() {
            // A bracket lost can leave valid JSON in which one record holds the next; then at least the
            // end of the file tells that something is missing.
            let expected = id(number);
            let is_swallowed = || {
                outcome.reading.malformed > 0
                    && outcome.seen.iter().any(|seen| seen.raw.contains(&record(number)))
            };
            prop_assert!(
                place.is_none() || found.contains(&&*expected) || is_swallowed(),
                "record {} is lost in {}", number, String::from_utf8_lossy(&delivery.bytes)
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_delivery_is_the_same_in_pieces(
        shape in select(vec![Shape::Records, Shape::Array, Shape::Lines]),
        count in 1..5_usize,
        changes in vec(change(), 1..4),
        step in 20..500_usize,
    ) {
        let mut delivery = Delivery::new(shape, count);
        for change in &changes {
            delivery.apply(change);
        }
        let whole = read(&delivery.bytes);
        let cut = read_in_pieces(&delivery.bytes, step);
        prop_assert_eq!(&whole.seen, &cut.seen);
        prop_assert_eq!(whole.kinds(), cut.kinds());
        prop_assert_eq!(whole.reading, cut.reading);
    }

    #[test]
    fn any_bytes_are_counted(bytes in vec(any::<u8>(), 0..2_000)) {
        read(&bytes);
    }

    #[test]
    fn anything_like_json_is_counted(parts in vec(select(vec![
        "{", "}", "[", "]", "\"", ",", ":", "\n", "null", "1", "\\", "{\"eventVersion\"", "{\"Records\":[", "\"detail\":",
        "\"message\":", "\"CloudTrailEvent\":", "\"eventSource\":\"kms.amazonaws.com\"", "\"eventName\":\"Decrypt\"",
        "\"eventTime\":\"2024-01-31T12:00:00Z\"", "\"logEvents\":[", "\"digestStartTime\":",
    ]), 0..60)) {
        let text = parts.concat();
        let whole = read(text.as_bytes());
        let cut = read_in_pieces(text.as_bytes(), 3);
        prop_assert_eq!(whole.kinds(), cut.kinds());
        prop_assert_eq!(whole.seen, cut.seen);
    }
}

//! Encryption in bulk: who encrypts much within an hour, and how much is usual for whom.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use foldhash::fast::RandomState;
use hashbrown::HashSet;
use keytrail_event::source::DIRECT;
use keytrail_event::time::HOUR_SECONDS;
use keytrail_event::{EventTime, Hour};
use serde::{Deserialize, Serialize};

use super::day::{DayCell, DayLight};
use super::foreign_keys::writes_object;
use super::moved_data::{DayMoves, Moves};
use super::ransom_chain::RANSOM_CHAIN;
use super::sightings::{grouped, times_of};
use super::support::cut;
use crate::account_day::is_use;
use crate::bounds::STEPS_MAX;
use crate::symbol::Symbol;

/// What moves data from one key to another.
const REENCRYPT: &str = "ReEncrypt";
/// Rules whose groups hold objects written under keys of somebody else's.
const OBJECT_RULES: [&str; 2] = ["foreign-key-object", "sse-c-burst"];
/// Objects in a group from which they are written in bulk.
const OBJECTS_MIN: u64 = 10;

/// A principal that encrypted much in an hour. Sorted by time first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BulkUse {
    /// The first call.
    pub first: EventTime,
    /// The last call.
    pub last: EventTime,
    /// Who.
    pub principal: String,
    /// With which key; empty where there were several or none.
    pub key: String,
    /// The operation.
    pub operation: String,
    /// How many calls.
    pub calls: u64,
    /// The first call's event id, where it is known.
    pub event_id: String,
    /// Whether it takes calls with keys that the principal used on an earlier day to make so many.
    #[serde(default)]
    pub is_of_known_pair: bool,
    /// Where ReEncrypt moved data.
    #[serde(default, skip_serializing_if = "Moves::is_empty")]
    pub moves: Moves,
}

impl BulkUse {
    /// Whether what it encrypted may need this key: cells of ReEncrypt tell the key that data comes from.
    #[must_use]
    pub fn may_be_with(&self, key: &str) -> bool {
        self.key == key || self.operation == REENCRYPT
    }
}

/// Calls of one principal and operation within an hour that are bulk use.
pub fn bulk_calls(light: &DayLight<'_>) -> u64 {
    light.configuration.rules.ransom_bulk_calls.max(1)
}

/// Who encrypted in bulk on the day, with new keys or more than usual: by principal, operation and hour, with one key or
/// several.
pub(crate) fn bulk_uses(light: &DayLight<'_>) -> Vec<BulkUse> {
    let mut found = Vec::new();
    let enough = bulk_calls(light);
    let all = bulk_cells(light);
    let day_moves = OnceCell::new();
    for ((principal, operation), cells) in
        grouped(&all, |cell| Some((cell.principal, cell.operation)))
    {
        let mut known: BTreeMap<&str, bool> = BTreeMap::new();
        let mut is_new = |key| {
            let is_known = known
                .entry(key)
                .or_insert_with(|| is_known_pair(light, principal, key));
            !*is_known
        };
        let new = cells.iter().copied().filter(|cell| is_new(cell.key));
        let new: Vec<&DayCell<'_>> = new.collect();
        // What is done with new keys alone says most, and hides nothing that is done at other times.
        let of_new = bulk_hours(&new, enough);
        let habits = &light.customs.bulk_habits;
        let is_usual = |calls| habits.covers(principal, operation, calls);
        let mut of_all = Vec::new();
        if !is_usual(most_in_two_hours(&cells)) {
            let is_told = |hour: &BulkHour<'_>| {
                let mut of_new = of_new.iter();
                of_new.any(|new| new.first <= hour.last && hour.first <= new.last)
            };
            of_all = bulk_hours(&cells, enough);
            of_all.retain(|hour| !is_usual(hour.calls) && !is_told(hour));
        }
        let is_direct = cells.iter().all(|cell| cell.service_path == DIRECT);
        let moves = |hour: &BulkHour<'_>| {
            if operation != REENCRYPT || !is_direct {
                return Moves::default();
            }
            let moves = day_moves.get_or_init(|| DayMoves::selected_by(RANSOM_CHAIN, light));
            moves.of(principal, (hour.first, hour.last), hour.calls)
        };
        let of_new = of_new.into_iter().map(|hour| (hour, false));
        let hours = of_new.chain(of_all.into_iter().map(|hour| (hour, true)));
        found.extend(hours.map(|(hour, is_of_known_pair)| BulkUse {
            first: hour.first,
            last: hour.last,
            principal: principal.to_owned(),
            key: hour.key.unwrap_or_default().to_owned(),
            operation: operation.to_owned(),
            calls: hour.calls,
            event_id: event_id_within(&cells, hour.first, hour.last),
            is_of_known_pair,
            moves: moves(&hour),
        }));
    }
    found.extend(objects(light));
    found.sort();
    found
}

/// Encryption in bulk that its principal is not used to, of the day and of the day before.
pub(crate) fn bulk_of(light: &DayLight<'_>, from: EventTime) -> Vec<BulkUse> {
    let before = light.customs.bulk().iter().cloned();
    let all = before.chain(bulk_uses(light));
    all.filter(|bulk| bulk.last >= from).collect()
}

/// The cells that bulk uses are made of: those of two hours next to each other with enough calls.
fn bulk_cells<'a>(light: &DayLight<'a>) -> Vec<DayCell<'a>> {
    let hours = &light.gathered.encrypting;
    let mut bulk: HashSet<(Symbol, Symbol, Hour), RandomState> = HashSet::default();
    for ((principal, operation, hour), calls) in hours {
        let next = (*principal, *operation, hour.end().hour());
        let calls_next = hours.get(&next);
        if calls + calls_next.unwrap_or(&0) >= bulk_calls(light) {
            bulk.insert((*principal, *operation, *hour));
            bulk.extend(calls_next.map(|_| next));
        }
    }
    // Nearly every day nobody does.
    if bulk.is_empty() {
        return Vec::new();
    }
    light.cells_named(is_use, |key| {
        bulk.contains(&(key.principal, key.operation, key.hour))
    })
}

/// Whether the principal used the key before the day.
fn is_known_pair(light: &DayLight<'_>, principal: &str, key: &str) -> bool {
    let span = (
        EventTime::from_unix_seconds(0),
        light.day.start().plus_seconds(-1),
    );
    let is_it = |one: &str| one == principal;
    let first = light.uses.first_use_by(key, &is_it, span, light.past);
    first.is_some()
}

/// The cells of one principal and operation by hour, with the calls of each.
fn by_hour<'c, 'a>(cells: &[&'c DayCell<'a>]) -> BTreeMap<Hour, (u64, Vec<&'c DayCell<'a>>)> {
    let mut hours: BTreeMap<Hour, (u64, Vec<&DayCell<'_>>)> = BTreeMap::new();
    for cell in cells {
        let (calls, of_hour) = hours.entry(cell.hour).or_default();
        *calls += cell.calls();
        of_hour.push(cell);
    }
    hours
}

/// The most calls in two hours next to each other: no hour has more, wherever it begins.
fn most_in_two_hours(cells: &[&DayCell<'_>]) -> u64 {
    let hours = by_hour(cells);
    let calls = |hour| hours.get(&hour).map_or(0, |(calls, _)| *calls);
    let sums = hours
        .keys()
        .map(|hour| calls(*hour) + calls(hour.end().hour()));
    sums.max().unwrap_or(0)
}

/// An hour with enough calls.
#[derive(Debug, PartialEq, Eq)]
struct BulkHour<'a> {
    first: EventTime,
    last: EventTime,
    calls: u64,
    /// The key, where it is one.
    key: Option<&'a str>,
}

/// The hours with enough calls, by time: those of the clock, and where only two of them together have enough, one that
/// goes over the top of the hour.
fn bulk_hours<'a>(cells: &[&DayCell<'a>], enough: u64) -> Vec<BulkHour<'a>> {
    let hours = by_hour(cells);
    let mut found: Vec<BulkHour<'a>> = Vec::new();
    for (hour, (calls, of_hour)) in &hours {
        if *calls >= enough {
            found.extend(clock_hour(of_hour));
            continue;
        }
        let next = hours.get(&hour.end().hour());
        let Some((_, of_next)) = next.filter(|(next, _)| *next < enough && calls + next >= enough)
        else {
            continue;
        };
        let both = [of_hour.as_slice(), of_next].concat();
        let mut calls = calls_of(&both);
        if let Some(before) = found.last() {
            calls.retain(|call| call.at > before.last);
        }
        found.extend(windows(&calls, enough));
    }
    found
}

/// All calls of one hour of the clock.
fn clock_hour<'a>(cells: &[&DayCell<'a>]) -> Option<BulkHour<'a>> {
    let key = cells.first()?.key;
    Some(BulkHour {
        first: cells.iter().map(|cell| cell.first_time()).min()?,
        last: cells.iter().map(|cell| cell.last_time()).max()?,
        calls: cells.iter().map(|cell| cell.calls()).sum(),
        key: cells.iter().all(|cell| cell.key == key).then_some(key),
    })
}

/// Calls at one moment, as far as counts can tell. Sorted by time first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Calls<'a> {
    at: EventTime,
    key: &'a str,
    calls: u64,
}

/// The calls of these cells, by time. Of a cell that only estimates, its moments share the estimate evenly.
fn calls_of<'a>(cells: &[&DayCell<'a>]) -> Vec<Calls<'a>> {
    let mut all = Vec::new();
    for cell in cells {
        let (calls, parts) = (cell.calls(), times_of(cell).count() as u64);
        all.extend((0..).zip(times_of(cell)).map(|(part, at)| Calls {
            at,
            key: cell.key,
            calls: calls / parts + u64::from(part < calls % parts),
        }));
    }
    all.sort_unstable();
    all
}

/// The hours with enough of these calls, by time: each begins as early as it can and not within the one before.
fn windows<'a>(calls: &[Calls<'a>], enough: u64) -> Vec<BulkHour<'a>> {
    let mut found = Vec::new();
    let (mut start, mut end, mut sum) = (0, 0, 0);
    while start < calls.len() {
        let from = calls[start].at;
        while end < calls.len() && calls[end].at.seconds_since(from) <= HOUR_SECONDS {
            sum += calls[end].calls;
            end += 1;
        }
        if sum < enough {
            sum -= calls[start].calls;
            start += 1;
            continue;
        }
        let window = &calls[start..end];
        let key = calls[start].key;
        let is_one_key = window.iter().all(|call| call.key == key);
        found.push(BulkHour {
            first: from,
            last: calls[end - 1].at,
            calls: sum,
            key: is_one_key.then_some(key),
        });
        (start, sum) = (end, 0);
    }
    found
}

/// The id of the first call within these moments that a cell names.
fn event_id_within(cells: &[&DayCell<'_>], first: EventTime, last: EventTime) -> String {
    let ends = cells.iter().flat_map(|cell| [cell.first(), cell.last()]);
    let within = ends.filter(|end| (first..=last).contains(&end.time));
    within
        .min()
        .map(|end| end.event_id.text().into_owned())
        .unwrap_or_default()
}

/// Objects that were written in bulk under keys of somebody else's.
fn objects(light: &DayLight<'_>) -> Vec<BulkUse> {
    let mut found = Vec::new();
    for rule in OBJECT_RULES {
        light.records_selected_by(rule, |record, count| {
            if writes_object(record) && record.outcome.is_success() && count >= OBJECTS_MIN {
                found.push(BulkUse {
                    first: record.time,
                    last: record.time,
                    principal: record.principal().to_owned(),
                    key: String::new(),
                    operation: cut(record.operation.name()).to_owned(),
                    calls: count,
                    event_id: record.event_id.as_deref().unwrap_or_default().to_owned(),
                    is_of_known_pair: false,
                    moves: Moves::default(),
                });
            }
        });
    }
    found
}

/// The largest of them, which say most, sorted by time; and how many there was no room for.
pub(crate) fn largest(mut bulk: Vec<BulkUse>) -> (Vec<BulkUse>, u64) {
    let too_many = bulk.len().saturating_sub(STEPS_MAX) as u64;
    bulk.sort_by(|a, b| (b.calls, a).cmp(&(a.calls, b)));
    bulk.truncate(STEPS_MAX);
    bulk.sort();
    (bulk, too_many)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(calls: &[(i64, u64)], enough: u64, expected: &[(i64, i64, u64)]) {
        let calls: Vec<Calls<'_>> = calls
            .iter()
            .map(|(second, calls)| Calls {
                at: EventTime::from_unix_seconds(*second),
                key: "k",
                calls: *calls,
            })
            .collect();
        let found: Vec<_> = windows(&calls, enough)
            .into_iter()
            .map(|window| {
                (
                    window.first.unix_seconds(),
                    window.last.unix_seconds(),
                    window.calls,
                )
            })
            .collect();
        assert_eq!(found, expected, "{calls:?}");
    }

    #[test]
    fn an_hour_begins_anywhere() {
        check(&[], 1, &[]);
        check(&[(0, 1), (3_600, 1)], 2, &[(0, 3_600, 2)]);
        check(&[(0, 1), (3_601, 1)], 2, &[]);
        check(&[(0, 1), (3_000, 1), (5_000, 1)], 2, &[(0, 3_000, 2)]);
        check(&[(0, 1), (4_000, 2), (5_000, 2)], 4, &[(4_000, 5_000, 4)]);
        check(
            &[(0, 3), (100, 3), (3_700, 3), (3_800, 3)],
            6,
            &[(0, 100, 6), (3_700, 3_800, 6)],
        );
    }

    #[test]
    fn calls_with_several_keys_name_none() {
        let call = |key, second| Calls {
            at: EventTime::from_unix_seconds(second),
            key,
            calls: 5,
        };
        let of_one = windows(&[call("a", 0), call("a", 1)], 10);
        assert_eq!(of_one[0].key, Some("a"));
        let of_two = windows(&[call("a", 0), call("b", 1)], 10);
        assert_eq!(of_two[0].key, None);
    }
}

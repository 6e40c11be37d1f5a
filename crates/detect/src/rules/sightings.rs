//! Cells as sightings: a hit over what some cells of a day hold, and single moments within them.

use std::collections::{BTreeMap, BTreeSet};

use keytrail_event::EventTime;

use super::Hit;
use super::day::{DayCell, DayHit};
use super::support::{cut, listed};
use crate::behaviour::estimate_evidence;
use crate::bounds::EXACT_EVENTS_MAX;
use crate::finding::Evidence;
use crate::values::ValueKind;

/// A hit over these cells: the first and last of their events, how many there are, and the ids of the ends.
pub fn over_cells(hit: Hit, cells: &[&DayCell<'_>]) -> Option<DayHit> {
    let mut ends: Vec<_> = cells
        .iter()
        .flat_map(|cell| [cell.first(), cell.last()])
        .collect();
    ends.sort_unstable();
    ends.dedup();
    let (first, last) = (ends.first()?.time, ends.last()?.time);
    let region = cells.first()?.region;
    let is_one_region = cells.iter().all(|cell| cell.region == region);
    let calls = cells.iter().map(|cell| cell.calls()).sum();
    let ids = ends.iter().map(|end| end.event_id.text().into_owned());
    let is_estimate = !estimate_mark(cells).is_empty();
    Some(DayHit {
        hit: if is_estimate {
            hit.because(estimate_evidence())
        } else {
            hit
        },
        region: is_one_region.then(|| region.to_owned()),
        first_seen: first,
        last_seen: last,
        count: calls,
        new: calls,
        event_ids: ids.filter(|id| !id.is_empty()).collect(),
        is_told_once: false,
        tells: Vec::new(),
    })
}

/// The cells that `wanted` accepts, by what `name` says of them.
pub fn grouped<'c, 'a, K: Ord>(
    cells: &'c [DayCell<'a>],
    name: impl Fn(&'c DayCell<'a>) -> Option<K>,
) -> BTreeMap<K, Vec<&'c DayCell<'a>>> {
    let mut groups: BTreeMap<K, Vec<&DayCell<'_>>> = BTreeMap::new();
    // Cells of one name mostly stand side by side, and a group is looked for once for all of them.
    let named = cells.iter().filter_map(|cell| Some((name(cell)?, cell)));
    let mut named = named.peekable();
    while let Some((name, cell)) = named.next() {
        let mut alike = vec![cell];
        while let Some((_, cell)) = named.next_if(|(next, _)| *next == name) {
            alike.push(cell);
        }
        groups.entry(name).or_default().append(&mut alike);
    }
    groups
}

/// The hits over calls in unusual encryption contexts: one for each principal, key and anomaly, over the cells in which
/// some context is so.
pub fn hits_by_context<'c, 'a, A: Ord + 'c>(
    cells: &'c [DayCell<'a>],
    anomaly: impl Fn(&'c DayCell<'a>, &'c str) -> Option<&'c A>,
    hit: impl Fn(&str, &str, &A, &[&DayCell<'_>]) -> Hit,
) -> Vec<DayHit> {
    let mut found: BTreeMap<(&str, &str, &A), Vec<&DayCell<'_>>> = BTreeMap::new();
    for cell in cells {
        for context in cell.cell.values.names(ValueKind::Context, cell.symbols) {
            if let Some(anomaly) = anomaly(cell, context) {
                let cells = found
                    .entry((cell.principal, cell.key, anomaly))
                    .or_default();
                // A cell may have several contexts that are unusual alike.
                if cells.last().is_none_or(|last| !std::ptr::eq(*last, cell)) {
                    cells.push(cell);
                }
            }
        }
    }
    let hits = found
        .into_iter()
        .filter_map(|((principal, key, anomaly), cells)| {
            over_cells(hit(principal, key, anomaly, &cells), &cells)
        });
    hits.collect()
}

/// The encryption contexts of the cells' calls as evidence, where they are known.
pub fn contexts_evidence(cells: &[&DayCell<'_>]) -> Option<Evidence> {
    let contexts = cells
        .iter()
        .flat_map(|cell| cell.cell.values.names(ValueKind::Context, cell.symbols));
    let contexts: BTreeSet<&str> = contexts.map(context_in_words).collect();
    // Refused calls seldom show theirs.
    if contexts.is_empty() {
        return None;
    }
    let contexts = listed(contexts);
    let text = format!("Contexts of these calls: {contexts}");
    Some(Evidence::new("contexts", text).observed(contexts))
}

/// An encryption context, or its keys, as words: one without pairs is `none`.
pub fn context_in_words(context: &str) -> &str {
    if context.is_empty() { "none" } else { context }
}

/// What stands before the number of these cells' calls, where it is an estimate.
pub fn estimate_mark(cells: &[&DayCell<'_>]) -> &'static str {
    let is_exact = cells.iter().all(|cell| cell.cell.events.is_exact());
    if is_exact { "" } else { "≈" }
}

/// How often the cells' calls were made and by whom, as evidence.
pub fn calls_evidence(cells: &[&DayCell<'_>]) -> Evidence {
    let calls: u64 = cells.iter().map(|cell| cell.calls()).sum();
    let mut operations: Vec<&str> = cells.iter().map(|cell| cell.operation).collect();
    operations.sort_unstable();
    operations.dedup();
    let operations: Vec<&str> = operations.into_iter().map(cut).collect();
    let noun = if calls == 1 { "call" } else { "calls" };
    let mark = estimate_mark(cells);
    let text = format!("{mark}{calls} {noun} on the day: {}", operations.join(", "));
    Evidence::new("calls", text).observed(calls)
}

/// The step that shows what a principal did since some hours before.
pub fn events_of(principal: &str, first: EventTime, hours_before: i64) -> String {
    let since = first.plus_seconds(-hours_before * keytrail_event::time::HOUR_SECONDS);
    format!(
        "Read what the caller did before and after: keytrail events ARCHIVE --principal {} --since {since}",
        super::support::argument(principal, "principal")
    )
}

/// One call of some cell, as far as its count can tell the time of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment<'a> {
    /// When.
    pub at: EventTime,
    /// On which key; empty where the record names none.
    pub key: &'a str,
    /// The operation.
    pub operation: &'a str,
}

/// The calls of these cells, by time: each one where a cell counts exactly. Where it only estimates, as many as a
/// cell counts exactly, spread evenly from its first to its last call: no window is made fuller than it must be.
pub fn moments<'a>(cells: &[&DayCell<'a>]) -> Vec<Moment<'a>> {
    let name = |cell: &DayCell<'a>| (cell.key, cell.operation);
    let mut names: Vec<(&str, &str)> = cells.iter().map(|cell| name(cell)).collect();
    names.dedup();
    names.sort_unstable();
    names.dedup();
    // Calls of one second are in the order of names, which are compared for each cell only.
    let mut calls: Vec<(EventTime, usize)> = Vec::new();
    let mut last = None;
    for cell in cells {
        let of_cell = name(cell);
        let name = match last {
            Some((known, name)) if known == of_cell => name,
            _ => names.binary_search(&of_cell).unwrap_or_default(),
        };
        last = Some((of_cell, name));
        calls.extend(times_of(cell).map(|at| (at, name)));
    }
    if cells.len() > 1 {
        calls.sort_unstable();
    }
    let calls = calls.into_iter().map(|(at, name)| Moment {
        at,
        key: names[name].0,
        operation: names[name].1,
    });
    calls.collect()
}

/// When the calls of a cell were, likewise.
pub fn times_of(cell: &DayCell<'_>) -> impl Iterator<Item = EventTime> {
    let exact = cell.cell.events.exact();
    let start = cell.hour.start();
    // A second of an hour fits.
    let exact_times = exact.unwrap_or_default().iter();
    let exact_times = exact_times.map(move |element| start.plus_seconds(element.second() as i64));
    let (first, last) = (cell.first_time(), cell.last_time());
    let (seconds, steps) = (last.seconds_since(first), EXACT_EVENTS_MAX as i64 - 1);
    let spread = exact.is_none().then_some(0..=steps).into_iter().flatten();
    exact_times.chain(spread.map(move |step| first.plus_seconds(seconds * step / steps)))
}

/// Every run of moments within `seconds` that `is_enough` accepts, stretched by what follows without a break; by time.
pub fn spells<'m, 'a>(
    moments: &'m [Moment<'a>],
    seconds: i64,
    is_enough: impl Fn(&[Moment<'a>]) -> bool,
) -> Vec<&'m [Moment<'a>]> {
    let mut found = Vec::new();
    let mut behind = 0;
    while let Some((start, end)) = first_spell(moments, behind, seconds, &is_enough) {
        found.push(&moments[start..end]);
        behind = end;
    }
    found
}

fn first_spell<'a>(
    moments: &[Moment<'a>],
    behind: usize,
    seconds: i64,
    is_enough: &impl Fn(&[Moment<'a>]) -> bool,
) -> Option<(usize, usize)> {
    let mut found: Option<(usize, usize)> = None;
    let mut end = behind;
    for start in behind..moments.len() {
        let from = moments[start].at;
        let is_within = |moment: &Moment<'_>| moment.at.seconds_since(from) <= seconds;
        end = end.max(start);
        while moments.get(end).is_some_and(is_within) {
            end += 1;
        }
        match &mut found {
            Some((_, last)) if start >= *last => break,
            _ if !is_enough(&moments[start..end]) => {}
            Some((_, last)) => *last = end.max(*last),
            none => *none = Some((start, end)),
        }
    }
    found
}

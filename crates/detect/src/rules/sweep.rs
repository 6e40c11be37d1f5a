//! Sweeps: many keys refused to one principal, or looked at by one, within a short time.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use keytrail_event::key::short_key_name;
use keytrail_event::{Day, EventTime, OperationClass, OutcomeFamily};

use super::BURST_SECONDS;
use super::Hit;
use super::caller::{is_aws_principal, is_judged_at};
use super::customs::Customs;
use super::day::{DayCell, DayHit, DayLight};
use super::lately::LATELY_SECONDS;
use super::looking_habits::Look;
use super::sightings::{Moment, grouped, moments, spells};
use super::support::listed;

/// What reads who may do what.
const IN_DEPTH: [&str; 3] = ["GetKeyPolicy", "ListGrants", "ListRetirableGrants"];

/// Runs of calls of one principal.
#[derive(Debug, Clone)]
pub struct Sweep<'l> {
    /// Who.
    pub principal: &'l str,
    /// The run that is told: its calls, by time, as far as counts can tell each.
    pub calls: Vec<Moment<'l>>,
    /// The Region, where it was one.
    region: Option<&'l str>,
    /// Those of the day's runs that are known: the first, the largest and the last that are no habit, by time.
    runs: Vec<Vec<Moment<'l>>>,
    /// The ids of events in it that are known; where none is, that of the caller's like call next to it.
    event_ids: Vec<String>,
}

/// The kinds of sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Distinct keys refused to one principal within an hour.
    Denied,
    /// Calls that look at keys, by one principal within ten minutes.
    Discovery,
}

/// The sweeps of one day, each kind once somebody asks: several rules do.
#[derive(Debug, Default)]
pub(crate) struct DaySweeps<'a> {
    denied: OnceCell<Found<'a>>,
    discovery: OnceCell<Found<'a>>,
}

/// The sweeps of one kind.
#[derive(Debug, Default)]
struct Found<'a> {
    /// Those that are no habit; at most one of a principal.
    sweeps: Vec<Sweep<'a>>,
    /// Who looked at how much, habit or not, and on which day that began.
    looks: Vec<(&'a str, Day, Look)>,
}

impl<'a> DayLight<'a> {
    /// The day's sweeps of this kind.
    pub(crate) fn sweeps(&self, kind: Kind) -> &'a [Sweep<'a>] {
        &self.found(kind).sweeps
    }

    fn found(&self, kind: Kind) -> &'a Found<'a> {
        let found = match kind {
            Kind::Denied => &self.sweeps.denied,
            Kind::Discovery => &self.sweeps.discovery,
        };
        found.get_or_init(|| find(self, &sweep_cells(self, kind), kind))
    }
}

/// The sweeps of a day, with what belongs to them of the evening before.
fn find<'a>(light: &DayLight<'a>, cells: &[DayCell<'a>], kind: Kind) -> Found<'a> {
    let rules = &light.configuration.rules;
    let (seconds, enough) = match kind {
        Kind::Denied => (LATELY_SECONDS, rules.denied_sweep_keys),
        Kind::Discovery => (BURST_SECONDS as i64, rules.discovery_sweep_calls),
    };
    let is_enough = |calls: &[Moment<'_>]| match kind {
        Kind::Denied => keys_of(calls).len() as u64 >= enough.max(2),
        // Whoever keeps asking about one key, for its public half or its state, does not look around.
        Kind::Discovery => calls.len() as u64 >= enough.max(2) && !all_name_one_key(calls),
    };
    let mut evening: BTreeMap<&str, Vec<Moment<'_>>> = BTreeMap::new();
    let customs: &'a Customs = light.customs;
    for call in customs.lately.iter() {
        let is_of_kind = match kind {
            Kind::Denied => call.is_refused && !call.key.is_empty(),
            Kind::Discovery => !call.is_refused,
        };
        if is_of_kind {
            evening.entry(&call.principal).or_default().push(Moment {
                at: call.at,
                key: &call.key,
                operation: &call.operation,
            });
        }
    }
    let mut found = Found::default();
    for (principal, cells) in grouped(cells, |cell| Some(cell.principal)) {
        let mut calls = evening.remove(principal).unwrap_or_default();
        calls.extend(moments(&cells));
        calls.sort_unstable();
        let mut runs = spells(&calls, seconds, is_enough);
        // What was over yesterday was told yesterday, and hides nothing of today.
        runs.retain(|run| {
            let last = run.last();
            last.is_some_and(|last| last.at >= light.day.start())
        });
        if kind == Kind::Discovery {
            let began = |run: &[Moment<'_>]| span_of(run).0.day();
            let mut of_day: BTreeMap<Day, BTreeSet<&str>> = BTreeMap::new();
            for run in &runs {
                of_day.entry(began(run)).or_default().extend(keys_of(run));
            }
            runs.retain(|run| {
                let began = began(run);
                let keys = of_day.get(&began).map_or(0, BTreeSet::len);
                let look = look_at(run).with_day(keys);
                found.looks.push((principal, began, look));
                !customs.looking_habits.covers(principal, look, began)
            });
        }
        found
            .sweeps
            .extend(sweep_of(principal, &cells, &runs, kind));
    }
    found
}

/// What is told of these runs of a principal, which its cells come to.
fn sweep_of<'a>(
    principal: &'a str,
    cells: &[&DayCell<'a>],
    runs: &[&[Moment<'a>]],
    kind: Kind,
) -> Option<Sweep<'a>> {
    // Of runs alike the first.
    let largest = runs.iter().rev().max_by_key(|run| {
        let look = look_at(run);
        (kind == Kind::Discovery && look.is_large(), look.keys)
    })?;
    let run = match kind {
        Kind::Denied => runs.first()?,
        Kind::Discovery => largest,
    };
    let mut known = vec![*runs.first()?, *largest, *runs.last()?];
    known.dedup_by_key(|run| span_of(run));
    let (first, last) = span_of(run);
    let region = cells.first()?.region;
    let ends = cells.iter().flat_map(|cell| [cell.first(), cell.last()]);
    let ends = ends.map(|end| (end.time, end.event_id.text().into_owned()));
    let (within, without): (Vec<_>, Vec<_>) = ends
        .filter(|(_, id)| !id.is_empty())
        .partition(|(at, _)| (first..=last).contains(at));
    let mut ids: Vec<(EventTime, String)> = within;
    if ids.is_empty() {
        // Cells name their ends alone, and of a busy hour these may lie on both sides.
        let distance = |at: EventTime| {
            let before = first.seconds_since(at);
            before.max(at.seconds_since(last))
        };
        let nearest = without.into_iter();
        ids.extend(nearest.min_by_key(|(at, id)| (distance(*at), id.clone())));
    }
    ids.sort_unstable();
    ids.dedup();
    Some(Sweep {
        principal,
        calls: run.to_vec(),
        runs: known.into_iter().map(<[_]>::to_vec).collect(),
        region: cells
            .iter()
            .all(|cell| cell.region == region)
            .then_some(region),
        event_ids: ids.into_iter().map(|(_, id)| id).collect(),
    })
}

/// The cells that sweeps of this kind are made of.
fn sweep_cells<'a>(light: &DayLight<'a>, kind: Kind) -> Vec<DayCell<'a>> {
    let who = |principal: &str| {
        !is_aws_principal(principal) && is_judged_at(principal, light.account, light.configuration)
    };
    let is_of_kind = |class, outcome| match kind {
        Kind::Denied => outcome == OutcomeFamily::Denied,
        Kind::Discovery => class == OperationClass::Discovery && outcome == OutcomeFamily::Success,
    };
    light.cells_by(who, is_of_kind, |cell| {
        kind == Kind::Discovery || !cell.key.is_empty()
    })
}

/// Who looked at many keys at once on the day, and how many, with the day on which that began.
pub(crate) fn looks(light: &DayLight<'_>) -> Vec<(String, Day, Look)> {
    let looks = light.found(Kind::Discovery).looks.iter();
    let owned = looks.map(|(principal, began, look)| ((*principal).to_owned(), *began, *look));
    owned.collect()
}

/// How much these calls look at.
fn look_at(calls: &[Moment<'_>]) -> Look {
    let is_in_depth = calls.iter().any(|call| IN_DEPTH.contains(&call.operation));
    Look::of(keys_of(calls).len(), is_in_depth)
}

/// Whether every call names a key, and all the same.
fn all_name_one_key(calls: &[Moment<'_>]) -> bool {
    let first = calls.first().map_or("", |call| call.key);
    !first.is_empty() && calls.iter().all(|call| call.key == first)
}

/// The first and the last call.
pub fn span_of(calls: &[Moment<'_>]) -> (EventTime, EventTime) {
    // A run has at least one call.
    let at =
        |call: Option<&Moment<'_>>| call.map_or(EventTime::from_unix_seconds(0), |call| call.at);
    (at(calls.first()), at(calls.last()))
}

/// The operations, in words.
pub fn operations_of(calls: &[Moment<'_>]) -> String {
    let operations: BTreeSet<&str> = calls.iter().map(|call| call.operation).collect();
    listed(operations)
}

/// The distinct keys that calls name.
pub fn keys_of<'m>(calls: &[Moment<'m>]) -> BTreeSet<&'m str> {
    let named = calls
        .iter()
        .map(|call| call.key)
        .filter(|key| !key.is_empty());
    named.collect()
}

impl Sweep<'_> {
    /// The first and the last call.
    pub fn span(&self) -> (EventTime, EventTime) {
        span_of(&self.calls)
    }

    /// How many distinct keys it touched.
    pub fn keys(&self) -> usize {
        keys_of(&self.calls).len()
    }

    /// The id of its first event that is known.
    pub fn event_id(&self) -> Option<&str> {
        self.event_ids.first().map(String::as_str)
    }

    /// The distinct keys.
    pub fn key_names(&self) -> BTreeSet<&str> {
        keys_of(&self.calls)
    }

    /// How much it looked at.
    pub fn look(&self) -> Look {
        look_at(&self.calls)
    }

    /// Its runs of calls that are known: the first, the largest and the last.
    pub fn runs(&self) -> impl Iterator<Item = &[Moment<'_>]> {
        self.runs.iter().map(Vec::as_slice)
    }

    /// The distinct keys, in words.
    pub fn keys_in_words(&self) -> String {
        let keys = keys_of(&self.calls);
        let names: Vec<_> = keys.into_iter().map(short_key_name).collect();
        listed(names.iter().map(|name| &**name))
    }

    /// The operations, in words.
    pub fn operations_in_words(&self) -> String {
        operations_of(&self.calls)
    }

    /// A hit over the sweep.
    pub fn hit(&self, hit: Hit, light: &DayLight<'_>) -> DayHit {
        let (first_seen, last_seen) = self.span();
        let today = self
            .calls
            .iter()
            .filter(|call| call.at >= light.day.start());
        DayHit {
            hit,
            region: self.region.map(str::to_owned),
            first_seen,
            last_seen,
            count: self.calls.len() as u64,
            new: today.count() as u64,
            event_ids: self.event_ids.clone(),
            is_told_once: false,
            tells: Vec::new(),
        }
    }
}

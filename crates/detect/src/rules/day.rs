//! What a rule sees of an account's whole day: the sets behind "within an hour" and "then".
//!
//! A rule over several records is a function of a set. Records are judged in the order of (time, event id), of one
//! second first those that make a key, and what they tell is kept in [`Past`] with its times; once all of a day's records are learnt, a rule looks at the
//! past, at the day's cells and at earlier use, and says what it finds. "First" is a minimum by time and "then"
//! means not before, since event times have whole seconds.

use std::cell::Cell;
use std::collections::BTreeSet;

use keytrail_event::{Day, EventTime, Hour, OperationClass, OutcomeFamily, Record};

use super::Hit;
use super::customs::Customs;
use super::gathered::Gathered;
use super::key_changes::KeyChange;
use super::past::{KeyUses, Past};
use super::sweep::DaySweeps;
use crate::account_day::AccountDay;
use crate::cell::{self, Exemplar};
use crate::cell_order::{CellOrder, Ranked};
use crate::cells::CellKey;
use crate::configuration::Configuration;
use crate::distinct::DistinctEvents;
use crate::finding::FindingId;
use crate::items::Rereader;
use crate::symbol::{Symbol, Symbols};

/// One account's day, once its records were judged and learnt.
#[derive(Debug, Clone, Copy)]
pub struct DayLight<'a> {
    /// The account.
    pub account: &'a str,
    /// The day that is judged.
    pub day: Day,
    /// What all records up to the end of the day told.
    pub past: &'a Past,
    /// When keys were used, on this day and before.
    pub uses: &'a dyn KeyUses,
    /// What the user decided.
    pub configuration: &'a Configuration,
    /// The end of the day, or the clock where the day has not ended.
    pub until: EventTime,
    /// The records of the day, sorted.
    pub(crate) records: &'a [DayRecord<'a>],
    /// The ids of these records.
    pub(crate) new_ids: &'a BTreeSet<String>,
    pub(crate) cells: &'a AccountDay<'a>,
    /// The cells in the order of their names.
    pub(crate) order: &'a CellOrder<'a>,
    /// What was customary before the day.
    pub customs: &'a Customs,
    /// What the day's cells come to.
    pub(crate) gathered: &'a Gathered<'a>,
    /// The day's sweeps, once somebody asks.
    pub(crate) sweeps: &'a DaySweeps<'a>,
}

/// A record judged with the day.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DayRecord<'a> {
    pub raw: &'a str,
    /// The rule that selected it, when it is a frequent one.
    pub only: Option<&'static str>,
    /// The events it stands for.
    pub events: Option<&'a DistinctEvents>,
}

impl<'a> DayLight<'a> {
    /// Whether this record was judged with this day, so that a set with it in it is news.
    #[must_use]
    pub fn is_new(&self, event_id: &str) -> bool {
        self.new_ids.contains(event_id)
    }

    /// Whether this was found before, for what is told once only (see [`DayHit::once`]).
    #[must_use]
    pub fn was_told(&self, rule: &str, hit: &Hit) -> bool {
        self.past.was_told(&hit.finding_id(rule, self.account))
    }

    /// Every record judged with this day that any rule may see, and those that `rule` selected, in the order of
    /// (time, event id), of one second first those that make a key, each with the number of distinct events it stands for.
    pub fn records(&self, rule: &str, mut then: impl FnMut(&Record<'_>, u64)) {
        self.each_record(|only| only.is_none_or(|only| only == rule), &mut then);
    }

    /// The records judged with this day that were carried because `rule` selected them, likewise.
    pub fn records_selected_by(&self, rule: &str, mut then: impl FnMut(&Record<'_>, u64)) {
        self.each_record(|only| only == Some(rule), &mut then);
    }

    fn each_record(
        &self,
        wanted: impl Fn(Option<&str>) -> bool,
        then: &mut impl FnMut(&Record<'_>, u64),
    ) {
        let mut reader = Rereader::default();
        let wanted = self.records.iter().filter(|record| wanted(record.only));
        for day_record in wanted {
            let count = day_record.events.map_or(1, DistinctEvents::count);
            reader.record(day_record.raw, |record| then(record, count));
        }
    }

    /// The day's cells of these classes and outcomes, sorted by (principal, key, hour) and the rest of their names.
    #[must_use]
    pub fn cells(
        &self,
        wanted: impl Fn(OperationClass, OutcomeFamily) -> bool,
    ) -> Vec<DayCell<'a>> {
        self.named_cells(|_| true, |_| true, wanted, |_| true)
    }

    /// The day's cells of these classes and outcomes that `wanted` accepts, sorted likewise.
    #[must_use]
    pub fn cells_in(
        &self,
        of: impl Fn(OperationClass, OutcomeFamily) -> bool,
        wanted: impl Fn(&DayCell<'a>) -> bool,
    ) -> Vec<DayCell<'a>> {
        self.named_cells(|_| true, |_| true, of, wanted)
    }

    /// The day's cells of principals whom `who` accepts, of these classes and outcomes, that `wanted` accepts, sorted
    /// likewise. `who` is asked once for each principal.
    #[must_use]
    pub fn cells_by(
        &self,
        who: impl Fn(&str) -> bool,
        of: impl Fn(OperationClass, OutcomeFamily) -> bool,
        wanted: impl Fn(&DayCell<'a>) -> bool,
    ) -> Vec<DayCell<'a>> {
        let last = Cell::new(None);
        let who = |cells: &[Ranked]| match last.get() {
            Some((principal, is_wanted)) if principal == cells[0].principal => is_wanted,
            _ => {
                let is_wanted = who(self.principal(cells));
                last.set(Some((cells[0].principal, is_wanted)));
                is_wanted
            }
        };
        self.named_cells(who, |_| true, of, wanted)
    }

    /// The day's cells of these pairs of principal and key, and of these classes and outcomes, that `wanted` accepts,
    /// sorted likewise. `who` is asked once for each pair.
    #[must_use]
    pub(crate) fn cells_of_pairs(
        &self,
        who: impl Fn(&str, &str) -> bool,
        of: impl Fn(OperationClass, OutcomeFamily) -> bool,
        wanted: impl Fn(&DayCell<'a>) -> bool,
    ) -> Vec<DayCell<'a>> {
        let who = |cells: &[Ranked]| who(self.principal(cells), self.key(cells));
        self.named_cells(who, |_| true, of, wanted)
    }

    /// The day's cells of these classes and outcomes whose keys `named` accepts, sorted likewise.
    #[must_use]
    pub(crate) fn cells_named(
        &self,
        of: impl Fn(OperationClass, OutcomeFamily) -> bool,
        named: impl Fn(&CellKey) -> bool,
    ) -> Vec<DayCell<'a>> {
        self.named_cells(|_| true, named, of, |_| true)
    }

    /// The day's cells that `wanted` accepts, sorted likewise.
    #[must_use]
    pub fn cells_like(&self, wanted: impl Fn(&DayCell<'a>) -> bool) -> Vec<DayCell<'a>> {
        self.named_cells(|_| true, |_| true, |_, _| true, wanted)
    }

    /// `who` is asked for the cells of each pair of principal and key; class and outcome stand in the order itself.
    fn named_cells(
        &self,
        who: impl Fn(&[Ranked]) -> bool,
        named: impl Fn(&CellKey) -> bool,
        of: impl Fn(OperationClass, OutcomeFamily) -> bool,
        wanted: impl Fn(&DayCell<'a>) -> bool,
    ) -> Vec<DayCell<'a>> {
        let (day, order) = (self.cells, self.order);
        let [operations, paths, regions] = [const { LastName::new() }; 3];
        let by_pair = order
            .cells
            .chunk_by(|a, b| (a.principal, a.key) == (b.principal, b.key));
        let is_of = |ranked: &&Ranked| of(ranked.class, ranked.outcome);
        let of_some = by_pair.filter(|cells| cells.iter().any(|cell| is_of(&cell)) && who(cells));
        let cells = of_some.flatten().filter(is_of).filter_map(|ranked| {
            let (key, cell) = day.cell(ranked.number);
            named(&key).then(|| DayCell {
                principal: order.principals[ranked.principal as usize],
                key: &order.keys[ranked.key as usize],
                hour: key.hour,
                operation: operations.of(key.operation, day),
                outcome: key.outcome,
                service_path: paths.of(key.service_path, day),
                region: regions.of(key.region, day),
                class: key.class,
                cell,
                symbols: day.symbols(),
            })
        });
        cells.filter(|cell| wanted(cell)).collect()
    }

    /// The principal of cells that have one.
    fn principal(&self, cells: &[Ranked]) -> &'a str {
        self.order.principals[cells[0].principal as usize]
    }

    /// The key of cells that have one.
    fn key(&self, cells: &[Ranked]) -> &'a str {
        &self.order.keys[cells[0].key as usize]
    }
}

/// The name that was last asked for: cells in the order of their names mostly repeat it.
struct LastName<'a>(Cell<Option<(Symbol, &'a str)>>);

impl<'a> LastName<'a> {
    const fn new() -> Self {
        Self(Cell::new(None))
    }

    fn of(&self, symbol: Symbol, day: &AccountDay<'a>) -> &'a str {
        if let Some((last, name)) = self.0.get()
            && last == symbol
        {
            return name;
        }
        let name = day.name(symbol);
        self.0.set(Some((symbol, name)));
        name
    }
}

/// What one principal did with one key in one way in one hour.
#[derive(Debug, Clone)]
pub struct DayCell<'a> {
    /// The canonical principal.
    pub principal: &'a str,
    /// The canonical key, its alias followed where its target is known; empty where the records name none.
    pub key: &'a str,
    /// The hour.
    pub hour: Hour,
    /// The operation.
    pub operation: &'a str,
    /// How the calls ended.
    pub outcome: OutcomeFamily,
    /// The service path.
    pub service_path: &'a str,
    /// The Region.
    pub region: &'a str,
    /// The operation's class.
    pub class: OperationClass,
    /// The counts, networks, agents, contexts and sessions.
    pub cell: &'a cell::Cell,
    /// The names that the cell's values refer to.
    pub symbols: &'a Symbols,
}

impl<'a> DayCell<'a> {
    /// Distinct calls.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.cell.events.count()
    }

    /// The first call.
    #[must_use]
    pub fn first(&self) -> Exemplar {
        self.cell.ends(self.hour).first
    }

    /// The last call.
    #[must_use]
    pub fn last(&self) -> Exemplar {
        self.cell.ends(self.hour).last
    }

    /// When the first call was.
    #[must_use]
    pub fn first_time(&self) -> EventTime {
        self.cell.first_time(self.hour)
    }

    /// When the last call was.
    #[must_use]
    pub fn last_time(&self) -> EventTime {
        self.cell.last_time(self.hour)
    }
}

/// Successful cryptographic calls with one key by one principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUse {
    /// The canonical principal.
    pub principal: String,
    /// The operation of the first call, where its day is still open.
    pub operation: Option<String>,
    /// The first call in the span that was asked for, as far as counts can tell.
    pub first: EventTime,
    /// The last call in it, as far as counts can tell.
    pub last: EventTime,
    /// The id of the first or last call, where it is known.
    pub event_id: Option<String>,
}

/// What a rule found in a set.
#[derive(Debug, Clone, PartialEq)]
pub struct DayHit {
    /// What it is. The principal and key in it must name the problem, as for a record.
    pub hit: Hit,
    /// The Region, where it happened in one.
    pub region: Option<String>,
    /// The first event of the set.
    pub first_seen: EventTime,
    /// The last event of the set.
    pub last_seen: EventTime,
    /// Distinct events in the set.
    pub count: u64,
    /// Those of them that were not seen when the account was looked at before: what a repeat adds.
    pub new: u64,
    /// The ids of the events, by time.
    pub event_ids: Vec<String>,
    /// Whether it is told once only: [`DayLight::was_told`] knows it from then on.
    pub is_told_once: bool,
    /// Findings that count as told by it, too.
    pub tells: Vec<FindingId>,
}

impl DayHit {
    /// A hit over these events, of which some are new, given as (time, id, whether it is new).
    #[must_use]
    pub fn over<'e>(
        hit: Hit,
        region: Option<&str>,
        events: impl IntoIterator<Item = (EventTime, &'e str, bool)>,
    ) -> Option<Self> {
        let mut events: Vec<(EventTime, &str, bool)> = events.into_iter().collect();
        events.sort_unstable();
        events.dedup();
        let (first, last) = (events.first()?.0, events.last()?.0);
        let ids = events.iter().map(|(_, id, _)| (*id).to_owned());
        Some(Self {
            hit,
            region: region.map(str::to_owned),
            first_seen: first,
            last_seen: last,
            count: events.len() as u64,
            new: events.iter().filter(|(_, _, is_new)| *is_new).count() as u64,
            event_ids: ids.filter(|id| !id.is_empty()).collect(),
            is_told_once: false,
            tells: Vec::new(),
        })
    }

    /// The same, to be told once only.
    #[must_use]
    pub const fn once(mut self) -> Self {
        self.is_told_once = true;
        self
    }

    /// A hit over these changes of keys.
    #[must_use]
    pub fn over_changes(hit: Hit, changes: &[&KeyChange], light: &DayLight<'_>) -> Option<Self> {
        let region = changes.first()?.region.as_str();
        let region = changes
            .iter()
            .all(|change| change.region == region)
            .then_some(region);
        let events = changes.iter().map(|change| {
            let id = change.event_id.as_str();
            (change.at, id, light.is_new(id))
        });
        Self::over(hit, region, events)
    }
}

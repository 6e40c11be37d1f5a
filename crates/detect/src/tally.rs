//! Records in, one mergeable tally out: cells for use, and notable records carried whole.

mod extent;

use keytrail_event::{Day, EventTime, Hour, OperationClass, OutcomeFamily, Record, Repeat};
use serde::Serialize;

use crate::bounds::{NOTABLE_BYTES_MAX, NOTABLES_BYTES_MAX, NOTABLES_MAX};
use crate::carried::{Carried, Room};
use crate::cell::{Cell, Series};
use crate::cells::{CellKey, Cells, Place};
use crate::distinct::Element;
use crate::known_template::{KnownTemplate, KnownTemplates, ToNote};
use crate::notable::{Group, Notable, group_hash};
use crate::recent::Recent;
use crate::rules::{self, Rule};
use crate::symbol::{Adopted, Symbols};
use crate::timing::Timing;
use crate::values::{ValueKind, Values};

/// How many records a tally took in, each counted once per delivery.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TallyCounts {
    /// Records in cells or carried for rules, duplicates included.
    pub kept: u64,
    /// Records that were late: rules only.
    pub late: u64,
    /// Records from the future of their file: rules only.
    pub future: u64,
    /// Records of files without a stamp (also counted above).
    pub unstamped: u64,
    /// Notable records beyond the bound or too long to carry: counted in their cell only.
    pub notables_not_carried: u64,
}

impl TallyCounts {
    /// Adds the counts of another tally.
    pub fn add(&mut self, other: &Self) {
        self.kept += other.kept;
        self.late += other.late;
        self.future += other.future;
        self.unstamped += other.unstamped;
        self.notables_not_carried += other.notables_not_carried;
    }
}

/// Cells and notable records of any set of records. Merging is union: order, repetition and
/// division change nothing but the delivery counts.
#[derive(Debug, Clone)]
pub struct Tally {
    /// The names that keys of cells refer to.
    pub symbols: Symbols,
    /// Use, by cell.
    pub cells: Cells,
    /// Records carried whole, by the hash of their event.
    pub notables: Carried<Notable>,
    /// Frequent records that rules selected: the first and last of each group, and how many.
    pub groups: Carried<Group>,
    /// How many records came in.
    pub counts: TallyCounts,
    /// Principals whose hash is this or greater have no cells here: there were too many.
    pub(crate) cut: Option<u64>,
    recent: Recent,
    templates: KnownTemplates,
}

/// Room for notable records, and for groups.
const ROOM: Room = Room {
    number: NOTABLES_MAX,
    bytes: NOTABLES_BYTES_MAX,
};

impl Default for Tally {
    fn default() -> Self {
        Self {
            symbols: Symbols::default(),
            cells: Cells::default(),
            notables: Carried::with_room(ROOM),
            groups: Carried::with_room(ROOM),
            counts: TallyCounts::default(),
            cut: None,
            recent: Recent::default(),
            templates: KnownTemplates::default(),
        }
    }
}

impl Tally {
    /// Takes in a record of a file with this stamp.
    pub fn add(&mut self, record: &Record<'_>, stamp: Option<EventTime>) {
        self.counts.unstamped += u64::from(stamp.is_none());
        let timing = Timing::of(record.time, stamp);
        match timing {
            Timing::InTime => self.counts.kept += 1,
            Timing::Late => self.counts.late += 1,
            Timing::Future => self.counts.future += 1,
        }
        if timing == Timing::InTime && record.is_kms() {
            self.add_to_cell(record);
        }
        if is_notable(record) {
            self.carry(record, timing);
        } else {
            for rule in rules::selecting(record) {
                self.add_to_group(rule, record, timing);
            }
        }
    }

    fn add_to_cell(&mut self, record: &Record<'_>) {
        let Self {
            symbols,
            cells,
            recent,
            ..
        } = self;
        let principal = recent.principal(&record.identity, symbols);
        let service_path = recent.service_path(record, symbols);
        let series = cells.series(Series {
            account: recent.account(&record.account, symbols),
            region: recent.region(&record.region, symbols),
            principal,
            key: recent.key(record, symbols),
            operation: recent.operation(record, symbols),
            service_path,
            class: record.operation.class(),
            outcome: record.outcome.family(),
        });
        let event = Event::of(record);
        let is_direct = recent.is_direct(service_path);
        let mut context = None;
        let place = match cells.place(series, event.hour) {
            Some(place) => {
                cells.change(place, |cell| {
                    cell.add(event.second, event.hash, event.id);
                    context = recent.note_values(record, is_direct, &mut cell.values, symbols);
                });
                place
            }
            None => {
                let mut cell = Cell::new(event.second, event.hash, event.id);
                context = recent.note_values(record, is_direct, &mut cell.values, symbols);
                cells.add(series, event.hour, cell)
            }
        };
        if !is_notable(record) && !rules::may_be_selected(record) {
            let counted = (series, place, context);
            self.templates
                .learn(record, principal, &self.cells, counted);
        }
    }

    /// Takes in a record of a file with this stamp, if it is like others before it. Else nothing is done, and
    /// [`Self::add`] is for it.
    #[inline]
    pub fn add_repeat(&mut self, repeat: &Repeat<'_>, stamp: Option<EventTime>) -> bool {
        if Timing::of(repeat.time(), stamp) != Timing::InTime {
            return false;
        }
        let Self {
            symbols,
            cells,
            recent,
            templates,
            ..
        } = self;
        let identity = repeat.identity();
        let principal = || recent.principal(identity, symbols);
        let Some((known, differs)) = templates.find(repeat, principal, cells) else {
            return false;
        };
        let hour = repeat.time().hour();
        if !cells.is_at(known.noted_in, known.series, hour) {
            let place = cells.place(known.series, hour);
            if !add_elsewhere(repeat, (known, place), (cells, recent, symbols)) {
                return false;
            }
            self.counts.unstamped += u64::from(stamp.is_none());
            self.counts.kept += 1;
            return true;
        }
        let context = (!known.has_context(repeat)).then(|| repeat.context());
        if let Some(None) = context {
            return false;
        }
        self.counts.unstamped += u64::from(stamp.is_none());
        self.counts.kept += 1;
        let second = repeat.time().seconds_since(hour.start()) as u16;
        cells.change(known.noted_in, |cell| {
            cell.add(second, repeat.event_hash(), repeat.event_id());
            if differs.in_session {
                recent.note_session(identity, &mut cell.values, symbols);
            }
            if differs.in_caller {
                let caller = (repeat.source(), repeat.user_agent());
                recent.note_caller(caller, &mut cell.values, symbols);
            }
            if let Some(Some(context)) = &context {
                let bound = (context, repeat.additional_event_data());
                let number = recent.note_context(bound, &mut cell.values, symbols);
                known.note_context(bound, number);
            }
        });
        true
    }

    fn carry(&mut self, record: &Record<'_>, timing: Timing) {
        if record.raw.len() > NOTABLE_BYTES_MAX {
            self.counts.notables_not_carried += 1;
        } else {
            self.notables
                .insert(record.event_hash(), Notable::of(record, timing));
        }
    }

    fn add_to_group(&mut self, rule: &'static dyn Rule, record: &Record<'_>, timing: Timing) {
        if record.raw.len() > NOTABLE_BYTES_MAX {
            self.counts.notables_not_carried += 1;
            return;
        }
        let event = Event::of(record);
        let event = Element::new(event.second, event.hash);
        let id = rule.about().id;
        self.groups.update(
            group_hash(id, &rule.aspect(record), record),
            |known| known.add(event, record, timing),
            || Group::of(id, event, record, timing),
        );
    }

    /// Adds what another tally holds.
    pub fn merge(&mut self, mut other: Self) {
        // The smaller is added to the larger: less is moved, and less is in memory twice.
        if other.cells.len() > self.cells.len() {
            std::mem::swap(self, &mut other);
            // Readers number their templates alike, and another may feed this tally.
            self.templates = KnownTemplates::default();
        }
        self.add_all(other);
    }

    /// [`Self::merge`] in one direction.
    pub(crate) fn add_all(&mut self, other: Self) {
        self.counts.add(&other.counts);
        self.cut = match (self.cut, other.cut) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let mut adopted = Adopted::new(&other.symbols);
        for (key, cell) in other.cells.into_cells() {
            self.adopt_cell(key, cell, &mut adopted);
        }
        self.notables.merge(other.notables);
        self.groups.merge(other.groups);
    }

    /// Adds a cell whose names have another table's numbers.
    pub(crate) fn adopt_cell(
        &mut self,
        mut key: CellKey,
        mut cell: Cell,
        adopted: &mut Adopted<'_>,
    ) {
        key.series = key.series.translate(adopted, &mut self.symbols);
        cell.values.translate(adopted, &mut self.symbols);
        self.cells.merge(key, cell, &self.symbols);
    }

    /// Drops the cells, records and groups of days up to this one.
    pub fn drop_through(&mut self, day: Day) {
        self.notables.retain(|_, notable| notable.time.day() > day);
        self.groups.retain(|_, group| group.hour.day() > day);
        self.part_cells(|key| key.hour.day() > day, None);
    }

    /// Takes out the cells, records and groups of days up to this one; the counts stay.
    #[must_use]
    pub fn take_through(&mut self, day: Day) -> Self {
        let mut taken = Self {
            notables: self.notables.take(|notable| notable.time.day() <= day),
            groups: self.groups.take(|group| group.hour.day() <= day),
            ..Self::default()
        };
        self.part_cells(|key| key.hour.day() > day, Some(&mut taken));
        taken
    }

    /// Keeps the cells that the predicate says, and moves the others; names that are then unused go.
    fn part_cells(&mut self, stays: impl Fn(&CellKey) -> bool, mut others: Option<&mut Self>) {
        if self.cells.keys().all(|key| stays(&key)) {
            return;
        }
        let symbols = std::mem::take(&mut self.symbols);
        self.recent = Recent::default();
        let mut kept = Adopted::new(&symbols);
        let mut moved = Adopted::new(&symbols);
        for (key, cell) in self.cells.clear() {
            if stays(&key) {
                self.adopt_cell(key, cell, &mut kept);
            } else if let Some(others) = &mut others {
                others.adopt_cell(key, cell, &mut moved);
            }
        }
    }

    /// What was remembered of the last records refers to names that are given anew.
    pub(crate) fn forget_recent(&mut self) {
        self.recent = Recent::default();
    }

    /// Drops what is too much to carry, and counts it. Before this, a little more is held.
    pub fn trim(&mut self) {
        self.notables.trim();
        self.groups.trim();
    }
}

/// Counts a record that is like others before it in another cell than theirs, mostly one of the next hour, which may be
/// still to be made. Whether that was done; else nothing was.
#[inline(never)]
fn add_elsewhere(
    repeat: &Repeat<'_>,
    (known, place): (&mut KnownTemplate, Option<Place>),
    (cells, recent, symbols): (&mut Cells, &mut Recent, &mut Symbols),
) -> bool {
    let Some(to_note) = known.leave(repeat) else {
        return false;
    };
    let mut note_values = |values: &mut Values| {
        recent.note_session(repeat.identity(), values, symbols);
        if known.is_direct() {
            let caller = (repeat.source(), repeat.user_agent());
            recent.note_caller(caller, values, symbols);
        }
        match &to_note {
            ToNote::Nothing => {}
            ToNote::Known(number) => values.insert(ValueKind::Context, *number, symbols),
            ToNote::Anew(context) => {
                let bound = (context, repeat.additional_event_data());
                let number = recent.note_context(bound, values, symbols);
                known.note_context(bound, number);
            }
        }
    };
    let hour = repeat.time().hour();
    let second = repeat.time().seconds_since(hour.start()) as u16;
    let (hash, id) = (repeat.event_hash(), repeat.event_id());
    known.noted_in = match place {
        Some(place) => {
            cells.change(place, |cell| {
                cell.add(second, hash, id);
                note_values(&mut cell.values);
            });
            place
        }
        None => {
            let mut cell = Cell::new(second, hash, id);
            note_values(&mut cell.values);
            cells.add(known.series, hour, cell)
        }
    };
    true
}

/// When a record's event was, and which.
struct Event<'r> {
    hour: Hour,
    second: u16,
    hash: u64,
    id: &'r str,
}

impl<'r> Event<'r> {
    #[inline]
    fn of(record: &'r Record<'_>) -> Self {
        let hour = record.time.hour();
        Self {
            hour,
            second: record.time.seconds_since(hour.start()) as u16,
            hash: record.event_hash(),
            id: record.event_id.as_deref().unwrap_or_default(),
        }
    }
}

/// Whether a record is carried whole: every change to keys, policies, grants, aliases and key
/// stores that was made, and every record of another service that was kept. Refused changes are
/// selected by rules, since one broken deploy makes a million of them.
fn is_notable(record: &Record<'_>) -> bool {
    if !record.is_kms() {
        return !rules::is_frequent_elsewhere(record);
    }
    record.outcome.family() == OutcomeFamily::Success
        && matches!(
            record.operation.class(),
            OperationClass::Management | OperationClass::Permission | OperationClass::Unknown
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Tally;
    use crate::sample::{merged, samples, tally};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn the_size_is_that_of_what_is_held(a in samples(), b in samples()) {
            let (a, b) = (tally(&a), tally(&b));
            let sizes = |tally: &Tally| {
                let (notables, groups) = (tally.notables.bytes(), tally.groups.bytes());
                (tally.cells.bytes(), notables, groups)
            };
            for tally in [merged(&a, &b), a, b] {
                let anew = Tally::decode(&tally.encode()).unwrap();
                prop_assert_eq!(sizes(&tally), sizes(&anew));
                prop_assert!(tally.bytes() >= anew.bytes());
            }
        }

        #[test]
        fn what_is_taken_out_leaves_the_rest_and_no_names(samples in samples()) {
            let whole = tally(&samples);
            for day in whole.days() {
                let mut left = whole.clone();
                let taken = left.take_through(day);
                let mut dropped = whole.clone();
                dropped.drop_through(day);
                prop_assert_eq!(dropped.encode(), left.encode());
                let goes = whole.distinct() - dropped.distinct();
                prop_assert_eq!(whole.distinct_through(day), goes);
                prop_assert!(taken.days().iter().all(|taken| *taken <= day));
                prop_assert!(left.days().iter().all(|left| *left > day));
                prop_assert_eq!(merged(&taken, &left).encode(), whole.encode());
                prop_assert!(!left.cells.is_empty() || left.symbols.is_empty());
            }
        }
    }
}

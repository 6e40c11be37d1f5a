//! How much a tally holds: calls, days, and bytes of memory.

use std::collections::BTreeMap;

use keytrail_event::{Day, OperationClass, OutcomeFamily};

use super::Tally;

impl Tally {
    /// Notable records, and groups, that were not carried because they were too many or too long.
    #[must_use]
    pub const fn not_carried(&self) -> u64 {
        self.counts.notables_not_carried + self.notables.dropped() + self.groups.dropped()
    }

    /// About how many bytes of memory the tally takes: what was let in, without what only makes it fast.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.symbols.bytes() + self.cells.bytes() + self.notables.bytes() + self.groups.bytes()
    }

    /// Whether it takes more than so many bytes, or has as many records to carry as one account's day
    /// may: time to hand it over, as long as nothing had to be dropped.
    #[must_use]
    pub fn is_beyond(&self, bytes: usize) -> bool {
        self.bytes() > bytes || self.notables.is_full() || self.groups.is_full()
    }

    /// Distinct records in cells and, of other services, carried; cells beyond exact counting are estimates.
    #[must_use]
    pub fn distinct(&self) -> u64 {
        self.distinct_of(|_| true)
    }

    /// The same of the days that [`Tally::drop_through`] drops.
    pub(crate) fn distinct_through(&self, day: Day) -> u64 {
        self.distinct_of(|of| of <= day)
    }

    fn distinct_of(&self, is_wanted: impl Fn(Day) -> bool) -> u64 {
        let cells = self.cells.iter();
        let cells = cells.filter(|(key, _)| is_wanted(key.hour.day()));
        let in_cells: u64 = cells.map(|(_, cell)| cell.events.count()).sum();
        let notables = self.notables.values();
        let notables = notables.filter(|notable| is_wanted(notable.time.day()));
        let carried = notables.filter(|notable| notable.is_only_notable()).count();
        // Of frequent records of other services each is in one group.
        let groups = self.groups.values();
        let groups = groups.filter(|group| is_wanted(group.hour.day()));
        let grouped: u64 = groups
            .filter(|group| group.first.is_only_notable())
            .map(|group| group.events.count())
            .sum();
        in_cells + carried as u64 + grouped
    }

    /// Distinct calls in cells, by class and outcome; beyond exact counting, estimates.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<(OperationClass, OutcomeFamily), u64> {
        let mut calls = BTreeMap::new();
        for (key, cell) in self.cells.iter() {
            *calls.entry((key.class, key.outcome)).or_default() += cell.events.count();
        }
        calls
    }

    /// The days that have cells, carried records or groups, sorted.
    #[must_use]
    pub fn days(&self) -> Vec<Day> {
        let mut days: Vec<Day> = self.all_days().collect();
        days.sort_unstable();
        days.dedup();
        days
    }

    /// The earliest of [`Tally::days`].
    #[must_use]
    pub fn earliest_day(&self) -> Option<Day> {
        self.all_days().min()
    }

    fn all_days(&self) -> impl Iterator<Item = Day> {
        let cells = self.cells.keys().map(|key| key.hour.day());
        let notables = self.notables.values().map(|notable| notable.time.day());
        let groups = self.groups.values().map(|group| group.hour.day());
        cells.chain(notables).chain(groups)
    }
}

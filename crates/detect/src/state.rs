//! The state of a replay between ticks: open days of all accounts, and the base of each.

use std::collections::BTreeMap;

use keytrail_event::{Day, EventTime};

use crate::base::Base;
use crate::bounds::{CLOSE_LAG_SECONDS, NOTABLES_BYTES_MAX, NOTABLES_MAX};
use crate::closed::Closed;
use crate::cut::CellRoom;
use crate::tally::{Tally, TallyCounts};

/// The state in memory.
#[derive(Debug, Default)]
pub struct State {
    pub(crate) open: Tally,
    pub(crate) bases: BTreeMap<String, Base>,
    /// Distinct records of closed days.
    closed_distinct: u64,
    /// No open day is earlier than this one.
    earliest_day: Option<Day>,
    /// The last day that closed.
    closed_through: Option<Day>,
    closed: Closed,
    /// What came for closed days and was not known there.
    afterwards: Tally,
}

impl State {
    /// A state that knows, from a replay of the same files, what comes after its day has closed
    /// ([`State::into_afterwards`]): it is judged with its day, as if it had come in time for it.
    #[must_use]
    pub fn knowing(afterwards: Tally) -> Self {
        let mut state = Self::default();
        state.absorb(afterwards);
        // What it holds is counted when it is delivered.
        state.open.counts = TallyCounts::default();
        state
    }

    /// Takes a tally in. Order does not matter.
    pub fn absorb(&mut self, mut tally: Tally) {
        if let Some(through) = self.closed_through
            && tally.earliest_day().is_some_and(|day| day <= through)
        {
            let mut late = tally.take_through(through);
            self.closed.drop_known(&mut late);
            self.afterwards.merge(late);
        }
        let earliest = tally.earliest_day();
        self.earliest_day = match (self.earliest_day, earliest) {
            (Some(known), Some(new)) => Some(known.min(new)),
            (known, new) => known.or(new),
        };
        self.open.merge(tally);
        self.open.trim();
    }

    /// Whether a tally can be taken in so that all open days take no more than so many bytes, and
    /// without dropping a record that rules read. Bounds are those of one account's day; here all of
    /// them have to fit together.
    #[must_use]
    pub fn has_room_for(&self, tally: &Tally, bytes: usize) -> bool {
        let held = [&self.open, &self.afterwards, tally];
        let sum = |size: fn(&Tally) -> usize| held.map(size).iter().sum::<usize>();
        let room = CellRoom::OF_A_DAY;
        sum(Tally::bytes) <= bytes
            && sum(|tally| tally.cells.bytes() + tally.symbols.bytes()) <= room.bytes
            && (sum(|tally| tally.cells.len()) <= room.principals
                || sum(|tally| tally.symbols.len()) <= room.principals
                || sum(Tally::principals) <= room.principals)
            && sum(|tally| tally.notables.len()) <= NOTABLES_MAX
            && sum(|tally| tally.groups.len()) <= NOTABLES_MAX
            && sum(|tally| tally.notables.bytes()) <= NOTABLES_BYTES_MAX
            && sum(|tally| tally.groups.bytes()) <= NOTABLES_BYTES_MAX
    }

    /// The earliest day that is open.
    #[must_use]
    pub const fn earliest_day(&self) -> Option<Day> {
        self.earliest_day
    }

    /// The days that are open, sorted.
    #[must_use]
    pub fn open_days(&self) -> Vec<Day> {
        self.open.days()
    }

    /// What came in so far.
    #[must_use]
    pub const fn counts(&self) -> TallyCounts {
        let mut counts = self.open.counts;
        counts.notables_not_carried = self.open.not_carried();
        counts
    }

    /// Distinct records that came in time so far; cells beyond exact counting are estimates.
    #[must_use]
    pub fn distinct(&self) -> u64 {
        self.closed_distinct + self.open.distinct()
    }

    /// The bases of the accounts, by account.
    pub fn bases(&self) -> impl Iterator<Item = (&str, &Base)> {
        self.bases
            .iter()
            .map(|(account, base)| (account.as_str(), base))
    }

    /// Pairs that were forgotten because an account had too many.
    #[must_use]
    pub fn forgotten_pairs(&self) -> u64 {
        self.bases.values().map(Base::forgotten_pairs).sum()
    }

    /// Accounts that are still being learnt.
    #[must_use]
    pub fn learning_accounts(&self) -> usize {
        let bases = self.bases.values();
        bases.filter(|base| base.is_learning()).count()
    }

    /// Records that were delivered after their day had closed, and that it did not hold. Where there
    /// are any, the findings are those of the files only once they are judged with their day: see
    /// [`State::knowing`].
    #[must_use]
    pub fn into_afterwards(self) -> Tally {
        self.afterwards
    }

    /// Whether there are any records of [`State::into_afterwards`].
    #[must_use]
    pub fn has_afterwards(&self) -> bool {
        self.afterwards.earliest_day().is_some()
    }

    /// Drops the cells and notable records of a day that has been judged and learnt.
    pub(crate) fn close(&mut self, day: Day) {
        self.closed_distinct += self.open.distinct_through(day);
        self.closed.remember(&self.open, day);
        self.open.drop_through(day);
        self.closed_through = self.closed_through.max(Some(day));
        self.earliest_day = self.open.earliest_day();
    }

    /// Closes the days that are due at this time, of which none is open.
    pub(crate) fn close_before(&mut self, clock: EventTime) {
        let through = clock.plus_seconds(-CLOSE_LAG_SECONDS).day().plus_days(-1);
        self.closed_through = self.closed_through.max(Some(through));
    }
}

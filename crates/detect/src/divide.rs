//! Dividing a tally: by account and day, or into parts of about the same size. Merging the parts
//! gives the whole back.

use std::collections::BTreeMap;
use std::mem::swap;

use keytrail_event::Day;

use crate::cell::Cell;
use crate::cells::CellKey;
use crate::symbol::{Adopted, Symbols};
use crate::tally::Tally;

impl Tally {
    /// One tally for each account and UTC day. Delivery counts belong to no account or day: who needs
    /// them reads [`Tally::counts`] and [`Tally::not_carried`] first.
    #[must_use]
    pub fn into_account_days(mut self) -> BTreeMap<(String, Day), Self> {
        let mut days: BTreeMap<(String, Day), Self> = BTreeMap::new();
        if let Some(only) = self.only_account_day() {
            let mut whole = Self::default();
            swap(&mut whole.symbols, &mut self.symbols);
            swap(&mut whole.cells, &mut self.cells);
            swap(&mut whole.notables, &mut self.notables);
            swap(&mut whole.groups, &mut self.groups);
            days.insert(only, whole);
            return days;
        }
        let Self {
            symbols,
            cells,
            notables,
            groups,
            ..
        } = self;
        let mut by_day: BTreeMap<(&str, Day), Vec<(CellKey, Cell)>> = BTreeMap::new();
        for (key, cell) in cells.into_cells() {
            let day = (symbols.name(key.account), key.hour.day());
            by_day.entry(day).or_default().push((key, cell));
        }
        for ((account, day), cells) in by_day {
            days.insert((account.to_owned(), day), Self::of_cells(cells, &symbols));
        }
        for (hash, notable) in notables {
            let day = (notable.account().to_owned(), notable.time.day());
            days.entry(day).or_default().notables.insert(hash, notable);
        }
        for (hash, group) in groups {
            let day = (group.first.account().to_owned(), group.hour.day());
            days.entry(day).or_default().groups.insert(hash, group);
        }
        days
    }

    /// The account and day of everything it holds, where that is one and nothing is missing: dividing takes as much
    /// memory again as the tally, and mostly there is nothing to divide.
    fn only_account_day(&self) -> Option<(String, Day)> {
        if self.cut.is_some() || self.notables.dropped() + self.groups.dropped() > 0 {
            return None;
        }
        let cells = self.cells.keys();
        let cells = cells.map(|key| (self.symbols.name(key.account), key.hour.day()));
        let notables = self.notables.values();
        let notables = notables.map(|notable| (notable.account(), notable.time.day()));
        let groups = self.groups.values();
        let groups = groups.map(|group| (group.first.account(), group.hour.day()));
        let mut all = cells.chain(notables).chain(groups);
        let (account, day) = all.next()?;
        all.all(|other| other == (account, day))
            .then(|| (account.to_owned(), day))
    }

    /// So many tallies, the cells of a principal all in one of them. The first has the delivery counts.
    #[must_use]
    pub fn split(self, parts: usize) -> Vec<Self> {
        let parts = parts.max(1);
        let Self {
            symbols,
            cells,
            notables,
            groups,
            counts,
            cut,
            ..
        } = self;
        let part_of = |hash: u64| (hash % parts as u64) as usize;
        let mut by_part: Vec<Vec<(CellKey, Cell)>> = Vec::new();
        by_part.resize_with(parts, Vec::new);
        for (key, cell) in cells.into_cells() {
            by_part[part_of(symbols.hash(key.principal))].push((key, cell));
        }
        let tallies = by_part.into_iter();
        let mut tallies: Vec<Self> = tallies
            .map(|cells| Self::of_cells(cells, &symbols))
            .collect();
        let dropped = (notables.dropped(), groups.dropped());
        for (hash, notable) in notables {
            tallies[part_of(hash)].notables.insert(hash, notable);
        }
        for (hash, group) in groups {
            tallies[part_of(hash)].groups.insert(hash, group);
        }
        for tally in &mut tallies {
            tally.cut = cut;
        }
        tallies[0].counts = counts;
        tallies[0].counts.notables_not_carried += dropped.0 + dropped.1;
        tallies
    }

    fn of_cells(cells: Vec<(CellKey, Cell)>, symbols: &Symbols) -> Self {
        let mut tally = Self::default();
        let mut adopted = Adopted::new(symbols);
        for (key, cell) in cells {
            tally.adopt_cell(key, cell, &mut adopted);
        }
        tally
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sample::{Sample, added, merged, samples, tally};

    fn together(parts: impl IntoIterator<Item = Tally>) -> Tally {
        let parts = parts.into_iter();
        parts.fold(Tally::default(), |whole, part| merged(&whole, &part))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_was_divided_merges_to_the_whole(samples in samples(), parts in 0..5_usize) {
            let whole = tally(&samples);
            let bytes = whole.encode();
            let split = whole.clone().split(parts);
            prop_assert_eq!(split.len(), parts.max(1));
            let again = together(split);
            prop_assert_eq!(&again.encode(), &bytes);
            prop_assert_eq!(again.counts, whole.counts);
            let days = whole.into_account_days();
            for ((account, day), tally) in &days {
                prop_assert_eq!(tally.days(), vec![*day]);
                let mut accounts = tally.cells.keys().map(|key| tally.symbols.name(key.account));
                prop_assert!(accounts.all(|name| name == account));
            }
            prop_assert_eq!(together(days.into_values()).encode(), bytes);
        }

        #[test]
        fn tallies_are_a_semilattice(a in samples(), b in samples(), c in samples()) {
            let (a, b, c) = (tally(&a), tally(&b), tally(&c));
            let bytes = |tally: Tally| tally.encode();
            prop_assert_eq!(bytes(added(&a, &b)), bytes(added(&b, &a)));
            prop_assert_eq!(bytes(added(&a, &b)), bytes(merged(&b, &a)));
            prop_assert_eq!(bytes(merged(&merged(&a, &b), &c)), bytes(merged(&a, &merged(&b, &c))));
            prop_assert_eq!(bytes(merged(&a, &a)), bytes(a));
        }

        #[test]
        fn records_that_came_late_and_in_time_are_in_time_whichever_came_first(samples in samples()) {
            let late: Vec<_> = samples.iter().map(Sample::late).collect();
            let (in_time, late) = (tally(&samples), tally(&late));
            prop_assert_eq!(added(&in_time, &late).encode(), added(&late, &in_time).encode());
        }
    }
}

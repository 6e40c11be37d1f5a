//! Records carried for rules, bounded: of too many, the first by (rank, hash) stay.
//!
//! Keeping the first of an order is a union like any other: whatever the order of arrival and the
//! number of threads, the same records stay.

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

/// What can be carried.
pub trait Carry {
    /// Lower ranks stay longer when there are too many.
    fn rank(&self) -> u8;
    /// Takes in another copy of the same thing.
    fn merge(&mut self, other: Self);
}

/// Things by their hash, at most [`crate::bounds::NOTABLES_MAX`] once trimmed.
#[derive(Debug, Clone)]
pub struct Carried<V> {
    by_hash: HashMap<u64, V, RandomState>,
    most: usize,
    /// How many were dropped.
    dropped: u64,
}

impl<V> Carried<V> {
    /// Nothing, with room for `most`.
    #[must_use]
    pub fn with_room(most: usize) -> Self {
        Self {
            by_hash: HashMap::default(),
            most,
            dropped: 0,
        }
    }

    /// What is carried, with its hash, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &V)> {
        self.by_hash.iter().map(|(hash, value)| (*hash, value))
    }

    /// What is carried, in no order.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.by_hash.values()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_hash.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_hash.is_empty()
    }

    /// How many were dropped because there were too many.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Keeps what the predicate says.
    pub fn retain(&mut self, keep: impl Fn(u64, &V) -> bool) {
        self.by_hash.retain(|hash, value| keep(*hash, value));
    }

    /// Takes out what the predicate says.
    #[must_use]
    pub fn take(&mut self, which: impl Fn(&V) -> bool) -> Self {
        let taken = self.by_hash.extract_if(|_, value| which(value)).collect();
        Self {
            by_hash: taken,
            most: self.most,
            dropped: 0,
        }
    }
}

impl<V> IntoIterator for Carried<V> {
    type Item = (u64, V);
    type IntoIter = hashbrown::hash_map::IntoIter<u64, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.by_hash.into_iter()
    }
}

impl<V: Carry> Carried<V> {
    /// Adds one.
    pub fn insert(&mut self, hash: u64, value: V) {
        match self.by_hash.entry(hash) {
            Entry::Occupied(mut known) => known.get_mut().merge(value),
            Entry::Vacant(place) => {
                place.insert(value);
            }
        }
        // Trimming costs a sort, so a quarter more is let in before it.
        if self.by_hash.len() > self.most + self.most / 4 {
            self.trim();
        }
    }

    /// Changes the one of this hash, or adds it.
    pub fn update(&mut self, hash: u64, change: impl FnOnce(&mut V), add: impl FnOnce() -> V) {
        match self.by_hash.get_mut(&hash) {
            Some(known) => change(known),
            None => self.insert(hash, add()),
        }
    }

    /// Adds what another holds.
    pub fn merge(&mut self, other: Self) {
        self.dropped += other.dropped;
        for (hash, value) in other.by_hash {
            self.insert(hash, value);
        }
    }

    /// Drops what is too much.
    pub fn trim(&mut self) {
        if self.by_hash.len() <= self.most {
            return;
        }
        let mut order: Vec<(u8, u64)> = self
            .by_hash
            .iter()
            .map(|(hash, value)| (value.rank(), *hash))
            .collect();
        order.sort_unstable();
        for (_, hash) in &order[self.most..] {
            self.by_hash.remove(hash);
            self.dropped += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
    struct Thing(u8);

    impl Carry for Thing {
        fn rank(&self) -> u8 {
            self.0
        }
        fn merge(&mut self, _: Self) {}
    }

    fn carried(things: &[u64]) -> Carried<Thing> {
        let mut carried = Carried::with_room(8);
        for hash in things {
            carried.insert(*hash, Thing((hash % 2) as u8));
        }
        carried
    }

    fn kept(mut carried: Carried<Thing>) -> Vec<(u64, Thing)> {
        carried.trim();
        let mut kept: Vec<_> = carried
            .iter()
            .map(|(hash, thing)| (hash, thing.clone()))
            .collect();
        kept.sort();
        kept
    }

    proptest! {
        #[test]
        fn what_stays_does_not_depend_on_order_or_division(mut things in proptest::collection::vec(0..60_u64, 0..80), cut in 0..80_usize) {
            let whole = kept(carried(&things));
            let (a, b) = things.split_at(cut.min(things.len()));
            let mut parts = carried(b);
            parts.merge(carried(a));
            prop_assert_eq!(&kept(parts), &whole);
            things.reverse();
            prop_assert_eq!(kept(carried(&things)), whole);
        }
    }
}

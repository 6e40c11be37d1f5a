//! Records carried for rules, bounded in number and bytes: of too many, the first by (rank, hash) stay.
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
    /// About how many bytes of memory it takes.
    fn bytes(&self) -> usize;
    /// Takes in another copy of the same thing.
    fn merge(&mut self, other: Self);
}

/// The most that is carried.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Things.
    pub number: usize,
    /// Their bytes, all together.
    pub bytes: usize,
}

/// Things by their hash, no more than there is room for once trimmed.
#[derive(Debug, Clone)]
pub struct Carried<V> {
    by_hash: HashMap<u64, V, RandomState>,
    room: Room,
    bytes: usize,
    /// The first (rank, hash) that was dropped: what comes behind it has no chance.
    first_dropped: Option<(u8, u64)>,
    /// How many were dropped.
    dropped: u64,
}

impl<V> Carried<V> {
    /// Nothing, with so much room.
    #[must_use]
    pub fn with_room(room: Room) -> Self {
        Self {
            by_hash: HashMap::default(),
            room,
            bytes: 0,
            first_dropped: None,
            dropped: 0,
        }
    }

    /// About how many bytes of memory they take.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
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

    /// Whether the next one may have no room.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len() >= self.room.number || self.bytes >= self.room.bytes
    }

    /// How many were dropped because there were too many.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
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
    /// Keeps what the predicate says.
    pub fn retain(&mut self, keep: impl Fn(u64, &V) -> bool) {
        self.by_hash.retain(|hash, value| keep(*hash, value));
        self.measure();
    }

    /// Takes out what the predicate says.
    #[must_use]
    pub fn take(&mut self, which: impl Fn(&V) -> bool) -> Self {
        let mut taken = Self::with_room(self.room);
        taken.by_hash = self.by_hash.extract_if(|_, value| which(value)).collect();
        taken.measure();
        self.measure();
        taken
    }

    /// Some have gone: there may be room for what there was none for.
    fn measure(&mut self) {
        self.bytes = self.by_hash.values().map(Carry::bytes).sum();
        self.first_dropped = None;
    }

    /// Adds one.
    pub fn insert(&mut self, hash: u64, value: V) {
        let order = (value.rank(), hash);
        if self.first_dropped.is_some_and(|dropped| dropped <= order) {
            self.dropped += 1;
            return;
        }
        match self.by_hash.entry(hash) {
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                self.bytes -= known.bytes();
                known.merge(value);
                self.bytes += known.bytes();
            }
            Entry::Vacant(place) => {
                self.bytes += value.bytes();
                place.insert(value);
            }
        }
        self.trim_with_slack();
    }

    /// Trimming costs a sort, so a quarter more is let in before it.
    fn trim_with_slack(&mut self) {
        let Room { number, bytes } = self.room;
        if self.by_hash.len() > number + number / 4 || self.bytes > bytes + bytes / 4 {
            self.trim();
        }
    }

    /// Changes the one of this hash, or adds it.
    pub fn update(&mut self, hash: u64, change: impl FnOnce(&mut V), add: impl FnOnce() -> V) {
        match self.by_hash.get_mut(&hash) {
            Some(known) => {
                self.bytes -= known.bytes();
                change(known);
                self.bytes += known.bytes();
                self.trim_with_slack();
            }
            None => self.insert(hash, add()),
        }
    }

    /// Adds what another with as much room holds.
    pub fn merge(&mut self, mut other: Self) {
        // Less is moved so.
        if other.len() > self.len() {
            std::mem::swap(self, &mut other);
        }
        self.dropped += other.dropped;
        for (hash, value) in other.by_hash {
            self.insert(hash, value);
        }
        if let Some(dropped) = other.first_dropped {
            self.drop_from(dropped);
        }
    }

    /// Drops what is too much.
    pub fn trim(&mut self) {
        let Room { number, bytes } = self.room;
        if self.by_hash.len() <= number && self.bytes <= bytes {
            return;
        }
        let values = self.by_hash.iter();
        let mut order: Vec<((u8, u64), usize)> = values
            .map(|(hash, value)| ((value.rank(), *hash), value.bytes()))
            .collect();
        order.sort_unstable();
        let mut bytes_so_far = 0;
        let beyond = order.iter().enumerate().find(|(place, (_, more))| {
            bytes_so_far += more;
            *place >= number || bytes_so_far > bytes
        });
        if let Some((_, (first, _))) = beyond {
            self.drop_from(*first);
        }
    }

    fn drop_from(&mut self, first: (u8, u64)) {
        let (mut dropped, mut freed) = (0, 0);
        self.by_hash.retain(|hash, value| {
            let stays = (value.rank(), *hash) < first;
            if !stays {
                dropped += 1;
                freed += value.bytes();
            }
            stays
        });
        self.dropped += dropped;
        self.bytes -= freed;
        let known = self.first_dropped.unwrap_or(first);
        self.first_dropped = Some(known.min(first));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
    struct Thing(u8, u8);

    impl Carry for Thing {
        fn rank(&self) -> u8 {
            self.0
        }
        fn bytes(&self) -> usize {
            usize::from(self.1)
        }
        fn merge(&mut self, _: Self) {}
    }

    fn carried(things: &[u64]) -> Carried<Thing> {
        let mut carried = Carried::with_room(Room {
            number: 8,
            bytes: 40,
        });
        for hash in things {
            carried.insert(*hash, Thing((hash % 2) as u8, (hash % 13) as u8));
        }
        carried
    }

    fn kept(mut carried: Carried<Thing>) -> Vec<(u64, Thing)> {
        carried.trim();
        assert!(carried.len() <= 8 && carried.bytes() <= 40);
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

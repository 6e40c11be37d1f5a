//! The organisation as it is on its first day, and what is going to change.

use crate::moment::{DAY, Moment};
use crate::random::Random;

use super::applications;
use super::change::{self, Change};
use super::day::Day;
use super::keys::Keys;
use super::legacy;
use super::platform;
use super::principal::Principal;
use super::staff;

/// Everything that follows from the seed, the first day and the number of days: nothing of it depends on attacks.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) start: Moment,
    pub(crate) days: i64,
    /// How much everybody calls, as a multiple of the usual.
    pub(crate) volume: f64,
    pub(crate) keys: Keys,
    pub(crate) principals: Vec<Principal>,
    pub(crate) changes: Vec<Change>,
    /// For each principal the changes it goes through, by index.
    changes_of: Vec<Vec<usize>>,
}

impl World {
    /// The organisation of this seed; everybody calls as often as usual, times `volume`.
    pub(crate) fn new(seed: u64, start: Moment, days: i64, volume: f64) -> Self {
        let keys = Keys::new(seed);
        let mut principals = Vec::new();
        applications::add(seed, &keys, &mut principals);
        staff::add(seed, &keys, &mut principals);
        platform::add(seed, &keys, &mut principals);
        legacy::add(seed, start, &keys, &mut principals);
        for principal in &mut principals {
            principal.volume *= volume;
        }
        let mut world = Self {
            seed,
            start,
            days,
            volume,
            keys,
            principals,
            changes: Vec::new(),
            changes_of: Vec::new(),
        };
        change::plan(&mut world);
        world.changes_of = vec![Vec::new(); world.principals.len()];
        for (index, change) in world.changes.iter().enumerate() {
            if let Some(of) = world.changes_of.get_mut(change.principal) {
                of.push(index);
            }
        }
        world
    }

    pub(crate) fn end(&self) -> Moment {
        self.start + self.days * DAY
    }

    pub(crate) fn day(&self, index: i64) -> Day {
        Day {
            index,
            midnight: self.start + index * DAY,
        }
    }

    pub(crate) fn random(&self, name: &str) -> Random {
        Random::stream(self.seed, name)
    }

    /// The changes a principal goes through, with their indices.
    pub(crate) fn changes_of(&self, principal: usize) -> impl Iterator<Item = (usize, &Change)> {
        self.changes_of
            .get(principal)
            .into_iter()
            .flatten()
            .filter_map(|&index| Some((index, self.changes.get(index)?)))
    }
}

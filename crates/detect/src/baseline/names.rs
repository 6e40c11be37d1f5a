//! An account's dictionary: names of networks, agents, paths, operations, contexts and groups as numbers.
//!
//! Numbers are never given twice, so a name that was forgotten and comes back is a new value, and what
//! tables still hold of its old number can never be mistaken for another name.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::constants::NAMES_MAX;

/// Names and their numbers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Names {
    /// The dictionaries of one day and the next share their texts.
    by_name: BTreeMap<Arc<str>, Entry>,
    next: u32,
    /// Names that were forgotten because there were too many.
    pub forgotten: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Entry {
    number: u32,
    /// The last day it was seen.
    day: i32,
}

impl Names {
    /// The number of a name that is known.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).map(|entry| entry.number)
    }

    /// The number of a name seen on this day, given now if it has none.
    pub fn learn(&mut self, name: &str, day: i32) -> u32 {
        if let Some(entry) = self.by_name.get_mut(name) {
            entry.day = entry.day.max(day);
            return entry.number;
        }
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.by_name.insert(name.into(), Entry { number, day });
        number
    }

    /// Forgets the longest unseen beyond the bound; of equals the last given number stays.
    pub fn trim(&mut self) {
        if self.by_name.len() <= NAMES_MAX {
            return;
        }
        let mut order: Vec<(i32, u32)> = self
            .by_name
            .values()
            .map(|entry| (entry.day, entry.number))
            .collect();
        order.sort_unstable();
        let surplus = order.len() - NAMES_MAX;
        let last_to_go = order[surplus - 1];
        self.by_name
            .retain(|_, entry| (entry.day, entry.number) > last_to_go);
        self.forgotten += surplus as u64;
    }

    /// The name of a number, for words: a search, so never on the way of a score.
    #[must_use]
    pub fn name(&self, number: u32) -> Option<&str> {
        self.by_name
            .iter()
            .find(|(_, entry)| entry.number == number)
            .map(|(name, _)| &**name)
    }

    /// How many names there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forgotten_name_comes_back_as_another_number() {
        let mut names = Names::default();
        let first = names.learn("10.1.0.0/16", 0);
        for i in 0..NAMES_MAX {
            names.learn(&format!("name {i}"), 1);
        }
        names.trim();
        assert_eq!(names.len(), NAMES_MAX);
        assert_eq!(names.forgotten, 1);
        assert_eq!(names.number("10.1.0.0/16"), None);
        assert_ne!(names.learn("10.1.0.0/16", 2), first);
    }

    #[test]
    fn names_and_numbers() {
        let mut names = Names::default();
        let a = names.learn("a", 3);
        assert_eq!(names.learn("a", 4), a);
        assert_eq!(names.number("a"), Some(a));
        assert_eq!(names.name(a), Some("a"));
        assert_eq!(names.number("b"), None);
    }
}

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

    /// The numbers of names that are known. The names are sorted and different.
    #[must_use]
    pub fn numbers(&self, names: &[&str]) -> Vec<Option<u32>> {
        if self.is_searched_for(names) {
            return names.iter().map(|name| self.number(name)).collect();
        }
        let mut numbers = Vec::with_capacity(names.len());
        side_by_side(self.by_name.iter(), names, |_, entry| {
            numbers.push(entry.map(|entry| entry.number));
        });
        numbers
    }

    /// The numbers of names seen on this day, given now to those that have none. The names are sorted and different.
    pub fn learn_all(&mut self, names: &[&str], day: i32) -> Vec<u32> {
        if self.is_searched_for(names) {
            return names.iter().map(|name| self.learn(name, day)).collect();
        }
        let mut numbers = Vec::with_capacity(names.len());
        let mut new: Vec<(Arc<str>, Entry)> = Vec::new();
        let next = &mut self.next;
        side_by_side(self.by_name.iter_mut(), names, |name, entry| {
            let number = if let Some(entry) = entry {
                entry.day = entry.day.max(day);
                entry.number
            } else {
                let number = *next;
                *next = next.wrapping_add(1);
                new.push((name.into(), Entry { number, day }));
                number
            };
            numbers.push(number);
        });
        self.by_name.append(&mut new.into_iter().collect());
        numbers
    }

    /// Whether so few names are looked up that a search for each takes less than going over all that are known.
    fn is_searched_for(&self, names: &[&str]) -> bool {
        names.len().saturating_mul(SEARCH_STEPS) < self.by_name.len()
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

/// About how many known names are gone over while one is searched for.
const SEARCH_STEPS: usize = 16;

/// Hands over each of these names with its entry, if it has one. Both are sorted.
fn side_by_side<'e, E>(
    known: impl Iterator<Item = (&'e Arc<str>, E)>,
    names: &[&str],
    mut then: impl FnMut(&str, Option<E>),
) {
    let mut known = known.peekable();
    for name in names {
        while known.next_if(|(known, _)| ***known < **name).is_some() {}
        let entry = known.next_if(|(known, _)| ***known == **name);
        then(name, entry.map(|(_, entry)| entry));
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

    #[test]
    fn names_learnt_together_are_as_if_one_by_one() {
        let of = |numbers: &[u32]| -> Vec<String> {
            let mut names: Vec<String> = numbers.iter().map(|n| format!("name {n}")).collect();
            names.sort();
            names
        };
        let all: Vec<u32> = (0..200).collect();
        let odd: Vec<u32> = (0..200).map(|n| 2 * n + 1).collect();
        let (mut together, mut alone) = (Names::default(), Names::default());
        for (day, numbers) in [&odd[..], &[], &[7, 500], &all[..], &[399]]
            .into_iter()
            .enumerate()
        {
            let names = of(numbers);
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let before: Vec<Option<u32>> = names.iter().map(|name| alone.number(name)).collect();
            assert_eq!(together.numbers(&names), before);
            let one_by_one: Vec<u32> = names
                .iter()
                .map(|name| alone.learn(name, day as i32))
                .collect();
            assert_eq!(together.learn_all(&names, day as i32), one_by_one);
            assert_eq!(together, alone);
        }
    }
}

//! A set of a few values. A tree has room for eleven from its first one on; of each key there are four such sets.

use std::borrow::Borrow;

use serde::{Deserialize, Deserializer, Serialize};

/// Values in order, each once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct SortedSet<T>(Vec<T>);

impl<T> Default for SortedSet<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Ord> SortedSet<T> {
    /// Whether it is there.
    #[must_use]
    pub fn contains<Q: Ord + ?Sized>(&self, value: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.place(value).is_ok()
    }

    /// Adds a value. Room is made for it alone: these sets hardly grow.
    pub fn insert(&mut self, value: T) {
        if let Err(place) = self.place(&value) {
            self.0.reserve_exact(1);
            self.0.insert(place, value);
        }
    }

    fn place<Q: Ord + ?Sized>(&self, value: &Q) -> Result<usize, usize>
    where
        T: Borrow<Q>,
    {
        self.0.binary_search_by(|known| known.borrow().cmp(value))
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The values in order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }
}

impl<T: Ord> FromIterator<T> for SortedSet<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let mut set = Self::default();
        for value in values {
            set.insert(value);
        }
        set
    }
}

/// Whatever order they were written in.
impl<'de, T: Ord + Deserialize<'de>> Deserialize<'de> for SortedSet<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = Vec::<T>::deserialize(deserializer)?;
        Ok(values.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_the_set_of_its_values(values in prop::collection::vec("[a-e]{0,2}", 0..30), other in "[a-e]{0,2}") {
            let tree: BTreeSet<String> = values.iter().cloned().collect();
            let set: SortedSet<String> = values.into_iter().collect();
            prop_assert_eq!(set.len(), tree.len());
            prop_assert_eq!(set.contains(other.as_str()), tree.contains(&other));
            prop_assert!(set.iter().eq(tree.iter()));
            // And it is written as one.
            let (mut a, mut b) = (Vec::new(), Vec::new());
            ciborium::into_writer(&set, &mut a).unwrap();
            ciborium::into_writer(&tree, &mut b).unwrap();
            prop_assert_eq!(&a, &b);
            let read: SortedSet<String> = ciborium::from_reader(&a[..]).unwrap();
            prop_assert_eq!(read, set);
        }
    }
}

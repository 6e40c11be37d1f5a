//! A small table of decayed tokens by value, bounded: of too many, the smallest token goes.

use serde::{Deserialize, Serialize};

use super::constants::TOKENS_MIN;

/// Tokens by id, sorted by id.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    entries: Vec<(u64, f32)>,
    overflowed: bool,
}

impl Table {
    /// The tokens of a value; 0 for one that is not in the table.
    #[must_use]
    pub fn tokens(&self, id: u64) -> f64 {
        match self.entries.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(place) => f64::from(self.entries[place].1),
            Err(_) => 0.0,
        }
    }

    /// Whether values had to go because there were too many.
    #[must_use]
    pub const fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// Adds tokens to a value. Beyond `most` values the smallest goes, of equals the smaller id.
    /// True when the value was not in the table.
    pub fn add(&mut self, id: u64, tokens: f32, most: usize) -> bool {
        let place = match self.entries.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(place) => {
                self.entries[place].1 += tokens;
                return false;
            }
            Err(place) => place,
        };
        self.entries.insert(place, (id, tokens));
        if self.entries.len() > most {
            self.overflowed = true;
            let order = |(_, tokens): &(u64, f32)| ordered(*tokens);
            let least = self.entries.iter().map(order).min();
            // They are sorted by id.
            let smallest = self
                .entries
                .iter()
                .position(|entry| Some(order(entry)) == least);
            if let Some(place) = smallest {
                self.entries.remove(place);
            }
        }
        true
    }

    /// Lets all tokens fade; what is nearly nothing goes.
    pub fn fade(&mut self, factor: f32) {
        if factor >= 1.0 {
            return;
        }
        self.entries.retain_mut(|(_, tokens)| {
            *tokens *= factor;
            *tokens >= TOKENS_MIN
        });
    }

    /// The values with their tokens, sorted by id.
    pub fn iter(&self) -> impl Iterator<Item = (u64, f32)> {
        self.entries.iter().copied()
    }

    /// How many values there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// A number that is ordered as [`f32::total_cmp`] orders: made once for each of many, not twice for each comparison.
const fn ordered(tokens: f32) -> i32 {
    let bits = tokens.to_bits().cast_signed();
    bits ^ ((bits >> 31).cast_unsigned() >> 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_smallest_token_goes() {
        let mut table = Table::default();
        table.add(1, 3.0, 2);
        table.add(2, 1.0, 2);
        assert!(!table.overflowed());
        table.add(3, 2.0, 2);
        assert!(table.overflowed());
        assert_eq!(table.iter().collect::<Vec<_>>(), [(1, 3.0), (3, 2.0)]);
    }

    #[test]
    fn what_fades_goes() {
        let mut table = Table::default();
        table.add(1, 1.0, 2);
        table.fade(0.5);
        assert_eq!(table.tokens(1), 0.5);
        table.fade(0.001);
        assert!(table.is_empty());
    }

    proptest! {
        #[test]
        fn tokens_are_ordered_as_ever(a in any::<u32>(), b in any::<u32>()) {
            let (a, b) = (f32::from_bits(a), f32::from_bits(b));
            prop_assert_eq!(ordered(a).cmp(&ordered(b)), a.total_cmp(&b));
        }

        #[test]
        fn a_table_is_sorted_and_bounded(ids in proptest::collection::vec(0..30_u64, 0..60)) {
            let mut table = Table::default();
            for id in ids {
                table.add(id, 1.0, 8);
                prop_assert!(table.len() <= 8);
                let sorted: Vec<u64> = table.iter().map(|(id, _)| id).collect();
                prop_assert!(sorted.windows(2).all(|pair| pair[0] < pair[1]));
            }
        }
    }
}

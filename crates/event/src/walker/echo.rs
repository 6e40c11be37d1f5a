//! Values that came before: the next one like it need not be walked again.
//!
//! A container's text is its own end mark: where the bytes of a container are repeated, a container
//! of the same length begins. So comparing bytes takes the place of walking over them, which pays
//! for `userIdentity`, half of a record and written alike by a session in all it does.

use crate::hash::{GOLDEN, mix, word};

/// Values are remembered in sets of four: a session's own calls, and those that services make for it.
const SETS: usize = 256;
const WAYS: usize = 4;
/// Longest value that is remembered, in bytes. Identities of sessions have about 600.
const TEXT_BYTES_MAX: usize = 1_024;

/// Where somebody else keeps what is known about a value: less than [`VALUES_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known(pub(crate) u32);

/// Most values remembered.
pub(crate) const VALUES_MAX: usize = SETS * WAYS;

/// One value seen before.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    /// Counts the values remembered, from 1; zero for none. It stands for these bytes and no others.
    number: u64,
    length: u32,
    /// Where its text is kept, and what is known about it.
    place: u32,
    is_known: bool,
}

/// Values seen before, by a hash of their beginnings.
#[derive(Debug)]
pub(crate) struct Echo {
    sets: Box<[[Seen; WAYS]; SETS]>,
    texts: Vec<[u8; TEXT_BYTES_MAX]>,
    numbers: u64,
}

impl Default for Echo {
    fn default() -> Self {
        Self {
            sets: Box::new([[Seen::default(); WAYS]; SETS]),
            texts: Vec::new(),
            numbers: 0,
        }
    }
}

/// Where a value may be remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Set(usize);

impl Echo {
    /// Where the value at `at` is remembered, if its beginning is long enough to tell values apart.
    #[inline(always)]
    pub(super) fn set_of(bytes: &[u8], at: usize) -> Option<Set> {
        // Where producers write the ids of principals, access keys and sessions.
        let beginning = super::value::block::<72>(bytes, at)?;
        let word = |place: usize| beginning[place..].first_chunk().map_or(0, word);
        let near = mix(word(16), word(24)) ^ word(34).wrapping_mul(GOLDEN);
        let far = mix(word(40), word(48)) ^ mix(word(56), word(64)).rotate_left(29);
        // The identity of a service is short, and a time stands behind it: `{"type":"AWSService"`.
        let is_service = word(9) == u64::from_le_bytes(*b"AWSServi");
        let hash = if is_service { near } else { near ^ far };
        Some(Set((hash >> (64 - SETS.ilog2())) as usize))
    }

    /// Where the value at `at` ends, if it was seen before, and the number of its bytes.
    #[inline(always)]
    pub(super) fn find(&mut self, set: Set, bytes: &[u8], at: usize) -> Option<(usize, u64)> {
        let ways = &mut self.sets[set.0 % SETS];
        for way in 0..WAYS {
            let seen = ways[way];
            let Some(text) = self.texts.get(seen.place as usize) else {
                continue;
            };
            let length = seen.length as usize;
            let (Some(text), Some(here)) = (text.get(..length), bytes.get(at..at + length)) else {
                continue;
            };
            // Values that begin alike often end differently, which is soon seen.
            if seen.number != 0 && text.last_chunk::<8>() == here.last_chunk() && text == here {
                if way != 0 {
                    ways.swap(0, way);
                }
                return Some((at + length, seen.number));
            }
        }
        None
    }

    /// Remembers a container that is walked over, unless it is too short or too long to be worth it.
    #[inline(never)]
    pub(super) fn note(&mut self, set: Set, text: &[u8]) -> Option<Set> {
        if !(8..=TEXT_BYTES_MAX).contains(&text.len()) {
            return None;
        }
        let ways = &mut self.sets[set.0 % SETS];
        ways.rotate_right(1);
        if ways[0].number == 0 {
            ways[0].place = self.texts.len() as u32;
            self.texts.push([0; TEXT_BYTES_MAX]);
        }
        self.numbers += 1;
        ways[0] = Seen {
            number: self.numbers,
            length: text.len() as u32,
            place: ways[0].place,
            is_known: false,
        };
        self.texts[ways[0].place as usize][..text.len()].copy_from_slice(text);
        Some(set)
    }

    /// What is known of the value found or noted last in this set.
    #[inline(always)]
    pub(crate) fn known(&self, set: Set) -> Option<Known> {
        let seen = &self.sets[set.0 % SETS][0];
        seen.is_known.then_some(Known(seen.place))
    }

    /// Notes that something is known of the value found or noted last in this set, and says where to keep it.
    #[inline(always)]
    pub(crate) fn learn(&mut self, set: Set) -> Known {
        let seen = &mut self.sets[set.0 % SETS][0];
        seen.is_known = true;
        Known(seen.place)
    }

    /// The number of the value found or noted last in this set.
    pub(crate) fn number(&self, set: Set) -> u64 {
        self.sets[set.0 % SETS][0].number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_before_is_found_and_nothing_else() {
        let value = format!("{{\"a\":\"{}\"}}", "x".repeat(100));
        let bytes = format!("{value},{value},{}", value.replace("x\"", "y\""));
        let bytes = bytes.as_bytes();
        let (second, third) = (value.len() + 1, 2 * value.len() + 2);
        let mut echo = Echo::default();
        let set = Echo::set_of(bytes, 0).expect("it is long enough");
        assert_eq!(Echo::set_of(bytes, second), Some(set));
        assert_eq!(echo.find(set, bytes, 0), None);
        assert_eq!(echo.note(set, &bytes[..2]), None);
        assert_eq!(echo.note(set, value.as_bytes()), Some(set));
        assert_eq!(echo.known(set), None);
        assert_eq!(echo.learn(set), Known(0));
        let end = second + value.len();
        assert_eq!(echo.find(set, bytes, second), Some((end, 1)));
        assert_eq!(echo.known(set), Some(Known(0)));
        assert_eq!(echo.find(set, bytes, third), None);
        assert_eq!(echo.note(set, &bytes[third..]), Some(set));
        assert_eq!((echo.known(set), echo.number(set)), (None, 2));
        assert_eq!(echo.learn(set), Known(1));
        assert_eq!(echo.find(set, bytes, second), Some((end, 1)));
        assert_eq!(echo.known(set), Some(Known(0)));
        assert_eq!(Echo::set_of(b"{\"a\":1}", 0), None);
    }

    #[test]
    fn a_full_set_forgets_the_oldest() {
        let values: Vec<String> = (0..6)
            .map(|number| format!("{{\"a\":\"{}{number}\"}}", "x".repeat(100)))
            .collect();
        let mut echo = Echo::default();
        let set = Echo::set_of(values[0].as_bytes(), 0).expect("it is long enough");
        for value in &values {
            assert_eq!(echo.note(set, value.as_bytes()), Some(set));
        }
        for (index, value) in values.iter().enumerate() {
            let found = echo.find(set, value.as_bytes(), 0);
            let expected = (index >= 2).then_some((value.len(), index as u64 + 1));
            assert_eq!(found, expected);
        }
        // Nothing is known of what came instead of a value that something was known of.
        echo.learn(set);
        for value in &values[..WAYS] {
            assert_eq!(echo.note(set, value.as_bytes()), Some(set));
            assert_eq!(echo.known(set), None);
        }
        assert_eq!(echo.texts.len(), WAYS);
    }
}

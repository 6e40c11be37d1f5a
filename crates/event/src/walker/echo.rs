//! Values that came before in the same bytes: the next one like it need not be walked again.
//!
//! A container's text is its own end mark: where the bytes of a container are repeated, a container
//! of the same length begins. So comparing bytes takes the place of walking over them, which pays
//! for `userIdentity`, half of a record and written alike by a session in all it does.

/// Values are remembered in sets of four: a session's own calls, and those that services make for it.
const SETS: usize = 128;
const WAYS: usize = 4;

/// What somebody else knows about a value, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known(pub(crate) u32);

/// One value seen before.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    start: usize,
    length: usize,
    /// The bytes it was seen in: see [`Echo::forget`].
    epoch: u32,
    /// A [`Known`] and one; zero for nothing.
    known: u32,
}

/// Values seen before, by a hash of their beginnings.
#[derive(Debug)]
pub(crate) struct Echo {
    sets: Box<[[Seen; WAYS]; SETS]>,
    epoch: u32,
}

impl Default for Echo {
    fn default() -> Self {
        Self {
            sets: Box::new([[Seen::default(); WAYS]; SETS]),
            epoch: 1,
        }
    }
}

/// Where a value may be remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Set(usize);

impl Echo {
    /// Forgets everything, since other bytes come. What was seen in the bytes before says nothing of
    /// them.
    pub(crate) fn forget(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
        if self.epoch == 0 {
            *self = Self::default();
        }
    }

    /// Where the value at `at` is remembered, if its beginning is long enough to tell values apart.
    #[inline(always)]
    pub(super) fn set_of(bytes: &[u8], at: usize) -> Option<Set> {
        // Different odd numbers for each word, or words that change places would meet.
        const FACTORS: [u64; 6] = [
            0x9e37_79b9_7f4a_7c15,
            0xc2b2_ae3d_27d4_eb4f,
            0x1656_67b1_9e37_79f9,
            0x85eb_ca77_c2b2_ae63,
            0x27d4_eb2f_1656_67c5,
            0xff51_afd7_ed55_8ccd,
        ];
        // Where producers write the ids of principals, access keys and sessions.
        const PLACES: [usize; 6] = [16, 24, 40, 48, 56, 64];
        let beginning = super::value::block::<72>(bytes, at)?;
        let mut hash = 0_u64;
        for (place, factor) in PLACES.into_iter().zip(FACTORS) {
            let mut word = [0; 8];
            word.copy_from_slice(&beginning[place..place + 8]);
            hash = hash.wrapping_add(u64::from_le_bytes(word).wrapping_mul(factor));
        }
        Some(Set((hash >> (64 - SETS.ilog2())) as usize))
    }

    /// Where the value at `at` ends, if it was seen before.
    #[inline(always)]
    pub(super) fn find(&mut self, set: Set, bytes: &[u8], at: usize) -> Option<usize> {
        let ways = &mut self.sets[set.0 % SETS];
        for way in 0..WAYS {
            let seen = ways[way];
            if seen.epoch != self.epoch {
                continue;
            }
            let end = at + seen.length;
            // Values that begin alike often end differently, which is soon seen.
            let (tail, tail_before) = (end - 8, seen.start + seen.length - 8);
            let tail = super::value::block::<8>(bytes, tail)?;
            if super::value::block::<8>(bytes, tail_before) != Some(tail) {
                continue;
            }
            let before = bytes.get(seen.start..seen.start + seen.length);
            if before.is_some() && before == bytes.get(at..end) {
                // The newest copy is nearest at hand.
                ways[way].start = at;
                ways.swap(0, way);
                return Some(end);
            }
        }
        None
    }

    /// Remembers a container that is walked over, unless it is too short to be worth it.
    #[inline(always)]
    pub(super) fn note(&mut self, set: Set, start: usize, end: usize) -> Option<Set> {
        if end - start < 8 {
            return None;
        }
        let ways = &mut self.sets[set.0 % SETS];
        ways.rotate_right(1);
        ways[0] = Seen {
            start,
            length: end - start,
            epoch: self.epoch,
            known: 0,
        };
        Some(set)
    }

    /// What is known of the value found or noted last in this set.
    #[inline(always)]
    pub(crate) fn known(&self, set: Set) -> Option<Known> {
        self.sets[set.0 % SETS][0].known.checked_sub(1).map(Known)
    }

    /// Notes what is known of the value found or noted last in this set.
    #[inline(always)]
    pub(crate) fn learn(&mut self, set: Set, known: Known) {
        self.sets[set.0 % SETS][0].known = known.0.wrapping_add(1);
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
        assert_eq!(echo.note(set, 0, 2), None);
        assert_eq!(echo.note(set, 0, value.len()), Some(set));
        assert_eq!(echo.known(set), None);
        echo.learn(set, Known(7));
        assert_eq!(echo.find(set, bytes, second), Some(second + value.len()));
        assert_eq!(echo.known(set), Some(Known(7)));
        assert_eq!(echo.find(set, bytes, third), None);
        assert_eq!(echo.note(set, third, bytes.len()), Some(set));
        assert_eq!(echo.known(set), None);
        assert_eq!(echo.find(set, bytes, second), Some(second + value.len()));
        assert_eq!(echo.known(set), Some(Known(7)));
        echo.forget();
        assert_eq!(echo.find(set, bytes, second), None);
        assert_eq!(Echo::set_of(b"{\"a\":1}", 0), None);
    }
}

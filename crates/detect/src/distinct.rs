//! How many distinct events: a set that is exact while it is small and a sketch beyond.
//!
//! Its form is a function of the set of distinct events alone, never of order, repetition or the
//! way it was put together: union is associative, commutative and idempotent.

use crate::bounds::{EXACT_EVENTS_MAX, SKETCH_REGISTERS};

/// An event within its hour: 12 bits of second, 52 bits of the hash of its id. Sorted by value is sorted by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Element(u64);

impl Element {
    /// The element of an event `second_of_hour` (0 to 3,599) seconds into its hour.
    #[must_use]
    pub const fn new(second_of_hour: u16, event_hash: u64) -> Self {
        Self((second_of_hour as u64) << 52 | event_hash >> 12)
    }

    /// The event as one of the thing with this hash.
    pub(crate) const fn mixed_with(self, hash: u64) -> u64 {
        mix(self.0 ^ hash)
    }

    /// The element as a number, and of a number.
    pub(crate) const fn to_bits(self) -> u64 {
        self.0
    }

    pub(crate) const fn of_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Seconds into the hour.
    pub(crate) const fn second(self) -> u64 {
        self.0 >> 52
    }
}

/// A set of distinct events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DistinctEvents {
    /// One element.
    One(Element),
    /// None, or two to [`EXACT_EVENTS_MAX`] elements, sorted.
    Exact(Vec<Element>),
    /// HyperLogLog registers (Flajolet et al., 2007).
    Sketch(Box<[u8; SKETCH_REGISTERS]>),
}

impl Default for DistinctEvents {
    fn default() -> Self {
        Self::Exact(Vec::new())
    }
}

impl DistinctEvents {
    /// The set of one event.
    #[must_use]
    pub const fn of(element: Element) -> Self {
        Self::One(element)
    }

    /// Adds an event.
    #[inline]
    pub fn insert(&mut self, element: Element) {
        match self {
            Self::Exact(elements) => {
                // Events mostly come in order, so the place is mostly the end, or close to it.
                let behind = elements.iter().rev().take_while(|known| **known > element);
                let place = elements.len() - behind.count();
                if place > 0 && elements[place - 1] == element {
                    return;
                }
                if elements.len() == EXACT_EVENTS_MAX {
                    let mut registers = sketch_of(elements);
                    raise(&mut registers, element);
                    *self = Self::Sketch(registers);
                } else if elements.is_empty() {
                    *self = Self::One(element);
                } else {
                    elements.insert(place, element);
                }
            }
            Self::Sketch(registers) => raise(registers, element),
            Self::One(known) => {
                if *known != element {
                    // Of two, most become more.
                    let mut elements = Vec::with_capacity(FEW_EVENTS);
                    elements.extend([element.min(*known), element.max(*known)]);
                    *self = Self::Exact(elements);
                }
            }
        }
    }

    /// The events, sorted, while they are counted exactly.
    #[must_use]
    pub fn exact(&self) -> Option<&[Element]> {
        match self {
            Self::One(element) => Some(std::slice::from_ref(element)),
            Self::Exact(elements) => Some(elements),
            Self::Sketch(_) => None,
        }
    }

    /// The set of these events, which are sorted and different; `None` where there are too many.
    pub(crate) fn of_sorted(elements: Vec<Element>) -> Option<Self> {
        match *elements {
            [one] => Some(Self::One(one)),
            _ => (elements.len() <= EXACT_EVENTS_MAX).then_some(Self::Exact(elements)),
        }
    }

    /// The registers, while the count is an estimate.
    pub(crate) fn registers(&self) -> Option<&[u8; SKETCH_REGISTERS]> {
        match self {
            Self::Sketch(registers) => Some(registers),
            Self::One(_) | Self::Exact(_) => None,
        }
    }

    /// The sketch of these registers; `None` where one is above what hashes give.
    pub(crate) fn of_registers(registers: &[u8; SKETCH_REGISTERS]) -> Option<Self> {
        let is_sound = registers.iter().all(|rank| usize::from(*rank) <= RANK_MAX);
        is_sound.then(|| Self::Sketch(Box::new(*registers)))
    }

    /// Bytes of memory beside the set itself.
    #[inline]
    pub(crate) const fn heap_bytes(&self) -> usize {
        match self {
            Self::One(_) => 0,
            Self::Exact(elements) => elements.len() * size_of::<Element>(),
            Self::Sketch(_) => SKETCH_REGISTERS,
        }
    }

    /// Adds all events of another set of the same hour.
    pub fn merge(&mut self, other: &Self) {
        match (&mut *self, other) {
            (_, Self::One(element)) => self.insert(*element),
            (_, Self::Exact(elements)) => {
                for element in elements {
                    self.insert(*element);
                }
            }
            (Self::One(_) | Self::Exact(_), Self::Sketch(theirs)) => {
                let mut registers = theirs.clone();
                for element in self.exact().unwrap_or_default() {
                    raise(&mut registers, *element);
                }
                *self = Self::Sketch(registers);
            }
            (Self::Sketch(ours), Self::Sketch(theirs)) => {
                for (ours, theirs) in ours.iter_mut().zip(theirs.iter()) {
                    *ours = (*ours).max(*theirs);
                }
            }
        }
    }

    /// How many distinct events: exact up to [`EXACT_EVENTS_MAX`], beyond it the estimate of Ertl's
    /// improved estimator, never below the first number that is not exact.
    #[must_use]
    pub fn count(&self) -> u64 {
        match self {
            Self::One(_) => 1,
            Self::Exact(elements) => elements.len() as u64,
            Self::Sketch(registers) => {
                let estimate = ertl_estimate(registers).round();
                (EXACT_EVENTS_MAX as u64 + 1).max(estimate as u64)
            }
        }
    }

    /// The most events within this many seconds of the hour. Of a sketch, which knows no times, the
    /// number that must lie in one of the hour's parts of that length.
    #[must_use]
    pub fn most_within(&self, seconds: u64) -> u64 {
        match self.exact() {
            Some(elements) => {
                let starts = elements.iter().enumerate();
                let counts = starts.map(|(first, from)| {
                    let end = elements.partition_point(|to| to.second() < from.second() + seconds);
                    end.saturating_sub(first) as u64
                });
                counts.max().unwrap_or(0)
            }
            None => self
                .count()
                .div_ceil(HOUR_SECONDS.div_ceil(seconds.clamp(1, HOUR_SECONDS))),
        }
    }

    /// The second of the hour of the first and of the last event within these seconds (both included). A sketch
    /// knows no times.
    #[must_use]
    pub fn ends_within(&self, from: u64, to: u64) -> Option<(u64, u64)> {
        let elements = self.exact()?;
        let begin = elements.partition_point(|element| element.second() < from);
        let end = elements.partition_point(|element| element.second() <= to);
        let within = elements.get(begin..end)?;
        Some((within.first()?.second(), within.last()?.second()))
    }

    /// Whether the count is exact.
    #[must_use]
    pub const fn is_exact(&self) -> bool {
        !matches!(self, Self::Sketch(_))
    }
}

/// Room that a set of two has.
const FEW_EVENTS: usize = 4;
const HOUR_SECONDS: u64 = 3_600;
const REGISTER_BITS: u32 = SKETCH_REGISTERS.trailing_zeros();
/// Ranks a register can hold: leading zeros of the 64 − REGISTER_BITS other bits, and one.
const RANK_MAX: usize = 64 - REGISTER_BITS as usize + 1;

/// Registers counted side by side.
const LANES: usize = 4;
const _: () = assert!(SKETCH_REGISTERS.is_multiple_of(LANES));

fn sketch_of(elements: &[Element]) -> Box<[u8; SKETCH_REGISTERS]> {
    let mut registers = Box::new([0; SKETCH_REGISTERS]);
    for element in elements {
        raise(&mut registers, *element);
    }
    registers
}

fn raise(registers: &mut [u8; SKETCH_REGISTERS], element: Element) {
    // The element holds its second in the high bits, so it is mixed before bits are taken.
    let hash = mix(element.0);
    let register = (hash >> (64 - REGISTER_BITS)) as usize;
    let rank = ((hash << REGISTER_BITS) | (1 << (REGISTER_BITS - 1))).leading_zeros() + 1;
    registers[register] = registers[register].max(rank as u8);
}

/// The finaliser of SplitMix64 (Steele et al., 2014): a bijection that spreads every bit.
const fn mix(mut value: u64) -> u64 {
    value ^= value >> 30;
    value = value.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value ^= value >> 27;
    value = value.wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

/// Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", 2017, Algorithm 6.
fn ertl_estimate(registers: &[u8; SKETCH_REGISTERS]) -> f64 {
    // Neighbours mostly have the same few ranks: counted in one table, each would wait for the one before.
    let mut counted = [[0_u32; RANK_MAX + 1]; LANES];
    for ranks in registers.as_chunks::<LANES>().0 {
        for (counted, rank) in counted.iter_mut().zip(ranks) {
            counted[(*rank as usize).min(RANK_MAX)] += 1;
        }
    }
    let multiplicity: [u32; RANK_MAX + 1] =
        std::array::from_fn(|rank| counted.iter().map(|counted| counted[rank]).sum());
    let m = SKETCH_REGISTERS as f64;
    let mut z = m * tau(1.0 - f64::from(multiplicity[RANK_MAX]) / m);
    for count in multiplicity[1..RANK_MAX].iter().rev() {
        z = 0.5 * (z + f64::from(*count));
    }
    z += m * sigma(f64::from(multiplicity[0]) / m);
    m * m / (2.0 * std::f64::consts::LN_2 * z)
}

fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z <= before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x).powi(2) * y;
        if z >= before {
            return z / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(hashes: &[(u16, u64)]) -> DistinctEvents {
        let mut set = DistinctEvents::default();
        for (second, hash) in hashes {
            set.insert(Element::new(*second % 3_600, *hash));
        }
        set
    }

    fn merged(mut a: DistinctEvents, b: &DistinctEvents) -> DistinctEvents {
        a.merge(b);
        a
    }

    fn events() -> impl Strategy<Value = Vec<(u16, u64)>> {
        // Small and large, with repetitions, on both sides of the switch.
        prop_oneof![
            proptest::collection::vec((0..4_u16, (0..40_u64).prop_map(|n| n << 40)), 0..80),
            proptest::collection::vec((any::<u16>(), any::<u64>()), 0..400),
        ]
    }

    proptest! {
        #[test]
        fn union_is_associative_commutative_and_idempotent(a in events(), b in events(), c in events()) {
            let (a, b, c) = (set(&a), set(&b), set(&c));
            prop_assert_eq!(merged(a.clone(), &b), merged(b.clone(), &a));
            prop_assert_eq!(merged(merged(a.clone(), &b), &c), merged(a.clone(), &merged(b, &c)));
            prop_assert_eq!(merged(a.clone(), &a), a);
        }

        #[test]
        fn the_form_follows_the_distinct_set(mut events in events()) {
            let forward = set(&events);
            events.reverse();
            let twice: Vec<_> = events.iter().chain(&events).copied().collect();
            prop_assert_eq!(set(&twice), forward);
        }

        #[test]
        fn a_count_only_grows(events in events(), more in events()) {
            let before = set(&events);
            prop_assert!(merged(before.clone(), &set(&more)).count() >= before.count());
        }
    }

    #[test]
    fn the_densest_minutes_are_found() {
        let events = set(&[
            (0, 1 << 40),
            (599, 2 << 40),
            (600, 3 << 40),
            (601, 4 << 40),
            (3_000, 5 << 40),
        ]);
        assert_eq!(events.most_within(600), 3);
        assert_eq!(events.most_within(1), 1);
        assert_eq!(events.most_within(3_600), 5);
        assert_eq!(DistinctEvents::default().most_within(600), 0);
    }

    #[test]
    fn the_ends_within_a_span_are_found() {
        let events = set(&[(0, 1 << 40), (599, 2 << 40), (600, 3 << 40)]);
        for (span, ends) in [
            ((0, 3_599), Some((0, 600))),
            ((1, 599), Some((599, 599))),
            ((601, 3_599), None),
            ((9, 3), None),
        ] {
            assert_eq!(events.ends_within(span.0, span.1), ends, "{span:?}");
        }
        let one = set(&[(599, 1 << 40)]);
        assert_eq!(one.ends_within(0, 3_599), Some((599, 599)));
    }

    #[test]
    fn the_estimate_is_close() {
        for n in [129_u64, 1_000, 10_000, 1_000_000] {
            let mut events = DistinctEvents::default();
            for i in 0..n {
                events.insert(Element::new((i % 3_600) as u16, mix(i)));
            }
            let error = (events.count() as f64 / n as f64 - 1.0).abs();
            assert!(error < 0.1, "{n}: {}", events.count());
        }
    }
}

//! How much, as a hurdle: was there anything, and then how much against the mean of that hour of the day.
//!
//! Hurdle models for counts: Heard et al., Annals of Applied Statistics 4(2), 2010. The tail is the
//! stream's own decayed histogram of ratios: Poisson and negative-binomial tails give bursty roles
//! 1e-15 every week.

use serde::{Deserialize, Serialize};

use super::constants::{
    EFFECT_DOUBLINGS, EFFECT_FLOOR, NEIGHBOUR, RATIO_MAX, RATIO_PRIOR_HOURS, RATIO_PRIOR_SLOPE,
    RATIO_SLOPE_HOURS, RATIO_SLOPE_MAX, RATIO_SLOPE_MIN, SLOT_PRIOR_HOURS, TOKENS_MIN, WINSOR_PLUS,
    WINSOR_TIMES,
};
use super::decay::{log2_1p, surprise};
use super::histogram::Histogram;

/// Width of a bin of ratios, in doublings.
const RATIO_WIDTH: f64 = 0.5;
/// The last bin of ratios.
const RATIO_LAST: u8 = 12;

/// How a stream divides the week into slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slots {
    /// One slot: too rare to tell hours apart.
    One,
    /// 24 hours of weekdays and of weekends.
    Hours,
    /// Six blocks of four hours of weekdays and of weekends.
    Blocks,
}

impl Slots {
    const fn per_day(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Hours => 24,
            Self::Blocks => 6,
        }
    }

    const fn slot(self, time: SlotTime) -> u8 {
        let of_day = time.hour / (24 / self.per_day());
        match self {
            Self::One => 0,
            _ if time.is_weekend => self.per_day() + of_day,
            _ => of_day,
        }
    }
}

/// An hour of the week, as far as slots go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotTime {
    /// 0 to 23, UTC.
    pub hour: u8,
    /// Saturday or Sunday, UTC.
    pub is_weekend: bool,
}

impl SlotTime {
    /// The slot time of an hour of a day since 1970-01-01, a Thursday.
    #[must_use]
    pub const fn new(day: i64, hour: u8) -> Self {
        Self {
            hour,
            is_weekend: (day + 4).rem_euclid(7) % 6 == 0,
        }
    }
}

/// The history of a stream of calls: means by slot and a histogram of ratios to them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Stream {
    /// (slot, calls, active hours), decayed; only slots with weight, sorted.
    #[serde(with = "super::columns::slots")]
    slots: Vec<(u8, f32, f32)>,
    ratios: Histogram,
    /// Decayed active hours.
    hours: f32,
    /// Decayed calls.
    calls: f32,
}

/// What a count came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged {
    /// −log10 of how often the stream is that far above its mean, times the effect size.
    pub surprise: f64,
    /// The mean expected, in calls an hour.
    pub mean: f64,
}

impl Stream {
    /// The mean of this hour of the week over active hours: the slot with half of its neighbours, held
    /// to the flat mean, which is held to `prior` calls. `factor` is the decay since the stream was learnt.
    #[must_use]
    pub fn mean(&self, slots: Slots, time: SlotTime, prior: f64, factor: f64) -> f64 {
        let flat =
            (f64::from(self.calls) * factor + prior) / (f64::from(self.hours) * factor + 1.0);
        if slots == Slots::One {
            return flat;
        }
        let per_day = slots.per_day();
        let slot = slots.slot(time);
        let base = slot - slot % per_day;
        let before = base + (slot % per_day + per_day - 1) % per_day;
        let after = base + (slot % per_day + 1) % per_day;
        let (mut calls, mut hours) = (0.0, 0.0);
        for (other, slot_calls, slot_hours) in &self.slots {
            let weight = if *other == slot {
                1.0
            } else if *other == before || *other == after {
                NEIGHBOUR
            } else {
                continue;
            };
            calls += weight * f64::from(*slot_calls);
            hours += weight * f64::from(*slot_hours);
        }
        (calls * factor + SLOT_PRIOR_HOURS * flat) / (hours * factor + SLOT_PRIOR_HOURS)
    }

    /// Judges a count of calls against a mean. It never falls as the count grows.
    #[must_use]
    pub fn judge(&self, calls: f64, mean: f64, kappa: f64, factor: f64) -> Judged {
        let ratio = ratio(calls, mean, kappa);
        if ratio <= 0.0 {
            return Judged {
                surprise: 0.0,
                mean,
            };
        }
        let own = self.ratios.tail(ratio, RATIO_WIDTH, RATIO_LAST) * factor;
        let prior = RATIO_PRIOR_HOURS * libm::exp2(-self.slope(factor) * ratio);
        let tail = (own + prior) / (f64::from(self.hours) * factor + RATIO_PRIOR_HOURS);
        Judged {
            surprise: surprise(tail) * effect(calls - mean),
            mean,
        }
    }

    /// How steeply the tail of the ratio falls beyond what was seen, in doublings of its rarity for each doubling of the count: of
    /// an exponential tail, log2(e) over the mean ratio. A stream that is never far above its mean falls steeply.
    fn slope(&self, factor: f64) -> f64 {
        let (hours, sum) = self.ratios.weight_and_sum(RATIO_WIDTH);
        let usual = std::f64::consts::LOG2_E / RATIO_PRIOR_SLOPE;
        let mean =
            (sum * factor + RATIO_SLOPE_HOURS * usual) / (hours * factor + RATIO_SLOPE_HOURS);
        (std::f64::consts::LOG2_E / mean).clamp(RATIO_SLOPE_MIN, RATIO_SLOPE_MAX)
    }

    /// Learns one active hour, winsorised so that no hour teaches more than a few others.
    pub fn learn(&mut self, slots: Slots, time: SlotTime, calls: f64, mean: f64, kappa: f64) {
        self.hours += 1.0;
        let ratio = ratio(calls, mean, kappa).min(RATIO_MAX);
        // Hours at or below the mean need no bin: only tails above it are asked for.
        if ratio > 0.0 {
            self.ratios.add(ratio, RATIO_WIDTH, RATIO_LAST, 1.0);
        }
        let taught = calls.min(WINSOR_TIMES * mean + WINSOR_PLUS) as f32;
        self.calls += taught;
        if slots == Slots::One {
            return;
        }
        let slot = slots.slot(time);
        match self.slots.binary_search_by_key(&slot, |(slot, ..)| *slot) {
            Ok(place) => {
                self.slots[place].1 += taught;
                self.slots[place].2 += 1.0;
            }
            Err(place) => self.slots.insert(place, (slot, taught, 1.0)),
        }
    }

    /// Learns active hours of the principal without any call of this stream.
    pub fn learn_idle(&mut self, hours: f32) {
        if self.hours > 0.0 || hours > 0.0 {
            self.hours += hours;
        }
    }

    /// Lets everything fade.
    pub fn fade(&mut self, factor: f32) {
        self.hours *= factor;
        self.calls *= factor;
        self.ratios.fade(factor);
        self.slots.retain_mut(|(_, calls, hours)| {
            *calls *= factor;
            *hours *= factor;
            *hours >= TOKENS_MIN
        });
    }

    /// Decayed active hours.
    #[must_use]
    pub const fn hours(&self) -> f32 {
        self.hours
    }

    /// (slot, calls, active hours), decayed, by slot.
    pub fn by_slot(&self) -> impl Iterator<Item = (u8, f32, f32)> {
        self.slots.iter().copied()
    }

    /// Decayed calls.
    #[must_use]
    pub const fn calls(&self) -> f32 {
        self.calls
    }
}

/// Doublings of a count above its mean.
fn ratio(calls: f64, mean: f64, kappa: f64) -> f64 {
    if calls <= mean {
        return 0.0;
    }
    libm::log2((calls + kappa) / (mean + kappa))
}

/// How much an excess of so many calls matters: a quarter at none, whole at 63.
#[must_use]
pub fn effect(excess: f64) -> f64 {
    (EFFECT_FLOOR + log2_1p(excess.max(0.0)) / EFFECT_DOUBLINGS).min(1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::baseline::constants::KAPPA;

    fn taught(counts: &[u32]) -> Stream {
        let mut stream = Stream::default();
        for (i, count) in counts.iter().enumerate() {
            let time = SlotTime::new((i / 24) as i64, (i % 24) as u8);
            let mean = stream.mean(Slots::Hours, time, 1.0, 1.0);
            stream.learn(Slots::Hours, time, f64::from(*count), mean, KAPPA);
        }
        stream
    }

    #[test]
    fn weekends() {
        // 1970-01-01 was a Thursday.
        let weekend: Vec<bool> = (0..7).map(|day| SlotTime::new(day, 0).is_weekend).collect();
        assert_eq!(weekend, [false, false, true, true, false, false, false]);
    }

    #[test]
    fn a_steady_stream_knows_its_mean() {
        let stream = taught(&[20; 24 * 14]);
        let time = SlotTime::new(14, 9);
        let mean = stream.mean(Slots::Hours, time, 1.0, 1.0);
        assert!((mean - 20.0).abs() < 1.0, "{mean}");
        assert_eq!(stream.judge(19.0, mean, KAPPA, 1.0).surprise, 0.0);
        assert!(stream.judge(30.0, mean, KAPPA, 1.0).surprise < 1.5);
        assert!(stream.judge(600.0, mean, KAPPA, 1.0).surprise > 4.0);
    }

    #[test]
    fn three_calls_are_no_burst() {
        let stream = taught(&[1; 24 * 14]);
        let mean = stream.mean(Slots::Hours, SlotTime::new(14, 9), 1.0, 1.0);
        assert!(stream.judge(4.0, mean, KAPPA, 1.0).surprise < 1.5);
    }

    #[test]
    fn a_steady_stream_is_held_to_its_narrowness() {
        let alternating = |high: u32| -> Vec<u32> {
            (0..24 * 14)
                .map(|hour| if hour % 2 == 0 { 10 } else { high })
                .collect()
        };
        let [narrow, wide] = [11, 40].map(|high| taught(&alternating(high)));
        // Both are judged at ten times their mean.
        let surprise = |stream: &Stream| stream.judge(200.0, 17.3, KAPPA, 1.0).surprise;
        assert!(surprise(&narrow) > surprise(&wide) + 1.0);
    }

    #[test]
    fn a_bursty_stream_is_allowed_its_bursts() {
        let mut counts = vec![5; 24 * 14];
        for burst in counts.iter_mut().step_by(24) {
            *burst = 400;
        }
        let stream = taught(&counts);
        let mean = stream.mean(Slots::Hours, SlotTime::new(14, 9), 1.0, 1.0);
        let judged = stream.judge(400.0, mean, KAPPA, 1.0);
        assert!(judged.surprise < 2.5, "{judged:?}");
    }

    proptest! {
        #[test]
        fn more_calls_are_never_less_surprising(
            counts in proptest::collection::vec(0..200_u32, 0..100),
            a in 0..2_000_u32,
            b in 0..2_000_u32,
        ) {
            let stream = taught(&counts);
            let mean = stream.mean(Slots::Hours, SlotTime::new(20, 3), 1.0, 0.7);
            let (low, high) = (f64::from(a.min(b)), f64::from(a.max(b)));
            let low = stream.judge(low, mean, KAPPA, 0.7).surprise;
            let high = stream.judge(high, mean, KAPPA, 0.7).surprise;
            prop_assert!(low <= high + 1e-12);
        }
    }
}

//! What the values and keys of a day say in one of its hours, and the new keys of the days before.

use super::constants::{REST_MAX, SLOW_BREADTH};
use super::decay::{SLOW, log2_1p};
use super::features::{FEATURES, Feature};
use super::score::{EARLY_HOURS, JudgedDay};
use super::surprises::Surprise;
use super::view::{Known, View};

/// Gathers the surprises of values and keys that count in an hour.
pub(super) fn values(
    surprises: &[Surprise],
    hour: u8,
    raw: &mut [f64; FEATURES],
    fresh: &mut [f64; FEATURES],
) {
    let mut sums = [(0.0_f64, 0.0_f64); FEATURES];
    let mut fresh_sums = sums;
    let add = |sums: &mut [(f64, f64); FEATURES], surprise: &Surprise| {
        let (best, sum) = &mut sums[surprise.feature as usize];
        *best = best.max(surprise.surprise);
        *sum += (surprise.surprise - 1.0).max(0.0);
    };
    for surprise in surprises
        .iter()
        .filter(|found| found.hours >> hour & 1 == 1)
    {
        add(&mut sums, surprise);
        let is_first = surprise.hours.trailing_zeros() == u32::from(hour);
        if is_first && !is_repeated(surprises, surprise, hour) {
            add(&mut fresh_sums, surprise);
        }
    }
    for (feature, (best, sum)) in sums.into_iter().enumerate() {
        if best > 0.0 {
            raw[feature] = gathered(feature, best, sum);
        }
        let (best, sum) = fresh_sums[feature];
        if best > 0.0 {
            fresh[feature] = gathered(feature, best, sum);
        }
    }
}

/// Whether a surprise of a late hour was counted in an early one, against the other base.
fn is_repeated(surprises: &[Surprise], surprise: &Surprise, hour: u8) -> bool {
    EARLY_HOURS >> hour & 1 == 0
        && surprises.iter().any(|other| {
            other.about == surprise.about
                && other.feature == surprise.feature
                && other.hours & EARLY_HOURS != 0
        })
}

/// The best of a feature's values; keys, operations and contexts accumulate.
fn gathered(feature: usize, best: f64, sum: f64) -> f64 {
    const ACCUMULATE: [usize; 3] = [
        Feature::Key as usize,
        Feature::Operation as usize,
        Feature::Context as usize,
    ];
    if ACCUMULATE.contains(&feature) {
        best + (0.5 * (sum - (best - 1.0).max(0.0))).clamp(0.0, REST_MAX)
    } else {
        best
    }
}

/// The slow breadth of an hour in which keys were new: of the new keys of the days before, and with
/// it what is learnt: the same where one of them was new for the first time.
pub(super) fn slow_breadth(
    view: &View<'_>,
    known: &Known<'_>,
    day: &mut JudgedDay,
    hour: u8,
) -> (f64, f64) {
    let (mut is_new, mut is_first) = (false, false);
    for found in &day.surprises {
        let counts = found.feature == Feature::Key
            && found.surprise > 1.0
            && found.novelty.own_days == 0.0
            && found.hours >> hour & 1 == 1;
        if !counts {
            continue;
        }
        is_new = true;
        if found.hours.trailing_zeros() == u32::from(hour)
            && !is_repeated(&day.surprises, found, hour)
        {
            is_first = true;
            day.slow_breadth = day.slow_breadth.max(found.surprise - 1.0);
        }
    }
    if !is_new {
        return (0.0, 0.0);
    }
    let before = slow_breadth_before(view, known);
    // The day's own keys count as new keys already: here is what the days before add.
    let score = SLOW_BREADTH * log2_1p(before);
    (score, if is_first { score } else { 0.0 })
}

/// The leaky sum of the new keys of the days before.
pub(super) fn slow_breadth_before(view: &View<'_>, known: &Known<'_>) -> f64 {
    known.principal.map_or(0.0, |known| {
        f64::from(known.slow_breadth) * f64::from(SLOW.over(view.day - known.day))
    })
}

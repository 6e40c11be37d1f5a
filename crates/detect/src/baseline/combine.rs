//! From an hour's surprises to its score: calibrated, gathered into families, set against the principal's own history, summed
//! beyond a threshold, calibrated again.

use super::canonical::Class;
use super::constants::{
    CALIBRATION_GAIN_MAX, CALIBRATION_TIMES_MAX, EFFECT_MAX, EFFECT_WEIGHT, FAMILY_MAX,
    FAMILY_THRESHOLD, OWN_PRIOR_HOURS, RARITY_WEIGHT, SECOND_THRESHOLD,
};
use super::decay::surprise;
use super::features::{FAMILIES, FEATURES, Family, Feature};
use super::histogram::Histogram;
use super::score::JudgedHour;
use super::view::{Known, View};

/// Width and last bin of a principal's histograms of families.
pub(super) const FAMILY_BINS: (f64, u8) = (0.5, 24);
/// Width and last bin of a principal's histogram of T.
pub(super) const TOTAL_BINS: (f64, u8) = (1.0, 60);

/// From surprises to the score.
pub(super) fn combine(
    view: &View<'_>,
    class: Class,
    known: &Known<'_>,
    hour: u8,
    raw: [f64; FEATURES],
    fresh: [f64; FEATURES],
) -> JudgedHour {
    let calibrated = calibrate(view, class, &raw);
    let families = families(&calibrated, known);
    let total = sum(&families);
    let (fresh_families, fresh_total) = if fresh == raw {
        (families, total)
    } else {
        let families = self::families(&calibrate(view, class, &fresh), known);
        (families, sum(&families))
    };
    let of_kind = view.total_calibrator(class, known).calibrate(total);
    let rarity = known.principal.map_or(of_kind, |own| {
        shrunk(
            of_kind,
            total,
            &own.totals,
            TOTAL_BINS,
            own.hours,
            known.factor,
        )
    });
    JudgedHour {
        hour,
        leading: leading(&calibrated, &families),
        raw,
        fresh,
        calibrated,
        families,
        fresh_families,
        total,
        fresh_total,
        rarity,
        score: RARITY_WEIGHT * rarity + EFFECT_WEIGHT * total.min(EFFECT_MAX),
    }
}

fn calibrate(view: &View<'_>, class: Class, raw: &[f64; FEATURES]) -> [f64; FEATURES] {
    let mut calibrated = [0.0; FEATURES];
    for (feature, surprise) in raw.iter().enumerate() {
        if *surprise > 0.0 {
            let rank = view.calibrator(class, feature).calibrate(*surprise);
            calibrated[feature] = rank.min(most_calibrated(*surprise));
        }
    }
    calibrated
}

/// The most that a surprise is calibrated to.
fn most_calibrated(surprise: f64) -> f64 {
    (surprise + CALIBRATION_GAIN_MAX).min(surprise * CALIBRATION_TIMES_MAX)
}

/// max + ½(second − 1)⁺ of each family (the channel: max), at most [`FAMILY_MAX`], held to how often this principal's family was that high.
fn families(calibrated: &[f64; FEATURES], known: &Known<'_>) -> [f64; FAMILIES] {
    let mut tops = [(0.0_f64, 0.0_f64); FAMILIES];
    for (feature, value) in Feature::ALL.into_iter().zip(calibrated) {
        let (first, second) = &mut tops[feature.family() as usize];
        if *value > *first {
            *second = *first;
            *first = *value;
        } else if *value > *second {
            *second = *value;
        }
    }
    let mut families = [0.0; FAMILIES];
    for (family, (first, second)) in tops.into_iter().enumerate() {
        let whole = first + SECOND_WEIGHT[family] * (second - SECOND_THRESHOLD).max(0.0);
        let whole = whole.min(FAMILY_MAX);
        families[family] = match known.principal {
            Some(own) if whole > 0.0 => {
                let history = &own.families[family];
                shrunk(whole, whole, history, FAMILY_BINS, own.hours, known.factor)
            }
            _ => whole,
        };
    }
    families
}

/// How much the second feature of each family adds. A path that is new on a key brings a new context with it, which
/// says nothing more.
const SECOND_WEIGHT: [f64; FAMILIES] = {
    let mut weights = [0.5; FAMILIES];
    weights[Family::Channel as usize] = 0.0;
    weights
};

/// −log10((tail + 30·10^−model)/(hours + 30)): how rare a value is for the principal itself, where the
/// model is worth thirty hours.
fn shrunk(
    model: f64,
    value: f64,
    history: &Histogram,
    (width, last): (f64, u8),
    hours: f32,
    factor: f64,
) -> f64 {
    let tail = history.tail(value, width, last) * factor;
    let prior = OWN_PRIOR_HOURS * libm::exp10(-model);
    surprise((tail + prior) / (f64::from(hours) * factor + OWN_PRIOR_HOURS))
}

/// Soft-thresholded Fisher (Zhang et al., Annals of Applied Statistics 14(1), 2020): the weighted sum of
/// what families have beyond a threshold.
fn sum(families: &[f64; FAMILIES]) -> f64 {
    Family::ALL
        .into_iter()
        .zip(families)
        .map(|(family, value)| family.weight() * (value - FAMILY_THRESHOLD).max(0.0))
        .sum()
}

/// The strongest feature of the family that contributes most.
fn leading(calibrated: &[f64; FEATURES], families: &[f64; FAMILIES]) -> Feature {
    let contribution =
        |family: Family| family.weight() * (families[family as usize] - FAMILY_THRESHOLD);
    let key = |feature: Feature| (contribution(feature.family()), calibrated[feature as usize]);
    let mut best = Feature::Data;
    for feature in Feature::ALL {
        let (a, b) = (key(feature), key(best));
        if a.0 > b.0 || (a.0 >= b.0 && feature.family() == best.family() && a.1 > b.1) {
            best = feature;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_remains_slight_however_rare_it_is() {
        assert!((most_calibrated(0.2) - 0.8).abs() < 1e-12);
        assert_eq!(most_calibrated(3.0), 5.0);
        assert_eq!(most_calibrated(0.0), 0.0);
    }

    /// A restore brings an operation, a key and a path that are each rarer than can be known.
    #[test]
    fn no_family_counts_beyond_where_families_end() {
        let mut calibrated = [0.0; FEATURES];
        calibrated[Feature::Operation as usize] = 15.4;
        calibrated[Feature::Network as usize] = 6.0;
        calibrated[Feature::Agent as usize] = 4.0;
        let stranger = Known {
            principal: None,
            group: None,
            factor: 0.0,
        };
        let families = families(&calibrated, &stranger);
        assert_eq!(families[Family::Operation as usize], FAMILY_MAX);
        assert_eq!(families[Family::Network as usize], 7.5);
        assert_eq!(families[Family::Edge as usize], 0.0);
    }
}

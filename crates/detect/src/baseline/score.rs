//! An hour's score: surprises, calibrated, gathered into families, set against the principal's own
//! history, summed beyond a threshold, calibrated again.

use super::canonical::Class;
use super::constants::{
    CALIBRATION_GAIN_MAX, CALIBRATION_TIMES_MAX, DORMANT_PRINCIPAL_UNUSED_DAYS, EFFECT_MAX,
    EFFECT_WEIGHT, FAMILY_MAX, FAMILY_THRESHOLD, KAPPA, MONTH_OF_SILENCE, NEW_FOREIGN, NEW_GROUP,
    NEW_PRINCIPAL, OWN_PRIOR_HOURS, RARITY_WEIGHT, REST_MAX, SECOND_THRESHOLD, SLOW_BREADTH,
    STEADY_DAYS,
};
use super::decay::{HABIT, SLOW, log2_1p, surprise};
use super::facts::{DayFacts, HourFacts, PrincipalFacts};
use super::features::{FAMILIES, FEATURES, Family, Feature};
use super::histogram::Histogram;
use super::state::{AccountBaseline, STREAMS};
use super::streams::{KINDS, counts};
use super::surprises::{Surprise, gather, returning};
use super::view::{Known, Seal, View};
use super::volume::{Judged, SlotTime, Slots, Stream};

/// Width and last bin of a principal's histograms of families.
pub(super) const FAMILY_BINS: (f64, u8) = (0.5, 24);
/// Width and last bin of a principal's histogram of T.
pub(super) const TOTAL_BINS: (f64, u8) = (1.0, 60);
/// Hours of the day that are judged against the base before the last: those that begin less than
/// three hours after the day before ended.
pub const EARLY_HOURS: u32 = 0b111;
/// Active hours from which the calls of a key by all principals are judged.
const KEY_HOURS_MIN: f32 = 24.0;

/// The two bases that are in use on a day.
#[derive(Debug, Clone, Copy)]
pub struct Bases<'b> {
    /// The fold through the day before yesterday: for the hours 0 to 2.
    pub early: &'b AccountBaseline,
    /// The fold through yesterday.
    pub late: &'b AccountBaseline,
}

/// An hour of a principal with its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoredHour {
    /// The principal, by number in [`DayFacts::principals`].
    pub principal: u32,
    /// 0 to 23.
    pub hour: u8,
    /// ¾·a + 1.5·min(T, 20).
    pub score: f64,
    /// T: the sum of what its families have beyond the threshold.
    pub total: f64,
    /// a: how rare such a T is for its kind and for itself, −log10.
    pub rarity: f64,
    /// The feature that contributes most.
    pub leading: Feature,
}

/// An hour with everything that went into its score.
#[derive(Debug, Clone)]
pub(super) struct JudgedHour {
    pub hour: u8,
    /// By feature; what counts in the score.
    pub raw: [f64; FEATURES],
    /// The same without values that were counted in an earlier hour of the day; what is learnt.
    pub fresh: [f64; FEATURES],
    pub calibrated: [f64; FEATURES],
    pub families: [f64; FAMILIES],
    pub fresh_families: [f64; FAMILIES],
    pub total: f64,
    pub fresh_total: f64,
    pub rarity: f64,
    pub score: f64,
    pub leading: Feature,
}

/// A principal's day, judged.
#[derive(Debug, Default)]
pub(super) struct JudgedDay {
    pub hours: Vec<JudgedHour>,
    pub surprises: Vec<Surprise>,
    /// What the day adds to the slow breadth sum: its most surprising new key. Many on one day are a move or a
    /// failover, and say so as new keys.
    pub slow_breadth: f64,
}

/// A day being judged.
#[derive(Debug)]
pub(super) struct Judge<'b, 'd> {
    pub facts: &'b DayFacts<'d>,
    early: View<'b>,
    late: View<'b>,
    /// The surprise of each key's calls by all principals, and its mean, by hour.
    key_rates: Vec<Option<Box<KeyRates>>>,
}

/// (surprise, mean) by hour of the day.
type KeyRates = [(f32, f32); 24];

impl<'b, 'd> Judge<'b, 'd> {
    pub fn new(bases: Bases<'b>, facts: &'b DayFacts<'d>, seal: Seal) -> Self {
        let early = View::new(bases.early, facts, seal);
        let late = View::new(bases.late, facts, seal);
        let key_rates = (0..facts.keys.len() as u32)
            .map(|key| key_rates(&early, &late, facts, key))
            .collect();
        Self {
            facts,
            early,
            late,
            key_rates,
        }
    }

    /// The base an hour is judged against.
    pub fn view_of(&self, hour: u8) -> &View<'b> {
        if EARLY_HOURS >> hour & 1 == 1 {
            &self.early
        } else {
            &self.late
        }
    }

    /// How noisy a principal is, as the base through yesterday tells.
    pub fn noise(&self, principal: &PrincipalFacts<'_>) -> usize {
        self.late.principal(principal).noise()
    }

    /// Judges one principal's day.
    pub fn principal(&self, principal: &PrincipalFacts<'_>) -> JudgedDay {
        let mut day = JudgedDay::default();
        let known = [
            self.early.principal(principal),
            self.late.principal(principal),
        ];
        let facts = &self.facts.hours[principal.hours.clone()];
        let active = facts.iter().fold(0_u32, |bits, hour| bits | 1 << hour.hour);
        if active & EARLY_HOURS != 0 {
            gather(
                &self.early,
                self.facts,
                principal,
                &known[0],
                EARLY_HOURS,
                &mut day.surprises,
            );
        }
        if active & !EARLY_HOURS != 0 {
            gather(
                &self.late,
                self.facts,
                principal,
                &known[1],
                !EARLY_HOURS,
                &mut day.surprises,
            );
        }
        let pair_rates = self.pair_rates(principal, &known);
        let mut running = 0.0;
        for hour in facts {
            let known = &known[usize::from(EARLY_HOURS >> hour.hour & 1 == 0)];
            let view = self.view_of(hour.hour);
            running += hour.data;
            let mut raw = [0.0; FEATURES];
            let (pair, key) = pair_rates[usize::from(hour.hour)];
            raw[Feature::Pair as usize] = pair;
            raw[Feature::KeyRate as usize] = key;
            numbers(view, principal, known, hour, running, &mut raw);
            let mut fresh = raw;
            if known.principal.is_none() && !day.hours.is_empty() {
                fresh[Feature::NewPrincipal as usize] = 0.0;
            }
            if !day.hours.is_empty() {
                fresh[Feature::DormantPrincipal as usize] = 0.0;
            }
            values(&day.surprises, hour.hour, &mut raw, &mut fresh);
            let new_keys = slow_breadth(view, known, &mut day, hour.hour);
            raw[Feature::SlowBreadth as usize] = new_keys.0;
            fresh[Feature::SlowBreadth as usize] = new_keys.1;
            let judged = combine(view, principal.class, known, hour.hour, raw, fresh);
            day.hours.push(judged);
        }
        day
    }

    /// The calls that are usual for a pair in an hour.
    pub fn usual_calls(&self, principal: &PrincipalFacts<'_>, key: u32, hour: u8) -> f64 {
        let view = self.view_of(hour);
        let known = view.principal(principal);
        judge_pair(view, principal.class, &known, key, hour, 0.0).mean
    }

    /// By hour, the largest surprise of a pair's calls, and of its key's calls by all principals.
    fn pair_rates(
        &self,
        principal: &PrincipalFacts<'_>,
        known: &[Known<'_>; 2],
    ) -> [(f64, f64); 24] {
        let mut rates = [(0.0_f64, 0.0_f64); 24];
        for pair in &self.facts.pairs[principal.pairs.clone()] {
            for pair_hour in &self.facts.pair_hours[pair.hours.clone()] {
                let is_late = EARLY_HOURS >> pair_hour.hour & 1 == 0;
                let view = self.view_of(pair_hour.hour);
                let rate = &mut rates[usize::from(pair_hour.hour)];
                let judged = judge_pair(
                    view,
                    principal.class,
                    &known[usize::from(is_late)],
                    pair.key,
                    pair_hour.hour,
                    pair_hour.calls,
                );
                rate.0 = rate.0.max(judged.surprise);
                if let Some(of_key) = &self.key_rates[pair.key as usize] {
                    let (surprise, mean) = of_key[usize::from(pair_hour.hour)];
                    let share = (pair_hour.calls / (1.0 + f64::from(mean))).min(1.0);
                    rate.1 = rate.1.max(f64::from(surprise) * share);
                }
            }
        }
        rates
    }
}

/// The calls of a pair in an hour against its own, or against its class where it is not known.
fn judge_pair(
    view: &View<'_>,
    class: Class,
    known: &Known<'_>,
    key: u32,
    hour: u8,
    calls: f64,
) -> Judged {
    let pair = view
        .key(key)
        .zip(known.principal)
        .and_then(|(key, principal)| principal.pair(key.number));
    let prior = prior_mean(view, class, STREAMS);
    match pair {
        Some(pair) => {
            let factor = f64::from(HABIT.over(view.day - pair.day));
            let time = SlotTime::new(view.day, hour);
            let mean = pair.calls.mean(Slots::Blocks, time, prior, factor);
            pair.calls.judge(calls, mean, KAPPA, factor)
        }
        None => Stream::default().judge(calls, prior, KAPPA, 0.0),
    }
}

/// The mean calls an hour of a stream that nothing is known of: the geometric mean of its class.
pub(super) fn prior_mean(view: &View<'_>, class: Class, stream: usize) -> f64 {
    let (sum, hours) = view
        .base
        .class(class)
        .map_or((0.0, 0.0), |class| class.volumes[stream]);
    // Two hours with one call each stand for a class nothing is known of.
    libm::exp2((f64::from(sum) + 2.0) / (f64::from(hours) + 2.0)) - 1.0
}

/// The surprises of numbers: streams, day total, time, and of the principal itself.
fn numbers(
    view: &View<'_>,
    principal: &PrincipalFacts<'_>,
    known: &Known<'_>,
    hour: &HourFacts,
    running: f64,
    raw: &mut [f64; FEATURES],
) {
    let time = SlotTime::new(view.day, hour.hour);
    let counts = counts(hour);
    for (stream, kind) in KINDS.iter().enumerate() {
        if counts[stream] <= 0.0 {
            continue;
        }
        let prior = prior_mean(view, principal.class, stream);
        let judged = match known.principal {
            Some(known_principal) => {
                let history = &known_principal.streams[stream];
                let mean = history.mean(kind.slots, time, prior, known.factor);
                history.judge(counts[stream], mean, kind.kappa, known.factor)
            }
            None => Stream::default().judge(counts[stream], prior, kind.kappa, 0.0),
        };
        raw[kind.feature as usize] = judged.surprise;
    }
    match known.principal {
        Some(known_principal) => {
            raw[Feature::Time as usize] =
                known_principal
                    .times
                    .judge(time, hour.calls(), known.factor);
            raw[Feature::Day as usize] = known_principal.day_totals.judge(running, known.factor).0;
            raw[Feature::Drift as usize] =
                known_principal
                    .drift
                    .judge(running, time.is_weekend, known.factor);
            let gap = view.day - known_principal.day;
            let age = view.day - known_principal.first_day;
            if gap >= DORMANT_PRINCIPAL_UNUSED_DAYS && !MONTH_OF_SILENCE.contains(&gap) {
                raw[Feature::DormantPrincipal as usize] = returning(known.days(), age, gap);
            }
        }
        None => raw[Feature::NewPrincipal as usize] = new_principal(view, principal, known),
    }
}

/// −log10 of how often principals of the class are new, more for an unseen group and a foreign one.
fn new_principal(view: &View<'_>, principal: &PrincipalFacts<'_>, known: &Known<'_>) -> f64 {
    let new = view
        .base
        .class(principal.class)
        .map_or(0.0, |class| f64::from(class.new_principals) * view.factor);
    let days = f64::from(view.base.days + 1).min(STEADY_DAYS);
    let mut whole = surprise((new + 0.1) / (days + 0.1)) + NEW_PRINCIPAL;
    if known.group.is_none() {
        whole += NEW_GROUP;
    }
    // A partner that is known sends new principals as it likes.
    if principal.class == Class::Foreign && known.group.is_none() {
        whole += NEW_FOREIGN;
    }
    whole
}

/// Gathers the surprises of values and keys that count in an hour.
fn values(
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
fn slow_breadth(view: &View<'_>, known: &Known<'_>, day: &mut JudgedDay, hour: u8) -> (f64, f64) {
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

/// From surprises to the score.
fn combine(
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

/// The calls of a key by all principals, judged by hour; `None` for keys used too little.
fn key_rates(
    early: &View<'_>,
    late: &View<'_>,
    facts: &DayFacts<'_>,
    key: u32,
) -> Option<Box<KeyRates>> {
    let mut rates = Box::new([(0.0, 0.0); 24]);
    let mut any = false;
    let calls = &facts.keys[key as usize].calls;
    for (hour, calls) in calls.iter().enumerate().filter(|(_, calls)| **calls > 0.0) {
        let view = if EARLY_HOURS >> hour & 1 == 1 {
            early
        } else {
            late
        };
        let Some(known) = view
            .key(key)
            .filter(|known| known.calls.hours() >= KEY_HOURS_MIN)
        else {
            continue;
        };
        let factor = f64::from(HABIT.over(view.day - known.day));
        let time = SlotTime::new(view.day, hour as u8);
        let mean = known.calls.mean(Slots::Hours, time, 1.0, factor);
        let judged = known.calls.judge(f64::from(*calls), mean, KAPPA, factor);
        rates[hour] = (judged.surprise as f32, mean as f32);
        any |= judged.surprise > 0.0;
    }
    any.then_some(rates)
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

//! The surprises of numbers in an hour: its calls by stream, the day so far, the time, and the principal itself.

use super::canonical::Class;
use super::constants::{
    DORMANT_PRINCIPAL_UNUSED_DAYS, MONTH_OF_SILENCE, NEW_FOREIGN, NEW_GROUP, NEW_PRINCIPAL,
    STEADY_DAYS,
};
use super::decay::surprise;
use super::facts::{HourFacts, PrincipalFacts};
use super::features::{FEATURES, Feature};
use super::rates::prior_mean;
use super::streams::{KINDS, counts};
use super::surprises::returning;
use super::view::{Known, View};
use super::volume::{SlotTime, Stream};

/// The surprises of numbers: streams, day total, time, and of the principal itself.
pub(super) fn numbers(
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

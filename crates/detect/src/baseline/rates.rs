//! The calls of a pair, and of a key by all principals, against their own.

use super::canonical::Class;
use super::constants::KAPPA;
use super::decay::HABIT;
use super::facts::{DayFacts, PrincipalFacts};
use super::score::{EARLY_HOURS, Judge};
use super::state::STREAMS;
use super::view::{Known, View};
use super::volume::{Judged, SlotTime, Slots, Stream};

/// Active hours from which the calls of a key by all principals are judged.
const KEY_HOURS_MIN: f32 = 24.0;

/// (surprise, mean) by hour of the day.
pub(super) type KeyRates = [(f32, f32); 24];

impl Judge<'_, '_> {
    /// The calls that are usual for a pair in an hour.
    pub fn usual_calls(&self, principal: &PrincipalFacts<'_>, key: u32, hour: u8) -> f64 {
        let view = self.view_of(hour);
        let known = view.principal(principal);
        judge_pair(view, principal.class, &known, key, hour, 0.0).mean
    }

    /// By hour, the largest surprise of a pair's calls, and of its key's calls by all principals.
    pub(super) fn pair_rates(
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

/// The calls of a key by all principals, judged by hour; `None` for keys used too little.
pub(super) fn key_rates(
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

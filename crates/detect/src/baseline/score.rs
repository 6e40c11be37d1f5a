//! A day being judged, hour by hour, against the bases in use.

use super::combine::combine;
use super::facts::{DayFacts, PrincipalFacts};
use super::features::{FAMILIES, FEATURES, Feature};
use super::numbers_of_hour::numbers;
use super::rates::{KeyRates, key_rates};
use super::state::AccountBaseline;
use super::surprises::{Surprise, gather};
use super::values_of_hour::{slow_breadth, values};
use super::view::{Seal, View};

/// Hours of the day that are judged against the base before the last: those that begin less than
/// three hours after the day before ended.
pub const EARLY_HOURS: u32 = 0b111;

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
    pub(super) key_rates: Vec<Option<Box<KeyRates>>>,
}

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
        day.hours.reserve_exact(facts.len());
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
}

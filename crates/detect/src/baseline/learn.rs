//! A closed day is learnt once: it is judged for good, and every principal, pair, key, group and class
//! learns it, into the base of the next day.

use std::sync::Arc;

use super::canonical::Class;
use super::combine::{FAMILY_BINS, TOTAL_BINS};
use super::constants::{
    KAPPA, KEY_PATHS_MAX, KEY_VALUES_MAX, LEARNING_DAYS, TEACHES_LESS_FROM, TEACHES_LESS_WEIGHT,
};
use super::decay::{CALIBRATION, HABIT, log2_1p};
use super::facts::{DayFacts, HourFacts, NO_KEY, PrincipalFacts};
use super::features::{FEATURES, Feature};
use super::novelty::OF_A_FIRST;
use super::score::{Bases, Judge, JudgedDay, ScoredHour};
use super::shown::Shown;
use super::state::{
    AccountBaseline, ClassBaseline, KeyBaseline, NOISES, PrincipalBaseline, STREAMS, TABLES,
    age_of, table_of,
};
use super::strangers::Strangers;
use super::streams::{KINDS, counts};
use super::surprises::on_key_id;
use super::view::{FEATURE_WIDTH, Seal, TOTAL_WIDTH};
use super::volume::{SlotTime, Slots};

/// Judges the hours of a day: for good when it closes, as lower bounds while it is open.
#[must_use]
pub fn score(bases: Bases<'_>, facts: &DayFacts<'_>, seal: Seal) -> Vec<ScoredHour> {
    let judge = Judge::new(bases, facts, seal);
    let mut scored = Vec::with_capacity(facts.hours.len());
    for (number, principal) in facts.principals.iter().enumerate() {
        emit(number, &judge.principal(principal), &mut scored);
    }
    scored
}

/// Judges a day for good and learns it: the base of the next day, and the day's scores.
#[must_use]
pub fn fold(bases: Bases<'_>, facts: &DayFacts<'_>) -> (AccountBaseline, Vec<ScoredHour>) {
    let judge = Judge::new(bases, facts, Seal::Final);
    let mut scored = Vec::with_capacity(facts.hours.len());
    let base = fold_each(&judge, bases.late, |number, judged| {
        emit(number, judged, &mut scored);
    });
    (base, scored)
}

/// Learns a day that is judged for good into a base, handing over each principal's judged day.
pub(super) fn fold_each(
    judge: &Judge<'_, '_>,
    base: &AccountBaseline,
    mut each: impl FnMut(usize, &JudgedDay),
) -> AccountBaseline {
    let mut learning = Learning::begin(base, judge.facts);
    let mut maxima = Vec::with_capacity(judge.facts.principals.len());
    for (number, principal) in judge.facts.principals.iter().enumerate() {
        let judged = judge.principal(principal);
        each(number, &judged);
        maxima.push(
            judged
                .hours
                .iter()
                .map(|hour| hour.score)
                .fold(0.0, f64::max),
        );
        learning.principal(principal, &judged, judge.noise(principal));
    }
    let is_known = base.days >= LEARNING_DAYS;
    let mut next = learning.end();
    if is_known {
        // Scores made while learning say nothing of how high usual ones are.
        next.budget.learn(judge.facts.day, &mut maxima);
    }
    next
}

pub(super) fn emit(number: usize, judged: &JudgedDay, scored: &mut Vec<ScoredHour>) {
    scored.extend(judged.hours.iter().map(|hour| ScoredHour {
        principal: number as u32,
        hour: hour.hour,
        score: hour.score,
        total: hour.total,
        rarity: hour.rarity,
        leading: hour.leading,
    }));
}

/// A base on its way to the next day.
struct Learning<'f, 'd> {
    before: &'f AccountBaseline,
    base: AccountBaseline,
    facts: &'f DayFacts<'d>,
    day: i64,
    is_weekend: bool,
    /// The base's numbers of the day's names and keys.
    names: Vec<u32>,
    keys: Vec<u32>,
    /// (key, name) of the paths and contexts used with success.
    key_paths: Vec<(u32, u32)>,
    key_contexts: Vec<(u32, u32)>,
    /// New principals of each key of the day.
    new_principals: Vec<f32>,
    /// Those of them whose peers never used the key.
    strangers: Vec<f32>,
    /// Hours and principals by class, and hours with a surprise by class and feature.
    hours: [f32; Class::ALL.len()],
    principals: [f32; Class::ALL.len()],
    surprised: [[f32; FEATURES]; Class::ALL.len()],
}

impl<'f, 'd> Learning<'f, 'd> {
    fn begin(before: &'f AccountBaseline, facts: &'f DayFacts<'d>) -> Self {
        let mut base = before.clone();
        let day = facts.day;
        let days = base.day.map_or(0, |before| day - before);
        base.classes
            .resize_with(Class::ALL.len(), ClassBaseline::default);
        for class in &mut base.classes {
            class.fade(HABIT.over(days), CALIBRATION.over(days));
        }
        base.new_principals_of_keys *= HABIT.over(days);
        base.strangers.fade(HABIT.over(days));
        base.shared.fade_to(day);
        base.day = Some(day);
        base.days += 1;
        let names = base.names.learn_all(&facts.names, day as i32);
        let keys = facts
            .keys
            .iter()
            .map(|key| number_of_key(&mut base, key.name, key.exists, day))
            .collect();
        Self {
            before,
            base,
            facts,
            day,
            is_weekend: SlotTime::new(day, 0).is_weekend,
            names,
            keys,
            key_paths: Vec::new(),
            key_contexts: Vec::new(),
            new_principals: vec![0.0; facts.keys.len()],
            strangers: vec![0.0; facts.keys.len()],
            hours: [0.0; Class::ALL.len()],
            principals: [0.0; Class::ALL.len()],
            surprised: [[0.0; FEATURES]; Class::ALL.len()],
        }
    }

    fn principal(&mut self, facts: &PrincipalFacts<'_>, judged: &JudgedDay, noise: usize) {
        let day = self.day;
        let known = self.base.principals.get(facts.name);
        let mut own = known.map_or_else(
            || PrincipalBaseline::new(day),
            |known| PrincipalBaseline::clone(known),
        );
        let is_first_day = own.active_days == 0;
        let age = age_of(own.active_days);
        own.fade_to(day);
        own.active_days = own.active_days.saturating_add(1);
        own.days += 1.0;
        own.slow_breadth += judged.slow_breadth as f32;
        let group = self.base.groups.entry((*facts.group).into()).or_default();
        // Copied for the first of the day's principals in it, and changed in place for the others.
        let group = Arc::make_mut(group);
        group.fade_to(day);
        let peers_before = self.before.groups.get(&*facts.group);
        let mut shown = Shown {
            peers_before: peers_before.map(|group| &**group),
            account_before: &self.before.shared,
            reach: [[0.0; 3]; TABLES],
            is_first: std::array::from_fn(|table| {
                OF_A_FIRST.contains(&table) && own.tables[table].is_empty()
            }),
            own: &mut own,
            group,
            account: &mut self.base.shared,
            new: [0.0; TABLES],
        };
        for value in &self.facts.values[facts.values.clone()] {
            let name = self.names[value.name as usize];
            match (value.feature, value.key) {
                (feature, NO_KEY) => {
                    if let Some(table) = table_of(feature) {
                        shown.value(table, name.into());
                    }
                }
                (Feature::Path, key) => {
                    self.key_paths.push((key, name));
                    let id = on_key_id(self.keys[key as usize], name);
                    shown.own.key_paths.add(id, 1.0, KEY_PATHS_MAX);
                }
                (_, key) => {
                    self.key_contexts.push((key, name));
                    shown.context(on_key_id(self.keys[key as usize], name));
                }
            }
        }
        for pair in &self.facts.pairs[facts.pairs.clone()] {
            let hours = &self.facts.pair_hours[pair.hours.clone()];
            if hours.is_empty() {
                continue;
            }
            let volumes = &mut self.base.classes[facts.class as usize].volumes[STREAMS];
            let prior = geometric_mean(*volumes);
            let mut sum = 0.0;
            let is_new = shown.pair(self.keys[pair.key as usize], day, |known| {
                for hour in hours {
                    let time = SlotTime::new(day, hour.hour);
                    let mean = known.mean(Slots::Blocks, time, prior, 1.0);
                    known.learn(Slots::Blocks, time, hour.calls, mean, KAPPA);
                    sum += log2_1p(hour.calls);
                }
            });
            volumes.0 += sum as f32;
            volumes.1 += hours.len() as f32;
            self.new_principals[pair.key as usize] += f32::from(u8::from(is_new));
            let is_stranger = is_new && !shown.is_known_to_peers(self.keys[pair.key as usize]);
            self.strangers[pair.key as usize] += f32::from(u8::from(is_stranger));
        }
        let (new, reach) = (shown.new, shown.reach);
        shown.group.principal_days += 1.0;
        self.base.shared.principal_days += 1.0;
        let class = &mut self.base.classes[facts.class as usize];
        for (table, new) in new.into_iter().enumerate() {
            let rate = &mut class.rates[table][age];
            rate.1 += 1.0;
            // On a first day everything is new, which says nothing of how often new things come.
            if !is_first_day {
                rate.0 += new;
                for (known, new) in class.reach[table].iter_mut().zip(reach[table]) {
                    *known += new;
                }
                own.new[table] += new;
            }
        }
        class.new_principals += f32::from(u8::from(is_first_day));
        let hours = &self.facts.hours[facts.hours.clone()];
        own.learn_hours(hours, class, day, self.is_weekend);
        own.learn_scores(judged);
        class.learn_scores(judged, noise, &mut self.surprised[facts.class as usize]);
        self.hours[facts.class as usize] += judged.hours.len() as f32;
        self.principals[facts.class as usize] += 1.0;
        self.base
            .principals
            .insert(facts.name.into(), Arc::new(own));
    }

    fn end(mut self) -> AccountBaseline {
        for (number, class) in self.base.classes.iter_mut().enumerate() {
            for (feature, surprised) in self.surprised[number].iter().enumerate() {
                let seen = if Feature::ALL[feature].is_of_a_day() {
                    self.principals[number]
                } else {
                    self.hours[number]
                };
                let silent = seen - surprised;
                if silent > 0.0 {
                    class.features[feature].add(0.0, FEATURE_WIDTH, silent);
                }
            }
        }
        self.keys();
        self.base.names.trim();
        self.base.trim();
        self.base
    }

    fn keys(&mut self) {
        for list in [&mut self.key_paths, &mut self.key_contexts] {
            list.sort_unstable();
            list.dedup();
        }
        for (number, facts) in self.facts.keys.iter().enumerate() {
            let Some(key) = self.base.keys.get_mut(facts.name) else {
                continue;
            };
            let key = Arc::make_mut(key);
            key.fade_to(self.day);
            if let Some(created) = facts.created {
                key.created = Some(created.day().days_since_1970());
            }
            key.new_principals += self.new_principals[number];
            self.base.new_principals_of_keys += self.new_principals[number];
            if facts.calls.iter().all(|calls| *calls <= 0.0) {
                continue;
            }
            key.used = Some(self.day);
            key.days += 1.0;
            if Strangers::are_told(self.day - key.first_day) {
                key.strangers.learn(self.strangers[number]);
                self.base.strangers.learn(self.strangers[number]);
            }
            for (hour, calls) in facts
                .calls
                .iter()
                .enumerate()
                .filter(|(_, calls)| **calls > 0.0)
            {
                let time = SlotTime::new(self.day, hour as u8);
                let mean = key.calls.mean(Slots::Hours, time, 1.0, 1.0);
                key.calls
                    .learn(Slots::Hours, time, f64::from(*calls), mean, KAPPA);
            }
            for (list, table) in [
                (&self.key_paths, &mut key.paths),
                (&self.key_contexts, &mut key.contexts),
            ] {
                let from = list.partition_point(|(key, _)| (*key as usize) < number);
                let names = list[from..].iter();
                for (_, name) in names.take_while(|(key, _)| *key as usize == number) {
                    table.add((*name).into(), 1.0, KEY_VALUES_MAX);
                }
            }
        }
    }
}

/// The number of a key, given now where it has none and exists.
fn number_of_key(base: &mut AccountBaseline, name: &str, exists: bool, day: i64) -> u32 {
    if let Some(key) = base.keys.get(name) {
        return key.number;
    }
    if !exists || name.is_empty() {
        return NO_KEY;
    }
    let number = base.next_key;
    base.next_key = base.next_key.wrapping_add(1);
    let key = KeyBaseline {
        number,
        first_day: day,
        day,
        ..KeyBaseline::default()
    };
    base.keys.insert(name.into(), Arc::new(key));
    number
}

fn geometric_mean((sum, hours): (f32, f32)) -> f64 {
    libm::exp2((f64::from(sum) + 2.0) / (f64::from(hours) + 2.0)) - 1.0
}

impl ClassBaseline {
    fn learn_scores(&mut self, judged: &JudgedDay, noise: usize, surprised: &mut [f32; FEATURES]) {
        for (place, hour) in judged.hours.iter().enumerate() {
            let is_last = place + 1 == judged.hours.len();
            for (feature, surprise) in Feature::ALL.into_iter().zip(&hour.fresh) {
                // What only adds up through the day is learnt once, from its last hour.
                if *surprise > 0.0 && (is_last || !feature.is_of_a_day()) {
                    self.features[feature as usize].add(*surprise, FEATURE_WIDTH, 1.0);
                    surprised[feature as usize] += 1.0;
                }
            }
            self.totals[noise.min(NOISES - 1)].add(hour.fresh_total, TOTAL_WIDTH, 1.0);
        }
    }
}

impl PrincipalBaseline {
    fn learn_hours(
        &mut self,
        hours: &[HourFacts],
        class: &mut ClassBaseline,
        day: i64,
        is_weekend: bool,
    ) {
        let (mut active, mut total) = (0, 0.0);
        for hour in hours {
            active |= 1 << hour.hour;
            total += hour.data;
            let counts = counts(hour);
            let time = SlotTime::new(day, hour.hour);
            for (stream, kind) in KINDS.iter().enumerate() {
                let calls = counts[stream];
                if calls <= 0.0 {
                    if kind.counts_idle_hours {
                        self.streams[stream].learn_idle(1.0);
                    }
                    continue;
                }
                let volumes = &mut class.volumes[stream];
                let history = &mut self.streams[stream];
                let mean = history.mean(kind.slots, time, geometric_mean(*volumes), 1.0);
                history.learn(kind.slots, time, calls, mean, kind.kappa);
                volumes.0 += log2_1p(calls) as f32;
                volumes.1 += 1.0;
            }
        }
        self.hours += hours.len() as f32;
        self.times.learn(active, is_weekend);
        self.day_totals.learn(total);
        self.drift.learn(total, is_weekend);
    }

    fn learn_scores(&mut self, judged: &JudgedDay) {
        for hour in &judged.hours {
            let weight = if hour.score < TEACHES_LESS_FROM {
                1.0
            } else {
                TEACHES_LESS_WEIGHT
            };
            for (history, value) in self.families.iter_mut().zip(&hour.fresh_families) {
                if *value > 0.0 {
                    history.add(*value, FAMILY_BINS.0, FAMILY_BINS.1, weight);
                }
            }
            if hour.fresh_total > 0.0 {
                self.totals
                    .add(hour.fresh_total, TOTAL_BINS.0, TOTAL_BINS.1, weight);
                self.total_sum += hour.fresh_total as f32;
            }
        }
    }
}

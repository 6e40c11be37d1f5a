//! A closed day is learnt once: it is judged for good, and every principal, pair, key, group and class
//! learns it, into the base of the next day.

use std::sync::Arc;

use super::canonical::Class;
use super::constants::{
    AGENTS_MAX, CONTEXTS_MAX, GRANTEES_MAX, GROUPS_MAX, KAPPA, KEY_PATHS_MAX, KEY_VALUES_MAX,
    KEYS_MAX, LEARNING_DAYS, NETWORKS_MAX, OPERATIONS_MAX, PAIRS_PER_PRINCIPAL_MAX, PATHS_MAX,
    PRINCIPALS_MAX, REGIONS_MAX, SHARED_VALUES_MAX,
};
use super::decay::{CALIBRATION, HABIT, SLOW, log2_1p};
use super::facts::{DayFacts, HourFacts, NO_KEY, PrincipalFacts};
use super::features::{FEATURES, Feature};
use super::score::{Bases, FAMILY_BINS, Judge, JudgedDay, ScoredHour, TOTAL_BINS};
use super::state::{
    AccountBaseline, ClassBaseline, KeyBaseline, NOISES, PairBaseline, PrincipalBaseline, STREAMS,
    Shared, TABLES, age_of, table_of,
};
use super::streams::{KINDS, counts};
use super::surprises::on_key_id;
use super::view::{FEATURE_WIDTH, Seal, TOTAL_WIDTH};
use super::volume::{SlotTime, Slots};

/// The most values a principal's tables hold, by table; keys have their own bound.
const TABLE_MAX: [usize; TABLES] = [
    NETWORKS_MAX,
    AGENTS_MAX,
    REGIONS_MAX,
    PATHS_MAX,
    OPERATIONS_MAX,
    0,
    GRANTEES_MAX,
    CONTEXTS_MAX,
];

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
    /// Hours by class, and hours with a surprise by class and feature.
    hours: [f32; Class::ALL.len()],
    surprised: [[f32; FEATURES]; Class::ALL.len()],
}

impl<'f, 'd> Learning<'f, 'd> {
    fn begin(base: &AccountBaseline, facts: &'f DayFacts<'d>) -> Self {
        let mut base = base.clone();
        let day = facts.day;
        let days = base.day.map_or(0, |before| day - before);
        base.classes
            .resize_with(Class::ALL.len(), ClassBaseline::default);
        for class in &mut base.classes {
            class.fade(HABIT.over(days), CALIBRATION.over(days));
        }
        base.new_principals_of_keys *= HABIT.over(days);
        base.shared.fade_to(day);
        base.day = Some(day);
        base.days += 1;
        let names = facts
            .names
            .iter()
            .map(|name| base.names.learn(name, day as i32))
            .collect();
        let keys = facts
            .keys
            .iter()
            .map(|key| number_of_key(&mut base, key.name, key.exists, day))
            .collect();
        Self {
            base,
            facts,
            day,
            is_weekend: SlotTime::new(day, 0).is_weekend,
            names,
            keys,
            key_paths: Vec::new(),
            key_contexts: Vec::new(),
            new_principals: vec![0.0; facts.keys.len()],
            hours: [0.0; Class::ALL.len()],
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
        let mut group = Shared::clone(group);
        group.fade_to(day);
        let mut shown = Shown {
            own: &mut own,
            group: &mut group,
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
        }
        let new = shown.new;
        group.principal_days += 1.0;
        self.base.shared.principal_days += 1.0;
        let class = &mut self.base.classes[facts.class as usize];
        for (table, new) in new.into_iter().enumerate() {
            let rate = &mut class.rates[table][age];
            rate.1 += 1.0;
            // On a first day everything is new, which says nothing of how often new things come.
            if !is_first_day {
                rate.0 += new;
                own.new[table] += new;
            }
        }
        class.new_principals += f32::from(u8::from(is_first_day));
        let hours = &self.facts.hours[facts.hours.clone()];
        own.learn_hours(hours, class, day, self.is_weekend);
        own.learn_scores(judged);
        class.learn_scores(judged, noise, &mut self.surprised[facts.class as usize]);
        self.hours[facts.class as usize] += judged.hours.len() as f32;
        self.base
            .groups
            .insert((*facts.group).into(), Arc::new(group));
        self.base
            .principals
            .insert(facts.name.into(), Arc::new(own));
    }

    fn end(mut self) -> AccountBaseline {
        for (number, class) in self.base.classes.iter_mut().enumerate() {
            for (feature, surprised) in self.surprised[number].iter().enumerate() {
                let silent = self.hours[number] - surprised;
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

/// The tables a principal's values go into.
struct Shown<'a> {
    own: &'a mut PrincipalBaseline,
    group: &'a mut Shared,
    account: &'a mut Shared,
    /// New values by table.
    new: [f32; TABLES],
}

impl Shown<'_> {
    fn value(&mut self, table: usize, id: u64) {
        let is_new = self.own.tables[table].add(id, 1.0, TABLE_MAX[table]);
        self.new[table] += f32::from(u8::from(is_new));
        self.group.tables[table].add(id, 1.0, SHARED_VALUES_MAX);
        self.account.tables[table].add(id, 1.0, SHARED_VALUES_MAX);
    }

    /// Contexts belong to keys, which keep their own count of them.
    fn context(&mut self, id: u64) {
        let table = table_of(Feature::Context).unwrap_or_default();
        let is_new = self.own.tables[table].add(id, 1.0, CONTEXTS_MAX);
        self.new[table] += f32::from(u8::from(is_new));
    }

    /// Learns a day of a pair. True when the pair is new.
    fn pair(&mut self, key: u32, day: i64, learn: impl FnOnce(&mut super::volume::Stream)) -> bool {
        let pairs = &mut self.own.pairs;
        let (place, is_new) = match pairs.binary_search_by_key(&key, |pair| pair.key) {
            Ok(place) => (place, false),
            Err(place) => {
                let pair = PairBaseline {
                    key,
                    first_day: day,
                    day,
                    ..PairBaseline::default()
                };
                pairs.insert(place, pair);
                (place, true)
            }
        };
        let pair = &mut pairs[place];
        let factor = HABIT.over(day - pair.day);
        pair.day = day;
        pair.calls.fade(factor);
        pair.days = pair.days * factor + 1.0;
        learn(&mut pair.calls);
        if pairs.len() > PAIRS_PER_PRINCIPAL_MAX {
            self.own.pairs_overflowed = true;
            let weight = |pair: &PairBaseline| pair.days * HABIT.over(day - pair.day);
            let smallest = (0..pairs.len())
                .filter(|other| *other != place)
                .min_by(|a, b| weight(&pairs[*a]).total_cmp(&weight(&pairs[*b])));
            if let Some(smallest) = smallest {
                pairs.remove(smallest);
            }
        }
        let table = table_of(Feature::Key).unwrap_or_default();
        self.new[table] += f32::from(u8::from(is_new));
        self.group.tables[table].add(key.into(), 1.0, SHARED_VALUES_MAX);
        self.account.tables[table].add(key.into(), 1.0, SHARED_VALUES_MAX);
        is_new
    }
}

impl Shared {
    fn fade_to(&mut self, day: i64) {
        let factor = HABIT.over(day - self.day);
        self.day = day;
        self.principal_days *= factor;
        for table in &mut self.tables {
            table.fade(factor);
        }
    }
}

impl KeyBaseline {
    fn fade_to(&mut self, day: i64) {
        let factor = HABIT.over(day - self.day);
        self.day = day;
        self.days *= factor;
        self.new_principals *= factor;
        self.paths.fade(factor);
        self.contexts.fade(factor);
        self.calls.fade(factor);
    }
}

impl ClassBaseline {
    fn fade(&mut self, habit: f32, calibration: f32) {
        for rate in self.rates.iter_mut().flatten().chain(&mut self.volumes) {
            rate.0 *= habit;
            rate.1 *= habit;
        }
        self.new_principals *= habit;
        for histogram in self.features.iter_mut().chain(&mut self.totals) {
            histogram.fade(calibration);
        }
    }

    fn learn_scores(&mut self, judged: &JudgedDay, noise: usize, surprised: &mut [f32; FEATURES]) {
        for hour in &judged.hours {
            for (feature, surprise) in hour.fresh.iter().enumerate() {
                if *surprise > 0.0 {
                    self.features[feature].add(*surprise, FEATURE_WIDTH, 1.0);
                    surprised[feature] += 1.0;
                }
            }
            self.totals[noise.min(NOISES - 1)].add(hour.fresh_total, TOTAL_WIDTH, 1.0);
        }
    }
}

impl PrincipalBaseline {
    fn new(day: i64) -> Self {
        Self {
            first_day: day,
            day,
            ..Self::default()
        }
    }

    fn fade_to(&mut self, day: i64) {
        let days = day - self.day;
        let factor = HABIT.over(days);
        self.day = day;
        self.slow_breadth *= SLOW.over(days);
        self.days *= factor;
        self.hours *= factor;
        self.total_sum *= factor;
        for new in &mut self.new {
            *new *= factor;
        }
        for table in self.tables.iter_mut().chain([&mut self.key_paths]) {
            table.fade(factor);
        }
        for stream in &mut self.streams {
            stream.fade(factor);
        }
        for family in self.families.iter_mut().chain([&mut self.totals]) {
            family.fade(factor);
        }
        self.day_totals.fade(factor);
        self.times.fade(factor);
    }

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
    }

    fn learn_scores(&mut self, judged: &JudgedDay) {
        for hour in &judged.hours {
            for (history, value) in self.families.iter_mut().zip(&hour.fresh_families) {
                if *value > 0.0 {
                    history.add(*value, FAMILY_BINS.0, FAMILY_BINS.1, 1.0);
                }
            }
            if hour.fresh_total > 0.0 {
                self.totals
                    .add(hour.fresh_total, TOTAL_BINS.0, TOTAL_BINS.1, 1.0);
                self.total_sum += hour.fresh_total as f32;
            }
        }
    }
}

impl AccountBaseline {
    /// Forgets the longest unused of what is too much, of equals the first by name.
    fn trim(&mut self) {
        let day_of = |principal: &Arc<PrincipalBaseline>| principal.day;
        self.forgotten += trim(&mut self.principals, PRINCIPALS_MAX, day_of);
        self.forgotten += trim(&mut self.keys, KEYS_MAX, |key| key.day);
        self.forgotten += trim(&mut self.groups, GROUPS_MAX, |group| group.day);
    }
}

fn trim<V>(
    map: &mut std::collections::BTreeMap<Box<str>, V>,
    most: usize,
    day_of: impl Fn(&V) -> i64,
) -> u64 {
    if map.len() <= most {
        return 0;
    }
    let mut order: Vec<(i64, Box<str>)> = map
        .iter()
        .map(|(name, value)| (day_of(value), name.clone()))
        .collect();
    order.sort();
    let surplus = order.len() - most;
    for (_, name) in &order[..surplus] {
        map.remove(name);
    }
    surplus as u64
}

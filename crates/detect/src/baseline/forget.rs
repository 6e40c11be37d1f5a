//! What fades with the days, and what goes when there is too much.

use std::sync::Arc;

use super::constants::{GROUPS_MAX, KEYS_MAX, PRINCIPALS_MAX};
use super::decay::{HABIT, SLOW};
use super::state::{AccountBaseline, ClassBaseline, KeyBaseline, PrincipalBaseline, Shared};

impl Shared {
    pub(super) fn fade_to(&mut self, day: i64) {
        let factor = HABIT.over(day - self.day);
        self.day = day;
        self.principal_days *= factor;
        for table in &mut self.tables {
            table.fade(factor);
        }
    }
}

impl KeyBaseline {
    pub(super) fn fade_to(&mut self, day: i64) {
        let factor = HABIT.over(day - self.day);
        self.day = day;
        self.days *= factor;
        self.new_principals *= factor;
        self.strangers.fade(factor);
        self.paths.fade(factor);
        self.contexts.fade(factor);
        self.calls.fade(factor);
    }
}

impl ClassBaseline {
    pub(super) fn fade(&mut self, habit: f32, calibration: f32) {
        for rate in self.rates.iter_mut().flatten().chain(&mut self.volumes) {
            rate.0 *= habit;
            rate.1 *= habit;
        }
        for reach in self.reach.iter_mut().flatten() {
            *reach *= habit;
        }
        self.new_principals *= habit;
        for histogram in self.features.iter_mut().chain(&mut self.totals) {
            histogram.fade(calibration);
        }
    }
}

impl PrincipalBaseline {
    pub(super) fn new(day: i64) -> Self {
        Self {
            first_day: day,
            day,
            ..Self::default()
        }
    }

    pub(super) fn fade_to(&mut self, day: i64) {
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
        self.drift.fade(factor);
        self.times.fade(factor);
    }
}

impl AccountBaseline {
    /// Forgets the longest unused of what is too much, of equals the first by name.
    pub(super) fn trim(&mut self) {
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

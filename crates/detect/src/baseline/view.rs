//! A base as it is read on one day: names and keys of the day looked up once, calibrators made once.

use super::calibration::Calibrator;
use super::canonical::Class;
use super::constants::{NOISY_FROM, QUIET_BELOW};
use super::decay::HABIT;
use super::facts::{DayFacts, KeyFacts, PrincipalFacts};
use super::features::FEATURES;
use super::state::{
    AccountBaseline, ClassBaseline, KeyBaseline, NOISES, PrincipalBaseline, Shared,
};

/// Width of a bin of a surprise's calibration.
pub(super) const FEATURE_WIDTH: f64 = 0.25;
/// Width of a bin of T's calibration.
pub(super) const TOTAL_WIDTH: f64 = 0.5;

/// Whether the evidence of the hours is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Seal {
    /// More can come: what later evidence can lower is taken at its lowest.
    Provisional,
    /// Nothing comes any more.
    Final,
}

/// A base on a day.
#[derive(Debug)]
pub(super) struct View<'b> {
    pub base: &'b AccountBaseline,
    pub day: i64,
    pub seal: Seal,
    /// The decay of what is shared, from the base's day to this one.
    pub factor: f64,
    /// The base's numbers of the day's names.
    names: Vec<Option<u32>>,
    /// The day's keys in the base.
    keys: Vec<Option<&'b KeyBaseline>>,
    /// The base's number of the Region in each key's ARN, where it has one; a Region the base does not know has none.
    regions: Vec<Option<Option<u32>>>,
    /// Days since each key's observed CreateKey, where that was seen.
    created: Vec<Option<i64>>,
    /// Of each multi-Region key of the day, what is known of its replicas in other Regions.
    replicas: Vec<Vec<&'b KeyBaseline>>,
    classes: Vec<ClassCalibrators>,
}

#[derive(Debug)]
struct ClassCalibrators {
    features: [Calibrator; FEATURES],
    totals: [Calibrator; NOISES],
}

impl<'b> View<'b> {
    pub fn new(base: &'b AccountBaseline, facts: &DayFacts<'_>, seal: Seal) -> Self {
        let keys: Vec<Option<&KeyBaseline>> = facts
            .keys
            .iter()
            .map(|key| base.keys.get(key.name).map(|key| &**key))
            .collect();
        let created = facts
            .keys
            .iter()
            .zip(&keys)
            .map(|(facts_of_key, known)| age_since_creation(facts_of_key, *known, facts.day));
        let regions = facts
            .keys
            .iter()
            .map(|key| Some(base.names.number(region_in(key.name)?)));
        let empty = ClassBaseline::default();
        let classes = Class::ALL
            .into_iter()
            .map(|class| ClassCalibrators::of(base.class(class).unwrap_or(&empty)));
        Self {
            base,
            day: facts.day,
            seal,
            factor: base
                .day
                .map_or(1.0, |day| f64::from(HABIT.over(facts.day - day))),
            names: base.names.numbers(&facts.names),
            regions: regions.collect(),
            created: created.collect(),
            replicas: replicas(base, facts),
            keys,
            classes: classes.collect(),
        }
    }

    /// The base's number of a name of the day.
    pub fn name(&self, name: u32) -> Option<u32> {
        self.names.get(name as usize).copied().flatten()
    }

    /// What is known of a key of the day.
    pub fn key(&self, key: u32) -> Option<&'b KeyBaseline> {
        self.keys.get(key as usize).copied().flatten()
    }

    /// Whether a key is being deployed: its CreateKey was seen at most three days ago, or may still
    /// come while the hour is open.
    pub fn is_deployed(&self, key: u32) -> bool {
        match self.created.get(key as usize).copied().flatten() {
            Some(age) => age <= super::constants::DEPLOY_DAYS,
            None => self.seal == Seal::Provisional && self.key(key).is_none(),
        }
    }

    /// What is known of a key of the day under its name and, of a multi-Region key, under those of its replicas.
    pub fn replicas(&self, key: u32) -> impl Iterator<Item = &'b KeyBaseline> {
        let replicas = self.replicas.get(key as usize).map(Vec::as_slice);
        self.key(key)
            .into_iter()
            .chain(replicas.unwrap_or_default().iter().copied())
    }

    /// The base's number of the Region a key of the day is in, if it knows it; `None` without a Region.
    pub fn region_of(&self, key: u32) -> Option<Option<u32>> {
        self.regions.get(key as usize).copied().flatten()
    }

    pub fn principal(&self, facts: &PrincipalFacts<'_>) -> Known<'b> {
        let principal = self.base.principals.get(facts.name).map(|known| &**known);
        Known {
            principal,
            group: self.base.groups.get(&*facts.group).map(|group| &**group),
            factor: principal.map_or(0.0, |known| known.factor(self.day)),
        }
    }

    pub fn calibrator(&self, class: Class, feature: usize) -> &Calibrator {
        &self.classes[class as usize].features[feature]
    }

    /// The calibrator of T for principals of this class that are as noisy as this one.
    pub fn total_calibrator(&self, class: Class, known: &Known<'_>) -> &Calibrator {
        &self.classes[class as usize].totals[known.noise()]
    }
}

/// What the base knows of a principal of the day.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'b> {
    pub principal: Option<&'b PrincipalBaseline>,
    pub group: Option<&'b Shared>,
    /// The decay from its last active day.
    pub factor: f64,
}

impl Known<'_> {
    /// Active days, decayed to the day.
    pub fn days(&self) -> f64 {
        self.principal
            .map_or(0.0, |known| f64::from(known.days) * self.factor)
    }

    /// How noisy it usually is: by its mean T. A stranger is usual.
    pub fn noise(&self) -> usize {
        let Some(known) = self.principal.filter(|known| known.hours > 0.0) else {
            return 1;
        };
        let mean = f64::from(known.total_sum) / f64::from(known.hours);
        usize::from(mean >= QUIET_BELOW) + usize::from(mean >= NOISY_FROM)
    }
}

impl ClassCalibrators {
    fn of(class: &ClassBaseline) -> Self {
        Self {
            features: std::array::from_fn(|feature| {
                class.features[feature].calibrator(FEATURE_WIDTH)
            }),
            totals: std::array::from_fn(|noise| class.totals[noise].calibrator(TOTAL_WIDTH)),
        }
    }
}

/// What a base knows of the replicas of the day's multi-Region keys, in the order of their names. The id is the same in
/// every Region.
fn replicas<'b>(base: &'b AccountBaseline, facts: &DayFacts<'_>) -> Vec<Vec<&'b KeyBaseline>> {
    let mut replicas: Vec<Vec<&KeyBaseline>> = vec![Vec::new(); facts.keys.len()];
    let ids = facts.keys.iter().enumerate();
    let mut ids: Vec<(&str, usize)> = ids
        .filter_map(|(place, key)| Some((multi_region_id(key.name)?, place)))
        .collect();
    if ids.is_empty() {
        return replicas;
    }
    ids.sort_unstable();
    for (name, known) in &base.keys {
        let Some(id) = multi_region_id(name) else {
            continue;
        };
        let from = ids.partition_point(|(other, _)| *other < id);
        let same = ids.get(from..).unwrap_or_default().iter();
        for (_, place) in same.take_while(|(other, _)| *other == id) {
            if facts.keys[*place].name != &**name {
                replicas[*place].push(known);
            }
        }
    }
    replicas
}

/// The id of a multi-Region key, which is the same in every Region.
fn multi_region_id(key: &str) -> Option<&str> {
    let id = key.split_once(":key/")?.1;
    id.starts_with("mrk-").then_some(id)
}

/// The Region in a key's ARN. A multi-Region key is in many.
fn region_in(key: &str) -> Option<&str> {
    if multi_region_id(key).is_some() {
        return None;
    }
    let region = key.strip_prefix("arn:")?.split(':').nth(2)?;
    (!region.is_empty()).then_some(region)
}

fn age_since_creation(facts: &KeyFacts<'_>, known: Option<&KeyBaseline>, day: i64) -> Option<i64> {
    let seen = facts.created.map(|created| created.day().days_since_1970());
    let created = seen.or_else(|| known.and_then(|known| known.created))?;
    // A key created after this day is not being deployed on it: its name was used for another thing.
    (created <= day).then_some(day - created)
}

//! The surprises of one principal's day that belong to values and keys: each is worked out once, and
//! counts in every hour in which the value was shown.

use keytrail_event::source::DIRECT;

use super::canonical::Class;
use super::constants::{
    CONTEXT_KEY_AGE_DAYS_MIN, DORMANT_KEY_KNOWN_DAYS, DORMANT_KEY_UNUSED_DAYS, FOREIGN_GRANTEE,
    REFUSED_KEY, REGION_MAX, STEADY_DAYS, YOUNG_KEY_DAYS,
};
use super::decay::{HABIT, surprise};
use super::facts::{DayFacts, NO_CONTEXT, NO_KEY, PairFacts, PrincipalFacts, ValueFacts};
use super::features::Feature;
use super::novelty::{self, Novelty};
use super::operation_risk::risk;
use super::state::{KeyBaseline, TABLES, table_of};
use super::view::{Known, Seal, View};
use crate::cell::Cell;
use crate::cells::CellKey;

/// What a surprise is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// A value, by number in [`DayFacts::values`].
    Value(usize),
    /// A pair, by number in [`DayFacts::pairs`].
    Pair(usize),
}

/// A surprise of a principal's day, above 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Surprise {
    pub feature: Feature,
    pub about: About,
    /// The hours it counts in, as bits.
    pub hours: u32,
    pub surprise: f64,
    pub novelty: Novelty,
}

/// Judges values and keys of the hours in `mask` against one base.
pub(super) fn gather(
    view: &View<'_>,
    facts: &DayFacts<'_>,
    principal: &PrincipalFacts<'_>,
    known: &Known<'_>,
    mask: u32,
    found: &mut Vec<Surprise>,
) {
    let day = PrincipalDay {
        view,
        facts,
        principal,
        known,
        rates: std::array::from_fn(|table| novelty::rate(view, principal, known, table)),
    };
    for place in principal.values.clone() {
        let value = &facts.values[place];
        let hours = value.hours & mask;
        if hours == 0 {
            continue;
        }
        let judged = day.value(value);
        if judged.surprise > 0.0 {
            found.push(Surprise {
                feature: value.feature,
                about: About::Value(place),
                hours,
                surprise: judged.surprise,
                novelty: judged,
            });
        }
    }
    for place in principal.pairs.clone() {
        let pair = &facts.pairs[place];
        let hours = pair.tried & mask;
        if hours == 0 {
            continue;
        }
        let mut judged = novelty::key(view, principal, known, day.rate(Feature::Key), pair.key);
        if pair.used & mask == 0 {
            judged.surprise *= REFUSED_KEY;
        }
        if judged.surprise > 0.0 {
            found.push(Surprise {
                feature: Feature::Key,
                about: About::Pair(place),
                hours,
                surprise: judged.surprise,
                novelty: judged,
            });
        }
        let dormant = day.dormant_key(pair);
        if dormant > 0.0 {
            found.push(Surprise {
                feature: Feature::DormantKey,
                about: About::Pair(place),
                hours,
                surprise: dormant,
                novelty: judged,
            });
        }
    }
}

/// One principal on one day, before one base.
struct PrincipalDay<'a> {
    view: &'a View<'a>,
    facts: &'a DayFacts<'a>,
    principal: &'a PrincipalFacts<'a>,
    known: &'a Known<'a>,
    rates: [f64; TABLES],
}

impl PrincipalDay<'_> {
    fn rate(&self, feature: Feature) -> f64 {
        table_of(feature).map_or(0.0, |table| self.rates[table])
    }

    fn value(&self, value: &ValueFacts) -> Novelty {
        if value.key != NO_KEY {
            return self.value_on_key(value);
        }
        let Some(table) = table_of(value.feature) else {
            return Novelty::default();
        };
        let number = self.view.name(value.name).map(u64::from);
        let mut judged = novelty::value(
            self.view,
            self.principal.class,
            self.known,
            table,
            self.rates[table],
            number,
        );
        let name = self.facts.names[value.name as usize];
        match value.feature {
            Feature::Operation if self.is_grant_of_a_service(name) => {}
            Feature::Operation => judged.surprise = risk(name).weigh(judged.surprise),
            Feature::Path if judged.surprise > 0.0 && self.is_on_deployed_keys(name) => {
                judged.surprise = 0.0;
            }
            Feature::Region => judged.surprise = judged.surprise.min(REGION_MAX),
            Feature::Grantee if judged.surprise > 0.0 && self.is_foreign(name) => {
                judged.surprise += FOREIGN_GRANTEE;
            }
            _ => {}
        }
        judged
    }

    /// Whether all grants of the day were made through AWS services, which make them for their own use of a volume or
    /// a database: no more of a risk than the call that asked for it.
    fn is_grant_of_a_service(&self, operation: &str) -> bool {
        let is_direct = |(key, _): &(CellKey, &Cell)| {
            self.facts.symbol_name(key.operation) == operation
                && self.facts.symbol_name(key.service_path) == DIRECT
        };
        operation == "CreateGrant" && !self.cells().iter().any(is_direct)
    }

    /// Whether a service path was taken only to keys that are being deployed: a new key comes with the service it is
    /// for.
    fn is_on_deployed_keys(&self, path: &str) -> bool {
        let is_deployed = |(key, _): &(CellKey, &Cell)| {
            let name = self.facts.symbol_name(key.key);
            let number = self.facts.keys.binary_search_by(|key| key.name.cmp(name));
            number.is_ok_and(|number| self.view.is_deployed(number as u32)) && !name.is_empty()
        };
        let mut cells = self.cells().iter();
        cells.all(|cell| self.facts.symbol_name(cell.0.service_path) != path || is_deployed(cell))
    }

    fn cells(&self) -> &[(CellKey, &Cell)] {
        self.facts
            .cells
            .get(self.principal.cells.clone())
            .unwrap_or_default()
    }

    fn is_foreign(&self, grantee: &str) -> bool {
        let mut parts = grantee.splitn(6, ':');
        let account = parts.nth(4).unwrap_or_default();
        !account.is_empty() && account != self.facts.account
    }

    /// A path or context on a key the principal already uses.
    fn value_on_key(&self, value: &ValueFacts) -> Novelty {
        let mut judged = Novelty::default();
        let is_missing_context = self.facts.names[value.name as usize] == NO_CONTEXT;
        if is_missing_context && self.view.seal == Seal::Provisional {
            // A context may still come into the cell.
            return judged;
        }
        let (Some(key), Some(principal)) = (self.view.key(value.key), self.known.principal) else {
            return judged;
        };
        let Some(pair) = principal
            .pair(key.number)
            .filter(|_| self.principal.class != Class::Service)
        else {
            return judged;
        };
        let number = self.view.name(value.name);
        let id = number.map(|name| on_key_id(key.number, name));
        let of_key = |table: &super::table::Table| {
            let factor = f64::from(HABIT.over(self.view.day - key.day));
            let tokens = number.map_or(0.0, |name| table.tokens(name.into()));
            (tokens * factor, f64::from(key.days) * factor)
        };
        let pair_days = f64::from(pair.days) * f64::from(HABIT.over(self.view.day - pair.day));
        let own =
            |table: &super::table::Table| id.map_or(0.0, |id| table.tokens(id)) * self.known.factor;
        let (shared, own) = match value.feature {
            Feature::Path => (of_key(&key.paths), own(&principal.key_paths)),
            Feature::Context if self.view.day - key.first_day > CONTEXT_KEY_AGE_DAYS_MIN => {
                let table = table_of(Feature::Context).unwrap_or_default();
                (of_key(&key.contexts), own(&principal.tables[table]))
            }
            _ => return judged,
        };
        judged.own_days = own;
        judged.account = shared;
        judged.surprise = novelty::on_key(self.rate(value.feature), shared, own, pair_days);
        judged
    }

    /// A key known for a week, unused for five days, in the hands of a principal that never used it:
    /// −log10 of the share of days it is used on, and log10 of the days it lay unused.
    fn dormant_key(&self, pair: &PairFacts) -> f64 {
        let Some(key) = self.view.key(pair.key) else {
            return 0.0;
        };
        let day = self.view.day;
        let age = day - key.first_day;
        let gap = day - key.used.unwrap_or(key.first_day);
        let is_dormant = age >= DORMANT_KEY_KNOWN_DAYS && gap >= DORMANT_KEY_UNUSED_DAYS;
        let is_known_pair = self.known.principal.is_some_and(|principal| {
            let mut replicas = self.view.replicas(pair.key);
            replicas.any(|key| principal.pair(key.number).is_some())
        });
        let is_young = key.used.is_none()
            && key
                .created
                .is_some_and(|created| day - created < YOUNG_KEY_DAYS);
        let is_young = is_young || self.view.is_deployed(pair.key);
        if !is_dormant || is_young || is_known_pair || self.principal.class == Class::Service {
            return 0.0;
        }
        returning(key_days(key, day), age, gap)
    }
}

/// How unusual the return of something is that was active on so many decayed days since it is known,
/// and not for `gap` days.
pub(super) fn returning(days: f64, age: i64, gap: i64) -> f64 {
    let possible = STEADY_DAYS * (1.0 - f64::from(HABIT.over(age))) + 0.6;
    surprise((days + 0.3) / possible) + libm::log10(gap.max(1) as f64)
}

fn key_days(key: &KeyBaseline, day: i64) -> f64 {
    f64::from(key.days) * f64::from(HABIT.over(day - key.day))
}

/// The id of a path or context on a key in a principal's table.
pub(super) const fn on_key_id(key: u32, name: u32) -> u64 {
    (key as u64) << 32 | name as u64
}

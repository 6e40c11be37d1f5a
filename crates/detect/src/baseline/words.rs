//! A score in words: what was seen against what was expected, how rare that is, and what it weighed.

mod amounts;
mod numbers;

use super::canonical::Class;
use super::constants::{EFFECT_MAX, EFFECT_WEIGHT, FAMILY_THRESHOLD, RARITY_WEIGHT};
use super::facts::{HourFacts, NO_CONTEXT, NO_KEY, PrincipalFacts};
use super::features::{FAMILIES, Family, Feature};
use super::score::{Judge, JudgedDay, JudgedHour};
use super::surprises::{About, Surprise};
use super::values_of_hour::slow_breadth_before;
use super::view::{Known, View};
use crate::finding::Evidence;
use numbers::{capitalised, grouped, hundredths, rounded};
pub(super) use numbers::{hours_in_words, short_number};

/// Features told of beside the strongest of each family, when they are as rare as 1 in 30.
const TOLD_FROM: f64 = 1.5;
/// The most features told of.
const TOLD_MAX: usize = 8;

/// What raised an hour, in words.
#[derive(Debug, Clone)]
pub struct Reasons {
    /// The strongest reason in few words, for a title.
    pub headline: String,
    /// All reasons, the strongest first; the last one gives the reckoning of the score.
    pub evidence: Vec<Evidence>,
    /// The key the strongest reason is about, if it is about one.
    pub key: Option<String>,
    /// The value the strongest reason is about, if it is about one: what a campaign shares.
    pub value: Option<String>,
    /// Whether an operation that destroys, or a grant to another account, is among what is new.
    pub is_grave: bool,
}

impl Judge<'_, '_> {
    /// The reasons of an hour of a principal's day.
    pub(super) fn reasons(
        &self,
        principal: &PrincipalFacts<'_>,
        day: &JudgedDay,
        hour: &JudgedHour,
    ) -> Reasons {
        let view = self.view_of(hour.hour);
        let known = view.principal(principal);
        let facts = self.facts.hours[principal.hours.clone()]
            .iter()
            .find(|facts| facts.hour == hour.hour)
            .copied()
            .unwrap_or_default();
        let telling = Telling {
            judge: self,
            view,
            known: &known,
            principal,
            day,
            hour,
            facts,
        };
        let mut told = told_features(hour);
        told.truncate(TOLD_MAX);
        let mut evidence = Vec::with_capacity(told.len() + 1);
        let mut headline = None;
        for (feature, weight) in told {
            let (short, mut reason) = telling.reason(feature);
            let calibrated = hour.calibrated[feature as usize];
            let one_in = libm::exp10(calibrated.min(9.0));
            reason.one_in = Some(rounded(one_in));
            reason.weight = (weight > 0.0).then(|| hundredths(weight));
            reason.history = Some(telling.history());
            reason.text = format!(
                "{} (1 in {}{} for {}).",
                reason.text,
                grouped(one_in),
                if feature.is_of_a_day() { " days" } else { "" },
                principal.class.plural()
            );
            headline.get_or_insert(short);
            evidence.push(reason);
        }
        evidence.push(reckoning(hour));
        let about = telling.strongest(hour.leading);
        Reasons {
            headline: headline.unwrap_or_else(|| "unusual activity".to_owned()),
            evidence,
            key: telling.key_of(hour.leading, about),
            value: about.and_then(|found| telling.value_of(found)),
            is_grave: telling.is_grave(),
        }
    }
}

/// The features that are told, with what each weighs in T: the strongest of every family that counts
/// has the family's weight, and what else is rare has none.
fn told_features(hour: &JudgedHour) -> Vec<(Feature, f64)> {
    let mut strongest: [Option<Feature>; FAMILIES] = [None; FAMILIES];
    for feature in Feature::ALL {
        let best = &mut strongest[feature.family() as usize];
        let value = hour.calibrated[feature as usize];
        if value > 0.0 && best.is_none_or(|best| value > hour.calibrated[best as usize]) {
            *best = Some(feature);
        }
    }
    let weight = |family: Family| {
        family.weight() * (hour.families[family as usize] - FAMILY_THRESHOLD).max(0.0)
    };
    let mut told: Vec<(Feature, f64)> = Vec::new();
    for feature in Feature::ALL {
        let is_strongest = strongest[feature.family() as usize] == Some(feature);
        let weight = if is_strongest {
            weight(feature.family())
        } else {
            0.0
        };
        if weight > 0.0 || hour.calibrated[feature as usize] >= TOLD_FROM {
            told.push((feature, weight));
        }
    }
    let rank = |(feature, weight): &(Feature, f64)| (*weight, hour.calibrated[*feature as usize]);
    told.sort_by(|a, b| {
        let (a, b) = (rank(a), rank(b));
        b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1))
    });
    told
}

/// How the score comes about, so that it can be worked out again from the weights.
fn reckoning(hour: &JudgedHour) -> Evidence {
    let total = hour.total;
    let text = format!(
        "The weights add up to {:.2}. Among principals of this kind, and for this one, such a sum is met 1 in {} hours, which is {:.2} as a power of ten. Score: {RARITY_WEIGHT} × {:.2} + {EFFECT_WEIGHT} × {:.2} = {:.2}; sums count up to {EFFECT_MAX}.",
        total,
        grouped(libm::exp10(hour.rarity.min(9.0))),
        hour.rarity,
        hour.rarity,
        total.min(EFFECT_MAX),
        hour.score
    );
    let mut evidence = Evidence::new("rarity", text).observed(format!("{total:.2}"));
    evidence.one_in = Some(rounded(libm::exp10(hour.rarity.min(9.0))));
    evidence.weight = Some(hundredths(RARITY_WEIGHT * hour.rarity));
    evidence
}

struct Telling<'a, 'd> {
    judge: &'a Judge<'a, 'd>,
    view: &'a View<'a>,
    known: &'a Known<'a>,
    principal: &'a PrincipalFacts<'a>,
    day: &'a JudgedDay,
    hour: &'a JudgedHour,
    facts: HourFacts,
}

impl Telling<'_, '_> {
    fn history(&self) -> String {
        match self.known.principal {
            Some(known) => format!(
                "{} active days since {}",
                known.active_days,
                keytrail_event::Day::from_days_since_1970(known.first_day)
            ),
            None => "never seen before".to_owned(),
        }
    }

    /// A reason in few words, and as evidence without rarity and weight.
    fn reason(&self, feature: Feature) -> (String, Evidence) {
        if let Some(found) = self.strongest(feature) {
            return self.value_reason(feature, found);
        }
        let (short, text, observed, expected) = match feature {
            Feature::Pair => self.pair_words(),
            Feature::KeyRate => self.key_words(),
            Feature::Day => self.day_words(),
            Feature::Drift => self.growth_words(),
            Feature::Time => self.time_words(),
            Feature::NewPrincipal => (
                "a principal never seen before".to_owned(),
                format!(
                    "A principal never seen before{}",
                    if self.known.group.is_none() {
                        ", of a group never seen before"
                    } else {
                        ", of a known group"
                    }
                ),
                self.calls_in_words(),
                "no activity".to_owned(),
            ),
            Feature::DormantPrincipal => {
                let days = self
                    .known
                    .principal
                    .map_or(0, |known| self.view.day - known.day);
                (
                    format!("back after {days} days of silence"),
                    format!("The principal was silent for {days} days"),
                    format!("{days} days of silence"),
                    format!("{:.1} active days of the last 20", self.known.days()),
                )
            }
            Feature::SlowBreadth => (
                "one new key after the other".to_owned(),
                "Keys it never used, one after the other, in the last days".to_owned(),
                format!(
                    "{:.1} (sum of each day's most surprising new key)",
                    slow_breadth_before(self.view, self.known) + self.day.slow_breadth
                ),
                "0".to_owned(),
            ),
            _ => self.stream_words(feature),
        };
        let mut evidence = Evidence::new(feature.id(), text).observed(observed);
        evidence.expected = Some(expected);
        (short, evidence)
    }

    /// The strongest surprise of a feature in the hour.
    fn strongest(&self, feature: Feature) -> Option<&Surprise> {
        let here = self
            .day
            .surprises
            .iter()
            .filter(|found| found.feature == feature && found.hours >> self.hour.hour & 1 == 1);
        here.max_by(|a, b| a.surprise.total_cmp(&b.surprise))
    }

    fn value_reason(&self, feature: Feature, found: &Surprise) -> (String, Evidence) {
        let value = self.value_of(found).unwrap_or_default();
        let more = self
            .day
            .surprises
            .iter()
            .filter(|other| {
                other.feature == feature
                    && other.surprise > 1.0
                    && other.hours >> self.hour.hour & 1 == 1
            })
            .count()
            .saturating_sub(1);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        let on_key = self
            .key_of(feature, Some(found))
            .filter(|_| matches!(feature, Feature::Path | Feature::Context))
            .map_or(String::new(), |key| {
                format!(" with key {}", keytrail_event::key::short_key_name(&key))
            });
        let what = match feature {
            Feature::Network => "network",
            Feature::Agent => "agent",
            Feature::Region => "Region",
            Feature::Path if value == keytrail_event::source::DIRECT => "service path",
            Feature::Path => "service path",
            Feature::Operation => "operation",
            Feature::Grantee => "grantee",
            Feature::Context => "encryption context",
            Feature::DormantKey => "key that lay unused,",
            _ => "key",
        };
        let novelty = &found.novelty;
        let own = if novelty.own_days > 0.0 {
            format!(
                "seen on {} of its {} active days (decayed)",
                short_number(novelty.own_days),
                short_number(self.known.days())
            )
        } else {
            format!(
                "never seen for this principal in {} active days (decayed)",
                short_number(self.known.days())
            )
        };
        let others = self.others(found);
        let text = format!("{what} {value}{more}{on_key}: {own}{others}");
        let mut evidence = Evidence::new(feature.id(), capitalised(&text)).observed(value.clone());
        evidence.expected = Some(self.expected(feature));
        let novelty_word = if novelty.own_days > 0.0 {
            "rare"
        } else {
            "new"
        };
        (
            format!("{novelty_word} {what} {value}{more}{on_key}"),
            evidence,
        )
    }

    fn others(&self, found: &Surprise) -> String {
        let novelty = &found.novelty;
        if matches!(found.about, About::Value(place) if self.judge.facts.values[place].key != NO_KEY)
        {
            return format!(
                "; on this key on {} of {} days",
                short_number(novelty.account.0),
                short_number(novelty.account.1)
            );
        }
        let share = |(with, of): (f64, f64), who: &str| match (with > 0.05, of > 0.5) {
            (_, false) => String::new(),
            (true, true) => format!(
                ", on {} of {} days of {who}",
                short_number(with),
                short_number(of)
            ),
            (false, true) => format!(", never for {who} ({} days)", short_number(of)),
        };
        let strangers = novelty.strangers.map_or(String::new(), |(came, days)| {
            format!(
                "; the key got {} new users of other groups in {} days of use",
                short_number(came),
                short_number(days)
            )
        });
        format!(
            "{}{}{strangers}",
            share(novelty.peers, "its peers"),
            share(novelty.account, "the rest of the account")
        )
    }

    /// What the principal usually shows of a feature.
    fn expected(&self, feature: Feature) -> String {
        let base = self.view.base;
        let Some(known) = self.known.principal else {
            return "nothing known".to_owned();
        };
        let Some(table) = super::state::table_of(feature)
            .filter(|_| !matches!(feature, Feature::Key | Feature::Context))
        else {
            return match feature {
                Feature::Key | Feature::DormantKey => {
                    format!("one of {} known keys", known.pairs.len())
                }
                _ => "what is known of this key".to_owned(),
            };
        };
        let mut values: Vec<(u64, f32)> = known.tables[table].iter().collect();
        values.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let names: Vec<&str> = values
            .iter()
            .take(3)
            .filter_map(|(id, _)| base.names.name(*id as u32))
            .collect();
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        }
    }

    fn value_of(&self, found: &Surprise) -> Option<String> {
        let facts = self.judge.facts;
        match found.about {
            About::Value(place) => {
                let value = facts.values.get(place)?;
                let name = *facts.names.get(value.name as usize)?;
                Some(if name.is_empty() { NO_CONTEXT } else { name }.to_owned())
            }
            About::Pair(place) => Some(self.key_name(facts.pairs.get(place)?.key)),
        }
    }

    fn key_of(&self, feature: Feature, found: Option<&Surprise>) -> Option<String> {
        let facts = self.judge.facts;
        let key = match (found.map(|found| found.about), feature) {
            (Some(About::Value(place)), _) => facts.values.get(place)?.key,
            (Some(About::Pair(place)), _) => facts.pairs.get(place)?.key,
            (None, Feature::Pair | Feature::KeyRate) => self.busiest_pair()?.0,
            _ => NO_KEY,
        };
        Some(facts.keys.get(key as usize)?.name.to_owned())
    }

    fn key_name(&self, key: u32) -> String {
        let name = self
            .judge
            .facts
            .keys
            .get(key as usize)
            .map_or("", |key| key.name);
        keytrail_event::key::short_key_name(name).into_owned()
    }

    fn is_grave(&self) -> bool {
        let facts = self.judge.facts;
        self.day.surprises.iter().any(|found| {
            let here = found.hours >> self.hour.hour & 1 == 1;
            let About::Value(place) = found.about else {
                return false;
            };
            let name = facts.names[facts.values[place].name as usize];
            here && match found.feature {
                Feature::Operation => {
                    found.surprise >= 1.0 && super::operation_risk::risk(name).plus >= 2.0
                }
                Feature::Grantee => {
                    found.surprise >= 1.0
                        && name
                            .split(':')
                            .nth(4)
                            .is_some_and(|account| !account.is_empty() && account != facts.account)
                }
                _ => false,
            }
        }) && self.principal.class != Class::Service
    }
}

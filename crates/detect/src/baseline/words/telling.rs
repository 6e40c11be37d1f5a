//! One feature of an hour in words.

use super::numbers::{capitalised, short_number};
use crate::baseline::canonical::Class;
use crate::baseline::facts::{HourFacts, NO_CONTEXT, NO_KEY, PrincipalFacts};
use crate::baseline::features::Feature;
use crate::baseline::score::{Judge, JudgedDay, JudgedHour};
use crate::baseline::surprises::{About, Surprise};
use crate::baseline::values_of_hour::slow_breadth_before;
use crate::baseline::view::{Known, View};
use crate::finding::Evidence;

/// An hour of a principal that is told of.
pub(super) struct Telling<'a, 'd> {
    pub judge: &'a Judge<'a, 'd>,
    pub view: &'a View<'a>,
    pub known: &'a Known<'a>,
    pub principal: &'a PrincipalFacts<'a>,
    pub day: &'a JudgedDay,
    pub hour: &'a JudgedHour,
    pub facts: HourFacts,
}

/// A key that lay unused.
struct UnusedKey {
    days: i64,
    last: String,
    /// What was done with it, in one word.
    outcome: &'static str,
    text: String,
}

impl Telling<'_, '_> {
    pub fn history(&self) -> String {
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
    pub fn reason(&self, feature: Feature) -> (String, Evidence) {
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
    pub fn strongest(&self, feature: Feature) -> Option<&Surprise> {
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
        if feature == Feature::DormantKey
            && let Some(unused) = self.unused_key(found)
        {
            let text = format!("Key {value}{more}: {}; {own}{others}", unused.text);
            evidence.text = text;
            evidence.observed = Some(unused.outcome.to_owned());
            evidence.expected = Some(unused.last);
            let (days, outcome) = (unused.days, unused.outcome);
            let headline =
                format!("{outcome} a key that lay unused for {days} days, {value}{more}");
            return (headline, evidence);
        }
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

    /// What is told of a key that lay unused, and what became of the calls with it.
    fn unused_key(&self, found: &Surprise) -> Option<UnusedKey> {
        let About::Pair(place) = found.about else {
            return None;
        };
        let pair = self.judge.facts.pairs.get(place)?;
        let key = self.view.key(pair.key)?;
        let day = |day| keytrail_event::Day::from_days_since_1970(day);
        let since = key.used.unwrap_or(key.first_day);
        let days = self.view.day - since;
        let last = match key.used {
            Some(used) => format!("last used on {}", day(used)),
            None => format!("never seen used since {}", day(since)),
        };
        let (outcome, told) = match pair.used {
            0 => ("tried", "no call that uses it succeeded"),
            _ => ("used", "calls that use it succeeded"),
        };
        let text = format!("{last}, {days} days before; {told}");
        Some(UnusedKey {
            days,
            last,
            outcome,
            text,
        })
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
                ", on {} of {} principal-days of {who}",
                short_number(with),
                short_number(of)
            ),
            (false, true) => format!(", never for {who} ({} principal-days)", short_number(of)),
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
        let Some(table) = crate::baseline::state::table_of(feature)
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

    pub fn value_of(&self, found: &Surprise) -> Option<String> {
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

    pub fn key_of(&self, feature: Feature, found: Option<&Surprise>) -> Option<String> {
        let facts = self.judge.facts;
        let key = match (found.map(|found| found.about), feature) {
            (Some(About::Value(place)), _) => facts.values.get(place)?.key,
            (Some(About::Pair(place)), _) => facts.pairs.get(place)?.key,
            (None, Feature::Pair | Feature::KeyRate) => self.busiest_pair()?.0,
            _ => NO_KEY,
        };
        Some(facts.keys.get(key as usize)?.name.to_owned())
    }

    pub fn key_name(&self, key: u32) -> String {
        let name = self
            .judge
            .facts
            .keys
            .get(key as usize)
            .map_or("", |key| key.name);
        keytrail_event::key::short_key_name(name).into_owned()
    }

    pub fn is_grave(&self) -> bool {
        let facts = self.judge.facts;
        self.day.surprises.iter().any(|found| {
            let here = found.hours >> self.hour.hour & 1 == 1;
            let About::Value(place) = found.about else {
                return false;
            };
            let name = facts.names[facts.values[place].name as usize];
            here && match found.feature {
                Feature::Operation => {
                    found.surprise >= 1.0 && crate::baseline::operation_risk::risk(name).plus >= 2.0
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

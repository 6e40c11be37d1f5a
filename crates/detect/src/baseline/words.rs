//! A score in words: what was seen against what was expected, how rare that is, and what it weighed.

mod amounts;
mod numbers;
mod telling;

use super::constants::{EFFECT_MAX, EFFECT_WEIGHT, FAMILY_THRESHOLD, RARITY_WEIGHT};
use super::facts::PrincipalFacts;
use super::features::{FAMILIES, Family, Feature};
use super::score::{Judge, JudgedDay, JudgedHour};
use crate::finding::Evidence;
use numbers::{grouped, hundredths, rounded};
pub(super) use numbers::{hours_in_words, short_number};
use telling::Telling;

/// Features told of beside the strongest of each family, when they are as rare as 1 in 30.
const TOLD_FROM: f64 = 1.5;
/// The rarest that is told as one in so many, as a power of ten: a number with more digits tells nobody more.
const POWER_TOLD_MAX: f64 = 15.0;
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
            reason.one_in = Some(rounded(one_in(calibrated)));
            reason.weight = (weight > 0.0).then(|| hundredths(weight));
            reason.history = Some(telling.history());
            reason.text = format!(
                "{} ({}{} for {}).",
                reason.text,
                rarity_in_words(calibrated),
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

/// One in how many, by the power of ten; what is rarer than the rarest that is told counts as that.
fn one_in(power: f64) -> f64 {
    libm::exp10(power.min(POWER_TOLD_MAX))
}

fn rarity_in_words(power: f64) -> String {
    let rarer = if power > POWER_TOLD_MAX {
        "less than "
    } else {
        ""
    };
    format!("{rarer}1 in {}", grouped(one_in(power)))
}

/// How the score comes about, so that it can be worked out again from the weights.
fn reckoning(hour: &JudgedHour) -> Evidence {
    let total = hour.total;
    let text = format!(
        "The weights add up to {:.2}. Among principals of this kind, and for this one, such a sum is met {} hours, which is {:.2} as a power of ten. Score: {RARITY_WEIGHT} × {:.2} + {EFFECT_WEIGHT} × {:.2} = {:.2}; sums count up to {EFFECT_MAX}.",
        total,
        rarity_in_words(hour.rarity),
        hour.rarity,
        hour.rarity,
        total.min(EFFECT_MAX),
        hour.score
    );
    let mut evidence = Evidence::new("rarity", text).observed(format!("{total:.2}"));
    evidence.one_in = Some(rounded(one_in(hour.rarity)));
    evidence.weight = Some(hundredths(RARITY_WEIGHT * hour.rarity));
    evidence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_the_power_of_ten() {
        assert_eq!(rarity_in_words(2.0), "1 in 100");
        assert_eq!(rarity_in_words(10.25), "1 in 18,000,000,000");
        assert_eq!(
            rarity_in_words(99.0),
            "less than 1 in 1,000,000,000,000,000"
        );
        assert_eq!(one_in(99.0), one_in(15.0));
    }
}

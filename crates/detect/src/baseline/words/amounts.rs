//! What was counted, in words: few words, a sentence, what was observed, and what was expected.

use super::numbers::{hours_in_words, short_number};
use super::telling::Telling;
use crate::baseline::decay::HABIT;
use crate::baseline::facts::NO_KEY;
use crate::baseline::features::Feature;
use crate::baseline::rates::prior_mean;
use crate::baseline::state;
use crate::baseline::streams::{KINDS, counts};
use crate::baseline::volume::{SlotTime, Slots};

impl Telling<'_, '_> {
    pub(super) fn calls_in_words(&self) -> String {
        format!("{} calls", self.facts.calls())
    }

    pub(super) fn stream_words(&self, feature: Feature) -> (String, String, String, String) {
        let stream = KINDS
            .iter()
            .position(|kind| kind.feature == feature)
            .unwrap_or_default();
        let kind = &KINDS[stream];
        let count = counts(&self.facts)[stream];
        let prior = prior_mean(self.view, self.principal.class, stream);
        let time = SlotTime::new(self.view.day, self.hour.hour);
        let mean = self.known.principal.map_or(prior, |known| {
            known.streams[stream].mean(kind.slots, time, prior, self.known.factor)
        });
        let what = match feature {
            Feature::Control => "calls that look at keys or change them",
            Feature::Denied => "refused calls",
            Feature::Failed => "failed calls",
            Feature::Breadth => "distinct keys",
            _ => "successful cryptographic calls",
        };
        let usual = if self.known.principal.is_some() {
            "are usual for it at this hour"
        } else {
            "are usual for its kind"
        };
        (
            format!(
                "{count} {what} in an hour where {} {usual}",
                short_number(mean)
            ),
            format!(
                "{count} {what} in the hour, where {} {usual}",
                short_number(mean)
            ),
            count.to_string(),
            short_number(mean),
        )
    }

    /// The pair with the most calls in the hour.
    pub(super) fn busiest_pair(&self) -> Option<(u32, f64)> {
        let facts = self.judge.facts;
        let mut best: Option<(u32, f64)> = None;
        for pair in &facts.pairs[self.principal.pairs.clone()] {
            for of_hour in &facts.pair_hours[pair.hours.clone()] {
                if of_hour.hour == self.hour.hour
                    && best.is_none_or(|(_, calls)| of_hour.calls > calls)
                {
                    best = Some((pair.key, of_hour.calls));
                }
            }
        }
        best
    }

    pub(super) fn pair_words(&self) -> (String, String, String, String) {
        let (key, calls) = self.busiest_pair().unwrap_or((NO_KEY, 0.0));
        let prior = prior_mean(self.view, self.principal.class, state::STREAMS);
        let pair = self
            .view
            .key(key)
            .zip(self.known.principal)
            .and_then(|(key, known)| known.pair(key.number));
        let mean = pair.map_or(prior, |pair| {
            let factor = f64::from(HABIT.over(self.view.day - pair.day));
            let time = SlotTime::new(self.view.day, self.hour.hour);
            pair.calls.mean(Slots::Blocks, time, prior, factor)
        });
        let key = self.key_name(key);
        (
            format!(
                "{calls} calls with key {key} in an hour where {} are usual",
                short_number(mean)
            ),
            format!(
                "{calls} calls with key {key} in the hour, where {} are usual for the two",
                short_number(mean)
            ),
            calls.to_string(),
            short_number(mean),
        )
    }

    pub(super) fn key_words(&self) -> (String, String, String, String) {
        let (key, _) = self.busiest_pair().unwrap_or((NO_KEY, 0.0));
        let calls = self
            .judge
            .facts
            .keys
            .get(key as usize)
            .map_or(0.0, |facts| {
                f64::from(facts.calls[usize::from(self.hour.hour)])
            });
        let mean = self.view.key(key).map_or(0.0, |known| {
            let factor = f64::from(HABIT.over(self.view.day - known.day));
            let time = SlotTime::new(self.view.day, self.hour.hour);
            known.calls.mean(Slots::Hours, time, 1.0, factor)
        });
        let key = self.key_name(key);
        (
            format!(
                "key {key} had {calls} calls in an hour where {} are usual",
                short_number(mean)
            ),
            format!(
                "Key {key} had {calls} calls in the hour by all principals, where {} are usual",
                short_number(mean)
            ),
            calls.to_string(),
            short_number(mean),
        )
    }

    pub(super) fn day_words(&self) -> (String, String, String, String) {
        let calls = self.calls_so_far();
        let usual = self.known.principal.map_or(0.0, |known| {
            known.day_totals.judge(calls, self.known.factor).1
        });
        (
            format!(
                "{calls} calls in a day where {} are usual",
                short_number(usual)
            ),
            format!(
                "{calls} successful cryptographic calls on this day by then, where {} make a usual day",
                short_number(usual)
            ),
            calls.to_string(),
            short_number(usual),
        )
    }

    pub(super) fn growth_words(&self) -> (String, String, String, String) {
        let calls = self.calls_so_far();
        let weekend = SlotTime::new(self.view.day, self.hour.hour).is_weekend;
        let usual = self
            .known
            .principal
            .map_or(0.0, |known| known.drift.usual(weekend));
        let kind = if weekend { "weekend day" } else { "weekday" };
        (
            "more calls from day to day".to_owned(),
            format!(
                "Day after day above what is usual: {calls} successful cryptographic calls on this day by then, where {} make a usual {kind}",
                short_number(usual)
            ),
            calls.to_string(),
            short_number(usual),
        )
    }

    /// Successful cryptographic calls of the day up to the hour.
    fn calls_so_far(&self) -> f64 {
        let hours = &self.judge.facts.hours[self.principal.hours.clone()];
        let so_far = hours.iter().filter(|hour| hour.hour <= self.hour.hour);
        so_far.map(|hour| hour.data).sum()
    }

    pub(super) fn time_words(&self) -> (String, String, String, String) {
        let usual = self
            .known
            .principal
            .map_or(0, |known| known.times.usual_hours());
        let weekend = SlotTime::new(self.view.day, self.hour.hour).is_weekend;
        let at = format!(
            "{:02}:00 UTC{}",
            self.hour.hour,
            if weekend { " on a weekend" } else { "" }
        );
        (
            format!("active at {at}"),
            format!(
                "Active at {at}; it is usually active in the hours {}",
                hours_in_words(usual)
            ),
            at,
            hours_in_words(usual),
        )
    }
}

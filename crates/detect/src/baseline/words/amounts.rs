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
use crate::bounds::EXACT_EVENTS_MAX;

/// Whose cells a number is made of.
#[derive(Clone, Copy)]
enum Whose {
    /// The principal's.
    Own,
    /// Those of all principals.
    Anyones,
}

impl Telling<'_, '_> {
    pub(super) fn calls_in_words(&self) -> String {
        format!(
            "{} calls",
            self.about_in_hour(self.facts.calls(), Whose::Own)
        )
    }

    pub(super) fn stream_words(&self, feature: Feature) -> (String, String, String, String) {
        let stream = KINDS
            .iter()
            .position(|kind| kind.feature == feature)
            .unwrap_or_default();
        let kind = &KINDS[stream];
        let counted = counts(&self.facts)[stream];
        let count = match feature {
            Feature::Breadth => counted.to_string(),
            _ => self.about_in_hour(counted, Whose::Own),
        };
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
            counted.to_string(),
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
        let about = self.about_in_hour(calls, Whose::Own);
        (
            format!(
                "{about} calls with key {key} in an hour where {} are usual",
                short_number(mean)
            ),
            format!(
                "{about} calls with key {key} in the hour, where {} are usual for the two",
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
        let about = self.about_in_hour(calls, Whose::Anyones);
        (
            format!(
                "key {key} had {about} calls in an hour where {} are usual",
                short_number(mean)
            ),
            format!(
                "Key {key} had {about} calls in the hour by all principals, where {} are usual",
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
        let about = self.about_so_far(calls);
        (
            format!(
                "{about} calls in a day where {} are usual",
                short_number(usual)
            ),
            format!(
                "{about} successful cryptographic calls on this day by then, where {} make a usual day",
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
        let about = self.about_so_far(calls);
        (
            "more calls from day to day".to_owned(),
            format!(
                "Day after day above what is usual: {about} successful cryptographic calls on this day by then, where {} make a usual {kind}",
                short_number(usual)
            ),
            calls.to_string(),
            short_number(usual),
        )
    }

    fn about_in_hour(&self, calls: f64, whose: Whose) -> String {
        self.about(calls, whose, |hour| hour == self.hour.hour)
    }

    fn about_so_far(&self, calls: f64) -> String {
        self.about(calls, Whose::Own, |hour| hour <= self.hour.hour)
    }

    /// A number of calls in these hours, marked where a cell may only estimate it.
    fn about(&self, calls: f64, whose: Whose, is_meant: impl Fn(u8) -> bool) -> String {
        let cells = &self.judge.facts.cells;
        let cells = match whose {
            Whose::Own => &cells[self.principal.cells.clone()],
            Whose::Anyones => &cells[..],
        };
        let mut meant = cells.iter().filter(|(key, _)| is_meant(key.hour.of_day()));
        let is_estimate =
            calls > EXACT_EVENTS_MAX as f64 && meant.any(|(_, cell)| !cell.events.is_exact());
        let mark = if is_estimate { "≈" } else { "" };
        format!("{mark}{calls}")
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

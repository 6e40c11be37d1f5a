//! The records that rules judge on a day: carried whole, or the first of a group.

use std::collections::BTreeMap;

use keytrail_event::{Day, EventTime, Issue, Reader, Record, Sink};

use crate::notable::{Group, Notable};
use crate::tally::Tally;

/// A record that rules are to judge.
#[derive(Debug)]
pub struct Item<'t> {
    /// When it happened.
    pub time: EventTime,
    /// Its event id; empty where it has none.
    pub id: String,
    /// Its JSON text.
    pub raw: &'t str,
    /// Only for this rule, when it comes from a group.
    pub only: Option<&'static str>,
    /// The group it stands for.
    pub group: Option<&'t Group>,
    /// Who called.
    pub principal: String,
    /// Whether it makes a key: of one second, nothing was done with the key before.
    pub makes_key: bool,
}

impl<'t> Item<'t> {
    fn order(&self) -> (EventTime, bool, &str, &'t str, Option<&'static str>) {
        (self.time, !self.makes_key, &self.id, self.raw, self.only)
    }
}

/// The most calls of one principal that a rule selected, within some seconds around those of each group: refusals are
/// a burst whatever keys they are on, and whichever clock hours they lie in.
#[derive(Debug)]
pub(crate) struct Bursts<'t> {
    /// By rule and principal the calls by time, each with how many there are within the seconds that begin with it.
    calls: BTreeMap<(&'static str, &'t str), Vec<(EventTime, u64)>>,
    seconds: u64,
}

impl<'t> Bursts<'t> {
    /// The calls behind a day's groups, as bursts of less than so many seconds.
    pub fn of(items: &'t [Item<'_>], seconds: u64) -> Self {
        let mut calls: BTreeMap<(&'static str, &str), Vec<(EventTime, u64)>> = BTreeMap::new();
        for item in items {
            let (Some(rule), Some(group)) = (item.only, item.group) else {
                continue;
            };
            let of = calls.entry((rule, &item.principal)).or_default();
            of.extend(group.times().map(|time| (time, 0)));
        }
        for calls in calls.values_mut() {
            calls.sort_unstable();
            count_bursts(calls, seconds);
        }
        Self { calls, seconds }
    }

    /// The most calls of a burst of which one is of this item's group. Of a group that is only estimated, what must lie
    /// in one part of its hour.
    pub fn most_around(&self, item: &Item<'_>) -> u64 {
        let (Some(rule), Some(group)) = (item.only, item.group) else {
            return 1;
        };
        let alone = group.events.most_within(self.seconds);
        let calls = self.calls.get(&(rule, item.principal.as_str()));
        let most = calls.and_then(|calls| most_with(calls, group.times(), self.seconds));
        most.unwrap_or(0).max(alone)
    }
}

/// Notes with each of these calls, which are sorted, how many there are within less than so many seconds from it on.
fn count_bursts(calls: &mut [(EventTime, u64)], seconds: u64) {
    let mut end = 0;
    for start in 0..calls.len() {
        let from = calls[start].0;
        let is_within = |(time, _): &(EventTime, u64)| time.seconds_since(from) < seconds as i64;
        while calls.get(end).is_some_and(is_within) {
            end += 1;
        }
        calls[start].1 = (end - start) as u64;
    }
}

/// The most calls of a burst that one of `own` lies in, which are sorted, too.
fn most_with(
    calls: &[(EventTime, u64)],
    own: impl Iterator<Item = EventTime>,
    seconds: u64,
) -> Option<u64> {
    let mut most = None;
    let mut begin = 0;
    for own in own {
        // A burst that it lies in begins with it, or less than so many seconds before it. What an earlier one lies in
        // was looked at.
        let is_over = |time: EventTime| own.seconds_since(time) >= seconds as i64;
        begin += calls[begin..].partition_point(|(time, _)| is_over(*time));
        let end = begin + calls[begin..].partition_point(|(time, _)| *time <= own);
        let bursts = calls[begin..end].iter().map(|(_, calls)| *calls);
        most = most.max(bursts.max());
        begin = end;
    }
    most
}

/// The items of a day by account, in the order of (time, event id); of one second, those that make a key come first.
pub(crate) fn items_of_day(tally: &Tally, day: Day) -> BTreeMap<String, Vec<Item<'_>>> {
    let notables = tally.notables.values();
    let whole = notables.filter(|notable| notable.time.day() == day);
    let whole = whole.map(|notable: &Notable| Item {
        time: notable.time,
        id: String::new(),
        raw: &notable.raw,
        only: None,
        group: None,
        principal: String::new(),
        makes_key: false,
    });
    let groups = tally.groups.values();
    let groups = groups.filter(|group| group.hour.day() == day);
    let groups = groups.map(|group| Item {
        time: group.first.time,
        id: String::new(),
        raw: &group.first.raw,
        only: Some(group.rule),
        group: Some(group),
        principal: String::new(),
        makes_key: false,
    });
    let mut reader = Rereader::default();
    let mut by_account: BTreeMap<String, Vec<Item<'_>>> = BTreeMap::new();
    for item in whole.chain(groups) {
        reader.record(item.raw, |record| {
            let id = record.event_id.as_deref().unwrap_or_default().to_owned();
            let account = record.account.clone().into_owned();
            let principal = record.principal().to_owned();
            let makes_key = record.is_kms() && record.operation.name() == "CreateKey";
            let item = Item {
                id,
                principal,
                makes_key,
                ..item
            };
            by_account.entry(account).or_default().push(item);
        });
    }
    for items in by_account.values_mut() {
        items.sort_by(|a, b| a.order().cmp(&b.order()));
    }
    by_account
}

/// Reads records that were carried as text. What a reader remembers takes room, which is made for the first of them:
/// most rules ask for records of which a day has none.
#[derive(Debug, Default)]
pub(crate) struct Rereader(Option<Reader>);

impl Rereader {
    /// Reads a record.
    pub fn record(&mut self, raw: &str, then: impl FnMut(&Record<'_>)) {
        struct Then<F>(F);
        impl<F: FnMut(&Record<'_>)> Sink for Then<F> {
            fn record(&mut self, record: &Record<'_>) {
                (self.0)(record);
            }
            fn issue(&mut self, _: Issue) {}
        }
        let reader = self.0.get_or_insert_with(Reader::default);
        reader.read(raw.as_bytes(), &mut Then(then));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_fullest_burst_with_a_call_is_found(
            calls in proptest::collection::vec((0..60_i64, any::<bool>()), 0..40),
            seconds in 1..20_u64,
        ) {
            let mut calls = calls;
            calls.sort_unstable();
            let time = |second: i64| EventTime::from_unix_seconds(second);
            let own = calls.iter().filter(|(_, is_own)| *is_own);
            let own: Vec<i64> = own.map(|(second, _)| *second).collect();
            let expected = calls.iter().filter_map(|(from, _)| {
                let is_within = |second: &i64| (*from..*from + seconds as i64).contains(second);
                let all = calls.iter().filter(|(second, _)| is_within(second)).count();
                own.iter().any(is_within).then_some(all as u64)
            });
            let expected = expected.max();
            let mut counted: Vec<_> = calls.iter().map(|(second, _)| (time(*second), 0)).collect();
            count_bursts(&mut counted, seconds);
            let own = own.iter().map(|second| time(*second));
            prop_assert_eq!(most_with(&counted, own, seconds), expected);
        }
    }
}

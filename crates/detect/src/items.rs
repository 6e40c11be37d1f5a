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
#[derive(Debug, Default)]
pub(crate) struct Bursts<'t>(BTreeMap<(&'static str, &'t str), Vec<EventTime>>);

impl<'t> Bursts<'t> {
    /// The calls behind a day's groups, by rule and principal.
    pub fn of(items: &'t [Item<'_>]) -> Self {
        let mut times: BTreeMap<(&'static str, &str), Vec<EventTime>> = BTreeMap::new();
        for item in items {
            let (Some(rule), Some(group)) = (item.only, item.group) else {
                continue;
            };
            let of = times.entry((rule, &item.principal)).or_default();
            of.extend(group.times());
        }
        for times in times.values_mut() {
            times.sort_unstable();
        }
        Self(times)
    }

    /// The most calls within less than `seconds` of which one is of this item's group. Of a group that is only
    /// estimated, what must lie in one part of its hour.
    pub fn most_around(&self, item: &Item<'_>, seconds: u64) -> u64 {
        let (Some(rule), Some(group)) = (item.only, item.group) else {
            return 1;
        };
        let alone = group.events.most_within(seconds);
        let Some(times) = self.0.get(&(rule, item.principal.as_str())) else {
            return alone;
        };
        let span = seconds as i64;
        let own: Vec<EventTime> = group.times().collect();
        let mut most = alone;
        let mut end = 0;
        for (start, first) in times.iter().enumerate() {
            while times
                .get(end)
                .is_some_and(|time| time.seconds_since(*first) < span)
            {
                end += 1;
            }
            let next_own = own.partition_point(|time| time < first);
            let holds_own = own
                .get(next_own)
                .is_some_and(|time| time.seconds_since(*first) < span);
            if holds_own {
                most = most.max((end - start) as u64);
            }
        }
        most
    }
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
    let mut reader = Reader::default();
    let mut by_account: BTreeMap<String, Vec<Item<'_>>> = BTreeMap::new();
    for item in whole.chain(groups) {
        with_record(&mut reader, item.raw, |record| {
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

/// Reads a record that was carried as text.
pub(crate) fn with_record(reader: &mut Reader, raw: &str, then: impl FnMut(&Record<'_>)) {
    struct Then<F>(F);
    impl<F: FnMut(&Record<'_>)> Sink for Then<F> {
        fn record(&mut self, record: &Record<'_>) {
            (self.0)(record);
        }
        fn issue(&mut self, _: Issue) {}
    }
    reader.read(raw.as_bytes(), &mut Then(then));
}

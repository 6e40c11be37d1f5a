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
}

/// The items of a day by account, in the order of (time, event id).
pub(crate) fn items_of_day(tally: &Tally, day: Day) -> BTreeMap<String, Vec<Item<'_>>> {
    let notables = tally.notables.values();
    let whole = notables.filter(|notable| notable.time.day() == day);
    let whole = whole.map(|notable: &Notable| Item {
        time: notable.time,
        id: String::new(),
        raw: &notable.raw,
        only: None,
        group: None,
    });
    let groups = tally.groups.values();
    let groups = groups.filter(|group| group.hour.day() == day);
    let groups = groups.map(|group| Item {
        time: group.first.time,
        id: String::new(),
        raw: &group.first.raw,
        only: Some(group.rule),
        group: Some(group),
    });
    let mut reader = Reader::default();
    let mut by_account: BTreeMap<String, Vec<Item<'_>>> = BTreeMap::new();
    for item in whole.chain(groups) {
        with_record(&mut reader, item.raw, |record| {
            let id = record.event_id.as_deref().unwrap_or_default().to_owned();
            let account = record.account.clone().into_owned();
            let item = Item { id, ..item };
            by_account.entry(account).or_default().push(item);
        });
    }
    for items in by_account.values_mut() {
        items.sort_by(|a, b| (a.time, &a.id, a.raw, a.only).cmp(&(b.time, &b.id, b.raw, b.only)));
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

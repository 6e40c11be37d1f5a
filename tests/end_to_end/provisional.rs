//! Findings are told before their hours are sealed: how many of them are taken back.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::PathBuf;

use flate2::read::MultiGzDecoder;
use keytrail_detect::bounds::CLOSE_LAG_SECONDS;
use keytrail_detect::configuration::Configuration;
use keytrail_detect::tally::Tally;
use keytrail_event::{Day, DeliveryName, EventTime, Issue, Reader, Record, Repeat, Sink};
use keytrail_store::executor::Executor;
use keytrail_store::{FindingKey, MemoryStore, Store};
use pollster::block_on;

use crate::order::files;
use crate::sandbox::Sandbox;

/// Days of the organisation.
const DAYS: i64 = 24;
/// Days from which the clock moves every two hours; before, by the day.
const CLOSE_DAY: i64 = 12;
/// Seconds between ticks then.
const TICK_SECONDS: i64 = 2 * 3_600;

struct Count {
    tally: Tally,
    stamp: Option<EventTime>,
}

impl Sink for Count {
    fn record(&mut self, record: &Record<'_>) {
        self.tally.add(record, self.stamp);
    }
    fn repeat(&mut self, repeat: &Repeat<'_>) -> bool {
        self.tally.add_repeat(repeat, self.stamp)
    }
    fn issue(&mut self, issue: Issue) {
        panic!("{issue}");
    }
}

/// Episodes that were told as provisional, and those of them that were withdrawn.
#[derive(Default)]
struct Told {
    provisional: BTreeSet<String>,
    withdrawn: BTreeSet<String>,
}

impl Told {
    /// Publishes what waits.
    fn publish(&mut self, store: &MemoryStore, now: EventTime) {
        let mut after: Option<FindingKey> = None;
        loop {
            let page = block_on(store.pending(after.as_ref(), 100)).unwrap();
            let Some(last) = page.last() else {
                return;
            };
            after = Some(last.record.key.clone());
            for stored in &page {
                let (key, record) = (&stored.record.key, &stored.record);
                match record.state.as_str() {
                    "provisional" => _ = self.provisional.insert(key.episode.clone()),
                    "withdrawn" if self.provisional.contains(&key.episode) => {
                        self.withdrawn.insert(key.episode.clone());
                    }
                    _ => {}
                }
                block_on(store.mark_sent(key, record.revision, now, None)).unwrap();
            }
        }
    }
}

#[test]
fn fewer_than_two_percent_of_provisional_findings_are_withdrawn() {
    let sandbox = Sandbox::new();
    let simulated = sandbox.keytrail(&format!(
        "simulate --organisation --out organisation --days {DAYS} --seed 2 --volume 8 --attack-count 3"
    ));
    assert_eq!(simulated.code, Some(0), "{simulated}");
    let first = EventTime::parse("2026-01-05T00:00:00Z").unwrap();
    let close = first.plus_seconds(CLOSE_DAY * 86_400);
    let mut ticks: BTreeMap<EventTime, Vec<(EventTime, PathBuf)>> = BTreeMap::new();
    for path in files(&sandbox.path().join("organisation/AWSLogs")) {
        let Some(stamp) = DeliveryName::parse(path.to_str().unwrap()).stamp else {
            continue;
        };
        let tick = if stamp < close {
            stamp.day().end()
        } else {
            let ticks = stamp.unix_seconds().div_euclid(TICK_SECONDS) + 1;
            EventTime::from_unix_seconds(ticks * TICK_SECONDS)
        };
        ticks.entry(tick).or_default().push((stamp, path));
    }
    let store = MemoryStore::default();
    let configuration = Configuration::default();
    let executor = Executor::new(&store, &configuration);
    let mut told = Told::default();
    let mut accounts: BTreeSet<String> = BTreeSet::new();
    let mut tick = |accounts: &BTreeSet<String>, clock| {
        for account in accounts {
            block_on(executor.tick(account, clock)).unwrap();
        }
        told.publish(&store, clock);
    };
    let mut newest = first;
    for (clock, delivered) in ticks {
        let mut days: BTreeMap<String, BTreeMap<Day, Tally>> = BTreeMap::new();
        for (stamp, path) in delivered {
            let mut text = Vec::new();
            let file = std::fs::File::open(path).unwrap();
            MultiGzDecoder::new(file).read_to_end(&mut text).unwrap();
            let mut count = Count {
                tally: Tally::default(),
                stamp: Some(stamp),
            };
            Reader::default().read(&text, &mut count);
            for ((account, day), tally) in count.tally.into_account_days() {
                let of_day = days.entry(account).or_default().entry(day).or_default();
                of_day.merge(tally);
            }
        }
        for (account, days) in days {
            block_on(executor.absorb(&account, days)).unwrap();
            accounts.insert(account);
        }
        tick(&accounts, clock);
        newest = clock;
    }
    // What is still open is sealed, step by step.
    for step in 1..=(86_400 + CLOSE_LAG_SECONDS) / TICK_SECONDS + 1 {
        tick(&accounts, newest.plus_seconds(step * TICK_SECONDS));
    }
    let (provisional, withdrawn) = (told.provisional.len(), told.withdrawn.len());
    assert!(provisional >= 30, "{provisional} were provisional");
    assert!(
        withdrawn * 50 < provisional,
        "{withdrawn} of {provisional}: {:#?}",
        told.withdrawn
    );
}

//! From what happened to files: two trails, lags that differ by Region, outages, clocks that are wrong.

use std::collections::BTreeMap;

use keytrail_detect::tally::Tally;
use keytrail_event::{Issue, Reader, Record, Repeat, Sink};

use super::chance::Chance;
use super::life::{Happened, Life};
use super::records::moment;

/// A file of one account and Region.
#[derive(Debug, Clone)]
pub(super) struct File {
    /// Seconds after the start of the world.
    pub stamp: i64,
    pub account: usize,
    pub records: Vec<String>,
    /// When it reaches us: after its stamp, by little or by days.
    pub arrival: i64,
}

/// Seconds that one file spans.
const SPAN: i64 = 4 * 3_600;
/// Seconds without a record after which some producers begin a new file.
const QUIET: i64 = 300;

pub(super) fn deliver(life: &Life, chance: &mut Chance) -> Vec<File> {
    let outage = chance.percent(50).then(|| {
        let from = chance.between(0, life.days * 86_400);
        from..from + chance.between(3 * 3_600, 30 * 3_600)
    });
    let mut files = Vec::new();
    // The second trail delivers part of what the first does.
    for trail in 0..2 {
        let mut spans: BTreeMap<(i64, usize, usize), Vec<&Happened>> = BTreeMap::new();
        for happened in &life.records {
            if trail == 1 && !chance.percent(30) {
                continue;
            }
            let span = (happened.second / SPAN, happened.account, happened.region);
            spans.entry(span).or_default().push(happened);
        }
        for ((span, account, region), happened) in spans {
            let end = happened
                .iter()
                .map(|one| one.second)
                .max()
                .unwrap_or(span * SPAN);
            let lag = [200, 700][region] + chance.between(0, 600);
            let mut stamp = end + lag;
            if let Some(outage) = outage.as_ref().filter(|outage| outage.contains(&stamp)) {
                stamp = outage.end + chance.between(0, 3_600);
            }
            if chance.percent(1) {
                // A producer whose clock is behind: its events lie in the future of their file.
                stamp -= chance.between(1_000, 8_000);
            }
            let arrival = match chance.below(100) {
                0..3 => stamp + chance.between(3_600, 3 * 86_400),
                3..15 => stamp + chance.between(0, 3_600),
                _ => stamp + chance.between(0, 120),
            };
            for records in parts(happened, chance) {
                files.push(File {
                    stamp,
                    account,
                    records,
                    arrival,
                });
            }
        }
    }
    files.sort_by_key(|file| file.stamp);
    files
}

/// The records of one span in the files that they come in, in an order of chance.
fn parts(mut happened: Vec<&Happened>, chance: &mut Chance) -> Vec<Vec<String>> {
    chance.shuffle(&mut happened);
    let of = |happened: &[&Happened]| happened.iter().map(|one| one.record.clone()).collect();
    match chance.below(100) {
        0..10 => happened
            .chunks(happened.len().div_ceil(2).max(1))
            .map(of)
            .collect(),
        // A file ends where nothing happened for some minutes: what was tried before a burst comes apart from it.
        10..20 => {
            happened.sort_by_key(|one| one.second);
            let stretches = happened.chunk_by(|a, b| b.second - a.second < QUIET);
            stretches.map(of).collect()
        }
        _ => vec![of(&happened)],
    }
}

impl File {
    /// What the file holds, as a tally.
    pub fn tally(&self) -> Result<Tally, String> {
        struct Count(Tally, Option<keytrail_event::EventTime>, Option<Issue>);
        impl Sink for Count {
            fn record(&mut self, record: &Record<'_>) {
                self.0.add(record, self.1);
            }
            fn repeat(&mut self, repeat: &Repeat<'_>) -> bool {
                self.0.add_repeat(repeat, self.1)
            }
            fn issue(&mut self, issue: Issue) {
                self.2 = Some(issue);
            }
        }
        let mut count = Count(Tally::default(), Some(moment(self.stamp)), None);
        let text = format!("{{\"Records\":[{}]}}", self.records.join(","));
        let reading = Reader::default().read(text.as_bytes(), &mut count);
        let Count(tally, _, issue) = count;
        if let Some(issue) = issue {
            return Err(format!("a record of the world is not one: {issue}"));
        }
        let counts = tally.counts;
        if reading.records != counts.kept + counts.late + counts.future {
            return Err(format!("conservation: {reading:?} became {counts:?}"));
        }
        Ok(tally)
    }
}

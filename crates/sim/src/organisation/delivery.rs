//! From a day's records to delivered files. Nothing here depends on what else is in a file: with or without an attack
//! the other records come at the same time, in the same file, in the same order.

use std::collections::BTreeMap;

use crate::layout::{Folder, ORGANISATION, Packer, path};
use crate::moment::{HOUR, MINUTE, Moment};
use crate::random::Random;
use crate::record::Record;
use crate::{SimulateError, SimulatedFile, Sink};

use super::Summary;
use super::day::Day;
use super::places::{HOME_ACCOUNT, HOME_REGION};

/// The fastest level: archives of this size are read once or twice.
const GZIP_FAST: i32 = 2;
/// The span of a file where most happens, and elsewhere.
const BUSY_SPAN: i64 = 15 * MINUTE;
const QUIET_SPAN: i64 = HOUR;
/// A file is in time until this long after the end of its first record's hour.
const LATE: i64 = 2 * HOUR;
/// The share of records that come alone, hours after the others.
const STRAGGLERS: f64 = 0.000_05;
/// The share of files that a second trail delivers once more.
const REPEATED: f64 = 0.02;
/// Every so many days deliveries hang for some hours.
const OUTAGE_EVERY_DAYS: i64 = 23;
const OUTAGE: i64 = 5 * HOUR;

/// Which records share a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    window: Moment,
    account: &'static str,
    region: &'static str,
    /// Hours that a straggler comes too late; 0 for all others.
    delay: i64,
}

/// Delivers day after day.
pub(crate) struct Delivery {
    seed: u64,
    start: Moment,
    packer: Packer,
    text: String,
    /// Files whose stamp belongs to a later day, by stamp.
    held: BTreeMap<(Moment, String), SimulatedFile>,
}

impl Delivery {
    pub(crate) fn new(seed: u64, start: Moment) -> Result<Self, SimulateError> {
        Ok(Self {
            seed,
            start,
            packer: Packer::new(GZIP_FAST)?,
            text: String::new(),
            held: BTreeMap::new(),
        })
    }

    /// Packs the records of a day and hands over what is stamped before its end.
    pub(crate) fn deliver(
        &mut self,
        day: Day,
        records: &[Record],
        summary: &mut Summary,
        sink: &mut Sink<'_>,
    ) -> Result<(), SimulateError> {
        let mut places: BTreeMap<Place, Vec<&Record>> = BTreeMap::new();
        for record in records {
            places.entry(self.place(record)).or_default().push(record);
        }
        for (place, mut records) in places {
            // Ids are chance: their order is as good as any shuffle, and no record moves the others.
            records.sort_by(|a, b| a.id.cmp(&b.id));
            self.pack(place, &records, summary)?;
        }
        self.hand_over(day.end(), summary, sink)
    }

    /// Hands over everything that is stamped before this moment.
    pub(crate) fn hand_over(
        &mut self,
        until: Moment,
        summary: &mut Summary,
        sink: &mut Sink<'_>,
    ) -> Result<(), SimulateError> {
        while let Some(entry) = self.held.first_entry() {
            if entry.key().0 >= until {
                break;
            }
            let file = entry.remove();
            summary.files += 1;
            summary.bytes_compressed += file.bytes.len() as u64;
            sink(file)?;
        }
        Ok(())
    }

    fn place(&self, record: &Record) -> Place {
        let is_busy = record.account == HOME_ACCOUNT && record.region == HOME_REGION;
        let span = if is_busy { BUSY_SPAN } else { QUIET_SPAN };
        let mut random = Random::stream(self.seed, &record.id);
        let straggles = random.chance(STRAGGLERS);
        Place {
            window: record.time.floor(span),
            account: record.account,
            region: record.region,
            delay: if straggles { random.between(3, 20) } else { 0 },
        }
    }

    fn pack(
        &mut self,
        place: Place,
        records: &[&Record],
        summary: &mut Summary,
    ) -> Result<(), SimulateError> {
        let name = format!(
            "{} {} {} {}",
            place.account, place.region, place.window.0, place.delay
        );
        let mut random = Random::stream(self.seed, &name);
        let span = if place.account == HOME_ACCOUNT && place.region == HOME_REGION {
            BUSY_SPAN
        } else {
            QUIET_SPAN
        };
        let lag = random.between(2, 9) * MINUTE;
        let end = place.window + span;
        let stamp = self.after_outage(end) + lag + place.delay * HOUR;
        self.text.clear();
        self.text.push_str("{\"Records\":[");
        for (index, record) in records.iter().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            record.write(&mut self.text);
        }
        self.text.push_str("]}");
        let copies: &[(&str, i64)] = if random.chance(REPEATED) {
            &[(ORGANISATION, 0), ("", MINUTE)]
        } else {
            &[(ORGANISATION, 0)]
        };
        for &(organisation, more) in copies {
            let suffix = random.alphanumeric(16);
            let stamp = stamp + more;
            let path = path(
                organisation,
                Folder::Logs,
                place.account,
                place.region,
                stamp,
                &suffix,
            );
            let file = self.packer.gzip(path.clone(), self.text.as_bytes())?;
            summary.records += records.len() as u64;
            summary.bytes += self.text.len() as u64;
            summary.duplicates += if more > 0 { records.len() as u64 } else { 0 };
            let late = records
                .iter()
                .filter(|it| stamp > it.time.hour_end() + LATE);
            summary.late += late.count() as u64;
            self.held.insert((stamp, path), file);
        }
        Ok(())
    }

    /// During an outage nothing is delivered until its end.
    fn after_outage(&self, end: Moment) -> Moment {
        let since = end.0 - self.start.0 - 9 * 86_400 - 7 * HOUR;
        let within = since.rem_euclid(OUTAGE_EVERY_DAYS * 86_400);
        if since >= 0 && within < OUTAGE {
            end + (OUTAGE - within)
        } else {
            end
        }
    }
}

//! From records to delivered files: how many go into one, when it comes, and what goes wrong on the way.

use std::collections::BTreeMap;

use crate::layout::{Folder, GZIP_SMALLEST, ORGANISATION, Packer, path};
use crate::moment::{HOUR, MINUTE, Moment};
use crate::random::Random;
use crate::record::Record;
use crate::{SimulateError, SimulatedFile, Sink};

use super::Summary;
use super::calendar::Calendar;
use super::cast::{DATA, HOME, SHOP};
use super::extras;
use super::stage::KMS;

/// Spans of time that share a file, longest first, with the number of records above which the next one is taken.
/// A real trail delivers every few minutes; quiet hours are pooled so that the example stays small. None may exceed
/// three hours: a file is in time until two hours after the end of its first record's hour.
const SPANS: [(i64, usize); 3] = [(3 * HOUR, 80), (HOUR, 120), (15 * MINUTE, usize::MAX)];
/// From the end of a file's span to its stamp, unless the span is the longest.
const LAG: i64 = 5 * MINUTE;
/// What the outage adds to that.
const OUTAGE_DELAY: i64 = 6 * HOUR;
/// A file is in time until this long after the end of its first record's hour.
const LATE: i64 = 2 * HOUR;

/// One file before it is written.
struct Batch<'a> {
    organisation: &'static str,
    account: &'static str,
    region: &'static str,
    stamp: Moment,
    records: Vec<&'a Record>,
}

/// Hands all files of the archive to the sink, by stamp.
pub(crate) fn deliver(
    seed: u64,
    calendar: Calendar,
    records: &[Record],
    sink: &mut Sink<'_>,
) -> Result<Summary, SimulateError> {
    let mut random = Random::stream(seed, "delivery");
    let mut packer = Packer::new(GZIP_SMALLEST)?;
    let mut summary = Summary::default();
    let mut batches = batches(records, calendar);
    repeat(&mut batches, calendar, &mut summary);
    let mut files = extras::files(seed, calendar, &mut packer)?;
    batches.sort_by_key(|batch| (batch.stamp, batch.account, batch.region, batch.organisation));
    for mut batch in batches {
        random.shuffle(&mut batch.records);
        let suffix = random.alphanumeric(16);
        let text = write(&batch.records);
        count(&batch, &text, &mut summary);
        let path = path(
            batch.organisation,
            Folder::Logs,
            batch.account,
            batch.region,
            batch.stamp,
            &suffix,
        );
        files.push((packer.gzip(path, text.as_bytes())?, 0));
    }
    for (file, bytes) in files {
        hand_over(file, bytes, &mut summary, sink)?;
    }
    Ok(summary)
}

fn hand_over(
    file: SimulatedFile,
    bytes: u64,
    summary: &mut Summary,
    sink: &mut Sink<'_>,
) -> Result<(), SimulateError> {
    summary.files += 1;
    summary.bytes += bytes;
    summary.bytes_compressed += file.bytes.len() as u64;
    sink(file)?;
    Ok(())
}

fn count(batch: &Batch<'_>, text: &str, summary: &mut Summary) {
    summary.bytes += text.len() as u64;
    for record in &batch.records {
        summary.records += 1;
        summary.kms_records += u64::from(record.source == KMS);
        summary.late += u64::from(batch.stamp > record.time.hour_end() + LATE);
    }
}

fn write(records: &[&Record]) -> String {
    let mut text = String::from("{\"Records\":[");
    for (index, record) in records.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        record.write(&mut text);
    }
    text.push_str("]}");
    text
}

/// Cuts each account's and Region's records into files: the busier, the shorter the span of a file.
fn batches(records: &[Record], calendar: Calendar) -> Vec<Batch<'_>> {
    let mut by_place: BTreeMap<_, Vec<&Record>> = BTreeMap::new();
    for record in records {
        let window = record.time.floor(SPANS[0].0);
        let place = (record.account, record.region, window);
        by_place.entry(place).or_default().push(record);
    }
    let mut batches = Vec::new();
    for ((account, region, window), records) in by_place {
        let mut spans = Vec::new();
        cut(window, records, 0, &mut spans);
        for (stamp, records) in spans {
            let delayed = account == DATA && is_outage(window, calendar);
            batches.push(Batch {
                organisation: ORGANISATION,
                account,
                region,
                stamp: stamp + if delayed { OUTAGE_DELAY } else { 0 },
                records,
            });
        }
    }
    batches
}

/// Splits a span that holds too much into the next shorter ones; gives each file's stamp.
fn cut<'a>(
    start: Moment,
    records: Vec<&'a Record>,
    level: usize,
    out: &mut Vec<(Moment, Vec<&'a Record>)>,
) {
    let Some(&(span, limit)) = SPANS.get(level) else {
        return;
    };
    let Some(&(shorter, _)) = SPANS.get(level + 1).filter(|_| records.len() > limit) else {
        let lag = if level == 0 { 0 } else { LAG };
        out.push((start + span + lag, records));
        return;
    };
    let mut parts: BTreeMap<Moment, Vec<&Record>> = BTreeMap::new();
    for record in records {
        parts
            .entry(record.time.floor(shorter))
            .or_default()
            .push(record);
    }
    for (start, records) in parts {
        cut(start, records, level + 1, out);
    }
}

/// One night in the middle of the archive the data account's deliveries hang for hours.
fn is_outage(window: Moment, calendar: Calendar) -> bool {
    let night = calendar.day(calendar.days / 2);
    calendar.days >= 4 && window >= night && window < night + 9 * HOUR
}

/// For one morning the shop's own trail writes into the same bucket: the same records, in other files.
fn repeat(batches: &mut Vec<Batch<'_>>, calendar: Calendar, summary: &mut Summary) {
    let from = calendar.day(calendar.days / 4) + 6 * HOUR;
    let until = from + 6 * HOUR;
    let again: Vec<Batch<'_>> = batches
        .iter()
        .filter(|batch| batch.account == SHOP && batch.region == HOME)
        .filter(|batch| batch.stamp > from && batch.stamp <= until)
        .map(|batch| Batch {
            organisation: "",
            account: batch.account,
            region: batch.region,
            stamp: batch.stamp + LAG,
            records: batch.records.clone(),
        })
        .collect();
    summary.duplicates = again.iter().map(|batch| batch.records.len() as u64).sum();
    batches.extend(again);
}

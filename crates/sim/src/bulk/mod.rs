//! Archives of any size, for measuring.
//!
//! The layout, the sizes of records and the share of each quirk are those of real archives; who does what is chance.
//! A role's session repeats its byte-identical `userIdentity` for an hour, a few principals make most of the calls,
//! request and event ids never repeat, contexts differ from object to object. There are no attacks in here.

mod habits;
mod objects;
mod place;
mod services;
mod template;
mod world;
mod zipf;

use jiff::civil::Date;

use crate::layout::{Folder, GZIP_USUAL, ORGANISATION, Packer, path};
use crate::moment::{MINUTE, Moment};
use crate::random::Random;
use crate::{SimulateError, Sink};

use place::Place;
use world::World;

/// Records an account has in a day: more records make more days, not busier ones.
pub const RECORDS_PER_ACCOUNT_DAY: u64 = 200_000;
/// The most accounts an archive has.
pub const ACCOUNTS_MAX: u32 = 16;

/// No file spans more, so that each is in time.
const SPAN_MAX: i64 = 110 * MINUTE;
/// Bytes before compression for one after, until the first file has told.
const FIRST_RATIO: f64 = 12.0;

/// What to make.
#[derive(Debug, Clone, PartialEq)]
pub struct BulkOptions {
    /// How many records.
    pub records: u64,
    /// The share of KMS records, from 0 to 1.
    pub kms_fraction: f64,
    /// The share of S3 data events, from 0 to 1; with the KMS records no more than 1. What is left is a mix of other
    /// services.
    pub s3_data_fraction: f64,
    /// One seed, one archive.
    pub seed: u64,
    /// The first day, UTC.
    pub start: Date,
    /// The median size of a file, in bytes after compression.
    pub median_file_bytes_compressed: u64,
    /// How many accounts, from 1 to [`ACCOUNTS_MAX`].
    pub accounts: u32,
    /// How many principals over all accounts.
    pub principals: u32,
    /// How many keys over all accounts.
    pub keys: u32,
}

impl Default for BulkOptions {
    /// A hundred thousand records in four accounts, one in ten of KMS.
    fn default() -> Self {
        Self {
            records: 100_000,
            kms_fraction: 0.1,
            s3_data_fraction: 0.0,
            seed: 1,
            start: jiff::civil::date(2026, 3, 2),
            median_file_bytes_compressed: 200_000,
            accounts: 4,
            principals: 200,
            keys: 80,
        }
    }
}

/// What was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BulkSummary {
    /// Files handed to the sink.
    pub files: u64,
    /// Records in them.
    pub records: u64,
    /// How many of those are KMS records.
    pub kms_records: u64,
    /// Bytes before compression.
    pub bytes: u64,
    /// Bytes as handed to the sink.
    pub bytes_compressed: u64,
}

/// Makes an archive, file by file, in about the order in which they would have been delivered.
///
/// # Errors
/// When the options are out of range, or when the sink refuses a file.
pub fn generate(options: &BulkOptions, sink: &mut Sink<'_>) -> Result<BulkSummary, SimulateError> {
    check(options)?;
    let world = World::new(options);
    let mut places = Place::all(options, &world);
    let mut random = Random::stream(options.seed, "bulk");
    let mut packer = Packer::new(GZIP_USUAL)?;
    let mut summary = BulkSummary::default();
    let mut text = Vec::new();
    while summary.records < options.records {
        let Some(place) = places.iter_mut().min_by_key(|place| place.clock) else {
            break;
        };
        let ratio = if summary.bytes_compressed == 0 {
            FIRST_RATIO
        } else {
            summary.bytes as f64 / summary.bytes_compressed as f64
        };
        let median = options.median_file_bytes_compressed as f64 * ratio;
        let target = (median * spread(&mut random)) as usize;
        text.clear();
        let written = place.write(
            &mut text,
            &mut random,
            target,
            options.records - summary.records,
        );
        let stamp = (written.last + random.between(MINUTE, 4 * MINUTE)).ceil(5 * MINUTE);
        let suffix = random.alphanumeric(16);
        let path = path(
            ORGANISATION,
            Folder::Logs,
            place.account,
            place.region,
            stamp,
            &suffix,
        );
        let file = packer.gzip(path, &text)?;
        summary.files += 1;
        summary.records += written.records;
        summary.kms_records += written.kms_records;
        summary.bytes += text.len() as u64;
        summary.bytes_compressed += file.bytes.len() as u64;
        sink(file)?;
    }
    Ok(summary)
}

/// How far a file's size is from the median: as often below as above, from a quarter to three times, mostly near.
fn spread(random: &mut Random) -> f64 {
    let side = random.unit() + random.unit() - 1.0;
    if side < 0.0 {
        1.0 / (1.0 - 3.0 * side)
    } else {
        1.0 + 2.0 * side
    }
}

fn check(options: &BulkOptions) -> Result<(), SimulateError> {
    let share = 0.0..=1.0;
    let problem = if !share.contains(&options.kms_fraction) {
        "kms-fraction is a number from 0 to 1"
    } else if !share.contains(&options.s3_data_fraction) {
        "s3-data-fraction is a number from 0 to 1"
    } else if options.kms_fraction + options.s3_data_fraction > 1.0 + 1e-9 {
        "kms-fraction and s3-data-fraction are together no more than 1"
    } else if !(1..=ACCOUNTS_MAX).contains(&options.accounts) {
        "accounts is a number from 1 to 16"
    } else if options.principals < options.accounts || options.keys < options.accounts {
        "every account has a principal and a key at least"
    } else if options.principals > 100_000 || options.keys > 100_000 {
        "principals and keys are 100,000 at most"
    } else if !(1_000..=50_000_000).contains(&options.median_file_bytes_compressed) {
        "a file's median size is from 1,000 to 50,000,000 bytes"
    } else if !(1970..=5000).contains(&options.start.year()) {
        "start is a day from 1970 to 5000"
    } else {
        return Ok(());
    };
    Err(SimulateError::Options(problem))
}

/// The first moment of the archive.
fn beginning(options: &BulkOptions) -> Moment {
    Moment::midnight(options.start)
}

#[cfg(test)]
mod tests;

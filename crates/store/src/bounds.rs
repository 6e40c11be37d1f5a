//! Every bound of the stores, named, with its unit and its reason.

use crate::StoreError;

/// Largest tally or base shard, in bytes before compression. A tally that outgrows it is to be
/// split; SQLite itself ends at 1,000,000,000.
pub const VALUE_BYTES_MAX: usize = 512 * 1_024 * 1_024;

/// Largest tally or base that is stored as it is, in bytes; a larger one is packed while it is written.
pub const PLAIN_BYTES_MAX: usize = 4 * 1_024 * 1_024;

/// Largest named document, in bytes: a clock or a watermark, never a tally.
pub const DOCUMENT_BYTES_MAX: usize = 64 * 1_024;

/// Largest JSON of a finding, in bytes: what a DynamoDB item takes, less room for its columns.
pub const FINDING_BYTES_MAX: usize = 256 * 1_024;

/// Longest name: of an account, a document, a finding, something in quarantine, in bytes.
pub const NAME_BYTES_MAX: usize = 1_024;

/// Longest note of a triage and longest reason of a quarantine, in bytes.
pub const NOTE_BYTES_MAX: usize = 4 * 1_024;

/// Notes of triage kept with one episode; of more, the earliest go, and the numbers of the others show it.
pub const TRIAGE_NOTES_MAX: usize = 16;

/// Shards of one base: 1 GiB in shards of 256 KiB.
pub const SHARDS_MAX: u32 = 4_096;

/// Most entries one page of a listing has.
pub const PAGE_ENTRIES_MAX: usize = 1_000;

/// Findings that one step holds in memory to record them; of more, those before are recorded as it goes.
pub const STEP_FINDINGS_MAX: usize = 1_000;

/// Gaps of log files that are kept of one account; beyond, the earliest of each Region and kind stay, and who reads is
/// told.
pub const GAPS_MAX: usize = 10_000;

/// All gaps of one account as JSON, in bytes before compression: three kibibytes for each.
pub const GAPS_BYTES_MAX: usize = 32 * 1_024 * 1_024;

/// Longest name of a file in a gap, in bytes: an object's is at most 1,087, and a path is seldom as long.
pub const GAP_FILE_BYTES_MAX: usize = 4 * 1_024;

/// Refuses what is larger than its bound. Every store asks this before it writes.
pub fn check_bytes(what: &str, bytes: usize, bytes_max: usize) -> Result<(), StoreError> {
    if bytes > bytes_max {
        return Err(StoreError::TooLarge {
            what: what.to_owned(),
            bytes,
            bytes_max,
        });
    }
    Ok(())
}

/// The entries of a page for whom so many were asked: at least one, at most [`PAGE_ENTRIES_MAX`].
#[must_use]
pub fn page_entries(limit: usize) -> usize {
    limit.clamp(1, PAGE_ENTRIES_MAX)
}

/// Refuses names that are too long to be a key.
pub fn check_name(what: &str, name: &str) -> Result<(), StoreError> {
    check_bytes(what, name.len(), NAME_BYTES_MAX)
}

//! Log files of a time or Region of which no digest tells anything.

use std::collections::BTreeMap;

use keytrail_event::EventTime;
use serde::Serialize;

use super::{Chain, LogFile, Sound, by_region};

/// Accounts' Regions with unverified log files which are listed; of more, the files are counted.
pub const UNVERIFIED_LISTED_MAX: usize = 100;

/// Log files of an account's Region that lie outside the span of every chain: nothing is known of whether they are as
/// they were delivered, nor whether others are missing beside them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unverified {
    /// The account.
    pub account: String,
    /// The Region.
    pub region: String,
    /// How many.
    pub files: u64,
    /// The stamp of the first of them.
    pub first: EventTime,
    /// The stamp of the last of them.
    pub last: EventTime,
}

/// Those of log files delivered from `since` on and before `until`, by account and Region.
pub(super) fn outside(
    chains: &[Chain],
    log_files: &BTreeMap<String, Vec<LogFile>>,
    sound: &Sound,
    (since, until): (Option<EventTime>, Option<EventTime>),
) -> Vec<Unverified> {
    let is_asked = |stamp: EventTime| {
        since.is_none_or(|since| since <= stamp) && until.is_none_or(|until| stamp < until)
    };
    let mut all = Vec::new();
    for ((account, region), files) in by_region(log_files) {
        let is_covered = |stamp: EventTime, stem: &str| {
            let covers = |chain: &Chain| chain.covers((account, region), stamp);
            sound.files.contains(stem) || chains.iter().any(covers)
        };
        let stamps = files
            .into_iter()
            .filter(|(stamp, stem)| is_asked(*stamp) && !is_covered(*stamp, stem))
            .map(|(stamp, _)| stamp);
        let stamps: Vec<EventTime> = stamps.collect();
        if let (Some(first), Some(last)) = (stamps.iter().min(), stamps.iter().max()) {
            all.push(Unverified {
                account: account.to_owned(),
                region: region.to_owned(),
                files: stamps.len() as u64,
                first: *first,
                last: *last,
            });
        }
    }
    all
}

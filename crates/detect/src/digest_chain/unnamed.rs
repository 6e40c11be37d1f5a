//! Log files of which no digest tells, though digests tell of their time.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{LogFile, Verification, log_file_name};

/// Seconds after a log file's stamp within which a `_backfill` digest may still name it. AWS promises
/// no time; three days are far more than its deliveries are late.
pub const BACKFILL_WAIT_SECONDS: i64 = 3 * 86_400;

/// Log files that no digest names which are listed; of more, the number.
pub const UNNAMED_LISTED_MAX: usize = 100;

/// A log file that no digest names, though digests name others of its time. Whoever forges records adds one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct UnnamedFile {
    /// Whether a `_backfill` digest may still name it.
    pub is_awaiting_backfill: bool,
    /// Where it was found.
    pub path: String,
}

impl Verification {
    /// Counts them, and lists the first: those that no digest will name any more before those that one still may.
    pub(super) fn list_unnamed(
        &mut self,
        log_files: &BTreeMap<String, Vec<LogFile>>,
        named: &BTreeSet<String>,
    ) {
        let mut listed: [Vec<&str>; 2] = Default::default();
        for (stem, copies) in log_files.iter().filter(|(stem, _)| !named.contains(*stem)) {
            let Some((account, region, stamp)) = log_file_name(stem) else {
                continue;
            };
            let chains = self.chains.iter();
            let covering = chains.filter(|chain| chain.covers((account, region), stamp));
            let Some(until) = covering.map(|chain| chain.until).max() else {
                continue;
            };
            self.unnamed_files += 1;
            let is_recent = until.seconds_since(stamp) < BACKFILL_WAIT_SECONDS;
            self.awaiting_backfill += u64::from(is_recent);
            let path = copies.iter().map(|copy| copy.path.as_str()).min();
            let listed = &mut listed[usize::from(is_recent)];
            listed.extend(path.filter(|_| listed.len() < UNNAMED_LISTED_MAX));
        }
        let unnamed = [false, true].into_iter().zip(listed);
        let unnamed = unnamed.flat_map(|(is_awaiting_backfill, paths)| {
            paths.into_iter().map(move |path| UnnamedFile {
                is_awaiting_backfill,
                path: path.to_owned(),
            })
        });
        self.unnamed = unnamed.take(UNNAMED_LISTED_MAX).collect();
    }
}

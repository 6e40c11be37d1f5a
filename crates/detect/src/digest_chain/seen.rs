//! What earlier runs saw of a Region's digests and log files, for runs that see a part of an archive each.
//!
//! A digest names files of the hour before it, and the digest before it: either may have been read by an earlier run. And
//! that log files go on behind one that is missing, or behind the last digest, only a later run may show.

use std::collections::BTreeMap;

use keytrail_event::EventTime;
use keytrail_event::digest::{Digest, file_stem};
use keytrail_event::time::HOUR_SECONDS;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::{ChainName, DigestFile, Verification, log_file_name};
use crate::rules::log_gap::{Gap, GapKind};

/// Seconds before the end of the last digest from which on log files are remembered: what was delivered late in its hour
/// may stand in the next one.
const REMEMBERED_SECONDS: i64 = 3 * HOUR_SECONDS;
/// Log files that are remembered; of more, the latest.
const RECENT_MAX: usize = 1_024;
/// Missing log files that wait for one behind them; of more, the earliest.
const AHEAD_MAX: usize = 96;
/// Digests that are remembered: two of each chain, of four chains.
const ENDINGS_MAX: usize = 8;
const ENDINGS_OF_A_CHAIN: usize = 2;

/// What earlier runs saw of one account and Region.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The stamp of the last log file.
    last: Option<EventTime>,
    /// Until when digests name log files.
    named_until: Option<EventTime>,
    /// From when on `recent` is all that was seen.
    known_from: Option<EventTime>,
    /// Log files by the hash of their stem.
    recent: Vec<(EventTime, u64)>,
    /// Missing log files behind the last one that was seen.
    ahead: Vec<Gap>,
    /// The last digests of each chain, without the files they name.
    endings: Vec<Ending>,
    /// The ends of last digests of which it was told that log files go on behind them.
    behind: Vec<EventTime>,
}

/// A digest without the files it names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    sha256: String,
    digest: Digest,
}

/// The last digests of each chain among these.
#[must_use]
pub fn endings(digests: &[DigestFile]) -> Vec<Ending> {
    let readable = digests.iter().filter_map(|file| {
        let digest = file.digest.as_ref().ok()?;
        let is_in_place = file_stem(&digest.object) == file_stem(&file.path);
        (is_in_place && !digest.is_backfill).then_some((digest, &file.sha256))
    });
    let mut last: BTreeMap<ChainName, Vec<(&Digest, &String)>> = BTreeMap::new();
    for (digest, sha256) in readable {
        let of_chain = last.entry(ChainName::of(digest)).or_default();
        of_chain.push((digest, sha256));
        of_chain.sort_by_key(|(digest, sha256)| (digest.end, digest.object.clone(), *sha256));
        of_chain.dedup();
        let surplus = of_chain.len().saturating_sub(ENDINGS_OF_A_CHAIN);
        of_chain.drain(..surplus);
    }
    let ending = |(digest, sha256): (&Digest, &String)| Ending {
        sha256: sha256.clone(),
        digest: digest.clone().without_files(),
    };
    last.into_values().flatten().map(ending).collect()
}

impl Seen {
    /// The digests of earlier runs that come before these, to be verified with them.
    #[must_use]
    pub fn before(&self, digests: &[DigestFile]) -> Vec<DigestFile> {
        let mut first: BTreeMap<ChainName, EventTime> = BTreeMap::new();
        for digest in digests.iter().filter_map(|file| file.digest.as_ref().ok()) {
            let known = first.entry(ChainName::of(digest)).or_insert(digest.end);
            *known = digest.end.min(*known);
        }
        let is_before = |ending: &&Ending| {
            let first = first.get(&ChainName::of(&ending.digest));
            first.is_none_or(|first| ending.digest.end < *first)
        };
        let before = self.endings.iter().filter(is_before);
        before
            .map(|Ending { sha256, digest }| DigestFile {
                path: digest.object.clone(),
                sha256: sha256.clone(),
                digest: Ok(digest.clone()),
            })
            .collect()
    }

    /// Whether an earlier run told this gap, though by another file.
    #[must_use]
    pub fn told(&self, gap: &Gap) -> bool {
        is_behind(gap) && self.behind.contains(&gap.from)
    }

    /// Takes in what a run found of this account and Region, and returns the gaps that only both together show. `files`
    /// are the stamps and stems of the log files it found, `endings` the last digests of its chains.
    pub fn take(
        &mut self,
        (account, region): (&str, &str),
        verification: &Verification,
        files: &[(EventTime, &str)],
        endings: &[Ending],
    ) -> Vec<Gap> {
        let own_first = files.iter().map(|file| file.0).min();
        let own_last = files.iter().map(|file| file.0).max();
        let last = self.last.max(own_last);
        let of_region = |gap: &&Gap| gap.account == account && gap.region == region;
        let gaps = verification.gaps.iter().map(|found| &found.gap);
        let gaps: Vec<&Gap> = gaps.filter(of_region).collect();
        let known_from = self.known_from.or(own_first);
        let missing = gaps.iter().filter(|gap| gap.kind == GapKind::FileMissing);
        // What was missing before is looked at again; of files that nobody may have seen, nobody can say they are gone.
        let missing = missing.filter(|gap| stamp_of(gap) >= known_from && known_from.is_some());
        let mut candidates = std::mem::take(&mut self.ahead);
        candidates.extend(missing.map(|gap| (*gap).clone()));
        candidates.sort();
        candidates.dedup();
        let mut hashes: Vec<(EventTime, u64)> = files
            .iter()
            .map(|(stamp, stem)| (*stamp, xxh3_64(stem.as_bytes())))
            .collect();
        hashes.append(&mut self.recent);
        hashes.sort_unstable();
        hashes.dedup();
        let mut told = Vec::new();
        for gap in candidates {
            let Some(stamp) = stamp_of(&gap) else {
                continue;
            };
            let hash = xxh3_64(file_stem(&gap.file).as_bytes());
            if hashes.binary_search(&(stamp, hash)).is_ok() {
                continue;
            }
            if Some(stamp) <= last {
                told.push(gap);
            } else if last.is_some() && self.ahead.len() < AHEAD_MAX {
                self.ahead.push(gap);
            }
        }
        let behind = gaps.iter().filter(|gap| is_behind(gap)).map(|gap| gap.from);
        self.behind.extend(behind);
        self.behind.sort();
        self.behind.dedup();
        let surplus = self.behind.len().saturating_sub(ENDINGS_MAX);
        self.behind.drain(..surplus);
        self.last = last;
        self.remember_endings(account, region, endings);
        self.remember(known_from, hashes);
        told
    }

    fn remember_endings(&mut self, account: &str, region: &str, endings: &[Ending]) {
        let of_region =
            |ending: &&Ending| ending.digest.account == account && ending.digest.region == region;
        let mut files = Vec::new();
        for ending in self.endings.iter().chain(endings.iter().filter(of_region)) {
            files.push(DigestFile {
                path: ending.digest.object.clone(),
                sha256: ending.sha256.clone(),
                digest: Ok(ending.digest.clone()),
            });
        }
        self.endings = self::endings(&files);
        self.endings.sort_by_key(|ending| ending.digest.end);
        let surplus = self.endings.len().saturating_sub(ENDINGS_MAX);
        self.endings.drain(..surplus);
        let until = self.endings.iter().map(|ending| ending.digest.end).max();
        self.named_until = self.named_until.max(until);
    }

    fn remember(&mut self, known_from: Option<EventTime>, files: Vec<(EventTime, u64)>) {
        let named = self.named_until;
        let remembered = named.map(|until| until.plus_seconds(-REMEMBERED_SECONDS));
        self.known_from = known_from.max(remembered);
        self.recent = files;
        self.recent.retain(|file| Some(file.0) >= self.known_from);
        self.forget_but(RECENT_MAX);
    }

    /// Forgets all but the latest log files.
    fn forget_but(&mut self, most: usize) {
        let surplus = self.recent.len().saturating_sub(most);
        let forgotten = self.recent.drain(..surplus).next_back();
        if let Some((forgotten, _)) = forgotten {
            let known_from = forgotten.plus_seconds(1);
            self.known_from = self.known_from.max(Some(known_from));
            self.recent.retain(|file| file.0 >= known_from);
        }
    }

    /// Forgets the half of what takes most room; `false` where nothing is left to be forgotten. For who has to fit it in.
    pub fn shrink(&mut self) -> bool {
        if !self.ahead.is_empty() {
            self.ahead.truncate(self.ahead.len() / 2);
        } else if !self.recent.is_empty() {
            self.forget_but(self.recent.len() / 2);
        } else if self.endings.is_empty() {
            return false;
        } else {
            self.endings.clear();
        }
        true
    }
}

fn stamp_of(gap: &Gap) -> Option<EventTime> {
    log_file_name(file_stem(&gap.file)).map(|name| name.2)
}

/// Whether it is that log files go on behind the last digest.
fn is_behind(gap: &Gap) -> bool {
    gap.kind == GapKind::ChainBroken && stamp_of(gap).is_some()
}

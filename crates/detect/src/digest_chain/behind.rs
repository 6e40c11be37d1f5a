//! What was delivered behind a Region's last digest, where nothing proves it.
//!
//! Whoever deletes the newest digests leaves a chain that is whole, only shorter: that log files go on without it is
//! all that tells.

use std::collections::BTreeMap;

use keytrail_event::EventTime;
use keytrail_event::time::HOUR_SECONDS;

use super::{Chain, FoundGap, LogFile, Sound, log_file_name};
use crate::rules::log_gap::{Gap, GapKind};

/// Seconds after a digest's end within which log files may still wait for the next one: it covers an hour, and comes
/// within some minutes to an hour of its end.
const DIGEST_WAIT_SECONDS: i64 = 3 * HOUR_SECONDS;

/// Digests of a Region that are a chain: one alone may have come along by chance, in a copy of some files of a bucket.
const DIGESTS_MIN: u64 = 2;

/// Log files of an account and Region that were delivered behind its chains.
struct Behind<'f> {
    chain: &'f Chain,
    first: (EventTime, &'f str),
    last: EventTime,
    count: u64,
}

/// A gap for each account and Region whose log files go on for longer than a digest takes. Its span ends with the first
/// of them, so that those which come later make no other gap of it.
pub(super) fn gaps_behind(
    chains: &[Chain],
    log_files: &BTreeMap<String, Vec<LogFile>>,
    sound: &Sound,
    until: Option<EventTime>,
) -> Vec<FoundGap> {
    let mut last_chains: BTreeMap<(&str, &str), &Chain> = BTreeMap::new();
    let mut digests: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for chain in chains.iter().filter(|chain| !chain.name.is_backfill) {
        let name = &chain.name;
        let region = (&*name.account, &*name.region);
        *digests.entry(region).or_default() += chain.digests;
        let last = last_chains.entry(region).or_insert(chain);
        if last.until < chain.until {
            *last = chain;
        }
    }
    last_chains.retain(|region, _| digests.get(region) >= Some(&DIGESTS_MIN));
    let mut behind: BTreeMap<(&str, &str), Behind<'_>> = BTreeMap::new();
    for (stem, copies) in log_files {
        let Some((account, region, stamp)) = log_file_name(stem) else {
            continue;
        };
        let (Some(chain), Some(copy)) = (last_chains.get(&(account, region)), copies.first())
        else {
            continue;
        };
        let is_waiting = stamp.seconds_since(chain.until) <= DIGEST_WAIT_SECONDS;
        let is_beyond = until.is_some_and(|until| stamp >= until);
        // A backfill digest may have named it.
        if is_waiting || is_beyond || sound.files.contains(stem) {
            continue;
        }
        let first = (stamp, copy.path.as_str());
        let known = behind.entry((account, region)).or_insert(Behind {
            chain,
            first,
            last: stamp,
            count: 0,
        });
        known.first = known.first.min(first);
        known.last = known.last.max(stamp);
        known.count += 1;
    }
    behind.into_values().map(Behind::gap).collect()
}

impl Behind<'_> {
    fn gap(self) -> FoundGap {
        let Self {
            chain,
            first: (stamp, path),
            last,
            count,
        } = self;
        let name = &chain.name;
        let files = if count == 1 { "log file" } else { "log files" };
        FoundGap {
            gap: Gap {
                account: name.account.clone(),
                region: name.region.clone(),
                kind: GapKind::ChainBroken,
                from: chain.until,
                until: stamp,
                file: path.to_owned(),
            },
            trail: name.trail.clone(),
            why: format!(
                "{count} {files} from this one on, up to {last}, with no digest behind {}",
                chain.until
            ),
        }
    }
}

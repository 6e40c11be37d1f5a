//! What was delivered behind a Region's last digest, where nothing proves it.
//!
//! Whoever deletes the newest digests leaves a chain that is whole, only shorter: that log files go on without it is
//! all that tells.

use std::collections::{BTreeMap, BTreeSet};

use keytrail_event::EventTime;
use keytrail_event::time::HOUR_SECONDS;

use super::{Chain, FoundGap, LogFile, Sound, log_file_name};
use crate::rules::log_gap::{Gap, GapKind};

/// Seconds after a digest's end within which log files may still wait for the next one: it covers an hour, and comes
/// within some minutes to an hour of its end.
const DIGEST_WAIT_SECONDS: i64 = 3 * HOUR_SECONDS;

/// Digests of a Region that are a chain: one alone may have come along by chance, in a copy of some files of a bucket.
const DIGESTS_MIN: u64 = 2;

/// An account, a Region, and the folders of the bucket.
type Place<'p> = (&'p str, &'p str, &'p str);

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
    let mut last_chains: BTreeMap<Place<'_>, (&Chain, u64)> = BTreeMap::new();
    for chain in chains.iter().filter(|chain| !chain.name.is_backfill) {
        let name = &chain.name;
        let place = (&*name.account, &*name.region, &*chain.place);
        let (last, digests) = last_chains.entry(place).or_insert((chain, 0));
        *digests += chain.digests;
        if last.until < chain.until {
            *last = chain;
        }
    }
    last_chains.retain(|_, (_, digests)| *digests >= DIGESTS_MIN);
    let last_chains: Vec<Chain> = last_chains
        .into_values()
        .map(|(chain, _)| chain.clone())
        .collect();
    let mut behind: BTreeMap<Place<'_>, Behind<'_>> = BTreeMap::new();
    for (stem, copies) in log_files {
        let Some((account, region, stamp)) = log_file_name(stem) else {
            continue;
        };
        let Some(copy) = copies.first() else {
            continue;
        };
        let beside = chains_beside(&last_chains, (account, region), &copy.path);
        let Some(chain) = beside.into_iter().max_by_key(|chain| chain.until) else {
            continue;
        };
        let is_waiting = stamp.seconds_since(chain.until) <= DIGEST_WAIT_SECONDS;
        let is_beyond = until.is_some_and(|until| stamp >= until);
        // A backfill digest may have named it.
        if is_waiting || is_beyond || sound.files.contains(stem) {
            continue;
        }
        let first = (stamp, copy.path.as_str());
        let known = behind
            .entry((account, region, &chain.place))
            .or_insert(Behind {
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

/// The chains of an account and Region whose digests stand beside this log file in the bucket; all of them where none
/// does, as where files were moved.
pub(super) fn chains_beside<'c>(
    chains: &'c [Chain],
    (account, region): (&str, &str),
    path: &str,
) -> Vec<&'c Chain> {
    let of_region = |chain: &&Chain| {
        let name = &chain.name;
        (&*name.account, &*name.region, name.is_backfill) == (account, region, false)
    };
    let chains: Vec<&Chain> = chains.iter().filter(of_region).collect();
    let beside = chains.iter().filter(|chain| is_in(path, &chain.place));
    let longest = beside.clone().map(|chain| chain.place.len()).max();
    match longest {
        Some(length) => beside
            .filter(|chain| chain.place.len() == length)
            .copied()
            .collect(),
        None => chains,
    }
}

/// Whether a log file stands in these folders of the bucket.
fn is_in(path: &str, place: &str) -> bool {
    let before = path.split_once("/CloudTrail/").map(|(before, _)| before);
    let Some(before) = before.and_then(|before| before.strip_suffix(place)) else {
        return false;
    };
    !place.is_empty() && (before.is_empty() || before.ends_with('/'))
}

/// A gap for each account and Region without a digest, of the log files that a trail of several Regions should have named.
pub(super) fn gaps_beside(
    chains: &[Chain],
    log_files: &BTreeMap<String, Vec<LogFile>>,
    sound: &Sound,
) -> Vec<FoundGap> {
    let mut trails: BTreeMap<(&str, &str, &str), Vec<&Chain>> = BTreeMap::new();
    let mut known = BTreeSet::new();
    for chain in chains.iter().filter(|chain| !chain.name.is_backfill) {
        let name = &chain.name;
        known.insert((&*name.account, &*name.region, chain.place.clone()));
        if let Some(root) = chain.place.strip_suffix(&*name.account) {
            let trail = trails.entry((&name.trail, &name.home_region, root));
            trail.or_default().push(chain);
        }
    }
    trails.retain(|_, chains| {
        let first = &chains[0].name.region;
        chains.iter().any(|chain| chain.name.region != *first)
    });
    let mut beside: BTreeMap<(&str, &str), Beside<'_>> = BTreeMap::new();
    for (stem, copies) in log_files {
        let (Some((account, region, stamp)), Some(copy)) = (log_file_name(stem), copies.first())
        else {
            continue;
        };
        if sound.files.contains(stem) {
            continue;
        }
        let mut of_place = trails.iter().filter(|((_, _, root), chains)| {
            let place = format!("{root}{account}");
            is_in(&copy.path, &place)
                && !known.contains(&(account, region, place))
                && chains
                    .iter()
                    .any(|chain| (chain.from..chain.until).contains(&stamp))
        });
        if let Some(((trail, _, _), _)) = of_place.next() {
            let first = (stamp, copy.path.as_str());
            let known = beside.entry((account, region)).or_insert(Beside {
                trail,
                first,
                last: stamp,
                count: 0,
            });
            known.first = known.first.min(first);
            known.last = known.last.max(stamp);
            known.count += 1;
        }
    }
    beside
        .into_iter()
        .map(|(region, beside)| beside.gap(region))
        .collect()
}

/// Log files of an account and Region without a digest.
struct Beside<'f> {
    trail: &'f str,
    first: (EventTime, &'f str),
    last: EventTime,
    count: u64,
}

impl Beside<'_> {
    fn gap(self, (account, region): (&str, &str)) -> FoundGap {
        let files = if self.count == 1 {
            "log file"
        } else {
            "log files"
        };
        FoundGap {
            gap: Gap {
                account: account.to_owned(),
                region: region.to_owned(),
                kind: GapKind::DigestMissing,
                from: self.first.0,
                until: self.last,
                file: self.first.1.to_owned(),
            },
            trail: self.trail.to_owned(),
            why: format!(
                "{} {files} from this one on and no digest of account {account} in {region}, while the trail has digests of other Regions",
                self.count
            ),
        }
    }
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

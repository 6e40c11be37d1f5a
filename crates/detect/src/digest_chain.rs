//! Following chains of digests: which log files are as CloudTrail delivered them, and every gap.
//!
//! Each digest names the log files of its hour by the hash of their text, and the digest before it by
//! hash and signature. So all but the newest digest of a chain can be checked from files alone: the
//! newest one's signature is in the metadata of its S3 object, and the next digest will repeat it.
//!
//! Pure: reading, hashing and checking signatures are the caller's.

mod behind;
mod followed;
mod links;
mod outside;
mod seen;
#[cfg(test)]
mod tests;
mod unnamed;

use std::collections::{BTreeMap, BTreeSet};

use keytrail_event::digest::{Digest, file_stem};
use keytrail_event::{DeliveryName, EventTime};
use serde::Serialize;

use self::behind::{chains_beside, gaps_behind, gaps_beside};
use self::followed::Followed;
use self::links::Links;
use self::outside::outside;
pub use self::outside::{UNVERIFIED_LISTED_MAX, Unverified};
pub use self::seen::{Ending, Seen, endings};
pub use self::unnamed::{BACKFILL_WAIT_SECONDS, UNNAMED_LISTED_MAX, UnnamedFile};
use crate::rules::log_gap::{Gap, GapKind};

/// A digest file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestFile {
    /// Where it was read from.
    pub path: String,
    /// The SHA-256 of its text in hexadecimal; empty where it could not be read.
    pub sha256: String,
    /// What it says, or why it could not be read.
    pub digest: Result<Digest, String>,
}

/// A log file that was read, or at least found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFile {
    /// Where it was found.
    pub path: String,
    /// The SHA-256 of its text in hexadecimal, why it could not be read, or `None` where no digest
    /// names a file of this name and nobody needs to know.
    pub sha256: Option<Result<String, String>>,
}

/// What a signature came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureCheck {
    /// It is that of the text and the key.
    Sound,
    /// It is another one.
    Wrong,
    /// The key is not known.
    KeyUnknown,
}

/// Checks a signature in hexadecimal of a text, by the fingerprint of the public key.
pub type CheckSignature<'c> = &'c dyn Fn(&str, &str, &str) -> SignatureCheck;

/// What verifying came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// The chains, by account, Region, trail and kind.
    pub chains: Vec<Chain>,
    /// Every gap, by chain and time.
    pub gaps: Vec<FoundGap>,
    /// Log files of spans with digests that no digest names.
    pub unnamed_files: u64,
    /// Those among them that a `_backfill` digest may still name.
    pub awaiting_backfill: u64,
    /// The first of them, up to [`UNNAMED_LISTED_MAX`]: those that no digest will name any more come first, each by name.
    pub unnamed: Vec<UnnamedFile>,
    /// Log files of a time or Region of which no digest tells.
    pub unverified_files: u64,
    /// Where and when, by account and Region, up to [`UNVERIFIED_LISTED_MAX`] of these.
    pub unverified: Vec<Unverified>,
    /// What was looked at and is in order.
    #[serde(skip)]
    sound: Sound,
}

/// Files that are in order, by [`file_stem`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Sound {
    /// Log files that are as they were delivered.
    files: BTreeSet<String>,
    /// Digests that are there.
    present: BTreeSet<String>,
    /// Digests that the next one proves.
    proven: BTreeSet<String>,
    /// Digests that follow the one before them.
    linked: BTreeSet<String>,
}

/// A chain of digests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chain {
    /// Which one.
    #[serde(flatten)]
    pub name: ChainName,
    /// From when on its digests cover what was delivered.
    pub from: EventTime,
    /// Until when they do.
    pub until: EventTime,
    /// Its digests.
    pub digests: u64,
    /// Digests whose hash stands in the next one and is theirs.
    pub hashes_sound: u64,
    /// Digests whose signature is theirs.
    pub signatures_sound: u64,
    /// Log files that its digests name.
    pub files: u64,
    /// Those that are there and as they were delivered.
    pub files_sound: u64,
    /// Whether its first digest names an earlier one: the chain began before what is here.
    pub begins_earlier: bool,
    /// The folders of the bucket that its digests stand in, before `CloudTrail-Digest`. Its log files stand there, too.
    #[serde(skip)]
    pub place: String,
}

/// Which chain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ChainName {
    /// The account.
    pub account: String,
    /// The Region.
    pub region: String,
    /// The trail's name.
    pub trail: String,
    /// The trail's home Region.
    pub home_region: String,
    /// Whether it is the chain of `_backfill` digests.
    pub is_backfill: bool,
}

/// A gap, and how it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FoundGap {
    /// The gap.
    #[serde(flatten)]
    pub gap: Gap,
    /// The trail's name; empty where a file did not tell.
    pub trail: String,
    /// What was found, as a lowercase fragment.
    pub why: String,
}

/// Follows the chains. Neither the order of the digests nor copies of them matter.
///
/// `log_files` are all log files at hand, by [`file_stem`]; `check` is `None` where no public keys are.
#[must_use]
pub fn verify(
    digests: Vec<DigestFile>,
    log_files: &BTreeMap<String, Vec<LogFile>>,
    check: Option<CheckSignature<'_>>,
) -> Verification {
    let mut verification = Verification::default();
    let mut chains: BTreeMap<ChainName, Links> = BTreeMap::new();
    for file in digests {
        match &file.digest {
            Ok(digest) if file_stem(&digest.object) == file_stem(&file.path) => {
                let links = chains.entry(ChainName::of(digest)).or_default();
                links.add(digest.clone(), file.sha256, file.path);
            }
            Ok(digest) => {
                let why = format!("it was delivered as {}", digest.object);
                verification.gaps.push(unusable(&file, Some(digest), why));
            }
            Err(why) => verification.gaps.push(unusable(&file, None, why.clone())),
        }
    }
    let mut named = BTreeSet::new();
    for (name, links) in &chains {
        let followed = Followed::new(name, links, check, log_files);
        verification.chains.push(followed.chain);
        verification.sound.extend(followed.sound);
        let mut gaps = followed.gaps;
        gaps.sort_by(|a, b| {
            let key = |found: &FoundGap| (found.gap.from, found.gap.kind, found.gap.until);
            (key(a), &a.gap.file, &a.why).cmp(&(key(b), &b.gap.file, &b.why))
        });
        gaps.dedup();
        verification.gaps.extend(gaps);
        // What only a copy names that does not count is named by nobody.
        let links = links.chosen();
        let files = links.iter().flat_map(|link| &link.digest.files);
        named.extend(files.map(|file| file_stem(&file.object).to_owned()));
    }
    verification.tell_once();
    verification.sort_gaps();
    verification.list_unnamed(log_files, &named);
    verification
}

impl Verification {
    /// Adds the gaps behind the chains: log files of a Region with digests that go on for hours after the last one. Those
    /// delivered from `until` on are left out, for whoever gave no digests of that time.
    pub fn look_behind(
        &mut self,
        log_files: &BTreeMap<String, Vec<LogFile>>,
        until: Option<EventTime>,
    ) {
        let gaps = gaps_behind(&self.chains, log_files, &self.sound, until);
        self.gaps.extend(gaps);
        self.sort_gaps();
    }

    /// Adds the log files of a Region that has no digest, where other Regions of a trail have digests of that time in the
    /// same folders: that trail writes digests of each Region. Not for an archive that may be part of a bucket.
    pub fn look_beside(&mut self, log_files: &BTreeMap<String, Vec<LogFile>>) {
        let gaps = gaps_beside(&self.chains, log_files, &self.sound);
        self.gaps.extend(gaps);
        self.sort_gaps();
    }

    /// Tells of the log files delivered from `since` on and before `until` of which no digest says anything.
    pub fn look_outside(
        &mut self,
        log_files: &BTreeMap<String, Vec<LogFile>>,
        since: Option<EventTime>,
        until: Option<EventTime>,
    ) {
        let mut all = outside(&self.chains, log_files, &self.sound, (since, until));
        self.unverified_files = all.iter().map(|region| region.files).sum();
        all.truncate(UNVERIFIED_LISTED_MAX);
        self.unverified = all;
    }

    /// A digest that cannot be used is there all the same: what the next one says of it is told of its file.
    fn tell_once(&mut self) {
        let spans: BTreeMap<String, FoundGap> = self
            .gaps
            .iter()
            .filter(|found| found.gap.kind == GapKind::DigestMissing)
            .map(|found| (file_stem(&found.gap.file).to_owned(), found.clone()))
            .collect();
        let mut told = BTreeSet::new();
        for found in &mut self.gaps {
            let stem = file_stem(&found.gap.file);
            // Only what lies in no chain has no trail.
            if found.gap.kind == GapKind::DigestChanged
                && found.trail.is_empty()
                && let Some(named) = spans.get(stem)
            {
                told.insert(stem.to_owned());
                (found.gap.from, found.gap.until) = (named.gap.from, named.gap.until);
                found.trail.clone_from(&named.trail);
            }
        }
        self.gaps.retain(|found| {
            found.gap.kind != GapKind::DigestMissing || !told.contains(file_stem(&found.gap.file))
        });
    }

    /// By account, Region, trail and time; what is equal in these stays in the order of its chain.
    fn sort_gaps(&mut self) {
        self.gaps.sort_by(|a, b| {
            let key = |found: &FoundGap| {
                let FoundGap { gap, trail, .. } = found;
                (
                    gap.account.clone(),
                    gap.region.clone(),
                    trail.clone(),
                    gap.from,
                )
            };
            key(a).cmp(&key(b))
        });
    }

    /// What it comes to for a replay of an archive that may be part of a bucket: log files that are
    /// missing before the first or behind the last one of their account and Region are left out.
    #[must_use]
    pub fn within_archive(&self, log_files: &BTreeMap<String, Vec<LogFile>>) -> Vec<Gap> {
        let mut spans = BTreeMap::new();
        for (region, files) in by_region(log_files) {
            let stamps = || files.iter().map(|file| file.0);
            spans.insert(region, (stamps().min(), stamps().max()));
        }
        let is_within = |gap: &Gap| {
            let Some((_, _, stamp)) = log_file_name(file_stem(&gap.file)) else {
                return false;
            };
            let span = spans.get(&(&*gap.account, &*gap.region));
            span.is_some_and(|(first, last)| (*first..=*last).contains(&Some(stamp)))
        };
        let gaps = self.gaps.iter().map(|found| &found.gap);
        gaps.filter(|gap| gap.kind != GapKind::FileMissing || is_within(gap))
            .cloned()
            .collect()
    }

    /// Whether what was a gap in an earlier verification is none in this one, which looked at the same file.
    #[must_use]
    pub fn mends(&self, gap: &Gap) -> bool {
        // A chain may also be broken in that it ends before a log file.
        if gap.kind == GapKind::ChainBroken && self.sound.files.contains(file_stem(&gap.file)) {
            return true;
        }
        // Or by now goes on, whatever it lacks in between: that is a gap of its own.
        if gap.kind == GapKind::ChainBroken
            && let Some((account, region, stamp)) = log_file_name(file_stem(&gap.file))
        {
            let beside = chains_beside(&self.chains, (account, region), &gap.file);
            let goes_on = |chain: &&Chain| chain.from < gap.from && chain.until > stamp;
            return beside.iter().any(goes_on);
        }
        let sound = match gap.kind {
            GapKind::FileMissing | GapKind::FileChanged => &self.sound.files,
            GapKind::DigestMissing => &self.sound.present,
            GapKind::DigestChanged | GapKind::KeyUnknown => &self.sound.proven,
            GapKind::ChainBroken => &self.sound.linked,
        };
        sound.contains(file_stem(&gap.file))
    }
}

impl Sound {
    fn extend(&mut self, other: Self) {
        self.files.extend(other.files);
        self.present.extend(other.present);
        self.proven.extend(other.proven);
        self.linked.extend(other.linked);
    }
}

impl Chain {
    /// Whether its digests name every file of this account's Region that was delivered then. Those of a `_backfill`
    /// chain name only what was late.
    fn covers(&self, (account, region): (&str, &str), stamp: EventTime) -> bool {
        let name = &self.name;
        (&*name.account, &*name.region) == (account, region)
            && !name.is_backfill
            && (self.from..self.until).contains(&stamp)
    }
}

impl ChainName {
    fn of(digest: &Digest) -> Self {
        Self {
            account: digest.account.clone(),
            region: digest.region.clone(),
            trail: digest.trail.clone(),
            home_region: digest.home_region.clone(),
            is_backfill: digest.is_backfill,
        }
    }
}

/// Whether a log file that was missing is there now. Where its digest was read with it, its hash counts, too.
#[must_use]
pub fn is_back(gap: &Gap, log_files: &BTreeMap<String, Vec<LogFile>>) -> bool {
    gap.kind == GapKind::FileMissing && log_files.contains_key(file_stem(&gap.file))
}

/// The stamps and stems of log files, by account and Region.
#[must_use]
pub fn by_region<L>(
    log_files: &BTreeMap<String, L>,
) -> BTreeMap<(&str, &str), Vec<(EventTime, &str)>> {
    let mut regions: BTreeMap<(&str, &str), Vec<(EventTime, &str)>> = BTreeMap::new();
    for stem in log_files.keys() {
        if let Some((account, region, stamp)) = log_file_name(stem) {
            let files = regions.entry((account, region)).or_default();
            files.push((stamp, stem));
        }
    }
    regions
}

/// The account, Region and stamp in a log file's name: `<account>_CloudTrail_<Region>_<stamp>_<id>.json`.
fn log_file_name(stem: &str) -> Option<(&str, &str, EventTime)> {
    let mut parts = stem.split('_');
    let (account, product, region) = (parts.next()?, parts.next()?, parts.next()?);
    let stamp = DeliveryName::parse(stem).stamp?;
    (product == "CloudTrail").then_some((account, region, stamp))
}

/// A digest that is in no chain.
fn unusable(file: &DigestFile, digest: Option<&Digest>, why: String) -> FoundGap {
    let name = DeliveryName::parse(&file.path);
    let end = name.stamp.unwrap_or(EventTime::from_unix_seconds(0));
    let mut parts = file_stem(&file.path).split('_');
    let mut part = || parts.next().unwrap_or_default().to_owned();
    let (account, _product, region) = (part(), part(), part());
    FoundGap {
        gap: Gap {
            account: digest.map_or(account, |digest| digest.account.clone()),
            region: digest.map_or(region, |digest| digest.region.clone()),
            kind: GapKind::DigestChanged,
            from: digest.map_or(end, |digest| digest.start),
            until: digest.map_or(end, |digest| digest.end),
            file: file.path.clone(),
        },
        trail: digest.map_or_else(String::new, |digest| digest.trail.clone()),
        why,
    }
}

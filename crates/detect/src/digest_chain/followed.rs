//! One chain, digest by digest: what holds, and every gap.

use std::collections::BTreeMap;

use keytrail_event::EventTime;
use keytrail_event::digest::{Digest, NamedFile, PreviousDigest, file_stem};

use super::links::{Link, Links};
use super::{Chain, ChainName, CheckSignature, FoundGap, LogFile, SignatureCheck, Sound};
use crate::rules::log_gap::{Gap, GapKind};

/// A chain on its way.
pub(super) struct Followed<'c> {
    pub(super) chain: Chain,
    pub(super) gaps: Vec<FoundGap>,
    pub(super) sound: Sound,
    check: Option<CheckSignature<'c>>,
}

impl<'c> Followed<'c> {
    pub(super) fn new(
        name: &ChainName,
        links: &Links,
        check: Option<CheckSignature<'c>>,
        log_files: &BTreeMap<String, Vec<LogFile>>,
    ) -> Self {
        let chosen = links.chosen();
        let others = links.others(&chosen);
        let links = chosen;
        let starts = links.iter().map(|link| link.digest.start);
        let ends = links.iter().map(|link| link.digest.end);
        let epoch = EventTime::from_unix_seconds(0);
        let mut followed = Self {
            chain: Chain {
                name: name.clone(),
                from: starts.min().unwrap_or(epoch),
                until: ends.max().unwrap_or(epoch),
                digests: links.len() as u64,
                hashes_sound: 0,
                signatures_sound: 0,
                files: 0,
                files_sound: 0,
                begins_earlier: false,
                place: links
                    .first()
                    .map_or_else(String::new, |link| place_of(&link.digest)),
            },
            gaps: Vec::new(),
            sound: Sound::default(),
            check,
        };
        for (index, link) in links.iter().enumerate() {
            followed.follow(link, &links[..index]);
            for file in &link.digest.files {
                followed.look_at(file, &link.digest, log_files);
            }
        }
        for (other, link) in others {
            followed.beside(other, link);
        }
        followed
    }

    /// Tells of a digest that stands beside one of the same name and period: whoever adds a log file adds such a digest,
    /// which names it. CloudTrail delivers each once.
    fn beside(&mut self, other: &Link, link: &Link) {
        let why = format!(
            "{} is a second digest of this name and period, with another content than {}, which counts",
            other.path, link.path
        );
        let digest = &other.digest;
        self.sound.proven.remove(file_stem(&digest.object));
        self.changed(digest, why);
    }

    /// A digest that is not what was delivered.
    fn changed(&mut self, digest: &Digest, why: String) {
        let (from, until) = (digest.start, digest.end);
        let name = digest_name(digest);
        self.gap(GapKind::DigestChanged, from, until, name, why);
    }

    /// Looks at how a digest holds to the ones before it, which come in the order of their ends.
    fn follow(&mut self, link: &Link, earlier: &[&Link]) {
        let digest = &link.digest;
        let before = earlier.last();
        let stem_of = |digest: &Digest| file_stem(&digest.object).to_owned();
        self.sound.present.insert(stem_of(digest));
        let Some(previous) = &digest.previous else {
            // A chain of backfills begins anew where there was nothing to fill.
            if let Some(before) = before.filter(|_| !digest.is_backfill) {
                let why = format!("{} begins a chain anew", digest.object);
                self.broken(before.digest.end, digest.start, &digest_name(digest), why);
            }
            return;
        };
        let stem = file_stem(&previous.object);
        let named = earlier.iter().rev();
        let Some(named) = named
            .into_iter()
            .find(|it| file_stem(&it.digest.object) == stem)
        else {
            match before {
                None => self.chain.begins_earlier = true,
                Some(before) => {
                    let why = format!("{} names it, and it is not there", digest.object);
                    let file = format!("{}/{}", previous.bucket, previous.object);
                    let from = before.digest.end.min(digest.start);
                    self.gap(GapKind::DigestMissing, from, digest.start, file, why);
                }
            }
            return;
        };
        self.check_previous(named, previous, &digest.object);
        let is_latest = before.is_some_and(|before| std::ptr::eq(*before, *named));
        if digest.is_backfill {
            return;
        }
        if let Some(before) = before.filter(|_| !is_latest) {
            self.sound.linked.remove(file_stem(&before.digest.object));
            let why = format!("{} does not lead to it", digest.object);
            self.broken(
                before.digest.start,
                before.digest.end,
                &digest_name(&before.digest),
                why,
            );
        } else if digest.start > named.digest.end {
            let why = format!("{} begins later than the one before it ends", digest.object);
            self.broken(named.digest.end, digest.start, &digest_name(digest), why);
        } else {
            self.sound.linked.insert(stem_of(digest));
        }
    }

    /// Checks a digest by what the next one says of it.
    fn check_previous(&mut self, link: &Link, previous: &PreviousDigest, next: &str) {
        let digest = &link.digest;
        if link.sha256 == previous.hash {
            self.chain.hashes_sound += 1;
        } else {
            let why = format!("its hash in {next} is another one");
            self.changed(digest, why);
            return;
        }
        let stem = file_stem(&digest.object).to_owned();
        let Some(check) = self.check else {
            self.sound.proven.insert(stem);
            return;
        };
        let signed = digest.signed_text(&link.sha256);
        match check(&digest.fingerprint, &signed, &previous.signature) {
            SignatureCheck::Sound => {
                self.chain.signatures_sound += 1;
                self.sound.proven.insert(stem);
            }
            SignatureCheck::Wrong => {
                let why = format!("its signature in {next} is not that of its content");
                self.changed(digest, why);
            }
            SignatureCheck::KeyUnknown => {
                let why = format!("no public key has the fingerprint {}", digest.fingerprint);
                let (from, until) = (digest.start, digest.end);
                self.gap(GapKind::KeyUnknown, from, until, digest_name(digest), why);
            }
        }
    }

    /// Looks at a log file that a digest names.
    fn look_at(
        &mut self,
        file: &NamedFile,
        digest: &Digest,
        log_files: &BTreeMap<String, Vec<LogFile>>,
    ) {
        self.chain.files += 1;
        let found = log_files.get(file_stem(&file.object));
        let found = found.map(Vec::as_slice).unwrap_or_default();
        let from = file.oldest.unwrap_or(digest.start);
        let until = file.newest.unwrap_or(digest.end).max(from);
        let is_sound = |copy: &&LogFile| copy.sha256.as_ref() == Some(&Ok(file.hash.clone()));
        if found.iter().any(|copy| is_sound(&copy)) {
            self.chain.files_sound += 1;
            self.sound.files.insert(file_stem(&file.object).to_owned());
            // A copy beside it is read as well, and its records count.
            for copy in found.iter().filter(|copy| !is_sound(copy)) {
                if let Some(Ok(_)) = copy.sha256 {
                    let why = format!(
                        "its hash in {} is another one, and a copy has it",
                        digest.object
                    );
                    self.gap(GapKind::FileChanged, from, until, copy.path.clone(), why);
                }
            }
            return;
        }
        let object = format!("{}/{}", file.bucket, file.object);
        let Some(copy) = found.first() else {
            let why = format!("{} names it, and it is not there", digest.object);
            self.gap(GapKind::FileMissing, from, until, object, why);
            return;
        };
        let why = match &copy.sha256 {
            Some(Err(why)) => why.clone(),
            _ => format!("its hash in {} is another one", digest.object),
        };
        self.gap(GapKind::FileChanged, from, until, object, why);
    }

    fn broken(&mut self, from: EventTime, until: EventTime, file: &str, why: String) {
        let until = until.max(from);
        self.gap(GapKind::ChainBroken, from, until, file.to_owned(), why);
    }

    fn gap(&mut self, kind: GapKind, from: EventTime, until: EventTime, file: String, why: String) {
        let name = &self.chain.name;
        self.gaps.push(FoundGap {
            gap: Gap {
                account: name.account.clone(),
                region: name.region.clone(),
                kind,
                from,
                until,
                file,
            },
            trail: name.trail.clone(),
            why,
        });
    }
}

/// The folders before those of digests.
fn place_of(digest: &Digest) -> String {
    let place = digest.object.split_once("/CloudTrail-Digest/");
    place.map_or_else(String::new, |(place, _)| place.to_owned())
}

/// Where a digest was delivered to.
fn digest_name(digest: &Digest) -> String {
    format!("{}/{}", digest.bucket, digest.object)
}

//! The digests of one chain, which of several copies counts, and what is told of the others.

use std::collections::{BTreeMap, BTreeSet};

use keytrail_event::EventTime;
use keytrail_event::digest::{Digest, file_stem};

/// The digests of a chain by their stem: of copies, all that differ.
#[derive(Debug, Default)]
pub(super) struct Links(BTreeMap<(EventTime, String), Vec<Link>>);

#[derive(Debug)]
pub(super) struct Link {
    pub(super) digest: Digest,
    pub(super) sha256: String,
    /// Where it was read from.
    pub(super) path: String,
}

impl Links {
    pub(super) fn add(&mut self, digest: Digest, sha256: String, path: String) {
        let stem = file_stem(&digest.object).to_owned();
        let copies = self.0.entry((digest.end, stem)).or_default();
        // Of equal copies the first place is named, in whatever order they come.
        if let Some(copy) = copies.iter_mut().find(|copy| copy.sha256 == sha256) {
            if path < copy.path {
                copy.path = path;
            }
            return;
        }
        copies.push(Link {
            digest,
            sha256,
            path,
        });
        copies.sort_by(|a, b| a.sha256.cmp(&b.sha256));
    }

    /// Of each digest the copy that counts: the one that a later digest vouches for, or the first.
    pub(super) fn chosen(&self) -> Vec<&Link> {
        let vouched: BTreeSet<(&str, &str)> = self
            .digests()
            .filter_map(|link| link.digest.previous.as_ref())
            .map(|previous| (file_stem(&previous.object), &*previous.hash))
            .collect();
        let choose = |((_, stem), copies): (&(EventTime, String), &'_ Vec<Link>)| {
            let is_vouched = |copy: &Link| vouched.contains(&(stem.as_str(), &*copy.sha256));
            copies.iter().position(is_vouched).unwrap_or(0)
        };
        let chosen = self.0.iter().filter_map(|entry| entry.1.get(choose(entry)));
        chosen.collect()
    }

    /// Digests of which another copy counts, each with that one: the same name and period, and another content.
    pub(super) fn others<'l>(&'l self, chosen: &[&'l Link]) -> Vec<(&'l Link, &'l Link)> {
        let mut others = Vec::new();
        for (copies, chosen) in self.0.values().zip(chosen) {
            let beside = copies.iter().filter(|copy| !std::ptr::eq(*copy, *chosen));
            others.extend(beside.map(|copy| (copy, *chosen)));
        }
        others
    }

    fn digests(&self) -> impl Iterator<Item = &Link> {
        self.0.values().flatten()
    }
}

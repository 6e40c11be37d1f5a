//! The grants of an account's keys, as far as records tell: a set of open ones for each key.
//!
//! Of grants that somebody made by hand the terms are kept, of 64 a key; of all others (services make them by
//! the thousand, one for a volume) a hash of the id, and beyond the bound a number. A grant that was ended before its
//! making was read stays ended, so the order of arrival does not matter.

use std::collections::{BTreeMap, BTreeSet};

use keytrail_event::{Day, EventTime, Record};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::grant::{Grant, Grantee, grant_id};
use super::support::cut;
use crate::bounds::{
    GRANT_DAYS_MAX, GRANT_IDS_A_KEY_MAX, GRANTS_A_KEY_MAX, GRANTS_ENDED_MAX, PAST_ENTRIES_MAX,
};

/// A grant that is open, made by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenGrant {
    /// When it was made.
    pub at: EventTime,
    /// The event that made it.
    pub event_id: String,
    /// Who made it.
    pub by: String,
    /// Who may use the key.
    pub grantee: String,
    /// What it allows, sorted.
    pub operations: Vec<String>,
    /// What tells its terms from others' (see [`Grant::terms_hash`]).
    pub terms: u64,
    /// The Region.
    pub region: String,
}

/// What is known of a grant that a call ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Ended {
    /// The call ends none.
    #[default]
    None,
    /// Somebody made it by hand.
    ByHand,
    /// An AWS service made it for a resource of its own.
    OfService,
    /// Its making was not read.
    Unknown,
}

impl Ended {
    pub(crate) const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

/// How many grants of a key were made on a day, and how many were open at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantDay {
    /// Most open at once.
    pub peak: u64,
    /// How many were made.
    pub made: u64,
    /// The first of them: when, and the event's id.
    pub first: (EventTime, String),
    /// The last of them.
    pub last: (EventTime, String),
}

/// The grants of one key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyGrants {
    by_hand: BTreeMap<String, OpenGrant>,
    ids: BTreeSet<u64>,
    /// Open ones beyond the bound.
    more: u64,
    /// Grants that were ended and whose making was not read.
    ended: BTreeMap<u64, EventTime>,
    days: BTreeMap<Day, GrantDay>,
    /// The first day on which a grant of the key was made or ended.
    pub known_since: Option<Day>,
    /// Open grants made by hand whose terms found no room; all of them are among `ids`.
    #[serde(default)]
    without_terms: BTreeSet<u64>,
}

impl KeyGrants {
    /// How many are open.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.ids.len() as u64 + self.more
    }

    /// What was made on this day.
    #[must_use]
    pub fn day(&self, day: Day) -> Option<&GrantDay> {
        self.days.get(&day)
    }

    /// Most open at once on the days before this one, of those that are remembered.
    #[must_use]
    pub fn peak_before(&self, day: Day) -> u64 {
        let before = self.days.range(..day).map(|(_, of)| of.peak);
        before.max().unwrap_or(0)
    }

    fn open_one(
        &mut self,
        record: &Record<'_>,
        id: &str,
        grant: Grant<'_>,
        is_by_hand: bool,
    ) -> u64 {
        let hash = xxh3_64(id.as_bytes());
        if self.ended.remove(&hash).is_some() || self.ids.contains(&hash) {
            return 0;
        }
        let mut forgotten = 0;
        if self.ids.len() < GRANT_IDS_A_KEY_MAX {
            self.ids.insert(hash);
        } else {
            self.more += 1;
        }
        if is_by_hand {
            let operations = grant
                .operations()
                .into_iter()
                .map(|name| cut(name).to_owned());
            let open = OpenGrant {
                at: record.time,
                event_id: record.event_id.as_deref().unwrap_or_default().to_owned(),
                by: record.principal().to_owned(),
                grantee: cut(grant.grantee()).to_owned(),
                operations: operations.take(OPERATIONS_MAX).collect(),
                terms: grant.terms_hash(),
                region: record.region.clone().into_owned(),
            };
            self.by_hand.insert(id.to_owned(), open);
            forgotten += self.forget_oldest();
        }
        self.note_day(record);
        forgotten
    }

    /// Forgets the oldest terms of whoever made most of these grants: nobody pushes out what others made, nor hides
    /// what comes later.
    fn forget_oldest(&mut self) -> u64 {
        if self.by_hand.len() <= GRANTS_A_KEY_MAX {
            return 0;
        }
        let mut of_maker: BTreeMap<&str, usize> = BTreeMap::new();
        for grant in self.by_hand.values() {
            *of_maker.entry(&grant.by).or_default() += 1;
        }
        let most = of_maker.values().max().copied();
        let of_most = self.by_hand.iter();
        let of_most = of_most.filter(|(_, grant)| of_maker.get(&*grant.by).copied() == most);
        let oldest = of_most.map(|(id, grant)| (grant.at, id)).min();
        let Some(oldest) = oldest.map(|(_, id)| id.clone()) else {
            return 0;
        };
        self.by_hand.remove(&oldest);
        let hash = xxh3_64(oldest.as_bytes());
        if self.ids.contains(&hash) {
            self.without_terms.insert(hash);
        }
        1
    }

    fn note_day(&mut self, record: &Record<'_>) {
        let open = self.open();
        let id = record.event_id.as_deref().unwrap_or_default();
        let this = (record.time, id.to_owned());
        let of = self
            .days
            .entry(record.time.day())
            .or_insert_with(|| GrantDay {
                peak: 0,
                made: 0,
                first: this.clone(),
                last: this.clone(),
            });
        of.peak = of.peak.max(open);
        of.made += 1;
        of.first = of.first.clone().min(this.clone());
        of.last = of.last.clone().max(this);
        while self.days.len() > GRANT_DAYS_MAX {
            self.days.pop_first();
        }
    }

    fn end_one(&mut self, at: EventTime, id: &str) {
        let hash = xxh3_64(id.as_bytes());
        self.by_hand.remove(id);
        self.without_terms.remove(&hash);
        if self.ids.remove(&hash) {
            return;
        }
        if self.more > 0 {
            self.more -= 1;
            return;
        }
        self.ended.insert(hash, at);
        if self.ended.len() > GRANTS_ENDED_MAX {
            let oldest = self.ended.iter().map(|(hash, at)| (*at, *hash)).min();
            if let Some((_, hash)) = oldest {
                self.ended.remove(&hash);
            }
        }
    }
}

/// Operations of a grant that are remembered; KMS knows fewer.
const OPERATIONS_MAX: usize = 24;

/// The grants of all keys of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantLedger {
    keys: BTreeMap<String, KeyGrants>,
}

impl GrantLedger {
    /// Takes a successful call on this key in; 1 when there was no room for it.
    pub fn learn(&mut self, record: &Record<'_>, key: &str) -> u64 {
        match record.operation.name() {
            "CreateGrant" | "RetireGrant" | "RevokeGrant" => {}
            "DeleteKey" => {
                self.keys.remove(key);
                return 0;
            }
            _ => return 0,
        }
        let body = record.body();
        let Some(id) = grant_id(body) else {
            return 0;
        };
        if self.keys.len() >= PAST_ENTRIES_MAX && !self.keys.contains_key(key) {
            return 1;
        }
        let grants = self.keys.entry(key.to_owned()).or_default();
        let day = record.time.day();
        grants.known_since = Some(grants.known_since.map_or(day, |known| known.min(day)));
        if record.operation.name() == "CreateGrant" {
            let grant = Grant::of(body);
            // What a service runs in another account is a service's too, and whom it lets in was told when it was made.
            let is_by_hand = !Grant::is_for_aws_resource(record, body)
                && !matches!(Grantee::read(grant.grantee()), Grantee::Infrastructure(_));
            return grants.open_one(record, id, Grant::of(body), is_by_hand);
        }
        grants.end_one(record.time, id);
        0
    }

    /// The keys with grants, by name.
    pub fn keys(&self) -> impl Iterator<Item = (&str, &KeyGrants)> {
        self.keys.iter().map(|(key, grants)| (key.as_str(), grants))
    }

    /// How many grants of the key are open.
    #[must_use]
    pub fn open_on(&self, key: &str) -> u64 {
        self.keys.get(key).map_or(0, KeyGrants::open)
    }

    /// Every open grant that was made by hand, as (key, grant id, grant), by name.
    pub fn by_hand(&self) -> impl Iterator<Item = (&str, &str, &OpenGrant)> {
        self.keys().flat_map(|(key, grants)| {
            let of_key = grants.by_hand.iter();
            of_key.map(move |(id, grant)| (key, id.as_str(), grant))
        })
    }

    /// The open grants of a key that were made by hand.
    pub fn by_hand_on(&self, key: &str) -> impl Iterator<Item = &OpenGrant> {
        let grants = self.keys.get(key).into_iter();
        grants.flat_map(|grants| grants.by_hand.values())
    }

    /// The open grant of this id.
    #[must_use]
    pub fn find(&self, key: &str, id: &str) -> Option<&OpenGrant> {
        self.keys.get(key)?.by_hand.get(id)
    }

    /// What is known of the grant that this call on the key ends, before it is learnt.
    #[must_use]
    pub fn ended_by(&self, record: &Record<'_>, key: &str) -> Ended {
        if !matches!(record.operation.name(), "RetireGrant" | "RevokeGrant") {
            return Ended::None;
        }
        let (Some(grants), Some(id)) = (self.keys.get(key), grant_id(record.body())) else {
            return Ended::Unknown;
        };
        let hash = xxh3_64(id.as_bytes());
        if grants.by_hand.contains_key(id) || grants.without_terms.contains(&hash) {
            Ended::ByHand
        } else if !grants.ids.contains(&hash) {
            Ended::Unknown
        } else {
            Ended::OfService
        }
    }

    /// Another open grant of the key with these terms, made before.
    #[must_use]
    pub fn twin(&self, key: &str, terms: u64, id: &str) -> Option<(&str, &OpenGrant)> {
        let of_key = self.keys.get(key)?.by_hand.iter();
        of_key
            .filter(|(known, grant)| *known != id && grant.terms == terms)
            .map(|(known, grant)| (known.as_str(), grant))
            .min_by_key(|(known, grant)| (grant.at, *known))
    }
}

impl OpenGrant {
    /// Whether this canonical principal acts under the grant, where records can tell.
    #[must_use]
    pub fn is_grantee(&self, principal: &str) -> Option<bool> {
        Grantee::read(&self.grantee).is(principal)
    }
}

#[cfg(test)]
#[path = "grant_ledger_tests.rs"]
mod tests;

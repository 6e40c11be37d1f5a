//! What earlier records told, as rules need it: aliases, policies, the life of keys, foreign users.

use std::collections::{BTreeMap, BTreeSet};

use keytrail_event::arn::Arn;
use keytrail_event::selection::CLOUDTRAIL;
use keytrail_event::{EventTime, KeyName, Record};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::caller::is_of_new_key;
use super::cross_account_use::foreign_use;
use super::customs::Customs;
use super::day::KeyUse;
use super::event_selectors::Dark;
use super::grant::Grant;
use super::grant_ledger::GrantLedger;
use super::key_changes::{KeyChanges, Naming};
use super::key_life::KeyLife;
use super::key_origin_external::is_replica;
use super::policy_put::{WrittenPolicy, replica};
use super::policy_takes_away::Taken;
use super::seen_policy::SeenPolicy;
use super::services_past::ServicesPast;
use super::trail_kms_excluded::sets_selectors;
use super::trail_settings::trail_arn;
use crate::bounds::PAST_ENTRIES_MAX;
use crate::finding::FindingId;
use crate::policy::Principal;

/// When keys were used, as the cells of open days and the base of closed ones tell.
pub trait KeyUses: std::fmt::Debug {
    /// The last successful cryptographic use of this key at or before `at`, to the hour's first or
    /// last event. `key` is a canonical key ARN; `past` tells which aliases stand for it.
    fn last_use(&self, key: &str, at: EventTime, past: &Past) -> Option<EventTime>;

    /// Whether the principal used some key successfully on a closed day, as far as pairs are remembered.
    fn knows(&self, principal: &str) -> bool;

    /// The earliest successful cryptographic use of this key by a principal whom `who` accepts, from the first to
    /// the second of these moments, both included; of closed days only a pair's last use is known.
    fn first_use_by(
        &self,
        key: &str,
        who: &dyn Fn(&str) -> bool,
        between: (EventTime, EventTime),
        past: &Past,
    ) -> Option<KeyUse>;
}

/// What an account's earlier records told, in the order of (time, event id).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Past {
    aliases: BTreeMap<String, AliasTarget>,
    keys: BTreeMap<String, KeyLife>,
    policies: BTreeMap<String, SeenPolicy>,
    /// When an account first used a key of this one.
    foreign_users: BTreeMap<(String, String), EventTime>,
    /// What trails and event data stores leave out, since their selectors were last set.
    trails: BTreeMap<String, Dark>,
    /// What was done to keys lately.
    pub changes: KeyChanges,
    /// The grants of keys.
    pub grants: GrantLedger,
    /// Findings that are told once only, by id.
    told: BTreeSet<String>,
    /// What is customary, learnt day by day.
    pub customs: Customs,
    /// What records of other services told.
    pub services: ServicesPast,
    /// Multi-Region keys of which a replica was seen to be made, as `<account>/<key id>`.
    replicated: BTreeMap<String, ()>,
    /// Entries that were not remembered because a table was full.
    pub forgotten: u64,
}

/// Where an alias points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AliasTarget {
    /// The key's ARN.
    pub key: String,
    /// Since when, as far as records tell.
    pub since: EventTime,
    /// When the alias was deleted, if it was.
    pub deleted: Option<EventTime>,
    /// The key that it named before, as far as records tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
}

impl AliasTarget {
    /// Whether this DeleteAlias ends it. Of two records of one second the other may be the later: this one names the
    /// key that the alias named, which is then no longer the one it names.
    #[must_use]
    pub fn is_deleted_by(&self, record: &Record<'_>, key: &KeyName) -> bool {
        self.since < record.time || key.is_alias() || self.key == key.as_str()
    }
}

impl Past {
    /// Where an alias (`alias:<account>:<Region>:<name>`) points.
    #[must_use]
    pub fn alias(&self, alias: &str) -> Option<&AliasTarget> {
        self.aliases.get(alias)
    }

    /// What is known of a key's life.
    #[must_use]
    pub fn key(&self, key: &str) -> Option<&KeyLife> {
        self.keys.get(key)
    }

    /// The policy of a key as last written.
    #[must_use]
    pub fn policy(&self, key: &str) -> Option<&SeenPolicy> {
        self.policies.get(key)
    }

    /// Whether principals of this account were seen to use the key before this moment. (A record may
    /// have been learnt for another rule already: it is not before itself.)
    #[must_use]
    pub fn has_foreign_user(&self, key: &str, account: &str, before: EventTime) -> bool {
        let first = self
            .foreign_users
            .get(&(key.to_owned(), account.to_owned()));
        first.is_some_and(|first| *first < before)
    }

    /// Whether a replica of the multi-Region key was seen to be made, in whatever Region.
    #[must_use]
    pub fn has_replica(&self, key: &str) -> bool {
        multi_region_key(key).is_some_and(|key| self.replicated.contains_key(&key))
    }

    /// What a trail or event data store is known to leave out.
    #[must_use]
    pub fn trail(&self, trail: &str) -> Option<&Dark> {
        self.trails.get(trail)
    }

    /// The key that a name stands for: an alias is followed where its target is known.
    #[must_use]
    pub fn resolve<'a>(&'a self, name: &'a str) -> &'a str {
        // Nearly every name is a key's ARN.
        if !name.starts_with("alias:") {
            return name;
        }
        match self.aliases.get(name) {
            Some(target) if target.deleted.is_none() => &target.key,
            _ => name,
        }
    }

    /// The keys whose life is known, in the order of their names.
    pub fn keys(&self) -> impl Iterator<Item = (&str, &KeyLife)> {
        self.keys.iter().map(|(key, life)| (key.as_str(), life))
    }

    /// Whether a finding that is told once was told before.
    #[must_use]
    pub fn was_told(&self, finding: &FindingId) -> bool {
        self.told.contains(finding.as_str())
    }

    /// Remembers that a finding was told.
    pub fn tell(&mut self, finding: &FindingId) {
        if self.told.len() >= PAST_ENTRIES_MAX {
            self.forgotten += 1;
            return;
        }
        self.told.insert(finding.as_str().to_owned());
    }

    /// Learns a record that rules have judged. Learning it twice changes nothing.
    pub fn learn(&mut self, record: &Record<'_>) {
        self.learn_judged(record, &WrittenPolicy::default());
    }

    /// The same, with the policy that it writes, which rules may have read already.
    pub(crate) fn learn_judged(&mut self, record: &Record<'_>, written: &WrittenPolicy) {
        if let Some(key) = record.key.as_ref().filter(|_| record.is_kms()) {
            let key = self.resolve(key.as_str()).to_owned();
            let naming = self.naming(record, &key, written);
            let taken = Taken::by(record, written, self.policies.get(&key));
            let ended = self.grants.ended_by(record, &key);
            let change = (taken, ended);
            self.forgotten += self.changes.learn(record, &key, naming, change);
        }
        if !record.outcome.is_success() {
            return;
        }
        self.forgotten += self.services.learn(record);
        if record.event_source == CLOUDTRAIL {
            self.learn_trail(record);
        }
        let Some(key) = record.key.as_ref().filter(|_| record.is_kms()) else {
            return;
        };
        if let Some((key, account)) = foreign_use(record) {
            let user = (self.resolve(key.as_str()).to_owned(), account.to_owned());
            self.forgotten +=
                remember(&mut self.foreign_users, user, record.time, |known, time| {
                    *known = time.min(*known);
                });
        }
        if key.account() != record.account {
            // The caller's copy of a call to another account's key: its owner's copy tells the key's life.
            return;
        }
        let grants_key = self.resolve(key.as_str()).to_owned();
        self.forgotten += self.grants.learn(record, &grants_key);
        if self.knows_later(record, key) {
            return;
        }
        match record.operation.name() {
            "CreateAlias" | "UpdateAlias" => self.learn_alias(record, key),
            "DeleteAlias" => self.learn_deleted_alias(record, key),
            "PutKeyPolicy" => self.learn_policy(record, written, key.as_str()),
            "CreateKey" => {
                let is_replica = is_replica(record.body());
                // KMS writes it for a ReplicateKey, which tells the replica's policy.
                if !is_replica || written.of(record).is_some() {
                    self.learn_policy(record, written, key.as_str());
                }
                self.learn_life(record, key);
                if is_replica {
                    self.learn_replica(key);
                }
            }
            "ReplicateKey" => {
                self.learn_replica(key);
                if let Some(replica) = replica(record) {
                    self.learn_policy(record, written, replica);
                }
            }
            name if KeyLife::is_told_by(name) => self.learn_life(record, key),
            _ => {}
        }
    }

    /// Whether a call that was made lets its own caller use the key: a grant to it, or a policy that names it and
    /// follows one that did not. Whoever made the key within the hour before names themselves as a matter of course.
    fn naming(&self, record: &Record<'_>, key: &str, written: &WrittenPolicy) -> Naming {
        let may_name = matches!(record.operation.name(), "CreateGrant" | "PutKeyPolicy");
        if !may_name || !record.outcome.is_success() || self.opens_nothing_old(record, key) {
            return Naming::None;
        }
        let caller = Principal::from_aws(record.principal());
        let is_caller = |arn: &String| Principal::from_aws(arn).is_same_identity(&caller);
        match record.operation.name() {
            "CreateGrant" => {
                let body = record.body();
                let grant = Grant::of(body);
                let is_use =
                    |name: &str| !matches!(name, "DescribeKey" | "GetPublicKey" | "RetireGrant");
                if grant.is_to_caller(record) && grant.operations().into_iter().any(is_use) {
                    Naming::New
                } else {
                    Naming::None
                }
            }
            "PutKeyPolicy" => {
                let policy = written.of(record).and_then(Result::ok);
                let names = policy.is_some_and(|policy| policy.named_users().iter().any(is_caller));
                match self.policies.get(key) {
                    _ if !names => Naming::None,
                    None => Naming::Possible,
                    Some(before) if before.users.iter().any(is_caller) => Naming::None,
                    Some(_) => Naming::New,
                }
            }
            _ => Naming::None,
        }
    }

    /// Whether the caller made the key within the hour before, and a replica's primary as well: a new replica of an old
    /// key opens all that was ever encrypted with it.
    fn opens_nothing_old(&self, record: &Record<'_>, key: &str) -> bool {
        if !is_of_new_key(record, Some(key), self) {
            return false;
        }
        let is_replica = self.keys.get(key).is_some_and(|life| life.is_replica);
        let shared = multi_region_key(key);
        !is_replica
            || self.keys().any(|(other, life)| {
                !life.is_replica
                    && is_of_new_key(record, Some(other), self)
                    && multi_region_key(other) == shared
            })
    }

    /// Whether a later record has told already what this one would: a delivery can be days late, and
    /// an old change must not undo a newer one.
    fn knows_later(&mut self, record: &Record<'_>, key: &KeyName) -> bool {
        let known = match record.operation.name() {
            "CreateAlias" | "UpdateAlias" | "DeleteAlias" => alias_of(record)
                .and_then(|alias| self.aliases.get(&alias))
                .map(|target| {
                    target
                        .deleted
                        .map_or(target.since, |deleted| deleted.max(target.since))
                }),
            "PutKeyPolicy" => self.policies.get(key.as_str()).map(|policy| policy.at),
            "DisableKey" | "EnableKey" | "ScheduleKeyDeletion" | "CancelKeyDeletion" => {
                let Some(life) = self.life(key) else {
                    return false;
                };
                let changed = life.changed;
                life.changed = changed.max(Some(record.time));
                changed
            }
            _ => None,
        };
        known.is_some_and(|known| known > record.time)
    }

    fn learn_alias(&mut self, record: &Record<'_>, key: &KeyName) {
        let Some(alias) = alias_of(record).filter(|_| !key.is_alias()) else {
            return;
        };
        let target = AliasTarget {
            key: key.as_str().to_owned(),
            since: record.time,
            deleted: None,
            before: None,
        };
        self.forgotten += remember(&mut self.aliases, alias, target, |known, target| {
            // An UpdateAlias that changes nothing leaves the day since which the alias points there.
            if known.key != target.key || known.deleted.is_some() {
                let before = std::mem::replace(known, target);
                known.before = Some(before.key);
            }
        });
    }

    fn learn_deleted_alias(&mut self, record: &Record<'_>, key: &KeyName) {
        let Some(alias) = alias_of(record) else {
            return;
        };
        if let Some(target) = self.aliases.get_mut(&alias) {
            if target.is_deleted_by(record, key) {
                target.deleted = Some(record.time);
            } else {
                target.before = Some(key.as_str().to_owned());
            }
        } else if !key.is_alias() {
            // Older than what was read: what it named is known by its end.
            let target = AliasTarget {
                key: key.as_str().to_owned(),
                since: record.time,
                deleted: Some(record.time),
                before: None,
            };
            self.forgotten += remember(&mut self.aliases, alias, target, |_, _| {});
        }
    }

    fn learn_replica(&mut self, key: &KeyName) {
        if let Some(key) = multi_region_key(key.as_str()) {
            self.forgotten += remember(&mut self.replicated, key, (), |(), ()| {});
        }
    }

    fn learn_policy(&mut self, record: &Record<'_>, written: &WrittenPolicy, key: &str) {
        let policy = written.of(record).and_then(Result::ok);
        let Some(policy) = policy.map(|policy| written.seen(policy, record).clone()) else {
            // What it says now is not known: better no policy than an old one.
            self.policies.remove(key);
            return;
        };
        let key = key.to_owned();
        let is_first = record.operation.name() != "PutKeyPolicy";
        self.forgotten += remember(&mut self.policies, key, policy, |known, policy| {
            // A replica's answer may come after a later PutKeyPolicy of the replica. Of two records of one second, the
            // one that makes the key is the earlier.
            if known.at < policy.at || (known.at == policy.at && !is_first) {
                *known = policy.after(known);
            }
        });
    }

    fn learn_trail(&mut self, record: &Record<'_>) {
        let body = record.body();
        let creates = record.operation.name() == "CreateTrail";
        let dark = match record.operation.name() {
            // A new trail records every KMS event; what one of its name left out went with it.
            "CreateTrail" | "DeleteTrail" => Some(Dark::default()),
            _ if sets_selectors(record) => Dark::of(&body["requestParameters"]),
            _ => None,
        };
        if let (Some(trail), Some(mut dark)) = (trail_arn(record, body), dark) {
            dark.since = Some(record.time);
            dark.is_new = creates;
            self.forgotten += remember(&mut self.trails, trail, dark, |known, dark| {
                // What comes late undoes nothing. Within one second a trail is made before its selectors are set.
                if known.since < dark.since || (known.since == dark.since && !creates) {
                    *known = dark;
                }
            });
        }
    }

    fn learn_life(&mut self, record: &Record<'_>, key: &KeyName) {
        if let Some(life) = self.life(key) {
            life.learn(record);
        }
    }

    fn life(&mut self, key: &KeyName) -> Option<&mut KeyLife> {
        if self.keys.len() >= PAST_ENTRIES_MAX && !self.keys.contains_key(key.as_str()) {
            self.forgotten += 1;
            return None;
        }
        Some(self.keys.entry(key.as_str().to_owned()).or_default())
    }
}

/// What all Regions' ARNs of a multi-Region key share: `<account>/<key id>`.
fn multi_region_key(arn: &str) -> Option<String> {
    let arn = Arn::parse(arn)?;
    let id = arn.resource.strip_prefix("key/")?;
    id.starts_with("mrk-")
        .then(|| format!("{}/{id}", arn.account))
}

/// Adds an entry, or joins it with the known one; 1 when there was no room for it.
pub fn remember<K: Ord, V>(
    table: &mut BTreeMap<K, V>,
    key: K,
    value: V,
    join: impl FnOnce(&mut V, V),
) -> u64 {
    if let Some(known) = table.get_mut(&key) {
        join(known, value);
        return 0;
    }
    if table.len() >= PAST_ENTRIES_MAX {
        return 1;
    }
    table.insert(key, value);
    0
}

/// The alias that a record is about, as `alias:<account>:<Region>:<name>`.
#[must_use]
pub fn alias_of(record: &Record<'_>) -> Option<String> {
    let name = text(&record.body()["requestParameters"]["aliasName"])?;
    let alias = KeyName::from_request(&name, &record.account, &record.region)?;
    alias.is_alias().then(|| alias.as_str().to_owned())
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
#[path = "past_tests.rs"]
mod tests;

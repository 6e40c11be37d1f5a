//! What earlier records told, as rules need it: aliases, policies, the life of keys, foreign users.

use std::collections::{BTreeMap, BTreeSet};

use keytrail_event::{EventTime, KeyName, Record};
use serde_json::Value;

use crate::bounds::PAST_ENTRIES_MAX;

/// When keys were used, as the cells of open days and the base of closed ones tell.
pub trait KeyUses: std::fmt::Debug {
    /// The last successful cryptographic use of this key at or before `at`, to the hour's first or
    /// last event. `key` is a canonical key ARN.
    fn last_use(&self, key: &str, at: EventTime) -> Option<EventTime>;
}

/// What an account's earlier records told, in the order of (time, event id).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Past {
    aliases: BTreeMap<String, AliasTarget>,
    keys: BTreeMap<String, KeyLife>,
    policies: BTreeMap<String, SeenPolicy>,
    foreign_users: BTreeSet<(String, String)>,
    /// Entries that were not remembered because a table was full.
    pub forgotten: u64,
}

/// Where an alias points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AliasTarget {
    /// The key's ARN.
    pub key: String,
    /// Since when, as far as records tell.
    pub since: EventTime,
    /// Whether the alias was deleted since.
    pub deleted: bool,
}

/// What is known of a key's life.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyLife {
    /// When its CreateKey was seen.
    pub created: Option<EventTime>,
    /// The origin of its material, from CreateKey.
    pub origin: Option<String>,
    /// When and by whom it was disabled.
    pub disabled: Option<Change>,
    /// The present schedule of its deletion.
    pub deletion: Option<Deletion>,
    /// The waiting period of the latest schedule, in days, cancelled or not.
    pub last_window_days: Option<i64>,
}

/// Something that was done to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// When.
    pub at: EventTime,
    /// By whom.
    pub by: String,
}

/// A scheduled deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// When and by whom it was scheduled.
    pub change: Change,
    /// When the key will be gone.
    pub due: EventTime,
}

/// The policy of a key as last written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenPolicy {
    /// The policy's text.
    pub text: String,
    /// When it was written.
    pub at: EventTime,
}

/// KMS deletes a key this many days after ScheduleKeyDeletion that names no period (KMS API Reference).
pub const DELETION_WINDOW_DAYS_DEFAULT: i64 = 30;

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

    /// Whether this account's principals were seen to use the key.
    #[must_use]
    pub fn has_foreign_user(&self, key: &str, account: &str) -> bool {
        self.foreign_users
            .contains(&(key.to_owned(), account.to_owned()))
    }

    /// The key that a name stands for: an alias is followed where its target is known.
    #[must_use]
    pub fn resolve<'a>(&'a self, name: &'a str) -> &'a str {
        match self.aliases.get(name) {
            Some(target) if !target.deleted => &target.key,
            _ => name,
        }
    }

    /// Learns a record that rules have judged.
    pub fn learn(&mut self, record: &Record<'_>) {
        if !record.is_kms() {
            return;
        }
        if !record.outcome.is_success() {
            return;
        }
        let Some(key) = &record.key else { return };
        if record.identity.is_foreign_to(key.account())
            && let Some(account) = &record.identity.account
        {
            let user = (key.as_str().to_owned(), account.clone());
            if self.foreign_users.len() < PAST_ENTRIES_MAX {
                self.foreign_users.insert(user);
            } else if !self.foreign_users.contains(&user) {
                self.forgotten += 1;
            }
        }
        match record.operation.name() {
            "CreateAlias" | "UpdateAlias" => self.learn_alias(record, key),
            "DeleteAlias" => {
                if let Some(alias) = alias_of(record)
                    && let Some(target) = self.aliases.get_mut(&alias)
                {
                    target.deleted = true;
                }
            }
            "PutKeyPolicy" => self.learn_policy(record, key),
            "CreateKey" => {
                self.learn_policy(record, key);
                let body = record.body();
                if let Some(life) = self.life(key) {
                    life.created = Some(record.time);
                    life.origin = text(&body["responseElements"]["keyMetadata"]["origin"])
                        .or_else(|| text(&body["requestParameters"]["origin"]));
                }
            }
            "DisableKey" => {
                let change = change(record);
                if let Some(life) = self.life(key) {
                    life.disabled = Some(change);
                }
            }
            "EnableKey" => {
                if let Some(life) = self.life(key) {
                    life.disabled = None;
                }
            }
            "ScheduleKeyDeletion" => self.learn_schedule(record, key),
            "CancelKeyDeletion" => {
                // KMS leaves a key disabled when its deletion is cancelled.
                let change = change(record);
                if let Some(life) = self.life(key) {
                    life.deletion = None;
                    life.disabled = Some(change);
                }
            }
            _ => {}
        }
    }

    fn learn_alias(&mut self, record: &Record<'_>, key: &KeyName) {
        let Some(alias) = alias_of(record) else {
            return;
        };
        if self.aliases.len() >= PAST_ENTRIES_MAX && !self.aliases.contains_key(&alias) {
            self.forgotten += 1;
            return;
        }
        let target = AliasTarget {
            key: key.as_str().to_owned(),
            since: record.time,
            deleted: false,
        };
        self.aliases.insert(alias, target);
    }

    fn learn_policy(&mut self, record: &Record<'_>, key: &KeyName) {
        let Some(text) = policy_text(record) else {
            return;
        };
        if self.policies.len() >= PAST_ENTRIES_MAX && !self.policies.contains_key(key.as_str()) {
            self.forgotten += 1;
            return;
        }
        let policy = SeenPolicy {
            text,
            at: record.time,
        };
        self.policies.insert(key.as_str().to_owned(), policy);
    }

    fn learn_schedule(&mut self, record: &Record<'_>, key: &KeyName) {
        let window = deletion_window_days(record);
        let deletion = Deletion {
            change: change(record),
            due: record
                .time
                .plus_seconds(window * keytrail_event::time::DAY_SECONDS),
        };
        if let Some(life) = self.life(key) {
            life.deletion = Some(deletion);
            life.last_window_days = Some(window);
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

/// The waiting period of a ScheduleKeyDeletion, in days.
#[must_use]
pub fn deletion_window_days(record: &Record<'_>) -> i64 {
    let body = record.body();
    let named = |value: &Value| value.as_i64().filter(|days| (1..=365).contains(days));
    named(&body["requestParameters"]["pendingWindowInDays"])
        .or_else(|| named(&body["responseElements"]["pendingWindowInDays"]))
        .unwrap_or(DELETION_WINDOW_DAYS_DEFAULT)
}

/// The policy that PutKeyPolicy or CreateKey writes.
#[must_use]
pub fn policy_text(record: &Record<'_>) -> Option<String> {
    text(&record.body()["requestParameters"]["policy"])
}

/// The alias that a record is about, as `alias:<account>:<Region>:<name>`.
#[must_use]
pub fn alias_of(record: &Record<'_>) -> Option<String> {
    let name = text(&record.body()["requestParameters"]["aliasName"])?;
    let alias = KeyName::from_request(&name, &record.account, &record.region)?;
    alias.is_alias().then(|| alias.as_str().to_owned())
}

fn change(record: &Record<'_>) -> Change {
    Change {
        at: record.time,
        by: record.principal().to_owned(),
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

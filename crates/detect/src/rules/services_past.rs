//! What earlier records of other services told: how trails are set, who brings keys of their own to S3.

use std::collections::{BTreeMap, BTreeSet};

use keytrail_event::selection::{BACKUP, CLOUDTRAIL, DYNAMODB, EC2, IAM, RDS, S3};
use keytrail_event::time::DAY_SECONDS;
use keytrail_event::{Day, EventTime, Record};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::caller::is_aws;
use super::foreign_key_object::bucket;
use super::foreign_keys::{account_of, keys_named, writes_object};
use super::iam_decrypt_all::may_let_in;
use super::inline_policies::InlinePolicies;
use super::key_changes::REMEMBERED_SECONDS;
use super::past::remember;
use super::sse_c_burst::brings_key;
use super::support::cut;
use super::trail_settings::{TrailSettings, sets_trail, trail_arn};
use crate::bounds::KEY_CHANGES_MAX;

/// What an account's earlier records of other services told.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ServicesPast {
    /// How trails were last set, and when.
    trails: BTreeMap<String, (EventTime, TrailSettings)>,
    /// When a principal first wrote to a bucket with a key of its own, by principal and bucket.
    customer_keys: BTreeMap<(String, String), EventTime>,
    /// Permissions that were changed in IAM in the last days.
    iam_changes: BTreeSet<IamChange>,
    /// What inline policies say.
    #[serde(default)]
    pub inline_policies: InlinePolicies,
    /// Keys of other accounts that services were given, and ways back that were cut off, in the last days.
    service_changes: BTreeSet<ServiceChange>,
}

/// A service was given a key of another account, or a way back was cut off. Sorted by (time, event id).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ServiceChange {
    /// When.
    pub at: EventTime,
    /// The event's id.
    pub event_id: String,
    /// The operation.
    pub operation: String,
    /// Who did it.
    pub principal: String,
    /// The account of the key; `None` when versioning, a backup or a snapshot went.
    pub foreign_account: Option<String>,
}

/// A permission that was changed in IAM. Sorted by (time, event id).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IamChange {
    /// When.
    pub at: EventTime,
    /// The event's id.
    pub event_id: String,
    /// The operation.
    pub operation: String,
    /// Who did it.
    pub principal: String,
    /// The user or role it was changed for, as `user/<name>` or `role/<name>`, `user/` where it may be for several users;
    /// empty where it may be for anybody.
    #[serde(default)]
    pub target: String,
}

impl ServicesPast {
    /// How a trail was last set, as far as is known.
    #[must_use]
    pub fn trail(&self, trail: &str) -> Option<&TrailSettings> {
        self.trails.get(trail).map(|(_, settings)| settings)
    }

    /// A trail that was seen to deliver to this bucket, by its ARN.
    #[must_use]
    pub fn trail_of_bucket(&self, bucket: &str) -> Option<&str> {
        let delivers = |settings: &TrailSettings| settings.bucket.as_deref() == Some(bucket);
        let mut trails = self.trails.iter();
        let (trail, _) = trails.find(|(_, (_, settings))| delivers(settings))?;
        Some(trail)
    }

    /// When the principal first wrote to the bucket with a key of its own.
    #[must_use]
    pub fn first_customer_key(&self, principal: &str, bucket: &str) -> Option<EventTime> {
        let writer = (principal.to_owned(), bucket.to_owned());
        self.customer_keys.get(&writer).copied()
    }

    /// Permissions that were changed in IAM in the last days, by time.
    pub fn iam_changes(&self) -> impl Iterator<Item = &IamChange> {
        self.iam_changes.iter()
    }

    /// Learns a record of a call that was made; how many entries found no room.
    pub fn learn(&mut self, record: &Record<'_>) -> u64 {
        if sets_trail(record) {
            return self.learn_trail(record);
        }
        if record.event_source == IAM {
            let forgotten = self.inline_policies.learn(record);
            if !may_let_in(record) {
                return forgotten;
            }
            return forgotten + self.learn_iam_change(record);
        }
        if let Some(foreign_account) = service_change(record) {
            return self.learn_service_change(record, foreign_account);
        }
        if !brings_key(record) {
            return 0;
        }
        let writer = (
            record.principal().to_owned(),
            cut(bucket(record.body())).to_owned(),
        );
        remember(
            &mut self.customer_keys,
            writer,
            record.time,
            |known, time| {
                *known = time.min(*known);
            },
        )
    }

    /// Keys of other accounts that services were given, and ways back that were cut off, by time.
    pub fn service_changes(&self) -> impl Iterator<Item = &ServiceChange> {
        self.service_changes.iter()
    }

    fn learn_service_change(
        &mut self,
        record: &Record<'_>,
        foreign_account: Option<String>,
    ) -> u64 {
        let change = ServiceChange {
            at: record.time,
            event_id: record.event_id.as_deref().unwrap_or_default().to_owned(),
            operation: cut(record.operation.name()).to_owned(),
            principal: record.principal().to_owned(),
            foreign_account,
        };
        insert_recent(&mut self.service_changes, change, |change| change.at)
    }

    fn learn_iam_change(&mut self, record: &Record<'_>) -> u64 {
        let change = IamChange {
            at: record.time,
            event_id: record.event_id.as_deref().unwrap_or_default().to_owned(),
            operation: cut(record.operation.name()).to_owned(),
            principal: record.principal().to_owned(),
            target: iam_target(record.body()),
        };
        insert_recent(&mut self.iam_changes, change, |change| change.at)
    }

    fn learn_trail(&mut self, record: &Record<'_>) -> u64 {
        let body = record.body();
        let Some(trail) = trail_arn(record, body) else {
            return 0;
        };
        let known = self.trails.get(&trail);
        if known.is_some_and(|(at, _)| *at > record.time) {
            // A delivery can be days late, and an old setting must not undo a newer one.
            return 0;
        }
        let settings = TrailSettings::after(record, body, known.map(|(_, settings)| settings));
        remember(
            &mut self.trails,
            trail,
            (record.time, settings),
            |known, new| {
                *known = new;
            },
        )
    }
}

/// Adds to a set of the last days, and drops what is older, or too much; 1 when something was too much.
fn insert_recent<T: Ord>(set: &mut BTreeSet<T>, value: T, at: impl Fn(&T) -> EventTime) -> u64 {
    set.insert(value);
    let newest = set.last().map(&at);
    let is_old = |value: &T| {
        newest.is_some_and(|newest| newest.seconds_since(at(value)) > REMEMBERED_SECONDS)
    };
    while set.first().is_some_and(is_old) {
        set.pop_first();
    }
    if set.len() > KEY_CHANGES_MAX {
        set.pop_first();
        return 1;
    }
    0
}

/// The user or role whose permissions a call of IAM changes.
fn iam_target(body: &Value) -> String {
    let request = &body["requestParameters"];
    let named = [("user", "userName"), ("role", "roleName")].map(|(kind, field)| {
        let name = request[field].as_str()?;
        Some(format!("{kind}/{}", cut(name)))
    });
    // Groups have users only.
    let of_group = request["groupName"].is_string().then(|| "user/".to_owned());
    let all = named.into_iter().chain([of_group]);
    all.flatten().next().unwrap_or_default()
}

/// Days after which a lifecycle that removes objects or backups leaves too little time to notice.
pub const SOON_DAYS: i64 = 7;

/// Whether a rule of a bucket's lifecycle that is set at this time, which records write as one or as a list, soon removes
/// objects or their old versions.
pub fn expires_soon(rules: &Value, at: EventTime) -> bool {
    let is_one = |rule: &Value| {
        rule["Status"] == "Enabled"
            && (is_soon(&rule["Expiration"]["Days"])
                || is_soon_after(at, &rule["Expiration"]["Date"])
                || is_soon(&rule["NoncurrentVersionExpiration"]["NoncurrentDays"]))
    };
    match rules {
        Value::Array(rules) => rules.iter().any(is_one),
        rule => is_one(rule),
    }
}

/// Whether a date is past, or comes within [`SOON_DAYS`]: S3 removes at once what is over its date.
fn is_soon_after(at: EventTime, date: &Value) -> bool {
    let date = date.as_str().and_then(|date| {
        let day = Day::parse(date).map(Day::start);
        day.or_else(|| EventTime::parse(date))
    });
    date.is_some_and(|date| date.seconds_since(at) <= SOON_DAYS * DAY_SECONDS)
}

fn is_soon(days: &Value) -> bool {
    days.as_i64().is_some_and(|days| days <= SOON_DAYS)
}

/// Whether the call gave a service a key of another account (which), or cut a way back off (`None` within).
fn service_change(record: &Record<'_>) -> Option<Option<String>> {
    if record.is_kms()
        || record.event_source == CLOUDTRAIL
        || writes_object(record)
        || is_aws(record)
    {
        return None;
    }
    let body = record.body();
    let request = &body["requestParameters"];
    let cuts_off = match (&*record.event_source, record.operation.name()) {
        (S3, "PutBucketVersioning") => request["VersioningConfiguration"]["Status"] == "Suspended",
        (S3, "PutBucketLifecycle") => {
            expires_soon(&request["LifecycleConfiguration"]["Rule"], record.time)
        }
        (S3, "PutBucketObjectLockConfiguration") => {
            request["ObjectLockConfiguration"]["Rule"].is_null()
        }
        (BACKUP, "UpdateRecoveryPointLifecycle") => {
            is_soon(&request["lifecycle"]["deleteAfterDays"])
        }
        (DYNAMODB, "UpdateContinuousBackups") => {
            request["pointInTimeRecoverySpecification"]["pointInTimeRecoveryEnabled"] == false
        }
        (BACKUP | DYNAMODB, name) => name.starts_with("Delete") || name.starts_with("Disassociate"),
        (EC2, "DeleteSnapshot")
        | (
            RDS,
            "DeleteDBSnapshot" | "DeleteDBClusterSnapshot" | "DeleteDBInstanceAutomatedBackup",
        ) => true,
        _ => false,
    };
    if cuts_off {
        return Some(None);
    }
    let accounts = keys_named(record)
        .into_iter()
        .filter_map(|(_, key)| account_of(key));
    let mut foreign = accounts.filter(|account| **account != *record.account);
    foreign.next().map(|account| Some(cut(account).to_owned()))
}

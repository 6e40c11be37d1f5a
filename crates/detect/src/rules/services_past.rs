//! What earlier records of other services told: how trails are set, who brings keys of their own to S3.

use std::collections::{BTreeMap, BTreeSet};

use keytrail_event::selection::IAM;
use keytrail_event::{EventTime, Record};
use serde::{Deserialize, Serialize};

use super::foreign_key_object::bucket;
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
    /// IAM policies that were written in the last days.
    iam_changes: BTreeSet<IamChange>,
}

/// An IAM policy that was written. Sorted by (time, event id).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IamChange {
    /// When.
    pub at: EventTime,
    /// The event's id.
    pub event_id: String,
    /// The operation.
    pub operation: String,
    /// Who wrote it.
    pub principal: String,
}

impl ServicesPast {
    /// How a trail was last set, as far as is known.
    #[must_use]
    pub fn trail(&self, trail: &str) -> Option<&TrailSettings> {
        self.trails.get(trail).map(|(_, settings)| settings)
    }

    /// When the principal first wrote to the bucket with a key of its own.
    #[must_use]
    pub fn first_customer_key(&self, principal: &str, bucket: &str) -> Option<EventTime> {
        let writer = (principal.to_owned(), bucket.to_owned());
        self.customer_keys.get(&writer).copied()
    }

    /// IAM policies that were written in the last days, by time.
    pub fn iam_changes(&self) -> impl Iterator<Item = &IamChange> {
        self.iam_changes.iter()
    }

    /// Learns a record of a call that was made; how many entries found no room.
    pub fn learn(&mut self, record: &Record<'_>) -> u64 {
        if sets_trail(record) {
            return self.learn_trail(record);
        }
        if record.event_source == IAM {
            return self.learn_iam_change(record);
        }
        if !brings_key(record) {
            return 0;
        }
        let writer = (
            record.principal().to_owned(),
            cut(bucket(&record.body())).to_owned(),
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

    fn learn_iam_change(&mut self, record: &Record<'_>) -> u64 {
        self.iam_changes.insert(IamChange {
            at: record.time,
            event_id: record.event_id.as_deref().unwrap_or_default().to_owned(),
            operation: cut(record.operation.name()).to_owned(),
            principal: record.principal().to_owned(),
        });
        let newest = self.iam_changes.last().map(|change| change.at);
        let is_old = |change: &IamChange| {
            newest.is_some_and(|newest| newest.seconds_since(change.at) > REMEMBERED_SECONDS)
        };
        while self.iam_changes.first().is_some_and(is_old) {
            self.iam_changes.pop_first();
        }
        if self.iam_changes.len() > KEY_CHANGES_MAX {
            self.iam_changes.pop_first();
            return 1;
        }
        0
    }

    fn learn_trail(&mut self, record: &Record<'_>) -> u64 {
        let body = record.body();
        let Some(trail) = trail_arn(record, &body) else {
            return 0;
        };
        let known = self.trails.get(&trail);
        if known.is_some_and(|(at, _)| *at > record.time) {
            // A delivery can be days late, and an old setting must not undo a newer one.
            return 0;
        }
        let settings = TrailSettings::after(record, &body, known.map(|(_, settings)| settings));
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

//! What is known of one key's life: made, disabled, pending deletion, with whose material, rotating how.

use keytrail_event::time::DAY_SECONDS;
use keytrail_event::{EventTime, Record};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::key_material::KeyMaterial;
use super::key_origin_external::is_replica;

/// What is known of a key's life.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyLife {
    /// When its CreateKey was seen.
    pub created: Option<EventTime>,
    /// Who made it.
    pub creator: Option<String>,
    /// Whether it was made as a replica, which opens what its primary encrypted before.
    #[serde(default)]
    pub is_replica: bool,
    /// The origin of its material, from CreateKey.
    pub origin: Option<String>,
    /// When and by whom it was disabled.
    pub disabled: Option<Change>,
    /// The present schedule of its deletion.
    pub deletion: Option<Deletion>,
    /// When its state last changed, as far as is known.
    pub changed: Option<EventTime>,
    /// The waiting period of the latest schedule, in days, cancelled or not.
    pub last_window_days: Option<i64>,
    /// Its imported material.
    pub material: KeyMaterial,
    /// Whether it rotates, since that was last set.
    pub rotation: Option<Rotation>,
}

/// How a key rotates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// Days from one rotation to the next; `None` when rotation was disabled.
    pub period_days: Option<i64>,
    /// Since when.
    pub since: EventTime,
}

/// KMS rotates a key after this many days when EnableKeyRotation names no period (KMS API Reference).
pub const ROTATION_PERIOD_DAYS_DEFAULT: i64 = 365;

/// Something that was done to a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// When.
    pub at: EventTime,
    /// By whom.
    pub by: String,
}

/// A scheduled deletion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// When and by whom it was scheduled.
    pub change: Change,
    /// When the key will be gone.
    pub due: EventTime,
}

/// KMS deletes a key this many days after ScheduleKeyDeletion that names no period (KMS API Reference).
pub const DELETION_WINDOW_DAYS_DEFAULT: i64 = 30;

/// Operations that tell of a key's life, sorted.
const TOLD_BY: [&str; 11] = [
    "CancelKeyDeletion",
    "CreateKey",
    "DeleteExpiredKeyMaterial",
    "DeleteImportedKeyMaterial",
    "DisableKey",
    "DisableKeyRotation",
    "EnableKey",
    "EnableKeyRotation",
    "GetParametersForImport",
    "ImportKeyMaterial",
    "ScheduleKeyDeletion",
];

impl KeyLife {
    /// Whether records of this operation tell of it.
    #[must_use]
    pub fn is_told_by(operation: &str) -> bool {
        TOLD_BY.binary_search(&operation).is_ok()
    }

    /// Learns a call that was made, which nothing known is later than.
    pub(super) fn learn(&mut self, record: &Record<'_>) {
        match record.operation.name() {
            "CreateKey" => {
                let body = record.body();
                let origin = [
                    &body["responseElements"]["keyMetadata"]["origin"],
                    &body["requestParameters"]["origin"],
                ];
                self.created = Some(record.time);
                self.creator = Some(record.principal().to_owned());
                self.is_replica = is_replica(body);
                self.origin = origin
                    .into_iter()
                    .find_map(Value::as_str)
                    .map(str::to_owned);
            }
            "DisableKey" => self.disabled = Some(Change::of(record)),
            "EnableKey" => self.disabled = None,
            "ScheduleKeyDeletion" => {
                let window =
                    named_deletion_window_days(record).unwrap_or(DELETION_WINDOW_DAYS_DEFAULT);
                self.deletion = Some(Deletion {
                    change: Change::of(record),
                    due: record.time.plus_seconds(window * DAY_SECONDS),
                });
                self.last_window_days = Some(window);
            }
            "CancelKeyDeletion" => {
                // KMS leaves a key disabled when its deletion is cancelled.
                self.deletion = None;
                self.disabled = Some(Change::of(record));
            }
            "EnableKeyRotation" | "DisableKeyRotation" => {
                let is_later = |known: Rotation| known.since > record.time;
                if !self.rotation.is_some_and(is_later) {
                    self.rotation = Some(Rotation {
                        period_days: rotation_period_days(record),
                        since: record.time,
                    });
                }
            }
            _ => self.material.learn(record),
        }
    }
}

impl Change {
    fn of(record: &Record<'_>) -> Self {
        Self {
            at: record.time,
            by: record.principal().to_owned(),
        }
    }
}

/// The waiting period that a ScheduleKeyDeletion names, in days.
#[must_use]
pub fn named_deletion_window_days(record: &Record<'_>) -> Option<i64> {
    let body = record.body();
    let named = |value: &Value| value.as_i64().filter(|days| (1..=365).contains(days));
    named(&body["requestParameters"]["pendingWindowInDays"])
        .or_else(|| named(&body["responseElements"]["pendingWindowInDays"]))
}

/// The period that an EnableKeyRotation sets, in days; `None` of any other call.
#[must_use]
pub fn rotation_period_days(record: &Record<'_>) -> Option<i64> {
    let is_enabled = record.operation.name() == "EnableKeyRotation";
    let named = || record.body()["requestParameters"]["rotationPeriodInDays"].as_i64();
    is_enabled.then(|| named().unwrap_or(ROTATION_PERIOD_DAYS_DEFAULT))
}

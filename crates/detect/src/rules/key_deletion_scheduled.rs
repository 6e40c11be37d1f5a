//! `key-deletion-scheduled`: somebody scheduled a key's deletion, graded by how much it would hurt.

use keytrail_event::Record;
use keytrail_event::time::DAY_SECONDS;

use super::key_life::{DELETION_WINDOW_DAYS_DEFAULT, Deletion, named_deletion_window_days};
use super::support::{
    cut, events_of_key, is_owners_call, is_refused_at_owner, key_argument, key_in_title, key_of,
    last_use, last_use_evidence,
};
use super::{About, Hit, Light, Rule, Side};
use crate::bounds::RULE_QUIET_DAYS;
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct KeyDeletionScheduled;

const OPERATION: &str = "ScheduleKeyDeletion";
const UNDONE_BY: &str = "CancelKeyDeletion";
/// The shortest waiting period that KMS allows (KMS API Reference, ScheduleKeyDeletion).
const WINDOW_DAYS_MIN: i64 = 7;
/// A key used this many seconds before is in use.
const IN_USE_SECONDS: i64 = 24 * 3_600;

const ABOUT: About = About {
    id: "key-deletion-scheduled",
    title: "A key's deletion was scheduled",
    severities: &[Severity::Low, Severity::Medium, Severity::High],
    attack: &[("TA0040", "T1485", "T1485")],
    practice: "no key is taken away while data depends on it",
    side: Side::Owner,
    fires_when: "ScheduleKeyDeletion succeeds: medium. High when the key was used in the last 24 h, when the waiting period is the 7-day minimum, or when it is shorter than this key's earlier one. Low when the key was pending deletion already, by then or earlier, and unused. A refused call fires one severity lower. CancelKeyDeletion within 7 days ends the deadline that the finding tells of, and not the finding.",
    reads: &[
        "eventName",
        "eventTime",
        "errorCode",
        "recipientAccountId",
        "requestParameters.keyId",
        "requestParameters.pendingWindowInDays",
        "responseElements.pendingWindowInDays",
        "responseElements.keyState",
        "resources[].ARN",
        "userIdentity",
    ],
};

impl Rule for KeyDeletionScheduled {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn selects(&self, record: &Record<'_>) -> bool {
        is_refused_at_owner(record, OPERATION)
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        if is_owners_call(record, UNDONE_BY) {
            return cancelled(record, light);
        }
        if !is_owners_call(record, OPERATION) {
            return None;
        }
        let key = key_of(record, light);
        let named = named_deletion_window_days(record);
        let window = named.unwrap_or(DELETION_WINDOW_DAYS_DEFAULT);
        let earlier = key
            .and_then(|key| light.past.key(key)?.last_window_days)
            .filter(|earlier| *earlier > window);
        let in_use =
            last_use(key, record.time, light).is_some_and(|(_, seconds)| seconds <= IN_USE_SECONDS);
        let is_shortest = window <= WINDOW_DAYS_MIN;
        let pending = key.and_then(|key| light.past.key(key)?.deletion.as_ref());
        // KMS takes no schedule for a key that has one; a record of it that moves the end nowhere changes nothing.
        let due = record.time.plus_seconds(window * DAY_SECONDS);
        let pending =
            pending.filter(|pending| pending.change.at < record.time && pending.due <= due);
        let severity = if pending.is_some() && !in_use {
            Severity::Low
        } else if in_use || is_shortest || earlier.is_some() {
            Severity::High
        } else {
            Severity::Medium
        };
        let title = format!("ScheduleKeyDeletion on {}", key_in_title(key));
        let mut hit = Hit::of(record, severity, title).key(key);
        if named.is_some() || record.outcome.is_success() {
            hit = hit.because(window_evidence(named, window, earlier));
        }
        hit.evidence
            .extend(last_use_evidence(key, record.time, light));
        hit.evidence.extend(pending.map(pending_evidence));
        hit.evidence
            .extend(key.and_then(|key| disabled_evidence(key, record, light)));
        if record.outcome.is_success() {
            // A key that was saved and is scheduled again has another deadline.
            hit = with_due_date(hit, record, key, window).latest_stands();
        }
        hit = hit.next(events_of_key(key, record, 24));
        Some(hit.lower_if_refused(record, light))
    }
}

/// The finding of whoever scheduled the deletion, told that it was cancelled: its deadline is none any more. Not after
/// so long that it would be a finding of its own.
fn cancelled(record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
    let key = key_of(record, light)?;
    let scheduled = &light.past.key(key)?.deletion.as_ref()?.change;
    let seconds = record.time.seconds_since(scheduled.at);
    if !record.outcome.is_success() || seconds >= RULE_QUIET_DAYS * DAY_SECONDS {
        return None;
    }
    let title = format!(
        "ScheduleKeyDeletion on {}, cancelled",
        key_in_title(Some(key))
    );
    let by = cut(record.principal());
    let text = format!(
        "{} scheduled it at {}; {by} cancelled it at {}",
        cut(&scheduled.by),
        scheduled.at,
        record.time
    );
    let hit = Hit::about(Some(&scheduled.by), Some(key), Severity::Low, title)
        .because(Evidence::new("deletion_due", text).observed("cancelled"))
        .next(format!(
            "The key is disabled until somebody enables it: aws kms enable-key --key-id {}",
            key_argument(key)
        ))
        .next(events_of_key(Some(key), record, 24));
    Some(hit.undoes())
}

fn pending_evidence(pending: &Deletion) -> Evidence {
    let text = format!(
        "{} had scheduled the deletion at {} already, for {}",
        cut(&pending.change.by),
        pending.change.at,
        pending.due
    );
    Evidence::new("deletion_pending", text).observed(pending.due)
}

/// Who disabled the key before: an orderly end of a key begins so.
fn disabled_evidence(key: &str, record: &Record<'_>, light: &Light<'_>) -> Option<Evidence> {
    let disabled = light.past.key(key)?.disabled.as_ref();
    let disabled = disabled.filter(|disabled| disabled.at < record.time)?;
    let text = format!(
        "The key was disabled already, by {} at {}",
        cut(&disabled.by),
        disabled.at
    );
    Some(Evidence::new("disabled", text).observed(disabled.at))
}

fn window_evidence(named: Option<i64>, window: i64, earlier: Option<i64>) -> Evidence {
    let mut text = match named {
        Some(days) => format!("The waiting period is {days} days"),
        None => format!("The record names no waiting period; KMS waits {window} days by default"),
    };
    if window <= WINDOW_DAYS_MIN {
        text.push_str(", the shortest KMS allows");
    }
    if let Some(earlier) = earlier {
        text.push_str(&format!("; this key's earlier one was {earlier} days"));
    }
    let evidence = Evidence::new("deletion_window_days", text).observed(window);
    evidence.expected(earlier.unwrap_or(DELETION_WINDOW_DAYS_DEFAULT))
}

/// Until when CancelKeyDeletion saves the key.
fn with_due_date(hit: Hit, record: &Record<'_>, key: Option<&str>, window: i64) -> Hit {
    let due = record.time.plus_seconds(window * DAY_SECONDS);
    let state = record.body()["responseElements"]["keyState"].clone();
    let text = if state.as_str() == Some("PendingReplicaDeletion") {
        format!(
            "The key has replicas: the waiting period begins when the last is gone, so CancelKeyDeletion saves it at least until {due}"
        )
    } else {
        format!(
            "CancelKeyDeletion saves the key until {due}; then it and everything it encrypts are lost"
        )
    };
    let key = key.map_or_else(|| "<key>".to_owned(), key_argument);
    hit.because(Evidence::new("deletion_due", text).observed(due))
        .next(format!(
            "If nobody planned this, before {due}: aws kms cancel-key-deletion --key-id {key}"
        ))
        .next(format!(
            "A cancelled key stays disabled; then: aws kms enable-key --key-id {key}"
        ))
}

//! `key-deletion-scheduled`: somebody scheduled a key's deletion, graded by how much it would hurt.

use keytrail_event::Record;
use keytrail_event::time::DAY_SECONDS;

use super::bulk::{BulkUse, bulk_of};
use super::chain::CHAIN_SECONDS;
use super::day::{DayHit, DayLight};
use super::deletion_habits::{
    IN_USE_SECONDS, KeyKind, SCHEDULE as OPERATION, is_made_by, is_used_by_another,
};
use super::key_changes::KeyChange;
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

const UNDONE_BY: &str = "CancelKeyDeletion";
/// The shortest waiting period that KMS allows (KMS API Reference, ScheduleKeyDeletion).
const WINDOW_DAYS_MIN: i64 = 7;
/// A key that nobody used for longer is idle.
const IDLE_SECONDS: i64 = 7 * DAY_SECONDS;

const ABOUT: About = About {
    id: "key-deletion-scheduled",
    title: "A key's deletion was scheduled",
    severities: &[Severity::Low, Severity::Medium, Severity::High],
    attack: &[("TA0040", "T1485", "T1485")],
    practice: "no key is taken away while data depends on it",
    side: Side::Owner,
    fires_when: "ScheduleKeyDeletion succeeds: medium. High when the key was used in the last 24 h, when the waiting period is the 7-day minimum, or when it is shorter than this key's earlier one. Low when the key was pending deletion already, by then or earlier, and unused. A key that was made within 3 days is medium to whoever made it, and low to whoever deletes such keys on 3 other days, at most twice as many, unless somebody encrypts in bulk within 24 h; an older one that the same principal made is medium to whom that is a habit, with more than 7 days to wait, where nobody else used it in the last 24 h and nobody encrypts in bulk, and low where nobody used it for 7 days. A refused call fires one severity lower. CancelKeyDeletion within 7 days ends the deadline that the finding tells of, and not the finding.",
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
        let unused = last_use(key, record.time, light).map(|(_, seconds)| seconds);
        let in_use = unused.is_some_and(|seconds| seconds <= IN_USE_SECONDS);
        let is_idle = unused.is_none_or(|seconds| seconds > IDLE_SECONDS);
        let is_shortest = window <= WINDOW_DAYS_MIN;
        let pending = key.and_then(|key| light.past.key(key)?.deletion.as_ref());
        // KMS takes no schedule for a key that has one; a record of it that moves the end nowhere changes nothing.
        let due = record.time.plus_seconds(window * DAY_SECONDS);
        let pending =
            pending.filter(|pending| pending.change.at < record.time && pending.due <= due);
        let usual = key
            .filter(|_| record.outcome.is_success())
            .and_then(|key| Usual::of(key, record, light));
        let severity = if pending.is_some() && !in_use {
            Severity::Low
        } else if earlier.is_some() {
            Severity::High
        } else {
            match usual {
                Some(Usual::YoungByHabit) => Severity::Low,
                Some(Usual::YoungOfItsMaker) => Severity::Medium,
                Some(Usual::OwnByHabit) if !is_shortest && is_idle => Severity::Low,
                // Whoever else uses it may need what it encrypts.
                Some(Usual::OwnByHabit)
                    if !is_shortest
                        && !key.is_some_and(|key| {
                            let knowledge = (light.uses, light.past);
                            is_used_by_another(key, record.principal(), record.time, knowledge)
                        }) =>
                {
                    Severity::Medium
                }
                _ if in_use || is_shortest => Severity::High,
                _ => Severity::Medium,
            }
        };
        let title = format!("ScheduleKeyDeletion on {}", key_in_title(key));
        let mut hit = Hit::of(record, severity, title).key(key);
        if named.is_some() || record.outcome.is_success() {
            hit = hit.because(window_evidence(named, window, earlier));
        }
        hit.evidence
            .extend(last_use_evidence(key, record.time, light));
        hit.evidence.extend(pending.map(pending_evidence));
        hit.evidence.extend(usual.map(Usual::evidence));
        hit.evidence
            .extend(key.and_then(|key| disabled_evidence(key, record, light)));
        if record.outcome.is_success() {
            // A key that was saved and is scheduled again has another deadline.
            hit = with_due_date(hit, record, key, window).latest_stands();
        }
        hit = hit.next(events_of_key(key, record, 24));
        Some(hit.lower_if_refused(record, light))
    }

    fn judge_day(&self, light: &DayLight<'_>) -> Vec<DayHit> {
        let usual: Vec<(&KeyChange, Severity)> = light
            .past
            .changes
            .iter()
            .filter(|change| change.is_made && change.operation == OPERATION)
            .filter(|change| change.at.day() == light.day && light.is_new(&change.event_id))
            .filter_map(|change| Some((change, severity_with_bulk(change, light)?)))
            .collect();
        // Nearly every day there is none.
        if usual.is_empty() {
            return Vec::new();
        }
        let bulk = bulk_of(light, light.day.start().plus_seconds(-CHAIN_SECONDS));
        let hits = usual.into_iter().filter_map(|(change, severity)| {
            let bulk = bulk.iter().find(|bulk| bulk.may_be_with(&change.key))?;
            let hit = with_bulk(change, severity, bulk);
            let mut hit = DayHit::over_changes(hit, &[change], light)?;
            // The record was counted when it was judged.
            hit.new = 0;
            Some(hit)
        });
        hits.collect()
    }
}

/// Why a deletion is less than it looks.
#[derive(Debug, Clone, Copy)]
enum Usual {
    YoungByHabit,
    YoungOfItsMaker,
    OwnByHabit,
}

impl Usual {
    fn of(key: &str, record: &Record<'_>, light: &Light<'_>) -> Option<Self> {
        let (principal, past) = (record.principal(), light.past);
        let kind = KeyKind::of(key, principal, record.time, past)?;
        let habits = &past.customs.deletion_habits;
        let is_habit = habits.covers_deletion(principal, key, record.time, past);
        match kind {
            KeyKind::Young if is_habit => Some(Self::YoungByHabit),
            KeyKind::Young if is_made_by(key, principal, past) => Some(Self::YoungOfItsMaker),
            KeyKind::Own if is_habit => Some(Self::OwnByHabit),
            _ => None,
        }
    }

    fn evidence(self) -> Evidence {
        let text = match self {
            Self::YoungByHabit => {
                "The key was made within 3 days, and the principal deletes such keys on other days too"
            }
            Self::YoungOfItsMaker => "The principal made the key itself within 3 days",
            Self::OwnByHabit => {
                "The principal made the key itself, and deletes such keys on other days too"
            }
        };
        Evidence::new("habit", text)
    }
}

/// How bad a deletion is that may be less than it looks, where much was encrypted with the key.
fn severity_with_bulk(change: &KeyChange, light: &DayLight<'_>) -> Option<Severity> {
    let (key, principal) = (change.key.as_str(), change.principal.as_str());
    let kind = KeyKind::of(key, principal, change.at, light.past)?;
    let habits = &light.customs.deletion_habits;
    let is_habit = habits.covers_deletion(principal, key, change.at, light.past);
    match kind {
        KeyKind::Young if is_habit => Some(Severity::Medium),
        KeyKind::Young => Some(Severity::High),
        KeyKind::Own => is_habit.then_some(Severity::High),
    }
}

/// What raises the finding of a deletion: what was encrypted with the key lately would be lost, and is much.
fn with_bulk(change: &KeyChange, severity: Severity, bulk: &BulkUse) -> Hit {
    let key = change.key.as_str();
    let title = format!("{OPERATION} on {}", key_in_title(Some(key)));
    let text = format!(
        "{} made {} {} calls within an hour from {}: what they encrypted may be lost with the key",
        cut(&bulk.principal),
        bulk.calls,
        bulk.operation,
        bulk.first
    );
    Hit::about(Some(&change.principal), Some(key), severity, title)
        .because(Evidence::new("bulk", text).observed(bulk.calls))
        .raises()
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

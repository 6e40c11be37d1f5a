//! `pending-key-used`: a call failed because its key is pending deletion, disabled or without material.

use keytrail_event::source::DIRECT;
use keytrail_event::time::DAY_SECONDS;
use keytrail_event::{EventTime, OperationClass, OutcomeFamily, Record};

use super::key_life::KeyLife;
use super::support::{cut, import_commands, is_owners_copy, key_argument, key_in_title, key_of};
use super::{About, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct PendingKeyUsed;

const ABOUT: About = About {
    id: "pending-key-used",
    title: "A key that is pending deletion or disabled is still needed",
    severities: &[Severity::High],
    attack: &[("TA0040", "T1485", "T1485")],
    practice: "no key is taken away while data depends on it",
    side: Side::Owner,
    fires_when: "A cryptographic call or CreateGrant fails with KMSInvalidStateException or DisabledException, unless the error message tells of a key store that fails or of something else than the key's state.",
    reads: &[
        "eventName",
        "eventTime",
        "errorCode",
        "errorMessage",
        "recipientAccountId",
        "requestParameters.keyId",
        "resources[].ARN",
        "userIdentity",
    ],
};

impl Rule for PendingKeyUsed {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn selects(&self, record: &Record<'_>) -> bool {
        record.outcome.family() == OutcomeFamily::InvalidState
            && is_state_error(record)
            && is_use(record)
            && is_owners_copy(record)
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        if !is_state_error(record) || !is_use(record) || !is_owners_copy(record) {
            return None;
        }
        let key = key_of(record, light);
        let life = key.and_then(|key| light.past.key(key));
        let state = KeyState::tell(record, life)?;
        let operation = cut(record.operation.name());
        let title = format!(
            "{operation} failed: {} is {}",
            key_in_title(key),
            state.words()
        );
        let caller = cut(record.principal());
        let called = match record.service_path() {
            path if path == DIRECT || path == caller => format!("{operation} by {caller}"),
            path => format!("{operation} by {caller} through {path}"),
        };
        let mut hit = Hit::of(record, Severity::High, title)
            .key(key)
            .class(state.class())
            .because(
                Evidence::new(
                    "operation",
                    format!("Somebody still needs this key: {called}"),
                )
                .observed(operation),
            )
            .because(
                Evidence::new("key_state", state_text(state, life))
                    .observed(state.words())
                    .expected("enabled"),
            );
        if state == KeyState::PendingDeletion {
            hit.evidence.push(days_left(record.time, life));
        }
        if light.count > 1 {
            let text = format!("{} such calls within the hour", light.count);
            hit = hit.because(Evidence::new("failed_calls", text).observed(light.count));
        }
        let key = key.map_or_else(|| "<key>".to_owned(), key_argument);
        Some(hit.next(state.remedy(&key)).next(
            "Find what the caller still decrypts with it (the encryption context names the resource) before the key goes.",
        ))
    }
}

fn is_state_error(record: &Record<'_>) -> bool {
    matches!(
        record.outcome.as_str(),
        "KMSInvalidStateException" | "DisabledException"
    )
}

/// Whether the call needs the key, rather than changing it: re-enabling a pending key is no use of it.
fn is_use(record: &Record<'_>) -> bool {
    record.operation.class() == OperationClass::Cryptographic
        || record.operation.name() == "CreateGrant"
}

/// Why a key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyState {
    PendingDeletion,
    Disabled,
    PendingImport,
    Untold,
}

impl KeyState {
    /// The state that the error message tells, else the one that the past tells. `None` when the
    /// message tells of something else than the key's state.
    fn tell(record: &Record<'_>, life: Option<&KeyLife>) -> Option<Self> {
        let message = record.error_message.as_deref().unwrap_or_default();
        let says = |words: &str| message.contains(words);
        // Key stores fail with the same code, whatever the key's own state.
        if ["key store", "CloudHSM", "proxy"]
            .iter()
            .any(|words| says(words))
        {
            return None;
        }
        let told = if says("pending deletion") || says("pending replica deletion") {
            Some(Self::PendingDeletion)
        } else if says("pending import") {
            Some(Self::PendingImport)
        } else if says("is disabled") || record.outcome.as_str() == "DisabledException" {
            Some(Self::Disabled)
        } else {
            None
        };
        let remembered = || match life {
            Some(life) if life.deletion.is_some() => Some(Self::PendingDeletion),
            Some(life) if life.disabled.is_some() => Some(Self::Disabled),
            _ => None,
        };
        told.or_else(remembered)
            .or_else(|| message.is_empty().then_some(Self::Untold))
    }

    const fn words(self) -> &'static str {
        match self {
            Self::PendingDeletion => "pending deletion",
            Self::Disabled => "disabled",
            Self::PendingImport => "without key material",
            Self::Untold => "in a state that forbids its use",
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::PendingDeletion => "pending-deletion",
            Self::Disabled => "disabled",
            Self::PendingImport => "pending-import",
            Self::Untold => "",
        }
    }

    fn remedy(self, key: &str) -> String {
        match self {
            Self::PendingDeletion => format!(
                "Keep the key: aws kms cancel-key-deletion --key-id {key}, then aws kms enable-key --key-id {key}"
            ),
            Self::Disabled => format!("Make the key usable: aws kms enable-key --key-id {key}"),
            Self::PendingImport => {
                format!("Import the material again: {}", import_commands(key))
            }
            Self::Untold => {
                format!("See the key's state and date: aws kms describe-key --key-id {key}")
            }
        }
    }
}

/// The state, and who brought it about, where that was seen.
fn state_text(state: KeyState, life: Option<&KeyLife>) -> String {
    let change = match state {
        KeyState::PendingDeletion => life
            .and_then(|life| life.deletion.as_ref())
            .map(|deletion| ("scheduled for deletion", &deletion.change)),
        KeyState::Disabled => life
            .and_then(|life| life.disabled.as_ref())
            .map(|change| ("disabled", change)),
        KeyState::PendingImport | KeyState::Untold => None,
    };
    match change {
        Some((done, change)) => {
            format!("The key was {done} by {} at {}", cut(&change.by), change.at)
        }
        None => format!("The key is {}", state.words()),
    }
}

/// How long CancelKeyDeletion still saves the key.
fn days_left(at: EventTime, life: Option<&KeyLife>) -> Evidence {
    let due = life
        .and_then(|life| life.deletion.as_ref())
        .map(|deletion| deletion.due);
    match due {
        Some(due) => {
            let days = due.seconds_since(at).max(0) / DAY_SECONDS;
            let text = format!("{days} days left: CancelKeyDeletion saves the key until {due}");
            Evidence::new("days_left", text).observed(days)
        }
        None => Evidence::new(
            "days_left",
            "The ScheduleKeyDeletion was not seen: DescribeKey tells the date",
        ),
    }
}

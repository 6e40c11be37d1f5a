//! `material-imported`: somebody brought their own material into a key.

use keytrail_event::Record;
use keytrail_event::time::DAY_SECONDS;

use super::key_material::expiry;
use super::support::{
    duration, events_of_key, is_owners_call, is_refused_at_owner, key_in_title, key_of,
    last_use_evidence,
};
use super::{About, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct MaterialImported;

const OPERATION: &str = "ImportKeyMaterial";
/// What a request says that brings the material which the key has: KMS refuses any other.
const EXISTING: &str = "EXISTING_KEY_MATERIAL";

const ABOUT: About = About {
    id: "material-imported",
    title: "Key material was imported",
    severities: &[Severity::Low, Severity::Medium, Severity::High],
    attack: &[("TA0040", "T1486", "T1486")],
    practice: "the account keeps control of its keys",
    side: Side::Owner,
    fires_when: "ImportKeyMaterial succeeds: medium. Low when the record says that it is the key's own material again (importType EXISTING_KEY_MATERIAL), which lives as long as known before. High when the material expires in less than 7 days (rules.material_short_days). A refused call fires one severity lower.",
    reads: &[
        "eventName",
        "eventTime",
        "errorCode",
        "recipientAccountId",
        "requestParameters.keyId",
        "requestParameters.importType",
        "requestParameters.expirationModel",
        "requestParameters.validTo",
        "resources[].ARN",
        "userIdentity",
    ],
};

impl Rule for MaterialImported {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn selects(&self, record: &Record<'_>) -> bool {
        is_refused_at_owner(record, OPERATION)
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        if !is_owners_call(record, OPERATION) {
            return None;
        }
        let key = key_of(record, light);
        let expires = expiry(record.body());
        let lives = expires.map(|expires| expires.seconds_since(record.time).max(0));
        let short_days = light.configuration.rules.material_short_days;
        let is_short =
            lives.is_some_and(|seconds| seconds < (short_days as i64).saturating_mul(DAY_SECONDS));
        let is_renewal = is_renewal(record, key, light);
        let severity = if is_short {
            Severity::High
        } else if is_renewal {
            Severity::Low
        } else {
            Severity::Medium
        };
        let title = format!("ImportKeyMaterial on {}", key_in_title(key));
        let expiry = match (expires, lives) {
            (Some(expires), Some(lives)) => Evidence::new(
                "material_expires",
                format!(
                    "The material expires at {expires}, {} after the import; then what the key encrypts cannot be read until the same material is imported again",
                    duration(lives)
                ),
            )
            .observed(expires),
            _ => Evidence::new("material_expires", "The record names no expiry").observed("never"),
        };
        let mut hit = Hit::of(record, severity, title)
            .key(key)
            .because(
                Evidence::new(
                    "operation",
                    "Whoever has a copy of the material can decrypt what the key encrypts without KMS, and delete the key's copy at any time",
                )
                .observed(OPERATION),
            )
            .because(expiry);
        if is_renewal {
            let text = "KMS takes no other material than the key has, and it expires no sooner than before";
            hit = hit.because(Evidence::new("import_type", text).observed(EXISTING));
        }
        hit.evidence
            .extend(last_use_evidence(key, record.time, light));
        if record.outcome.is_success() {
            hit = hit.next("Make sure that the owner of the key has the material in safe keeping: without it, nothing saves the data once the key loses its copy.");
        }
        Some(
            hit.next(events_of_key(key, record, 24))
                .lower_if_refused(record, light),
        )
    }
}

/// Whether the key gets its own material again, and no end that comes sooner than the last import told.
fn is_renewal(record: &Record<'_>, key: Option<&str>, light: &Light<'_>) -> bool {
    let body = record.body();
    if body["requestParameters"]["importType"] != EXISTING {
        return false;
    }
    let Some(expires) = expiry(body) else {
        // Of an end that cannot be read nothing is known.
        return body["requestParameters"]["expirationModel"] == "KEY_MATERIAL_DOES_NOT_EXPIRE";
    };
    let import = key.and_then(|key| light.past.key(key)?.material.imported.as_ref());
    import.is_some_and(|import| import.expires.is_some_and(|known| known <= expires))
}

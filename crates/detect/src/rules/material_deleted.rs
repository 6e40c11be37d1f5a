//! `material-deleted`: somebody deleted a key's imported material.

use keytrail_event::{PrincipalType, Record};

use super::support::{
    cut, events_of_key, import_commands, is_made_or_refused, is_owners_copy, is_refused_at_owner,
    key_argument, key_in_title, key_of, last_use_evidence,
};
use super::{About, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct MaterialDeleted;

const OPERATION: &str = "DeleteImportedKeyMaterial";

const ABOUT: About = About {
    id: "material-deleted",
    title: "Imported key material was deleted",
    severities: &[Severity::Medium, Severity::High],
    attack: &[("TA0040", "T1485", "T1485")],
    practice: "no key is taken away while data depends on it",
    side: Side::Owner,
    fires_when: "DeleteImportedKeyMaterial by anybody but an AWS service. A refused call fires one severity lower. Material that expires (DeleteExpiredKeyMaterial) does not fire.",
    reads: &[
        "eventName",
        "eventType",
        "errorCode",
        "recipientAccountId",
        "requestParameters.keyId",
        "requestParameters.keyMaterialId",
        "resources[].ARN",
        "userIdentity",
    ],
};

impl Rule for MaterialDeleted {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn selects(&self, record: &Record<'_>) -> bool {
        is_refused_at_owner(record, OPERATION)
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        let by_service =
            record.is_service_event || record.identity.principal_type == PrincipalType::AWSService;
        if record.operation.name() != OPERATION
            || by_service
            || !is_owners_copy(record)
            || !is_made_or_refused(record)
        {
            return None;
        }
        let key = key_of(record, light);
        let title = format!("DeleteImportedKeyMaterial on {}", key_in_title(key));
        let mut reason = Evidence::new(
            "operation",
            "The key is unusable at once, with no waiting period, until the same material is imported again",
        )
        .observed(OPERATION);
        let body = record.body();
        if let Some(material) = body["requestParameters"]["keyMaterialId"].as_str() {
            reason.text = format!("{}; material {}", reason.text, cut(material));
        }
        let mut hit = Hit::of(record, Severity::High, title)
            .key(key)
            .because(reason);
        hit.evidence
            .extend(last_use_evidence(key, record.time, light));
        if record.outcome.is_success()
            && let Some(key) = key
        {
            hit = hit.next(format!(
                "If nobody planned this, import your own copy of the material again: {}",
                import_commands(&key_argument(key))
            ));
        }
        hit = hit.next(events_of_key(key, record, 24));
        Some(hit.lower_if_refused(record, light))
    }
}

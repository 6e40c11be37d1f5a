//! `key-origin-external`: a key was created whose material KMS does not make.

use keytrail_event::Record;
use serde_json::Value;

use super::support::{
    cut, events_of_key, is_owners_call, is_refused_at_owner, key_argument, key_in_title, key_of,
};
use super::{About, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct KeyOriginExternal;

const OPERATION: &str = "CreateKey";

const ABOUT: About = About {
    id: "key-origin-external",
    title: "A key was created whose material comes from outside KMS",
    severities: &[Severity::Low, Severity::Medium],
    attack: &[("TA0040", "T1486", "T1486")],
    practice: "key material stays under the control of its owner",
    side: Side::Owner,
    fires_when: "CreateKey with origin EXTERNAL (imported material) or EXTERNAL_KEY_STORE succeeds. A refused call fires one severity lower. The replica of a key with imported material does not fire.",
    reads: &[
        "eventName",
        "errorCode",
        "recipientAccountId",
        "requestParameters.origin",
        "requestParameters.customKeyStoreId",
        "requestParameters.xksKeyId",
        "responseElements.keyMetadata.origin",
        "responseElements.keyMetadata.multiRegionConfiguration.multiRegionKeyType",
        "resources[].ARN",
        "userIdentity",
    ],
};

impl Rule for KeyOriginExternal {
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
        let body = record.body();
        let origin = origin_of(body)?;
        if is_replica(body) {
            return None;
        }
        let key = key_of(record, light);
        let (text, store) = if origin == "EXTERNAL" {
            (
                "Whoever imports the material keeps a copy, can let it expire and can take it away at any time",
                None,
            )
        } else {
            let store = body["requestParameters"]["customKeyStoreId"].as_str();
            (
                "The material stays with a key manager outside AWS: whoever runs it can refuse every call",
                store.map(cut),
            )
        };
        let made = match key {
            Some(key) => format!("{} was created", key_in_title(Some(key))),
            None => "A key was to be created".to_owned(),
        };
        let title = format!("{made} with origin {origin}");
        let mut hit = Hit::of(record, Severity::Medium, title)
            .key(key)
            .class(origin)
            .because(
                Evidence::new("key_origin", text)
                    .observed(origin)
                    .expected("AWS_KMS"),
            );
        if let Some(store) = store {
            let text = format!("The key is in key store {store}");
            hit = hit.because(Evidence::new("key_store", text).observed(store));
        }
        if record.outcome.is_success()
            && let Some(key) = key
        {
            hit = hit
                .next("Ask who holds the material, and whether there is a second copy under your control.")
                .next(format!(
                    "Before data depends on it: aws kms describe-key --key-id {}, and see who may administer it",
                    key_argument(key)
                ));
        }
        let hit = hit.next(events_of_key(key, record, 24));
        Some(hit.lower_if_refused(record, light))
    }
}

/// The origin, where it is outside KMS.
fn origin_of(body: &Value) -> Option<&'static str> {
    let origin = body["responseElements"]["keyMetadata"]["origin"]
        .as_str()
        .or_else(|| body["requestParameters"]["origin"].as_str());
    match origin {
        Some("EXTERNAL") => Some("EXTERNAL"),
        Some("EXTERNAL_KEY_STORE") => Some("EXTERNAL_KEY_STORE"),
        _ => None,
    }
}

/// Whether KMS wrote this CreateKey for a ReplicateKey.
pub fn is_replica(body: &Value) -> bool {
    let configuration = &body["responseElements"]["keyMetadata"]["multiRegionConfiguration"];
    configuration["multiRegionKeyType"] == "REPLICA"
}

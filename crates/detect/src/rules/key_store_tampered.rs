//! `key-store-tampered`: somebody changed a custom key store, or cut it off.

use keytrail_event::Record;

use super::support::{
    argument, cut, events_of_principal, is_made_or_refused, is_owners_copy, is_refused_at_owner,
};
use super::{About, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct KeyStoreTampered;

/// The operations, and what each does.
const OPERATIONS: [(&str, &str); 4] = [
    (
        "CreateCustomKeyStore",
        "Keys made in the new key store live in a CloudHSM cluster or behind a proxy of whoever made it",
    ),
    (
        "DeleteCustomKeyStore",
        "The key store is gone from KMS; its keys must have been deleted before",
    ),
    (
        "DisconnectCustomKeyStore",
        "Every key of the key store refuses every cryptographic call until it is connected again",
    ),
    (
        "UpdateCustomKeyStore",
        "The key store's cluster, proxy or credentials changed: its keys may answer from elsewhere",
    ),
];

const ABOUT: About = About {
    id: "key-store-tampered",
    title: "A custom key store was created, changed, disconnected or deleted",
    severities: &[Severity::Medium, Severity::High],
    attack: &[("TA0040", "T1486", "T1486"), ("TA0040", "T1499", "T1499")],
    practice: "key material stays under the control of its owner",
    side: Side::Owner,
    fires_when: "CreateCustomKeyStore, UpdateCustomKeyStore, DisconnectCustomKeyStore or DeleteCustomKeyStore succeeds. A refused call fires one severity lower. Connecting and describing a key store do not fire.",
    reads: &[
        "eventName",
        "errorCode",
        "recipientAccountId",
        "awsRegion",
        "requestParameters.customKeyStoreId",
        "requestParameters.customKeyStoreName",
        "requestParameters.customKeyStoreType",
        "requestParameters.cloudHsmClusterId",
        "requestParameters.clusterId",
        "requestParameters.xksProxyUriEndpoint",
        "responseElements.customKeyStoreId",
        "additionalEventData.customKeyStoreName",
        "userIdentity",
    ],
};

impl Rule for KeyStoreTampered {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn selects(&self, record: &Record<'_>) -> bool {
        OPERATIONS
            .iter()
            .any(|(operation, _)| is_refused_at_owner(record, operation))
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        let operation = record.operation.name();
        let (_, meaning) = OPERATIONS.iter().find(|(name, _)| *name == operation)?;
        if !is_owners_copy(record) || !is_made_or_refused(record) {
            return None;
        }
        let body = record.body();
        let request = &body["requestParameters"];
        let id = request["customKeyStoreId"]
            .as_str()
            .or_else(|| body["responseElements"]["customKeyStoreId"].as_str());
        let name = body["additionalEventData"]["customKeyStoreName"]
            .as_str()
            .or_else(|| request["customKeyStoreName"].as_str());
        let store = id
            .or(name)
            .map_or("a key store that the record does not name", cut);
        let mut hit = Hit::of(record, Severity::High, format!("{operation} on {store}"))
            .key(None)
            .class(format!("{operation} {store}"))
            .because(Evidence::new("operation", *meaning).observed(operation));
        if let Some(name) = name.filter(|name| *name != store) {
            let text = format!("The key store is called {}", cut(name));
            hit = hit.because(Evidence::new("key_store_name", text).observed(cut(name)));
        }
        for (field, words) in [
            ("cloudHsmClusterId", "The request names CloudHSM cluster"),
            ("clusterId", "The request names CloudHSM cluster"),
            (
                "xksProxyUriEndpoint",
                "The request names the external key store proxy",
            ),
        ] {
            if let Some(value) = request[field].as_str().map(cut) {
                let text = format!("{words} {value}");
                hit = hit.because(Evidence::new(field, text).observed(value));
            }
        }
        if record.outcome.is_success() {
            hit = hit.next(remedy(operation, id, &record.region));
        }
        let hit = hit.next(events_of_principal(record, 24));
        Some(hit.lower_if_refused(record, light))
    }
}

fn remedy(operation: &str, id: Option<&str>, region: &str) -> String {
    let id = argument(id.unwrap_or_default(), "key-store").into_owned();
    let region = argument(region, "region");
    match operation {
        "DisconnectCustomKeyStore" => format!(
            "If nobody planned this: aws kms connect-custom-key-store --custom-key-store-id {id} --region {region}"
        ),
        "DeleteCustomKeyStore" => {
            "Its keys were deleted or moved before: read the ScheduleKeyDeletion records of the last weeks, and keep the cluster or proxy and its backups.".to_owned()
        }
        _ => format!(
            "See whose cluster or proxy it names: aws kms describe-custom-key-stores --custom-key-store-id {id} --region {region}"
        ),
    }
}

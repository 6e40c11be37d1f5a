//! Remembering identities and resources: the same bytes come again and again.

use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use serde_json::Value;

use crate::principal::{Identity, IdentitySurroundings};

/// Most entries remembered of each kind. A full memo begins anew; that costs time, never an answer.
const MEMO_ENTRIES_MAX: usize = 8_192;
/// Longest text that is worth remembering, in bytes.
const MEMO_TEXT_BYTES_MAX: usize = 4_096;
/// Most resources read of one record.
const RESOURCES_MAX: usize = 32;

/// Identities and resource lists by the bytes they were read from.
#[derive(Debug, Default)]
pub struct IdentityMemo {
    identities: HashMap<String, Remembered, RandomState>,
    resources: HashMap<String, Arc<[String]>, RandomState>,
}

/// An identity, and the surroundings it was read in.
#[derive(Debug)]
struct Remembered {
    event_source: Box<str>,
    is_service_event: bool,
    recipient_account: Option<Box<str>>,
    identity: Arc<Identity>,
}

impl IdentityMemo {
    /// The identity that this `userIdentity` stands for.
    pub fn identity(
        &mut self,
        user_identity: Option<&str>,
        surroundings: IdentitySurroundings<'_>,
    ) -> Arc<Identity> {
        let Some(raw) = user_identity else {
            return Arc::new(Identity::missing());
        };
        let read = || {
            let value = serde_json::from_str(raw).unwrap_or(Value::Null);
            Arc::new(Identity::read(&value, surroundings))
        };
        if raw.len() > MEMO_TEXT_BYTES_MAX {
            return read();
        }
        if let Some(known) = self.identities.get(raw)
            && *known.event_source == *surroundings.event_source
            && known.is_service_event == surroundings.is_service_event
            && known.recipient_account.as_deref() == surroundings.recipient_account
        {
            return Arc::clone(&known.identity);
        }
        if self.identities.len() >= MEMO_ENTRIES_MAX {
            self.identities.clear();
        }
        let identity = read();
        let remembered = Remembered {
            event_source: surroundings.event_source.into(),
            is_service_event: surroundings.is_service_event,
            recipient_account: surroundings.recipient_account.map(Box::from),
            identity: Arc::clone(&identity),
        };
        self.identities.insert(raw.to_owned(), remembered);
        identity
    }

    /// The ARNs of this `resources` array, in its order.
    pub fn resource_arns(&mut self, resources: Option<&str>) -> Arc<[String]> {
        let Some(raw) = resources else {
            return Arc::from([]);
        };
        if raw.len() > MEMO_TEXT_BYTES_MAX {
            return read_resources(raw);
        }
        if self.resources.len() >= MEMO_ENTRIES_MAX {
            self.resources.clear();
        }
        let entry = self.resources.entry_ref(raw);
        Arc::clone(entry.or_insert_with(|| read_resources(raw)))
    }
}

/// Entries are objects with `ARN` or `arn`; anything else is passed over.
fn read_resources(raw: &str) -> Arc<[String]> {
    let value: Value = serde_json::from_str(raw).unwrap_or(Value::Null);
    let arns = value.as_array().into_iter().flatten().take(RESOURCES_MAX);
    arns.filter_map(|entry| entry.get("ARN").or_else(|| entry.get("arn"))?.as_str())
        .map(str::to_owned)
        .collect()
}

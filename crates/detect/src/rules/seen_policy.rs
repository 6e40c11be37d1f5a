//! What is remembered of the policy that a key was given last.

use std::collections::BTreeSet;

use keytrail_event::{EventTime, Record};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::policy_put::{cut_party, outsiders};
use super::support::cut;
use crate::policy::{Digest, Policy, administrators, digest, root_delegation};

/// The policy of a key as last written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenPolicy {
    /// What it says.
    pub digest: Digest,
    /// Whether it certainly lets the account change it.
    pub delegates_to_account: bool,
    /// Who may change it, sorted.
    pub administrators: Vec<String>,
    /// Whom it lets in from other accounts to do more than look, sorted.
    pub outsiders: BTreeSet<String>,
    /// Users and roles that it names for cryptography, or for making grants.
    pub users: BTreeSet<String>,
    /// When it was written.
    pub at: EventTime,
}

impl SeenPolicy {
    /// What is remembered of the policy that this record writes.
    #[must_use]
    pub fn of(policy: &Policy, record: &Record<'_>) -> Self {
        Self {
            digest: digest(policy),
            delegates_to_account: root_delegation(policy, &record.account).is_whole(),
            administrators: administrator_names(policy),
            outsiders: outsiders(policy, &record.account, &BTreeSet::new())
                .iter()
                .map(|allow| cut_party(&allow.party))
                .take(NAMES_MAX)
                .collect(),
            users: policy
                .named_users()
                .iter()
                .map(|arn| cut(arn).to_owned())
                .take(NAMES_MAX)
                .collect(),
            at: record.time,
        }
    }
}

/// Most outsiders and users of a policy that are remembered, each.
const NAMES_MAX: usize = 256;

/// Most administrators of a policy that are remembered; 32 KiB of policy can name hundreds.
const ADMINISTRATORS_MAX: usize = 32;

/// Who may change a policy, sorted.
#[must_use]
pub fn administrator_names(policy: &Policy) -> Vec<String> {
    let mut names: Vec<String> = administrators(policy)
        .iter()
        .map(|one| cut(&one.principal.to_string()).to_owned())
        .collect();
    names.sort();
    names.truncate(ADMINISTRATORS_MAX);
    names
}

/// The policy that PutKeyPolicy, CreateKey or ReplicateKey writes: a string in records, an object in some exports. What
/// a replica was given stands in the answer too.
#[must_use]
pub fn policy_text(record: &Record<'_>) -> Option<String> {
    let body = record.body();
    let requested = &body["requestParameters"]["policy"];
    match requested {
        Value::Null => text_of(&body["responseElements"]["replicaPolicy"]),
        requested => text_of(requested),
    }
}

fn text_of(policy: &Value) -> Option<String> {
    match policy {
        Value::String(text) => Some(text.clone()),
        policy @ Value::Object(_) => Some(policy.to_string()),
        _ => None,
    }
}

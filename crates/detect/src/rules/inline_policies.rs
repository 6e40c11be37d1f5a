//! What the inline policies of users, roles and groups say, so that one which is written again unchanged is no news.

use std::collections::BTreeMap;

use keytrail_event::{EventTime, Record};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use super::iam_decrypt_all::document;
use super::past::remember;
use super::support::cut;

/// The calls that write or delete an inline policy, and the field that names whose it is.
const OPERATIONS: [(&str, &str); 6] = [
    ("DeleteGroupPolicy", "groupName"),
    ("DeleteRolePolicy", "roleName"),
    ("DeleteUserPolicy", "userName"),
    ("PutGroupPolicy", "groupName"),
    ("PutRolePolicy", "roleName"),
    ("PutUserPolicy", "userName"),
];

/// The inline policies that were written, by the field, whose it is and the policy's name: when, and a hash of what was
/// written; none where it was deleted, or cannot be read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InlinePolicies(BTreeMap<(String, String, String), (EventTime, Option<u64>)>);

impl InlinePolicies {
    /// Whether a record writes what the policy was seen to say before.
    #[must_use]
    pub fn says(&self, record: &Record<'_>) -> bool {
        let body = record.body();
        let known = name_of(record, body).and_then(|name| self.0.get(&name));
        known.is_some_and(|(at, written)| {
            *at < record.time && written.is_some() && *written == hash_of(body)
        })
    }

    /// Learns a call that was made; how many entries found no room.
    pub fn learn(&mut self, record: &Record<'_>) -> u64 {
        let body = record.body();
        let Some(name) = name_of(record, body) else {
            return 0;
        };
        let is_put = record.operation.name().starts_with("Put");
        let written = is_put.then(|| hash_of(body)).flatten();
        if !is_put && !self.0.contains_key(&name) {
            return 0;
        }
        remember(&mut self.0, name, (record.time, written), |known, new| {
            // What comes late undoes nothing. Of one second nobody knows which was the last.
            if known.0 < new.0 {
                *known = new;
            } else if known.0 == new.0 && known.1 != new.1 {
                known.1 = None;
            }
        })
    }
}

fn name_of(record: &Record<'_>, body: &Value) -> Option<(String, String, String)> {
    let operation = record.operation.name();
    let (_, field) = OPERATIONS.iter().find(|(name, _)| *name == operation)?;
    let request = &body["requestParameters"];
    let [of, policy] = [*field, "policyName"].map(|field| request[field].as_str());
    Some((
        (*field).to_owned(),
        cut(of?).to_owned(),
        cut(policy?).to_owned(),
    ))
}

fn hash_of(body: &Value) -> Option<u64> {
    let text = document(&body["requestParameters"])?.ok()?;
    Some(xxh3_64(text.as_bytes()))
}

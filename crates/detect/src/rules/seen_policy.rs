//! What is remembered of the policy that a key was given last.

use std::collections::BTreeSet;

use keytrail_event::arn::is_account_id;
use keytrail_event::source::DIRECT;
use keytrail_event::{EventTime, Record};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use super::caller::{is_aws, is_by_cloudformation};
use super::key_origin_external::is_replica;
use super::policy_put::{cut_party, outsiders};
use super::support::cut;
use crate::policy::{
    Digest, Home, Policy, Standing, administrators, digest, root_delegation, use_denials,
};

/// The policy of a key as last written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenPolicy {
    /// What it says.
    pub digest: Digest,
    /// Whether it certainly lets the account change it.
    pub delegates_to_account: bool,
    /// Whether it denies the key's use to everyone, or to everyone but a few.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub denies_use: bool,
    /// Who may change it, sorted.
    pub administrators: Vec<String>,
    /// Whom it lets in from other accounts to do more than look, sorted.
    pub outsiders: BTreeSet<String>,
    /// Users and roles that it names for cryptography, or for making grants.
    pub users: BTreeSet<String>,
    /// When it was written.
    pub at: EventTime,
    /// The policies that it and those before it replaced, the latest last: a hash of what each said, and when it was
    /// written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<(u64, EventTime)>,
}

impl SeenPolicy {
    /// What is remembered of the policy that this record writes.
    #[must_use]
    pub fn of(policy: &Policy, record: &Record<'_>) -> Self {
        Self {
            digest: digest(policy),
            delegates_to_account: root_delegation(policy, &record.account).is_whole(),
            denies_use: use_denials(policy, record.time)
                .iter()
                .any(|denial| denial.is_of_everyone(&record.account)),
            administrators: administrator_names(policy),
            outsiders: outsiders(policy, &Home::of_owner(&record.account))
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
            earlier: Vec::new(),
        }
    }

    /// The same, after this one.
    #[must_use]
    pub fn after(mut self, before: &Self) -> Self {
        self.earlier.clone_from(&before.earlier);
        if self.digest != before.digest {
            self.earlier.push((hash(&before.digest), before.at));
            let surplus = self.earlier.len().saturating_sub(EARLIER_MAX);
            self.earlier.drain(..surplus);
        }
        self
    }

    /// When a policy that says the same as this one was written, which the key had before this one replaced it.
    #[must_use]
    pub fn replaced(&self, now: &Self) -> Option<EventTime> {
        if self.digest == now.digest {
            return None;
        }
        let hash = hash(&now.digest);
        let mut latest = self.earlier.iter().rev();
        let (_, at) = latest.find(|(known, _)| *known == hash)?;
        Some(*at)
    }
}

fn hash(digest: &Digest) -> u64 {
    // A digest is made of texts and lists, which all have a form in JSON.
    xxh3_64(&serde_json::to_vec(digest).unwrap_or_default())
}

/// Policies before the present one that are remembered.
const EARLIER_MAX: usize = 8;

/// Most outsiders and users of a policy that are remembered, each.
const NAMES_MAX: usize = 256;

/// Most administrators of a policy that are remembered; 32 KiB of policy can name hundreds.
const ADMINISTRATORS_MAX: usize = 32;

/// Ends the name of who may change a policy on a condition only.
const ON_A_CONDITION: &str = " on a condition";

/// Those of [`administrator_names`] who need no condition.
pub fn certain(names: &[String]) -> impl Iterator<Item = &String> {
    names.iter().filter(|name| !name.ends_with(ON_A_CONDITION))
}

/// Who may change a policy, and who only on a condition, sorted.
#[must_use]
pub fn administrator_names(policy: &Policy) -> Vec<String> {
    let mut names: Vec<String> = administrators(policy)
        .iter()
        .map(|one| {
            let principal = one.principal.to_string();
            match one.standing {
                Standing::Unconditional => cut(&principal).to_owned(),
                Standing::Conditional => format!("{}{ON_A_CONDITION}", cut(&principal)),
            }
        })
        .collect();
    names.sort();
    names.truncate(ADMINISTRATORS_MAX);
    names
}

/// The policy that PutKeyPolicy, CreateKey or ReplicateKey gives a key: a string in records, an object in some exports.
/// What a replica was given stands in the answer too. A key made without a policy has the default one.
#[must_use]
pub fn policy_text(record: &Record<'_>) -> Option<String> {
    let body = record.body();
    let requested = &body["requestParameters"]["policy"];
    match requested {
        Value::Null => text_of(&body["responseElements"]["replicaPolicy"])
            .or_else(|| has_default_policy(record).then(|| default_policy(&record.account))),
        requested => text_of(requested),
    }
}

/// Whether the record makes a key that gets KMS's default policy: a key of a customer, made without one. The keys that
/// AWS services make for themselves have other policies, and of a replica only its ReplicateKey tells.
fn has_default_policy(record: &Record<'_>) -> bool {
    let body = record.body();
    let makes_key = match record.operation.name() {
        "CreateKey" => !is_replica(body),
        "ReplicateKey" => true,
        _ => false,
    };
    makes_key
        && body["requestParameters"].is_object()
        && body["responseElements"]["keyMetadata"]["keyManager"] != "AWS"
        && is_account_id(&record.account)
        && !is_aws(record)
        && (record.service_path() == DIRECT || is_by_cloudformation(record))
}

/// The policy of a key that was made without one (KMS Developer Guide, Default key policy).
fn default_policy(account: &str) -> String {
    format!(
        r#"{{"Statement":{{"Effect":"Allow","Principal":{{"AWS":"{account}"}},"Action":"kms:*","Resource":"*"}}}}"#
    )
}

fn text_of(policy: &Value) -> Option<String> {
    match policy {
        Value::String(text) => Some(text.clone()),
        policy @ Value::Object(_) => Some(policy.to_string()),
        _ => None,
    }
}

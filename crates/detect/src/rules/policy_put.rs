//! A policy that a record writes, beside the one before: what several rules ask.

use std::cell::OnceCell;

use keytrail_event::Record;
use keytrail_event::arn::{Arn, is_account_id};

use super::seen_policy::{SeenPolicy, policy_text};
use super::support::{
    cut, events_of_key, is_made_or_refused, is_owners_copy, is_refused, key_argument, key_of,
};
use super::{Hit, Light};
use crate::configuration::Configuration;
use crate::finding::Evidence;
use crate::policy::{
    Change, ExternalAllow, Home, Party, Policy, PolicyError, Principal, diff, external_principals,
};

/// Changes that evidence spells out.
pub const CHANGES_SHOWN_MAX: usize = 8;

/// The policy that a record writes: several rules read it, and it is parsed for the first of them.
#[derive(Debug, Default)]
pub struct WrittenPolicy {
    policy: OnceCell<Option<Result<Policy, PolicyError>>>,
    seen: OnceCell<SeenPolicy>,
}

impl WrittenPolicy {
    /// The policy of this record, which is the only one ever asked for here; `None` where it gives none.
    pub fn of(&self, record: &Record<'_>) -> Option<Result<&Policy, &PolicyError>> {
        let parse = || {
            let policy = Policy::parse(&policy_text(record)?);
            Some(policy.map(|policy| match key_written(record) {
                Some(key) => policy.on_key(key),
                None => policy,
            }))
        };
        self.policy.get_or_init(parse).as_ref().map(Result::as_ref)
    }

    /// What will be remembered of it.
    pub fn seen(&self, policy: &Policy, record: &Record<'_>) -> &SeenPolicy {
        self.seen.get_or_init(|| SeenPolicy::of(policy, record))
    }
}

/// Whether the record is the owner's copy of a call that gives a key a policy, made or refused.
pub fn writes_policy(record: &Record<'_>) -> bool {
    matches!(
        record.operation.name(),
        "PutKeyPolicy" | "CreateKey" | "ReplicateKey"
    ) && is_owners_copy(record)
        && is_made_or_refused(record)
}

/// Whether the owner's copy of a call that gives a key a policy says that it was refused.
pub fn is_policy_refused(record: &Record<'_>) -> bool {
    writes_policy(record) && is_refused(record)
}

/// The key that is given the policy: of ReplicateKey the replica, where the answer names it.
pub fn key_given<'l>(record: &'l Record<'_>, light: &Light<'l>) -> Option<&'l str> {
    replica(record).or_else(|| key_of(record, light))
}

/// The ARN of the key that is given the policy, where the record tells it.
fn key_written<'r>(record: &'r Record<'_>) -> Option<&'r str> {
    replica(record).or_else(|| record.key.as_ref().map(|key| key.as_str()))
}

/// The ARN of the replica that ReplicateKey made.
pub fn replica<'r>(record: &'r Record<'_>) -> Option<&'r str> {
    if record.operation.name() != "ReplicateKey" {
        return None;
    }
    let arn = record.body()["responseElements"]["replicaKeyMetadata"]["arn"].as_str()?;
    Arn::parse(arn).is_some().then(|| cut(arn))
}

/// The policy before: a replica's is that of its primary.
pub fn policy_before<'l>(record: &'l Record<'_>, light: &Light<'l>) -> Option<&'l SeenPolicy> {
    let before = key_of(record, light).and_then(|key| light.past.policy(key));
    before.filter(|before| before.at <= record.time)
}

/// A policy as PutKeyPolicy, CreateKey or ReplicateKey writes it.
#[derive(Debug)]
pub struct PolicyPut<'l> {
    /// The canonical key.
    pub key: Option<&'l str>,
    /// The policy.
    pub policy: &'l Policy,
    /// What will be remembered of it.
    pub now: &'l SeenPolicy,
    /// The policy before, where it was seen.
    pub before: Option<&'l SeenPolicy>,
}

impl<'l> PolicyPut<'l> {
    /// The policy that the owner's copy of this call writes, or tried to. `None` where it cannot be read: that is for
    /// `policy-public` to tell.
    pub fn read(record: &'l Record<'_>, light: &Light<'l>) -> Option<Self> {
        if !writes_policy(record) || !is_account_id(&record.account) {
            return None;
        }
        let policy = light.written.of(record)?.ok()?;
        Some(Self {
            key: key_given(record, light),
            now: light.written.seen(policy, record),
            policy,
            before: policy_before(record, light),
        })
    }

    /// What it says otherwise than the one before; `None` where that was not seen.
    pub fn changes(&self) -> Option<Vec<Change>> {
        let before = self.before?;
        Some(diff(&before.digest, &self.now.digest))
    }

    /// Whom it lets in from outside, to do more than look, and the policy before did not. What everyone may do is for
    /// `policy-public`; a principal that is a unique id tells no account.
    pub fn new_outsiders(&self, home: &Home<'_>) -> Vec<ExternalAllow> {
        let mut all = outsiders(self.policy, home);
        if let Some(before) = self.before {
            all.retain(|allow| {
                let party = cut_party(&allow.party);
                !before.outsiders.contains(&party)
            });
        }
        all
    }

    /// The hit with the changes as evidence, and steps.
    pub fn with_changes(&self, mut hit: Hit, changes: &[&Change], record: &Record<'_>) -> Hit {
        let since = self.before.map_or_else(String::new, |before| {
            format!("Since the policy of {}: ", before.at)
        });
        for change in changes.iter().take(CHANGES_SHOWN_MAX) {
            let text = format!("{since}{}", cut(&change.text));
            hit = hit.because(Evidence::new("policy_change", text));
        }
        let more = changes.len().saturating_sub(CHANGES_SHOWN_MAX);
        if more > 0 {
            hit = hit.because(Evidence::new(
                "policy_change",
                format!("{more} more changes"),
            ));
        }
        self.with_steps(hit, record)
    }

    /// The hit with steps.
    pub fn with_steps(&self, hit: Hit, record: &Record<'_>) -> Hit {
        let hit = match (record.outcome.is_success(), self.key) {
            (true, Some(key)) => hit.next(format!(
                "If nobody planned this, put the policy before back: aws kms put-key-policy --policy-name default --policy file://policy.json --key-id {}",
                key_argument(key)
            )),
            _ => hit,
        };
        hit.next(events_of_key(self.key, record, 24))
    }
}

/// Who is at home with a key of this record's account.
pub fn home_of<'r>(record: &'r Record<'_>, configuration: &'r Configuration) -> Home<'r> {
    Home {
        owner: &record.account,
        accounts: &configuration.organisation.accounts,
        organisations: &configuration.organisation.ids,
    }
}

/// Whom a policy lets in from outside to do more than look, one entry a party and statement.
pub fn outsiders(policy: &Policy, home: &Home<'_>) -> Vec<ExternalAllow> {
    let mut all = external_principals(policy, home);
    all.retain(|allow| {
        let is_told_elsewhere = match allow.party {
            Party::Everyone | Party::Unrecognised(_) => true,
            // AWS writes a unique id for a principal of whatever account that is gone, and takes it back with the next
            // policy. In a condition it stands because somebody wrote it.
            Party::UniqueId(_) => matches!(allow.principal, Principal::UniqueId(_)),
            _ => false,
        };
        !is_told_elsewhere && !allow.actions.beyond_discovery().is_empty()
    });
    all
}

/// A party as it is remembered.
pub fn cut_party(party: &Party) -> String {
    cut(&party.to_string()).to_owned()
}

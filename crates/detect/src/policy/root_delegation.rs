//! Whether a policy delegates to its account (its root ARN or its bare id), so that IAM policies can hand out the
//! permission to change it.

use std::fmt;

use super::caller::Caller;
use super::certainty::Certainty;
use super::document::{Effect, Policy, StatementName};
use super::policy_denial::{certain_denial, sparing_denial};
use super::principal::Principal;

/// Whether the policy leaves the key in the hands of its account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootDelegation {
    /// The account may change the policy, under no condition that could fail.
    Whole(StatementName),
    /// Only under a condition that is not certain to hold.
    Conditional(StatementName),
    /// It is allowed, and denied again.
    Denied {
        /// The statement that allows it.
        allowed_by: StatementName,
        /// The statement that denies it.
        denied_by: StatementName,
    },
    /// It is allowed, and denied again to all but whom a condition spares.
    DeniedUnless {
        /// The statement that allows it.
        allowed_by: StatementName,
        /// The statement that denies it.
        denied_by: StatementName,
    },
    /// The account is let in, but may not change the policy.
    WithoutPutKeyPolicy(StatementName),
    /// The account is not let in.
    Missing,
}

impl RootDelegation {
    /// Whether the account certainly keeps the key.
    pub fn is_whole(&self) -> bool {
        matches!(self, Self::Whole(_))
    }
}

impl fmt::Display for RootDelegation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(name) => write!(formatter, "{name} lets the account change the policy"),
            Self::Conditional(name) => write!(
                formatter,
                "{name} lets the account change the policy on a condition"
            ),
            Self::Denied {
                allowed_by,
                denied_by,
            } => {
                write!(
                    formatter,
                    "{allowed_by} lets the account change the policy, {denied_by} denies it"
                )
            }
            Self::DeniedUnless {
                allowed_by,
                denied_by,
            } => {
                write!(
                    formatter,
                    "{allowed_by} lets the account change the policy, {denied_by} denies it to all but some of its callers"
                )
            }
            Self::WithoutPutKeyPolicy(name) => {
                write!(
                    formatter,
                    "{name} lets the account in without kms:PutKeyPolicy"
                )
            }
            Self::Missing => formatter.write_str("no statement lets the account in"),
        }
    }
}

/// Whether the account may change the policy: the best that any one statement gives.
pub fn root_delegation(policy: &Policy, owner_account: &str) -> RootDelegation {
    let root = Principal::Account(owner_account.to_owned());
    let caller = Caller::of(&root);
    let (mut conditional, mut denied, mut without) = (None, None, None);
    for statement in policy.with_effect(Effect::Allow) {
        if !statement.covers_key() || !statement.principals.reach(&root) {
            continue;
        }
        let certainty = caller.certainty_of_all(&statement.conditions);
        let name = || statement.name.clone();
        if certainty == Certainty::Fails || statement.actions.is_empty() {
            continue;
        } else if !statement.covers_put_key_policy() {
            without.get_or_insert_with(|| RootDelegation::WithoutPutKeyPolicy(name()));
        } else if let Some(denial) = certain_denial(policy, &caller) {
            let denied_by = denial.name.clone();
            denied.get_or_insert_with(|| RootDelegation::Denied {
                allowed_by: name(),
                denied_by,
            });
        } else if let Some(denial) = sparing_denial(policy, &caller) {
            let denied_by = denial.name.clone();
            conditional.get_or_insert_with(|| RootDelegation::DeniedUnless {
                allowed_by: name(),
                denied_by,
            });
        } else if certainty == Certainty::Holds {
            return RootDelegation::Whole(name());
        } else {
            conditional.get_or_insert_with(|| RootDelegation::Conditional(name()));
        }
    }
    conditional
        .or(denied)
        .or(without)
        .unwrap_or(RootDelegation::Missing)
}

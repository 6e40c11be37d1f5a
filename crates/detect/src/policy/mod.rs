//! Key policies: what one policy says, and how two differ.
//!
//! The input is the text of a policy as CloudTrail carries it (`requestParameters.policy` of PutKeyPolicy and
//! CreateKey, a JSON string); the answers are statements and words, so that a finding can show its evidence.
//!
//! ```
//! use keytrail_detect::policy::{Policy, lockout, public_access, root_delegation};
//!
//! let policy = Policy::parse(r#"{"Statement": [
//!     {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"}, "Action": "kms:*", "Resource": "*"},
//!     {"Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*",
//!      "Condition": {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}}]}"#)?;
//!
//! assert!(root_delegation(&policy, "111111111111").is_whole());
//! assert!(lockout(&policy, "111111111111", None).is_empty());
//! assert_eq!(public_access(&policy)[0].statement.index, 1);
//! # Ok::<(), keytrail_detect::policy::PolicyError>(())
//! ```
//!
//! # How doubt is settled
//! Whatever cannot be proven to close a policy leaves it open. So a principal, an action or an effect is read as the
//! widest thing it could mean, a condition closes only where all its values name accounts, principals, organisations
//! or places, and a `Deny` counts only where it certainly reaches everybody else. Two properties hold and are tested:
//! adding a `Deny` never widens what a policy lets in, and removing a condition from an `Allow` never narrows it.
//!
//! # What is not here
//! IAM policies, service control policies, grants and VPC endpoint policies also decide about a call and are not
//! known here: the answers are about what the key policy itself says. There is no I/O, no clock and no state.

mod account_wide;
mod action;
mod address_ranges;
mod administrators;
mod binding;
mod caller;
mod certainty;
mod change;
mod closing;
mod condition;
mod denied;
mod digest;
mod document;
mod error;
mod evaluate;
mod every_key;
mod home;
mod lockout;
mod may_use;
mod named_parties;
mod party;
mod policy_denial;
mod principal;
mod resources;
mod root_delegation;
mod service_use;
#[cfg(test)]
mod tests;
mod use_denied;

pub use account_wide::lets_in_whole_account;
pub use action::{ActionClass, ActionSet};
pub use administrators::{Administrator, Standing, administrators};
pub use change::{Change, ChangeKind, diff};
pub use condition::Condition;
pub use digest::{DIGEST_BYTES_MAX, Digest, digest};
pub use document::{
    Effect, IAM_POLICY_BYTES_MAX, POLICY_BYTES_MAX, Policy, STATEMENTS_MAX, Statement,
    StatementName,
};
pub use error::PolicyError;
pub use evaluate::{ExternalAllow, PublicStatement, external_principals, public_access};
pub use every_key::{EveryKeyAllow, allows_on_every_key, opening_actions};
pub use home::Home;
pub use lockout::{LockoutReason, lockout};
pub use may_use::may_use;
pub use party::Party;
pub use principal::{Principal, Principals};
pub use root_delegation::{RootDelegation, root_delegation};
pub use service_use::lets_service_in;
pub use use_denied::{UseDenial, use_denials};

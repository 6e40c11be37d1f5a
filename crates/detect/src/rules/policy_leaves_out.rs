//! Whether a policy leaves out somebody who uses the key, where the policy before is not known.

use keytrail_event::Record;
use keytrail_event::arn::Arn;
use keytrail_event::time::DAY_SECONDS;

use super::Light;
use super::caller::is_aws_principal;
use super::day::KeyUse;
use super::grant_ledger::OpenGrant;
use crate::policy::{ActionClass, ActionSet, Policy, Principal, may_use, use_denials};

/// Days before the policy in which a use counts.
pub const USED_DAYS: i64 = 28;

/// A use of the key by a user or role of its account, other than the caller, whom this policy denies the key, or does
/// not let in and no open grant that was seen either. A policy that was always like this names those who use its key; one
/// that takes the key away does not.
pub fn left_out(
    policy: &Policy,
    record: &Record<'_>,
    key: &str,
    light: &Light<'_>,
) -> Option<KeyUse> {
    let caller = Principal::from_aws(record.principal());
    let is_of_account =
        |arn: &str| Arn::parse(arn).is_some_and(|arn| *arn.account == *record.account);
    let has_grant = |arn: &str| {
        let mut grants = light.past.grants.by_hand_on(key);
        grants.any(|grant| grant.is_grantee(arn) == Some(true) && is_of_use(grant))
    };
    let denials = use_denials(policy, record.time);
    let is_denied = |arn: &str| denials.iter().any(|denial| denial.shuts_out(arn));
    let is_left_out = |principal: &str| {
        is_of_account(principal)
            && !is_aws_principal(principal)
            && !Principal::from_aws(principal).is_same_identity(&caller)
            && (is_denied(principal) || !(may_use(policy, principal) || has_grant(principal)))
    };
    let since = record.time.plus_seconds(-USED_DAYS * DAY_SECONDS);
    let between = (since, record.time);
    light
        .uses
        .first_use_by(key, &is_left_out, between, light.past)
}

/// Whether the grant lets its grantee use the key, not only look at it or hand it on.
fn is_of_use(grant: &OpenGrant) -> bool {
    let is_use = |operation: &String| {
        let action = ActionSet::matching(&format!("kms:{operation}"));
        action.classes().contains(&ActionClass::Crypto)
    };
    grant.operations.iter().any(is_use)
}

//! Whether anybody will be left who can change a policy.
//!
//! A key whose policy nobody can change is lost to its owner, and a key whose policy only an intruder can change is
//! held to ransom. What counts is `kms:PutKeyPolicy`, and whether the policy delegates to the account. It is answered
//! for one policy; whether the answer is new is for the rule, which knows the policy before.

use std::fmt;

use super::administrators::{Administrator, Standing, administrators};
use super::document::{Policy, shown};
use super::principal::Principal;
use super::root_delegation::{RootDelegation, root_delegation};

/// A way in which a policy may lock its owner out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockoutReason {
    /// The account itself cannot be sure to change the policy.
    RootDelegationMissing(RootDelegation),
    /// Nobody can change the policy.
    NoAdministrator,
    /// Whoever calls is the only one who can change the policy.
    CallerOnlyAdministrator(Administrator),
    /// Whoever calls is the only one who can be sure to change the policy; a condition decides about the others.
    CallerOnlyCertainAdministrator(Administrator),
    /// Only principals of other accounts can change the policy.
    OnlyForeignAdministrators(Vec<Administrator>),
}

impl fmt::Display for LockoutReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RootDelegationMissing(delegation) => delegation.fmt(formatter),
            Self::NoAdministrator => formatter.write_str("nobody may change the policy"),
            Self::CallerOnlyAdministrator(caller) => {
                let who = shown(&caller.principal.to_string());
                write!(
                    formatter,
                    "by {} the caller, {who}, is the only one who may change the policy",
                    caller.statement
                )
            }
            Self::CallerOnlyCertainAdministrator(caller) => {
                let who = shown(&caller.principal.to_string());
                write!(
                    formatter,
                    "by {} the caller, {who}, may change the policy, and others only on a condition",
                    caller.statement
                )
            }
            Self::OnlyForeignAdministrators(administrators) => {
                let who: Vec<String> = administrators
                    .iter()
                    .map(|one| one.principal.to_string())
                    .collect();
                write!(
                    formatter,
                    "only other accounts may change the policy: {}",
                    shown(&who.join(", "))
                )
            }
        }
    }
}

/// Every way in which the policy may lock its owner out; empty where the account certainly keeps the key.
///
/// `caller_principal_arn` is the ARN of whoever puts the policy, a role's or its session's.
pub fn lockout(
    policy: &Policy,
    owner_account: &str,
    caller_principal_arn: Option<&str>,
) -> Vec<LockoutReason> {
    let delegation = root_delegation(policy, owner_account);
    if delegation.is_whole() {
        return Vec::new();
    }
    let mut reasons = vec![LockoutReason::RootDelegationMissing(delegation)];
    let administrators = administrators(policy);
    let caller = caller_principal_arn
        .map(Principal::from_aws)
        .filter(|one| matches!(one, Principal::Identity { .. }));
    let is_foreign = |one: &Administrator| {
        one.principal
            .account()
            .is_some_and(|account| account != owner_account)
    };
    let is_caller = |one: &Administrator| {
        let caller = caller.as_ref();
        caller.is_some_and(|caller| caller.is_same_identity(&one.principal))
    };
    // A condition on the account itself is the delegation's, which is told already.
    let is_named = |one: &Administrator| {
        one.standing == Standing::Conditional && matches!(one.principal, Principal::Identity { .. })
    };
    match administrators.as_slice() {
        [] => reasons.push(LockoutReason::NoAdministrator),
        [only] if is_caller(only) => {
            reasons.push(LockoutReason::CallerOnlyAdministrator(only.clone()));
        }
        several => {
            let is_certain =
                |one: &&Administrator| is_caller(one) && one.standing == Standing::Unconditional;
            let is_alone = several.iter().all(|one| is_caller(one) || is_named(one));
            if let Some(caller) = several.iter().find(is_certain).filter(|_| is_alone) {
                reasons.push(LockoutReason::CallerOnlyCertainAdministrator(
                    caller.clone(),
                ));
            }
        }
    }
    if !administrators.is_empty() && administrators.iter().all(is_foreign) {
        reasons.push(LockoutReason::OnlyForeignAdministrators(administrators));
    }
    reasons
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const OWNER: &str = "111111111111";

    fn policy(statements: &str) -> Policy {
        Policy::parse(&format!(r#"{{"Statement": [{statements}]}}"#)).unwrap()
    }

    const ROOT: &str = r#"{"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "kms:*", "Resource": "*"}"#;
    const ADMIN: &str = r#"{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:role/ops/Admin"},
        "Action": "kms:Put*", "Resource": "*"}"#;

    #[test]
    fn the_only_administrator_is_known_by_role_and_by_session() {
        let alone = policy(ADMIN);
        for caller in [
            "arn:aws:iam::111111111111:role/ops/Admin",
            "arn:aws:sts::111111111111:assumed-role/Admin/me",
        ] {
            let reasons = lockout(&alone, OWNER, Some(caller));
            assert!(
                matches!(reasons[1], LockoutReason::CallerOnlyAdministrator(_)),
                "{caller} {reasons:?}"
            );
        }
        let other = "arn:aws:sts::111111111111:assumed-role/Other/me";
        assert_eq!(lockout(&alone, OWNER, Some(other)).len(), 1);
        assert_eq!(
            lockout(&alone, OWNER, None),
            [LockoutReason::RootDelegationMissing(
                RootDelegation::Missing
            )]
        );
        assert!(lockout(&policy(&format!("{ROOT}, {ADMIN}")), OWNER, Some(other)).is_empty());
    }

    #[test]
    fn others_on_a_condition_leave_the_caller_alone_with_certainty() {
        let caller = Some("arn:aws:sts::111111111111:assumed-role/Admin/me");
        let check = |principal: &str, condition: &str, is_alone: bool| {
            let other = format!(
                r#"{{"Effect": "Allow", "Principal": {{"AWS": "{principal}"}}, "Action": "kms:*", "Resource": "*", "Condition": {condition}}}"#
            );
            let found = lockout(&policy(&format!("{ADMIN}, {other}")), OWNER, caller);
            let told = found
                .iter()
                .any(|reason| matches!(reason, LockoutReason::CallerOnlyCertainAdministrator(_)));
            assert_eq!(told, is_alone, "{principal} {condition}: {found:?}");
        };
        let ghost = "arn:aws:iam::111111111111:role/ghost";
        let never = r#"{"Bool": {"aws:SecureTransport": "false"}}"#;
        check(ghost, never, true);
        check(ghost, "{}", false);
        check(
            ghost,
            r#"{"StringEquals": {"kms:CallerAccount": "111111111111"}}"#,
            false,
        );
        check(OWNER, never, false);
    }

    #[test]
    fn a_deny_for_all_but_one_role_leaves_that_role_alone() {
        let deny = r#"{"Effect": "Deny", "Principal": "*", "Action": "kms:PutKeyPolicy", "Resource": "*", "Condition":
            {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::111111111111:role/Intruder"}}}"#;
        let policy = policy(&format!("{ROOT}, {deny}"));
        let delegation = root_delegation(&policy, OWNER);
        assert_eq!(
            delegation.to_string(),
            "statement 1 lets the account change the policy, statement 2 denies it"
        );
        let reasons = lockout(
            &policy,
            OWNER,
            Some("arn:aws:sts::111111111111:assumed-role/Intruder/x"),
        );
        assert!(
            matches!(reasons[1], LockoutReason::CallerOnlyAdministrator(_)),
            "{reasons:?}"
        );
        assert_eq!(
            reasons[1].to_string(),
            "by statement 1 the caller, arn:aws:iam::111111111111:role/Intruder, is the only one who may change the policy"
        );
    }

    #[test]
    fn a_deny_for_all_but_one_id_or_network_takes_the_delegation() {
        let check = |condition: &str, is_whole: bool| {
            let deny = format!(
                r#"{{"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*", "Condition": {condition}}}"#
            );
            let found = root_delegation(&policy(&format!("{ROOT}, {deny}")), OWNER);
            assert_eq!(found.is_whole(), is_whole, "{condition}: {found}");
        };
        check(
            r#"{"StringNotLike": {"aws:userid": "AIDAEXAMPLEEXAMPLE12"}}"#,
            false,
        );
        check(
            r#"{"StringNotEquals": {"aws:PrincipalTag/owner": "me"}}"#,
            false,
        );
        check(
            r#"{"NotIpAddress": {"aws:SourceIp": "192.0.2.10/32"}}"#,
            false,
        );
        check(
            r#"{"StringNotEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}"#,
            false,
        );
        check(r#"{"Bool": {"aws:PrincipalIsAWSService": "false"}}"#, false);
        check(
            r#"{"StringNotEquals": {"kms:CallerAccount": "999999999999", "aws:userid": "AIDAEXAMPLEEXAMPLE12"}}"#,
            false,
        );
        // The data perimeter: everybody outside the organisation is denied.
        check(
            r#"{"StringNotEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}"#,
            true,
        );
        check(
            r#"{"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}, "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}"#,
            true,
        );
        check(
            r#"{"StringNotEquals": {"kms:CallerAccount": "111111111111", "aws:userid": "AIDAEXAMPLEEXAMPLE12"}}"#,
            true,
        );
        check(
            r#"{"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}"#,
            true,
        );
        check(r#"{"Bool": {"aws:SecureTransport": "false"}}"#, true);
        check(
            r#"{"StringEquals": {"aws:PrincipalTag/team": "interns"}}"#,
            true,
        );
    }
}

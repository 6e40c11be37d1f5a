//! Who may change the policy, and whether anybody will be left who can.
//!
//! A key whose policy nobody can change is lost to its owner, and a key whose policy only an intruder can change is
//! held to ransom. What counts is `kms:PutKeyPolicy`, and whether the policy delegates to the account (its root ARN
//! or its bare id), so that IAM policies can hand the permission out. Both are answered for one policy; whether the
//! answer is new is for the rule, which knows the policy before.

use std::fmt;

use super::certainty::{Caller, Certainty, certainty_of_all};
use super::condition::Condition;
use super::document::{Effect, Policy, Statement, StatementName, shown};
use super::principal::{Principal, Principals};

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
    let caller = caller_of(&root);
    let (mut conditional, mut denied, mut without) = (None, None, None);
    for statement in policy.with_effect(Effect::Allow) {
        if !statement.covers_every_resource() || !statement.principals.reach(&root) {
            continue;
        }
        let certainty = certainty_of_all(&statement.conditions, caller.as_ref());
        let name = || statement.name.clone();
        if certainty == Certainty::Fails || statement.actions.is_empty() {
            continue;
        } else if !statement.covers_put_key_policy() {
            without.get_or_insert_with(|| RootDelegation::WithoutPutKeyPolicy(name()));
        } else if let Some(denial) = certain_denial(policy, &root, caller.as_ref()) {
            let denied_by = denial.name.clone();
            denied.get_or_insert_with(|| RootDelegation::Denied {
                allowed_by: name(),
                denied_by,
            });
        } else if let Some(denial) = sparing_denial(policy, &root, caller.as_ref()) {
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

/// Somebody who may change the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Administrator {
    /// Who: an account stands for everyone to whom its IAM policies give the permission.
    pub principal: Principal,
    /// The first statement that allows it.
    pub statement: StatementName,
    /// Whether they certainly can, or only under a condition.
    pub standing: Standing,
}

/// How certain a permission is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// No condition stands in the way that could fail.
    Unconditional,
    /// A condition decides.
    Conditional,
}

/// Everybody who may change the policy, each once: a role and its sessions are one, AWS services are left out, and so
/// is whomever a `Deny` certainly reaches. Somebody whom such a `Deny` spares by name counts where an `Allow` reaches
/// them, be it through their account.
pub fn administrators(policy: &Policy) -> Vec<Administrator> {
    let mut found: Vec<Administrator> = Vec::new();
    for principal in candidates(policy) {
        let caller = caller_of(&principal);
        if found
            .iter()
            .any(|known| known.principal.is_same_identity(&principal))
            || certain_denial(policy, &principal, caller.as_ref()).is_some()
        {
            continue;
        }
        let allows = policy.with_effect(Effect::Allow).filter(|statement| {
            statement.covers_put_key_policy()
                && statement.covers_every_resource()
                && statement.principals.reach(&principal)
        });
        let standings = allows.filter_map(|statement| {
            match certainty_of_all(&statement.conditions, caller.as_ref()) {
                Certainty::Holds => Some((Standing::Unconditional, statement)),
                Certainty::Unknown => Some((Standing::Conditional, statement)),
                Certainty::Fails => None,
            }
        });
        if let Some((standing, statement)) = standings.min_by_key(|(standing, _)| *standing) {
            found.push(Administrator {
                principal,
                statement: statement.name.clone(),
                standing,
            });
        }
    }
    found
}

/// Whoever is named where it matters: allowed to change the policy, or spared by a denial of it.
fn candidates(policy: &Policy) -> Vec<Principal> {
    let mut candidates = Vec::new();
    for statement in policy
        .statements()
        .iter()
        .filter(|statement| statement.covers_put_key_policy())
    {
        match (statement.effect, &statement.principals) {
            (Effect::Allow, Principals::These(principals)) => {
                candidates.extend(principals.iter().cloned());
            }
            (Effect::Allow, Principals::AllBut(_)) => candidates.push(Principal::Everyone),
            (Effect::Deny, Principals::These(_)) => {}
            (Effect::Deny, Principals::AllBut(principals)) => {
                candidates.extend(principals.iter().cloned());
            }
        }
        if statement.effect == Effect::Deny {
            let arns = statement
                .conditions
                .iter()
                .flat_map(|condition| condition.spared_principal_arns());
            candidates.extend(arns.map(|arn| Principal::from_aws(arn)));
        }
    }
    candidates.retain(|candidate| {
        !matches!(
            candidate,
            Principal::Service(_) | Principal::Unrecognised(_)
        )
    });
    candidates.sort();
    candidates.dedup();
    candidates
}

/// A `Deny` of `kms:PutKeyPolicy` that certainly speaks of the principal.
fn certain_denial<'a>(
    policy: &'a Policy,
    principal: &Principal,
    caller: Option<&Caller<'_>>,
) -> Option<&'a Statement> {
    denial(policy, principal, |statement| {
        certainty_of_all(&statement.conditions, caller) == Certainty::Holds
    })
}

/// A `Deny` of `kms:PutKeyPolicy` that speaks of the principal and passes by callers whom it names by what the account
/// does not decide alone: an id, a tag, a network, a service. Passing by an organisation or an account shuts out others.
fn sparing_denial<'a>(
    policy: &'a Policy,
    principal: &Principal,
    caller: Option<&Caller<'_>>,
) -> Option<&'a Statement> {
    let is_met = |condition: &Condition| {
        condition.singles_out()
            || caller.is_some_and(|caller| condition.certainty(caller) == Certainty::Holds)
    };
    denial(policy, principal, |statement| {
        statement.conditions.iter().all(is_met)
    })
}

/// A `Deny` of `kms:PutKeyPolicy` for the principal, of whose conditions this is so.
fn denial<'a>(
    policy: &'a Policy,
    principal: &Principal,
    is_met: impl Fn(&Statement) -> bool,
) -> Option<&'a Statement> {
    policy.with_effect(Effect::Deny).find(|statement| {
        statement.covers_put_key_policy()
            && statement.covers_every_resource()
            && statement.principals.reach(principal)
            && is_met(statement)
    })
}

/// What is known of a principal when it calls.
fn caller_of(principal: &Principal) -> Option<Caller<'_>> {
    let arn = principal.principal_arn();
    principal.account().map(|account| Caller { account, arn })
}

/// A way in which a policy may lock its owner out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockoutReason {
    /// The account itself cannot be sure to change the policy.
    RootDelegationMissing(RootDelegation),
    /// Nobody can change the policy.
    NoAdministrator,
    /// Whoever calls is the only one who can change the policy.
    CallerOnlyAdministrator(Administrator),
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
    match administrators.as_slice() {
        [] => reasons.push(LockoutReason::NoAdministrator),
        [only] if caller.is_some_and(|caller| caller.is_same_identity(&only.principal)) => {
            reasons.push(LockoutReason::CallerOnlyAdministrator(only.clone()));
        }
        _ => {}
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

    #[test]
    fn administrators_are_counted_once_with_their_best_standing() {
        let conditional = r#"{"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::111111111111:role/ops/Admin",
            "arn:aws:iam::111111111111:user/ann"], "Service": "s3.amazonaws.com"}, "Action": "*", "Resource": "*",
            "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}"#;
        let found = administrators(&policy(&format!("{conditional}, {ADMIN}")));
        let standings: Vec<Standing> = found.iter().map(|one| one.standing).collect();
        assert_eq!(standings, [Standing::Unconditional, Standing::Conditional]);
    }
}

//! Who may change a policy: whom it lets call `kms:PutKeyPolicy`, each with how certain that is.

use super::action::ActionSet;
use super::caller::Caller;
use super::certainty::Certainty;
use super::document::{Effect, Policy, StatementName};
use super::policy_denial::certain_denial;
use super::principal::{Principal, Principals};

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
        let caller = Caller::of(&principal);
        if found
            .iter()
            .any(|known| known.principal.is_same_identity(&principal))
            || certain_denial(policy, &caller).is_some()
        {
            continue;
        }
        let allows = policy
            .with_effect(Effect::Allow)
            .filter(|statement| statement.is_about(ActionSet::PUT_KEY_POLICY, &caller));
        let standings = allows.filter_map(|statement| {
            let standing = match caller.certainty_of_all(&statement.conditions) {
                Certainty::Holds => Standing::Unconditional,
                Certainty::Unknown => Standing::Conditional,
                Certainty::Fails => return None,
            };
            Some((standing, statement))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn administrators_are_counted_once_with_their_best_standing() {
        let conditional = r#"{"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::111111111111:role/ops/Admin",
            "arn:aws:iam::111111111111:user/ann"], "Service": "s3.amazonaws.com"}, "Action": "*", "Resource": "*",
            "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}"#;
        let admin = r#"{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:role/ops/Admin"},
            "Action": "kms:Put*", "Resource": "*"}"#;
        let text = format!(r#"{{"Statement": [{conditional}, {admin}]}}"#);
        let policy = Policy::parse(&text).unwrap();
        let found = administrators(&policy);
        let standings: Vec<Standing> = found.iter().map(|one| one.standing).collect();
        assert_eq!(standings, [Standing::Unconditional, Standing::Conditional]);
    }
}

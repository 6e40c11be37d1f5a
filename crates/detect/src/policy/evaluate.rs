//! Who outside may come in: the world, and other accounts.

use std::collections::BTreeMap;

use super::action::{ActionClass, ActionSet};
use super::condition::Condition;
use super::denied::Denials;
use super::document::{Effect, Policy, Statement, StatementName};
use super::home::Home;
use super::party::{Enclosure, Party, Shield, enclosures_of_conditions, foreign_parties};
use super::principal::{Principal, Principals};

/// How many conditions a sentence repeats.
const CONDITIONS_SHOWN_MAX: usize = 3;

/// An `Allow` statement that lets the whole world do more than look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicStatement {
    /// Which statement.
    pub statement: StatementName,
    /// What everyone may do; discovery is left out.
    pub actions: ActionSet,
    /// The classes of these actions, the most dangerous first.
    pub classes: Vec<ActionClass>,
    /// The evidence in words.
    pub text: String,
}

/// The statements that let everyone use, hand on or administer the key.
///
/// A statement is public when its principals include everyone and, for at least one action that does more than look,
/// neither a condition of its own nor a `Deny` provably closes it. Conditions that close are named in
/// [`Party`]; `aws:SourceIp` and the VPC keys close partly: they bind the place, not the account, and a range is
/// narrow enough up to a /8 (IPv6: a /32). `kms:ViaService` and `kms:GrantIsForAWSResource` alone close nothing.
/// Which account owns the key makes no difference, nor does what `Resource` says: the statement is a word away from an
/// open one, and KMS takes that word with the next policy.
pub fn public_access(policy: &Policy) -> Vec<PublicStatement> {
    let shield = Shield::of(policy);
    let open = policy
        .with_effect(Effect::Allow)
        .filter(|statement| statement.principals.include_everyone());
    open.filter_map(|statement| public_statement(statement, &shield))
        .collect()
}

fn public_statement(statement: &Statement, shield: &Shield) -> Option<PublicStatement> {
    if !enclosures_of_conditions(&statement.conditions).is_empty() {
        return None;
    }
    let groups = shield.over(statement.actions.beyond_discovery());
    let unshielded = groups.filter(|(_, enclosures)| enclosures.is_empty());
    let actions = unshielded.fold(ActionSet::NONE, |all, (actions, _)| all.union(actions));
    if actions.is_empty() {
        return None;
    }
    let whom = match &statement.principals {
        Principals::These(_) => "everyone",
        Principals::AllBut(_) => "everyone whom NotPrincipal does not name",
    };
    let name = &statement.name;
    let text = match statement.conditions.as_slice() {
        [] => format!("{name} allows {whom} {actions}, without a condition"),
        conditions => format!(
            "{name} allows {whom} {actions}; {}",
            do_not_close(conditions)
        ),
    };
    Some(PublicStatement {
        statement: name.clone(),
        actions,
        classes: actions.classes(),
        text,
    })
}

fn do_not_close(conditions: &[Condition]) -> String {
    let shown: Vec<String> = conditions
        .iter()
        .take(CONDITIONS_SHOWN_MAX)
        .map(Condition::to_string)
        .collect();
    let verb = if conditions.len() == 1 { "does" } else { "do" };
    format!("{} {verb} not close it", shown.join(" and "))
}

/// Somebody outside whom an `Allow` statement lets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalAllow {
    /// Which statement.
    pub statement: StatementName,
    /// Who is let in, as far as principals, conditions and denials tell.
    pub party: Party,
    /// The principal of the statement through which they are let in.
    pub principal: Principal,
    /// What they may do, discovery included.
    pub actions: ActionSet,
    /// The classes of these actions, the most dangerous first.
    pub classes: Vec<ActionClass>,
    /// The evidence in words.
    pub text: String,
}

/// Everybody outside the key's account and organisation whom the policy lets in.
///
/// Accounts and organisations are outside unless they are at `home`; federated identities, canonical users and unique
/// ids always are; AWS services never. A statement for everyone whose conditions name accounts counts as those
/// accounts. Where the conditions name an organisation or a network, the party is just that; where nothing closes it,
/// the party is everyone. What a `Deny` without a condition takes from a named account, or from the very principal that
/// is allowed, is not told.
pub fn external_principals(policy: &Policy, home: &Home<'_>) -> Vec<ExternalAllow> {
    let (shield, denials) = (Shield::of(policy), Denials::of(policy));
    let mut found = Vec::new();
    for statement in policy.with_effect(Effect::Allow) {
        let conditions = enclosures_of_conditions(&statement.conditions);
        let groups: Vec<_> = shield.over(statement.actions).collect();
        for principal in named_principals(statement) {
            let own = Enclosure::from([Party::of_principal(principal)]);
            if own.iter().all(|party| home.holds(party)) {
                continue;
            }
            let mut parties: BTreeMap<Party, ActionSet> = BTreeMap::new();
            for (actions, shielded) in &groups {
                let enclosures = std::iter::once(&own).chain(&conditions).chain(*shielded);
                for party in foreign_parties(enclosures, home) {
                    let left = actions.minus(denials.to(&party, principal));
                    if !left.is_empty() {
                        let all = parties.entry(party).or_default();
                        *all = all.union(left);
                    }
                }
            }
            let allows = parties
                .into_iter()
                .map(|(party, actions)| external_allow(statement, principal, party, actions));
            found.extend(allows);
        }
    }
    found
}

/// The principals of an `Allow`; one that names everyone but a few names everyone.
fn named_principals(statement: &Statement) -> &[Principal] {
    const EVERYONE: &[Principal] = &[Principal::Everyone];
    match &statement.principals {
        _ if statement.principals.include_everyone() => EVERYONE,
        Principals::These(principals) | Principals::AllBut(principals) => principals,
    }
}

fn external_allow(
    statement: &Statement,
    principal: &Principal,
    party: Party,
    actions: ActionSet,
) -> ExternalAllow {
    let name = &statement.name;
    let through = match principal {
        Principal::Identity { arn, .. } => format!(" as {}", super::document::shown(arn)),
        _ => String::new(),
    };
    let under = match statement.conditions.len() {
        0 => "without a condition".to_owned(),
        1 => format!("if {}", statement.conditions[0]),
        more => format!("under {more} conditions"),
    };
    ExternalAllow {
        statement: name.clone(),
        text: format!("{name} allows {party}{through} {actions}, {under}"),
        party,
        principal: principal.clone(),
        actions,
        classes: actions.classes(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn evidence_names_statement_actions_and_conditions() {
        let text = r#"{"Statement": [{"Sid": "Use", "Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt",
            "Resource": "*", "Condition": {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}}]}"#;
        let found = public_access(&Policy::parse(text).unwrap());
        assert_eq!(
            found[0].text,
            "statement 1 (\"Use\") allows everyone kms:Decrypt; stringequals kms:viaservice \
             s3.eu-west-1.amazonaws.com does not close it"
        );
        assert_eq!(found[0].classes, [ActionClass::Crypto]);
    }

    #[test]
    fn an_account_in_a_condition_is_let_in() {
        let text = r#"{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*",
            "Condition": {"StringEquals": {"kms:CallerAccount": ["111111111111", "222222222222"]}}}]}"#;
        let found = external_principals(
            &Policy::parse(text).unwrap(),
            &Home::of_owner("111111111111"),
        );
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].party, Party::Account("222222222222".to_owned()));
        assert_eq!(
            found[0].text,
            "statement 1 allows account 222222222222 kms:Decrypt, if stringequals kms:calleraccount 111111111111, \
             222222222222"
        );
    }
}

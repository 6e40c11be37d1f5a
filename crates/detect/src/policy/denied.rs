//! Named parties that a `Deny` shuts out, whatever else lets them in.

use super::action::ActionSet;
use super::document::{Effect, Policy, Statement};
use super::party::Party;
use super::principal::{Principal, Principals};

/// The `Deny` statements that are sure to hold for whom they name: on every key, with no condition.
#[derive(Debug)]
pub(super) struct Denials<'p> {
    statements: Vec<(&'p [Principal], ActionSet)>,
}

impl<'p> Denials<'p> {
    pub(super) fn of(policy: &'p Policy) -> Self {
        let statements = policy.with_effect(Effect::Deny).filter_map(named);
        Self {
            statements: statements.collect(),
        }
    }

    /// What is denied to a party that comes in through this principal of an `Allow`.
    ///
    /// A denied account is everybody in it (IAM User Guide, AWS JSON policy elements: Principal). A denied user, role or session is
    /// just that, so it must be the one that is allowed, to the letter.
    pub(super) fn to(&self, party: &Party, through: &Principal) -> ActionSet {
        let is_shut_out = |denied: &Principal| match denied {
            Principal::Account(account) => {
                matches!(party, Party::Account(known) if known == account)
            }
            Principal::Everyone => false,
            other => other == through,
        };
        let shutting = self
            .statements
            .iter()
            .filter(|(principals, _)| principals.iter().any(is_shut_out));
        shutting.fold(ActionSet::NONE, |all, (_, actions)| all.union(*actions))
    }
}

fn named(statement: &Statement) -> Option<(&[Principal], ActionSet)> {
    match &statement.principals {
        Principals::These(principals)
            if statement.conditions.is_empty() && statement.covers_key() =>
        {
            Some((principals, statement.actions))
        }
        _ => None,
    }
}

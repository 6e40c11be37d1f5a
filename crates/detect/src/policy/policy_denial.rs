//! Denials of `kms:PutKeyPolicy`: whom they certainly keep from changing the policy.

use super::certainty::{Caller, Certainty, certainty_of_all};
use super::condition::Condition;
use super::document::{Effect, Policy, Statement};
use super::principal::Principal;

/// A `Deny` of `kms:PutKeyPolicy` that certainly speaks of the principal.
pub(super) fn certain_denial<'a>(
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
pub(super) fn sparing_denial<'a>(
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
            && statement.covers_key()
            && statement.principals.reach(principal)
            && is_met(statement)
    })
}

/// What is known of a principal when it calls.
pub(super) fn caller_of(principal: &Principal) -> Option<Caller<'_>> {
    let arn = principal.principal_arn();
    principal.account().map(|account| Caller { account, arn })
}

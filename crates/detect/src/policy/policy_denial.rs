//! Denials of `kms:PutKeyPolicy`: whom they certainly keep from changing the policy.

use super::action::ActionSet;
use super::caller::Caller;
use super::certainty::Certainty;
use super::condition::Condition;
use super::document::{Effect, Policy, Statement};

/// A `Deny` of `kms:PutKeyPolicy` that certainly speaks of the caller.
pub(super) fn certain_denial<'a>(policy: &'a Policy, caller: &Caller<'_>) -> Option<&'a Statement> {
    denials(policy, caller).find(|denial| caller.meets(&denial.conditions, |_| false))
}

/// A `Deny` of `kms:PutKeyPolicy` that speaks of the caller and passes by callers whom it names by what the account
/// does not decide alone: an id, a tag, a network, a service. Passing by an organisation or an account shuts out others.
pub(super) fn sparing_denial<'a>(policy: &'a Policy, caller: &Caller<'_>) -> Option<&'a Statement> {
    let is_met = |condition: &Condition| {
        condition.singles_out() || condition.certainty(caller) == Certainty::Holds
    };
    denials(policy, caller).find(|denial| denial.conditions.iter().all(is_met))
}

/// The `Deny` statements of `kms:PutKeyPolicy` that speak of the caller.
fn denials<'a>(policy: &'a Policy, caller: &Caller<'_>) -> impl Iterator<Item = &'a Statement> {
    policy
        .with_effect(Effect::Deny)
        .filter(|statement| statement.is_about(ActionSet::PUT_KEY_POLICY, caller))
}

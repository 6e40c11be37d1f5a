//! One caller, and what a statement says of it: every question of what somebody may do is answered with these.
//!
//! A statement counts where it is about the call ([`Statement::is_about`]) and its conditions hold. Some hold or fail for
//! sure (`certainty`). Where nobody can tell, each question settles the doubt by the harm that it is asked about:
//!
//! | Question | A condition in doubt |
//! |---|---|
//! | `may_use`: is somebody who uses the key let in? | holds where everyday use meets it |
//! | `use_denied`: is somebody shut out, whatever else lets them in? | holds where time alone decides, or for all but a few |
//! | `policy_denial`: is somebody kept from changing the policy? | fails, or holds where it spares whom it singles out |
//! | `administrators`, `root_delegation`: who may change the policy? | is told as what decides |
//! | `account_wide`: is everyone of the account let in? | holds unless it leaves some of them out |
//! | `service_use`: may a service make data keys? | holds, in a `Deny` only where it is meant for the service |
//!
//! Three more differences are on purpose: a session that is denied the key has it in the next one, so `use_denied` passes
//! it by; an `Allow` for a service counts for a key that only may be this one; and a denial that has a date to come counts
//! for `use_denied` and `service_use` already. Whom a policy lets in at most, whoever calls, is for `closing`.

use keytrail_event::EventTime;

use super::action::ActionSet;
use super::certainty::Certainty;
use super::condition::Condition;
use super::document::Statement;
use super::principal::Principal;

/// What is known of a caller: who it is and, where it is certain, the value of `aws:PrincipalArn`.
#[derive(Debug, Clone)]
pub(super) struct Caller<'p> {
    pub(super) principal: &'p Principal,
    pub(super) arn: Option<String>,
}

impl<'p> Caller<'p> {
    /// The caller whom a policy would name so.
    pub(super) fn of(principal: &'p Principal) -> Self {
        let arn = principal.principal_arn();
        Self { principal, arn }
    }

    /// Whether all these conditions hold for the caller: one in doubt as `settle` has it.
    pub(super) fn meets(
        &self,
        conditions: &[Condition],
        settle: impl Fn(&Condition) -> bool,
    ) -> bool {
        (conditions.iter()).all(|condition| match condition.certainty(self) {
            Certainty::Holds => true,
            Certainty::Fails => false,
            Certainty::Unknown => settle(condition),
        })
    }

    /// Whether all these conditions hold for the caller, as far as anybody can tell.
    pub(super) fn certainty_of_all(&self, conditions: &[Condition]) -> Certainty {
        let certainties = conditions.iter().map(|condition| condition.certainty(self));
        certainties.min().unwrap_or(Certainty::Holds)
    }
}

impl Statement {
    /// Whether it speaks of the caller and one of these actions, with the key that the policy lies on.
    pub(super) fn is_about(&self, actions: ActionSet, caller: &Caller<'_>) -> bool {
        self.covers_key() && self.speaks_of(actions, caller)
    }

    /// The same, with whatever key.
    pub(super) fn speaks_of(&self, actions: ActionSet, caller: &Caller<'_>) -> bool {
        self.actions.intersects(actions) && self.principals.reach(caller.principal)
    }

    /// Whether it spoke of calls until some moment before this one.
    pub(super) fn is_over(&self, at: EventTime) -> bool {
        self.conditions
            .iter()
            .any(|condition| condition.has_passed(at))
    }
}

//! `policy-changed`: a person put another policy on a key and no other rule has anything to say, or anybody one that
//! shuts out who uses it.

use keytrail_event::Record;

use super::bare_refusal::bare_refusal;
use super::caller::{is_aws, is_of_new_key, may_be_by_person, says_it_deploys};
use super::policy_external::PolicyExternal;
use super::policy_lockout::PolicyLockout;
use super::policy_public::PolicyPublic;
use super::policy_put::PolicyPut;
use super::policy_shuts_out::{denies_everyone, shut_out};
use super::policy_weakened::PolicyWeakened;
use super::support::{is_refused_at_owner, key_in_title};
use super::{About, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};
use crate::policy::Change;

/// The rule.
pub struct PolicyChanged;

/// The rules that tell of a policy what is wrong with it.
const GRAVER: [&dyn Rule; 4] = [
    &PolicyPublic,
    &PolicyExternal,
    &PolicyWeakened,
    &PolicyLockout,
];

const ABOUT: About = About {
    id: "policy-changed",
    title: "A person changed a key policy",
    severities: &[Severity::Low, Severity::Medium, Severity::High],
    attack: &[("TA0004", "T1548.005", "T1548.005")],
    practice: "least privilege in key policies",
    side: Side::Owner,
    fires_when: "PutKeyPolicy succeeds, neither by AWS nor through CloudFormation nor by a tool that says it deploys (unless the account is not sure to keep control of the key, and the policy is not known to let in no more than before, or it may newly deny the key's use to all but some), and no other policy rule fires. A policy that says the same as the one before does not fire, nor one put by whoever made the key within the hour before. A refused call of a person whose request the record leaves out fires as well, once for each principal. Whatever the tool says of itself, through CloudFormation too, and whatever other rules say: medium when the policy newly denies the key's use to a principal that used it in the 30 days before, by name, to all but some, or from a date on; high when nobody else used it, or when CloudTrail used the key in the 6 hours before and may not make data keys any more.",
    reads: &[
        "eventName",
        "eventTime",
        "errorCode",
        "recipientAccountId",
        "requestParameters.keyId",
        "requestParameters.policy",
        "resources[].ARN",
        "userAgent",
        "userIdentity",
        "userIdentity.invokedBy",
    ],
};

impl Rule for PolicyChanged {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn selects(&self, record: &Record<'_>) -> bool {
        is_refused_at_owner(record, "PutKeyPolicy")
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        if let Some(attempt) = bare_refusal(record, light, "PutKeyPolicy") {
            return Some(attempt);
        }
        if record.operation.name() != "PutKeyPolicy"
            || !record.outcome.is_success()
            || is_aws(record)
        {
            return None;
        }
        let put = PolicyPut::read(record, light)?;
        let changes = put.changes();
        let is_same = changes.as_ref().is_some_and(Vec::is_empty);
        if is_same || is_of_new_key(record, put.key, light.past) {
            return None;
        }
        if let Some((severity, evidence)) = shut_out(record, &put, changes.as_deref(), light) {
            let title = format!("PutKeyPolicy shuts out who used {}", key_in_title(put.key));
            let mut hit = Hit::of(record, severity, title).key(put.key);
            hit.evidence.extend(evidence);
            let changes: Vec<&Change> = changes.iter().flatten().collect();
            return Some(put.with_changes(hit, &changes, record));
        }
        let is_believed = || {
            is_left_to_account(&put, changes.as_deref())
                && !denies_everyone(&put, changes.as_deref(), record)
        };
        if !may_be_by_person(record) || (says_it_deploys(record) && is_believed()) {
            return None;
        }
        let is_told = || {
            GRAVER
                .iter()
                .filter_map(|rule| rule.judge(record, light))
                .any(|hit| hit.on_repeat.is_of_problem())
        };
        if is_told() {
            return None;
        }
        let title = format!("PutKeyPolicy on {}", key_in_title(put.key));
        let mut hit = Hit::of(record, Severity::Low, title).key(put.key);
        let changes = changes.unwrap_or_default();
        if changes.is_empty() {
            hit = hit.because(Evidence::new(
                "policy_before",
                "The policy before is in no record read so far: what changed is not known",
            ));
        }
        let changes: Vec<&Change> = changes.iter().collect();
        Some(put.with_changes(hit, &changes, record))
    }
}

/// Whether the account keeps control of the key, or the policy is known to let in no more than the one before. Where
/// neither is so, nobody but the key policy decides who gets in, and what a tool says of itself is too little.
fn is_left_to_account(put: &PolicyPut<'_>, changes: Option<&[Change]>) -> bool {
    let is_no_weaker = |changes: &[Change]| !changes.iter().any(|change| change.kind.weakens());
    put.now.delegates_to_account || changes.is_some_and(is_no_weaker)
}

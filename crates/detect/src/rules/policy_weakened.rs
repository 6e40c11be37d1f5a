//! `policy-weakened`: a key policy allows more, or forbids less, than the one before.

use keytrail_event::Record;

use super::caller::is_of_new_key;
use super::policy_put::{PolicyPut, home_of};
use super::policy_put_back::put_back;
use super::support::{is_refused_at_owner, key_in_title};
use super::{About, Hit, Light, Rule, Side};
use crate::finding::Severity;
use crate::policy::{Change, ChangeKind, lets_in_whole_account, public_access};

/// The rule.
pub struct PolicyWeakened;

const ABOUT: About = About {
    id: "policy-weakened",
    title: "A key policy was weakened",
    severities: &[Severity::Low, Severity::Medium],
    attack: &[("TA0004", "T1548.005", "T1548.005")],
    practice: "least privilege in key policies",
    side: Side::Owner,
    fires_when: "Against the last policy of the key that was seen, PutKeyPolicy drops or widens a condition, allows a known principal more actions, removes or narrows a Deny, lets in everyone of the key's account, or of its organisation, whatever their IAM policies say, or changes what did not fit the digest of the policy. Other principals that are new are for policy-external, policy-public and policy-changed. A refused call fires one severity lower.",
    reads: &[
        "eventName",
        "eventTime",
        "errorCode",
        "recipientAccountId",
        "requestParameters.keyId",
        "requestParameters.policy",
        "resources[].ARN",
        "userIdentity",
    ],
};

impl Rule for PolicyWeakened {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn selects(&self, record: &Record<'_>) -> bool {
        is_refused_at_owner(record, "PutKeyPolicy")
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        if record.operation.name() != "PutKeyPolicy" {
            return None;
        }
        let put = PolicyPut::read(record, light)?;
        let changes = put.changes()?;
        let weaker: Vec<&Change> = changes
            .iter()
            .filter(|change| match change.kind {
                ChangeKind::PrincipalAdded => false,
                ChangeKind::EveryoneAdded => opens_account(&put, record, light),
                kind => kind.weakens(),
            })
            .collect();
        let Some(first) = weaker.first() else {
            return put_back(record, light);
        };
        let what = match first.kind {
            ChangeKind::DenyRemoved | ChangeKind::DenyNarrowed => "forbids less",
            ChangeKind::ConditionDropped => "asks for less",
            ChangeKind::EveryoneAdded if lets_in_more_parties(&put) => {
                "lets in more of its organisation"
            }
            ChangeKind::EveryoneAdded => "lets in more of its account",
            ChangeKind::BeyondDigest => "changed where it is too long to compare",
            _ => "allows more",
        };
        let title = format!("The policy of {} {what} than before", key_in_title(put.key));
        let title = title.replace("compare than before", "compare");
        let hit = Hit::of(record, Severity::Medium, title).key(put.key);
        Some(
            put.with_changes(hit, &weaker, record)
                .lower_if_refused(record, light),
        )
    }
}

/// Whether the policy newly lets in everyone of the key's account, and nobody else. The world and other accounts are for
/// `policy-public` and `policy-external`, and a new key protects nothing yet.
fn opens_account(put: &PolicyPut<'_>, record: &Record<'_>, light: &Light<'_>) -> bool {
    lets_in_whole_account(put.policy, &record.account)
        && !is_of_new_key(record, put.key, light.past)
        && public_access(put.policy).is_empty()
        && put
            .new_outsiders(&home_of(record, light.configuration))
            .is_empty()
}

/// Whether it newly lets in somebody beside the account, who is no outsider only because the configuration says so.
fn lets_in_more_parties(put: &PolicyPut<'_>) -> bool {
    let before = put.before.map(|before| &before.outsiders);
    let mut now = put.now.outsiders.iter();
    now.any(|party| before.is_none_or(|before| !before.contains(party)))
}

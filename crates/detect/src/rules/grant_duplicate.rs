//! `grant-duplicate`: a grant says what an open one says already.

use keytrail_event::Record;

use super::grant::{Grant, grant_id, made_by_hand, with_steps};
use super::support::{cut, key_in_title, key_of};
use super::{About, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct GrantDuplicate;

const ABOUT: About = About {
    id: "grant-duplicate",
    title: "A grant repeats an open one",
    severities: &[Severity::Low],
    attack: &[("TA0003", "T1098", "T1098")],
    practice: "a grant allows one thing for one purpose",
    side: Side::Owner,
    fires_when: "CreateGrant succeeds with grantee, operations and constraints of another grant of the key that was seen to be made and not to be ended. Grants for AWS resources do not count. A repeat with the same grant id is the same grant.",
    reads: &[
        "eventName",
        "errorCode",
        "recipientAccountId",
        "requestParameters.granteePrincipal",
        "requestParameters.granteeServicePrincipal",
        "requestParameters.operations",
        "requestParameters.constraints",
        "responseElements.grantId",
        "requestParameters.grantId",
        "additionalEventData.grantId",
        "resources[].ARN",
        "userIdentity",
        "userIdentity.invokedBy",
    ],
};

impl Rule for GrantDuplicate {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        let body = made_by_hand(record).filter(|_| record.outcome.is_success())?;
        let grant = Grant::of(body);
        let (key, id) = (key_of(record, light)?, grant_id(body)?);
        let (twin_id, twin) = light.past.grants.twin(key, grant.terms_hash(), id)?;
        if twin.at > record.time {
            return None;
        }
        let grantee = cut(grant.grantee());
        let title = format!("Grant on {} repeats an open one", key_in_title(Some(key)));
        let text = format!(
            "Grant {twin_id} by {} at {} says the same; whoever revokes one leaves the other",
            cut(&twin.by),
            twin.at
        );
        let hit = Hit::of(record, Severity::Low, title)
            .key(Some(key))
            .class(grantee)
            .because(
                Evidence::new("grant_id", text)
                    .observed(id)
                    .expected(twin_id),
            )
            .because(grant.terms());
        Some(with_steps(hit, record, body, Some(key)))
    }
}

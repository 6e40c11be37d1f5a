//! What rules over grants that allow too much share: which grants they judge, and how they tell of one.

use keytrail_event::Record;
use serde_json::Value;

use super::grant::{Grant, made_by_hand, with_steps};
use super::grant_ended::ended;
use super::grant_external::is_to_outsider;
use super::support::{cut, key_of};
use super::{Hit, Light};
use crate::finding::{Evidence, Severity};

/// The fields that these rules read.
pub const READS: &[&str] = &[
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
];

/// The body of a CreateGrant by hand, to a principal that `grant-external` does not tell of: that finding shows the
/// grant's terms as well, and one call is one problem. Nor to a service-linked role of the organisation: so Auto Scaling
/// is let use a key of another account.
pub fn judged<'r>(record: &'r Record<'_>, light: &Light<'_>) -> Option<&'r Value> {
    let accounts = &light.configuration.organisation.accounts;
    made_by_hand(record).filter(|body| {
        let of_service = Grant::of(body).account_of_service_linked_role();
        !is_to_outsider(record, light, body)
            && !of_service.is_some_and(|account| accounts.contains(account))
    })
}

/// That a grant ended of which these rules may have told.
pub fn told_of_end(record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
    ended(record, light, |grant| Some(grant.grantee.clone()))
}

/// A hit over the grant: whom it lets do what, its terms, how to end it.
pub fn hit(
    record: &Record<'_>,
    light: &Light<'_>,
    body: &Value,
    (severity, title): (Severity, String),
    may: &str,
    evidence: impl IntoIterator<Item = Evidence>,
) -> Hit {
    let grantee = cut(Grant::of(body).grantee());
    let key = key_of(record, light);
    let mut hit = Hit::of(record, severity, title)
        .key(key)
        .class(grantee)
        .because(Evidence::new("grantee", format!("{grantee} {may}")).observed(grantee));
    hit.evidence.extend(evidence);
    with_steps(hit, record, body, key).lower_if_refused(record, light)
}

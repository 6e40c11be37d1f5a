//! `grant-revoked-in-use`: a grant is taken from somebody who is using it.

use keytrail_event::Record;

use super::caller::{is_aws, is_chosen_by_service};
use super::grant::grant_id;
use super::support::{
    argument, cut, duration, is_owners_call, is_refused_at_owner, key_in_title, key_of, listed,
};
use super::{About, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct GrantRevokedInUse;

const OPERATION: &str = "RevokeGrant";
const MINUTE_SECONDS: i64 = 60;

const ABOUT: About = About {
    id: "grant-revoked-in-use",
    title: "A grant was revoked while its grantee used the key",
    severities: &[Severity::Low, Severity::Medium],
    attack: &[("TA0040", "T1485", "T1485")],
    practice: "no key is taken away while data depends on it",
    side: Side::Owner,
    fires_when: "RevokeGrant, not by AWS, ends a grant that was seen to be made, and its grantee used the key in the hour before (rules.grant_in_use_minutes). A refused call fires one severity lower. Grants to services and to unique ids do not fire: records do not show who acts under them.",
    reads: &[
        "eventName",
        "eventTime",
        "errorCode",
        "recipientAccountId",
        "requestParameters.grantId",
        "requestParameters.granteePrincipal (of CreateGrant)",
        "responseElements.grantId (of CreateGrant)",
        "resources[].ARN",
        "userIdentity",
        "userIdentity.invokedBy",
    ],
};

impl Rule for GrantRevokedInUse {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn selects(&self, record: &Record<'_>) -> bool {
        is_refused_at_owner(record, OPERATION)
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        if !is_owners_call(record, OPERATION) || is_aws(record) || is_chosen_by_service(record) {
            return None;
        }
        let body = record.body();
        let (key, id) = (key_of(record, light)?, grant_id(body)?);
        let grant = light.past.grants.find(key, id)?;
        let minutes = light.configuration.rules.grant_in_use_minutes;
        let span = (minutes as i64).saturating_mul(MINUTE_SECONDS);
        let since = record.time.plus_seconds(-span).max(grant.at);
        let used = light.uses.first_use_by(
            key,
            &|principal| grant.is_grantee(principal) == Some(true),
            (since, record.time),
            light.past,
        )?;
        let grantee = cut(&grant.grantee);
        let title = format!(
            "Grant on {} revoked while {grantee} used the key",
            key_in_title(Some(key))
        );
        let last = duration(record.time.seconds_since(used.last).max(0));
        let hit = Hit::of(record, Severity::Medium, title)
            .key(Some(key))
            .class(grantee)
            .because(
                Evidence::new(
                    "last_use",
                    format!("{} used the key {last} before", cut(&used.principal)),
                )
                .observed(used.last),
            )
            .because(
                Evidence::new(
                    "grant_id",
                    format!(
                        "{} granted it at {}: {}",
                        cut(&grant.by),
                        grant.at,
                        listed(grant.operations.iter().map(String::as_str))
                    ),
                )
                .observed(id),
            )
            .next(format!(
                "See whether the grantee fails now: keytrail events ARCHIVE --key {} --since {}",
                argument(key, "key"),
                record.time
            ))
            .next("If nobody planned this, grant it again: aws kms create-grant with the same grantee, operations and constraints.");
        Some(hit.lower_if_refused(record, light))
    }
}

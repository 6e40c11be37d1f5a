//! `grant-stale`: a grant is open for weeks, and nobody needs it.

use keytrail_event::time::DAY_SECONDS;

use super::day::{DayHit, DayLight};
use super::grant_ledger::OpenGrant;
use super::support::{argument, cut, key_argument, key_in_title, listed};
use super::{About, Hit, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct GrantStale;

const ABOUT: About = About {
    id: "grant-stale",
    title: "A grant is open and unused",
    severities: &[Severity::Low],
    attack: &[("TA0003", "T1098", "T1098")],
    practice: "a grant allows one thing for one purpose",
    side: Side::Owner,
    fires_when: "At the end of a day, a grant that was seen to be made is open for at least 30 days (rules.grant_stale_days), and its grantee was not seen to use the key since. Told once for each grant. Grants for AWS resources, to services and to unique ids do not fire: records do not show who acts under them.",
    reads: &[
        "eventName",
        "eventTime",
        "eventID",
        "errorCode",
        "recipientAccountId",
        "requestParameters.granteePrincipal",
        "requestParameters.operations",
        "responseElements.grantId",
        "requestParameters.grantId",
        "additionalEventData.grantId",
        "resources[].ARN",
        "userIdentity",
    ],
};

impl Rule for GrantStale {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn judge_day(&self, light: &DayLight<'_>) -> Vec<DayHit> {
        let grants = light.past.grants.by_hand();
        grants
            .filter_map(|(key, id, grant)| judge_grant(key, id, grant, light))
            .collect()
    }
}

fn judge_grant(key: &str, id: &str, grant: &OpenGrant, light: &DayLight<'_>) -> Option<DayHit> {
    let days = light.configuration.rules.grant_stale_days;
    let stale_at = grant
        .at
        .plus_seconds((days as i64).saturating_mul(DAY_SECONDS));
    // Whether anybody is the grantee can be told only where the grant names somebody.
    if stale_at > light.until || grant.is_grantee("").is_none() {
        return None;
    }
    let grantee = cut(&grant.grantee);
    let title = format!(
        "Grant on {} to {grantee} is unused for {days} days",
        key_in_title(Some(key))
    );
    let hit = Hit::about(None, Some(key), Severity::Low, title).class(id);
    let is_grantee = |principal: &str| grant.is_grantee(principal) == Some(true);
    let span = (grant.at, light.until);
    if light.was_told(ABOUT.id, &hit)
        || light
            .uses
            .first_use_by(key, &is_grantee, span, light.past)
            .is_some()
    {
        return None;
    }
    let text = format!(
        "{} granted {} at {}; {grantee} was not seen to use the key since",
        cut(&grant.by),
        listed(grant.operations.iter().map(String::as_str)),
        grant.at
    );
    let hit = hit
        .because(
            Evidence::new("grant_age_days", text)
                .observed(light.until.seconds_since(grant.at) / DAY_SECONDS)
                .expected(format!("a use within {days} days")),
        )
        .next(format!(
            "If nobody needs it: aws kms revoke-grant --grant-id {} --key-id {}",
            argument(id, "grant-id"),
            key_argument(key)
        ));
    // It became stale when its days were over; the event is the one that made it.
    let mut found = DayHit::over(hit, Some(&grant.region), [(stale_at, "", true)])?.once();
    found.event_ids = vec![grant.event_id.clone()];
    Some(found)
}

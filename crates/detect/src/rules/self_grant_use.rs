//! `self-grant-use`: somebody lets themselves in, and goes in.

use keytrail_event::EventTime;
use keytrail_event::time::DAY_SECONDS;

use super::day::{DayHit, DayLight};
use super::key_changes::KeyChange;
use super::support::{argument, cut, duration, key_argument, key_in_title};
use super::{About, Hit, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct SelfGrantUse;

const MINUTE_SECONDS: i64 = 60;

const ABOUT: About = About {
    id: "self-grant-use",
    title: "A principal granted itself a key and used it",
    severities: &[Severity::Medium, Severity::High],
    attack: &[("TA0003", "T1098", "T1098")],
    practice: "whoever administers a key does not use it",
    side: Side::Owner,
    fires_when: "PutKeyPolicy or CreateGrant by a principal names that principal itself for cryptography (a policy: newly), and the principal makes a successful cryptographic call with the key within 60 minutes (rules.self_grant_minutes). A session counts as its role. Medium when the policy before was not seen and the principal used the key before. Whoever made the key, if a replica its primary too, within the hour before does not fire.",
    reads: &[
        "eventName",
        "eventTime",
        "eventID",
        "errorCode",
        "recipientAccountId",
        "requestParameters.policy",
        "requestParameters.granteePrincipal",
        "requestParameters.operations",
        "resources[].ARN",
        "userIdentity",
    ],
};

impl Rule for SelfGrantUse {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn judge_day(&self, light: &DayLight<'_>) -> Vec<DayHit> {
        let named = light
            .past
            .changes
            .iter()
            .filter(|change| change.is_made && change.names_caller);
        named
            .filter_map(|change| judge_change(change, light))
            .collect()
    }
}

fn judge_change(change: &KeyChange, light: &DayLight<'_>) -> Option<DayHit> {
    let minutes = light.configuration.rules.self_grant_minutes;
    let until = change
        .at
        .plus_seconds((minutes as i64).saturating_mul(MINUTE_SECONDS));
    let is_same = |principal: &str| principal == change.principal;
    let used = light
        .uses
        .first_use_by(&change.key, &is_same, (change.at, until), light.past)?;
    // Either half of it may be what this day adds; what earlier days held together was told by them.
    let is_news = light.is_new(&change.event_id) || used.first.day() == light.day;
    if !is_news {
        return None;
    }
    let after = duration(used.first.seconds_since(change.at));
    let operation = used.operation.as_deref().unwrap_or("a cryptographic call");
    let title = format!(
        "{} gave itself {} and used it {after} later",
        cut(&change.principal),
        key_in_title(Some(&change.key))
    );
    let undo = if change.operation == "CreateGrant" {
        "aws kms list-grants, then aws kms revoke-grant"
    } else {
        "put the policy before back, aws kms put-key-policy"
    };
    let before = (EventTime::from_unix_seconds(0), change.at.plus_seconds(-1));
    let is_old_user = || {
        let used = light
            .uses
            .first_use_by(&change.key, &is_same, before, light.past);
        used.is_some()
    };
    // Who used the key before may have been named before: nothing shows that they let themselves in.
    let may_be_old = !change.is_first_naming && is_old_user();
    let severity = if may_be_old {
        Severity::Medium
    } else {
        Severity::High
    };
    let mut hit = Hit::about(Some(&change.principal), Some(&change.key), severity, title);
    if may_be_old {
        hit = hit.because(Evidence::new(
            "policy_before",
            "The policy before is in no record read so far, and the caller used the key before: whether the naming is new is not known",
        ));
    }
    let hit = hit
        .because(
            Evidence::new(
                "administration",
                format!(
                    "{} at {} names its own caller for cryptography",
                    change.operation, change.at
                ),
            )
            .observed(&change.operation),
        )
        .because(
            Evidence::new(
                "use",
                format!("{operation} at {}, {after} later", used.first),
            )
            .observed(operation),
        )
        .next(format!(
            "If nobody planned this, take the access away: {undo} --key-id {}",
            key_argument(&change.key)
        ))
        .next(format!(
            "Read what was decrypted: keytrail events ARCHIVE --principal {} --key {} --since {}",
            argument(&change.principal, "principal"),
            argument(&change.key, "key"),
            change.at.plus_seconds(-DAY_SECONDS)
        ));
    let id = used.event_id.as_deref().unwrap_or_default();
    let events: [(EventTime, &str, bool); 2] =
        [(change.at, &change.event_id, true), (used.first, id, true)];
    DayHit::over(hit, Some(&change.region), events)
}

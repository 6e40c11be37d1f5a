//! `grant-broad`: a grant lets somebody decrypt whatever the key protects.

use keytrail_event::time::DAY_SECONDS;
use keytrail_event::{EventTime, Record};

use super::bare_refusal::bare_refusal;
use super::grant::{Grant, Grantee};
use super::support::{is_refused_at_owner, key_in_title, key_of, listed};
use super::wide_grant;
use super::{About, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct GrantBroad;

/// A grantee that used the key this many seconds before the grant gets hardly more by it.
const USED_SECONDS: i64 = 30 * DAY_SECONDS;
/// What lets a grantee at what is encrypted, or lets it hand that on.
const GRAVE: [&str; 3] = ["CreateGrant", "Decrypt", "ReEncryptFrom"];

const ABOUT: About = About {
    id: "grant-broad",
    title: "A grant is bound to no encryption context",
    severities: &[Severity::Low, Severity::Medium],
    attack: &[("TA0003", "T1098", "T1098")],
    practice: "a grant allows one thing for one purpose",
    side: Side::Owner,
    fires_when: "CreateGrant allows Decrypt, ReEncryptFrom or CreateGrant and demands no encryption context. Grants for AWS resources, those that services make or that are for a service, and those to a service-linked role of the key's account or of the organisation do not fire; of those to another account grant-external tells. Low when the grantee used the key in the 30 days before and may make no grants. A refused call fires one severity lower; one of a person whose request the record leaves out fires low, once for each principal.",
    reads: wide_grant::READS,
};

impl Rule for GrantBroad {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn selects(&self, record: &Record<'_>) -> bool {
        is_refused_at_owner(record, "CreateGrant")
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        if let Some(attempt) = bare_refusal(record, light, "CreateGrant") {
            return Some(attempt);
        }
        if let Some(ended) = wide_grant::told_of_end(record, light) {
            return Some(ended);
        }
        let body = wide_grant::judged(record, light)?;
        let grant = Grant::of(body);
        let operations = grant.operations();
        let grave: Vec<&str> = GRAVE
            .into_iter()
            .filter(|operation| operations.contains(operation))
            .collect();
        if grave.is_empty() || grant.demands_context() {
            return None;
        }
        let key = key_of(record, light);
        let used = last_use_by_grantee(record, light, grant);
        let severity = if used.is_some() && !grant.allows("CreateGrant") {
            Severity::Low
        } else {
            Severity::Medium
        };
        let title = format!(
            "Grant on {} allows {} with no encryption context demanded",
            key_in_title(key),
            listed(grave.iter().copied())
        );
        let terms = grant
            .terms()
            .expected("a constraint such as encryptionContextSubset");
        let used = used.map(|at| {
            let text = format!("The grantee used the key without this grant already, last at {at}");
            Evidence::new("last_use", text).observed(at)
        });
        Some(wide_grant::hit(
            record,
            light,
            body,
            (severity, title),
            "may use the key for whatever it encrypts, past the key policy",
            [terms].into_iter().chain(used),
        ))
    }
}

/// When the grantee last used the key in the days before the grant: what it may now, it did already.
fn last_use_by_grantee(
    record: &Record<'_>,
    light: &Light<'_>,
    grant: Grant<'_>,
) -> Option<EventTime> {
    let grantee = Grantee::read(grant.grantee());
    // A whole account is everybody in it.
    if !matches!(grantee, Grantee::Identity(_)) {
        return None;
    }
    let key = key_of(record, light)?;
    let is_grantee = |principal: &str| grantee.is(principal) == Some(true);
    let since = record.time.plus_seconds(-USED_SECONDS);
    let midnight = record.time.day().start();
    let span = (since, midnight.plus_seconds(-1));
    let used = light
        .uses
        .first_use_by(key, &is_grantee, span, light.past)?;
    Some(used.last)
}

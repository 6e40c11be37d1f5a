//! `grant-delegable`: whoever holds a grant may make more of them.

use keytrail_event::Record;

use super::grant::Grant;
use super::support::{is_refused_at_owner, key_in_title, key_of};
use super::wide_grant;
use super::{About, Hit, Light, Rule, Side};
use crate::finding::Severity;

/// The rule.
pub struct GrantDelegable;

const ABOUT: About = About {
    id: "grant-delegable",
    title: "A grant lets its grantee make grants",
    severities: &[Severity::Low, Severity::Medium],
    attack: &[("TA0003", "T1098", "T1098")],
    practice: "a grant allows one thing for one purpose",
    side: Side::Owner,
    fires_when: "CreateGrant whose operations include CreateGrant. Grants for AWS resources, those that services make or that are for a service, and those to a service-linked role of the key's account or of the organisation do not fire; of those to another account grant-external tells. A refused call fires one severity lower.",
    reads: wide_grant::READS,
};

impl Rule for GrantDelegable {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn selects(&self, record: &Record<'_>) -> bool {
        is_refused_at_owner(record, "CreateGrant")
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        if let Some(ended) = wide_grant::told_of_end(record, light) {
            return Some(ended);
        }
        let body = wide_grant::judged(record, light)?;
        let grant = Grant::of(body);
        if !grant.allows("CreateGrant") {
            return None;
        }
        let key = key_of(record, light);
        let title = format!("Grant on {} may be handed on", key_in_title(key));
        Some(wide_grant::hit(
            record,
            light,
            body,
            (Severity::Medium, title),
            "may grant what it was granted to anybody, of any account; revoking this grant does not end those",
            [grant.terms()],
        ))
    }
}

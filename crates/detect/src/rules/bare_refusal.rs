//! A refusal of which CloudTrail leaves the request out: what was asked for is not known, only that it was.

use keytrail_event::Record;
use keytrail_event::source::DIRECT;

use super::caller::is_by_person;
use super::support::{cut, events_of_principal, is_refused_at_owner, key_in_title, key_of};
use super::{Hit, Light};
use crate::finding::{Evidence, Severity};

/// The attempt at this operation, where the refused call of a person carries no request. It is one finding for each
/// principal, whatever the keys and however often, and never more than low: a broken deploy looks the same.
pub fn bare_refusal(record: &Record<'_>, light: &Light<'_>, operation: &str) -> Option<Hit> {
    let is_bare = is_refused_at_owner(record, operation)
        && record.service_path() == DIRECT
        && is_by_person(record)
        && record.body()["requestParameters"].is_null();
    if !is_bare {
        return None;
    }
    let key = key_of(record, light);
    let code = cut(record.outcome.as_str());
    let title = format!("Refused: {operation}, with a request that the record leaves out");
    let hit = Hit::of(record, Severity::Low, title)
        .key(None)
        .class("attempt")
        .because(
            Evidence::new(
                "outcome",
                format!("The call failed with {code}: nothing changed"),
            )
            .observed(code),
        )
        .because(Evidence::new(
            "key",
            format!("The call was about {}", key_in_title(key)),
        ));
    Some(hit.next(events_of_principal(record, 24)))
}

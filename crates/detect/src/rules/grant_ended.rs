//! The end of a grant that somebody made by hand: what a finding over the grant tells besides.

use keytrail_event::Record;

use super::grant::grant_id;
use super::grant_ledger::OpenGrant;
use super::support::{cut, is_owners_call, key_in_title, key_of};
use super::{Hit, Light};
use crate::finding::{Evidence, Severity};

/// The operations that end a grant.
const OPERATIONS: [&str; 2] = ["RetireGrant", "RevokeGrant"];

/// Where the record ends a grant that was seen to be made by hand: the hit that tells the finding over it, whose class
/// is `class_of` the grant. It begins none.
pub fn ended(
    record: &Record<'_>,
    light: &Light<'_>,
    class_of: impl FnOnce(&OpenGrant) -> Option<String>,
) -> Option<Hit> {
    let is_end = OPERATIONS
        .iter()
        .any(|operation| is_owners_call(record, operation));
    if !is_end || !record.outcome.is_success() {
        return None;
    }
    let key = key_of(record, light)?;
    let id = grant_id(record.body())?;
    let grant = light.past.grants.find(key, id)?;
    let operation = record.operation.name();
    let title = format!("{operation} on {}", key_in_title(Some(key)));
    let text = format!(
        "{operation} by {} at {} ended the grant of {}, {id}",
        cut(record.principal()),
        record.time,
        grant.at
    );
    let hit = Hit::about(Some(&grant.by), Some(key), Severity::Low, title)
        .class(class_of(grant)?)
        .because(Evidence::new("undone", text).observed(operation));
    Some(hit.notes())
}

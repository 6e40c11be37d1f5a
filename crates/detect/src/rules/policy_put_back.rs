//! A policy that was put back: what findings over the policies in between tell besides.

use keytrail_event::Record;

use super::policy_put::{policy_before, writes_policy};
use super::support::{cut, key_in_title, key_of};
use super::{Hit, Light};
use crate::finding::{Evidence, Severity};

/// Where the record gives a key a policy again that it had before the one that it replaces: the hit that tells all
/// findings of a rule over the key since it was given that policy. It begins none.
pub fn put_back(record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
    if record.operation.name() != "PutKeyPolicy"
        || !record.outcome.is_success()
        || !writes_policy(record)
    {
        return None;
    }
    let policy = light.written.of(record)?.ok()?;
    let now = light.written.seen(policy, record);
    let before = policy_before(record, light)?;
    let since = before.replaced(now)?;
    let title = format!("PutKeyPolicy on {}", key_in_title(key_of(record, light)));
    let text = format!(
        "PutKeyPolicy by {} at {} gave the key the policy of {since} again",
        cut(record.principal()),
        record.time
    );
    let hit = Hit::about(None, key_of(record, light), Severity::Low, title)
        .because(Evidence::new("undone", text).observed("PutKeyPolicy"));
    // What was found over the policy itself that is in force again is not undone.
    Some(hit.notes_all(since))
}

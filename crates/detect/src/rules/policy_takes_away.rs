//! Whether a key's new policy takes something away: what a ransom is prepared with, and tidying up too.

use keytrail_event::Record;

use super::policy_lockout::bypasses_the_check;
use super::policy_put::WrittenPolicy;
use super::seen_policy::SeenPolicy;
use crate::policy::{ChangeKind, LockoutReason, diff, lockout};

/// Whether PutKeyPolicy gives a key a policy that takes something away: the key from its owner, or from somebody what the
/// policy before let them do, where that was seen. One that cannot be read may.
pub fn takes_away(
    record: &Record<'_>,
    written: &WrittenPolicy,
    before: Option<&SeenPolicy>,
) -> bool {
    if record.operation.name() != "PutKeyPolicy" || !record.outcome.is_success() {
        return false;
    }
    let Some(Ok(policy)) = written.of(record) else {
        return true;
    };
    let now = written.seen(policy, record);
    let before = before.filter(|before| before.at <= record.time);
    let caller = Some(record.principal()).filter(|principal| principal.starts_with("arn:"));
    // A missing delegation alone may always have been missing, and so may other administrators; where they need a
    // condition, nobody is locked out yet.
    let is_lockout = lockout(policy, &record.account, caller)
        .iter()
        .any(|reason| {
            !matches!(
                reason,
                LockoutReason::RootDelegationMissing(_)
                    | LockoutReason::CallerOnlyCertainAdministrator(_)
            )
        });
    let is_new_lockout =
        is_lockout && before.is_none_or(|before| before.administrators != now.administrators);
    let narrows = |before: &SeenPolicy| {
        let changes = diff(&before.digest, &now.digest);
        let mut kinds = changes.iter().map(|change| change.kind);
        kinds.any(|kind| !kind.weakens() || kind == ChangeKind::BeyondDigest)
    };
    bypasses_the_check(record.body()) || is_new_lockout || before.is_some_and(narrows)
}

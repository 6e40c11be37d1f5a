//! Whether a key's new policy takes something away: what a ransom is prepared with, and tidying up too.

use keytrail_event::Record;

use super::policy_lockout::bypasses_the_check;
use super::policy_put::WrittenPolicy;
use super::seen_policy::SeenPolicy;
use crate::policy::{ChangeKind, LockoutReason, diff, lockout};

/// What a change takes away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// Something: the key from its owner, or from somebody what the policy before let them do.
    pub takes_away: bool,
    /// The key's use from everyone, or from everyone but a few, where the policy before is not known to have done so.
    pub denies_use: bool,
}

impl Taken {
    /// What this record's policy takes away, against the one before.
    pub fn by(record: &Record<'_>, written: &WrittenPolicy, before: Option<&SeenPolicy>) -> Self {
        if record.operation.name() != "PutKeyPolicy" || !record.outcome.is_success() {
            return Self::default();
        }
        let takes_away = takes_away(record, written, before);
        let may_be_new = takes_away || before.is_none();
        let policy = written.of(record).and_then(Result::ok);
        let denies = |policy| written.seen(policy, record).denies_use;
        Self {
            takes_away,
            denies_use: may_be_new && policy.is_some_and(denies),
        }
    }
}

/// Whether PutKeyPolicy gives a key a policy that takes something away: the key from its owner, or from somebody what the
/// policy before let them do, where that was seen. One that cannot be read may.
fn takes_away(record: &Record<'_>, written: &WrittenPolicy, before: Option<&SeenPolicy>) -> bool {
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

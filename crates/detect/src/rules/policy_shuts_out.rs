//! Whether a key's new policy shuts out who uses the key: by a `Deny`, which no other permission outweighs.

use keytrail_event::Record;
use keytrail_event::time::DAY_SECONDS;

use super::Light;
use super::policy_put::PolicyPut;
use super::support::{cut, duration};
use crate::finding::{Evidence, Severity};
use crate::policy::{Change, ChangeKind, use_denials};

/// Days before, within which a principal used the key that depends on it.
const USED_DAYS: i64 = 30;

/// Who used the key lately and may not any more, as evidence; `None` where the policy denies nobody or nothing new.
/// High where nobody is left but whoever put the policy, medium where others are.
pub fn shut_out(
    record: &Record<'_>,
    put: &PolicyPut<'_>,
    changes: Option<&[Change]>,
    light: &Light<'_>,
) -> Option<(Severity, Vec<Evidence>)> {
    let may_be_new = |change: &Change| {
        matches!(
            change.kind,
            ChangeKind::DenyAdded | ChangeKind::BeyondDigest
        )
    };
    if changes.is_some_and(|changes| !changes.iter().any(may_be_new)) {
        return None;
    }
    let (key, denials) = (put.key?, use_denials(put.policy));
    let is_shut_out = |principal: &str| denials.iter().any(|denial| denial.shuts_out(principal));
    if denials.is_empty() {
        return None;
    }
    let span = (
        record.time.plus_seconds(-USED_DAYS * DAY_SECONDS),
        record.time,
    );
    let used = light
        .uses
        .first_use_by(key, &is_shut_out, span, light.past)?;
    let is_left = |principal: &str| principal != record.principal() && !is_shut_out(principal);
    let left = light.uses.first_use_by(key, &is_left, span, light.past);
    let (severity, others) = match &left {
        Some(left) => (
            Severity::Medium,
            format!("{} still may", cut(&left.principal)),
        ),
        None => (
            Severity::High,
            "Nobody else who used it then is known still to be let in".to_owned(),
        ),
    };
    let statement = denials
        .iter()
        .find(|denial| denial.shuts_out(&used.principal))?
        .statement();
    let last = duration(record.time.seconds_since(used.last).max(0));
    let who = cut(&used.principal);
    let text =
        format!("By {statement} {who} may not use the key: what it encrypted cannot be read");
    Some((
        severity,
        vec![
            Evidence::new("denied_use", text).observed(who),
            Evidence::new(
                "last_use",
                format!("{who} used the key {last} before. {others}"),
            )
            .observed(used.last),
        ],
    ))
}

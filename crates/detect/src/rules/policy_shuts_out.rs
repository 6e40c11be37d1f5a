//! Whether a key's new policy shuts out who uses the key: by a `Deny`, which no other permission outweighs.

use keytrail_event::Record;
use keytrail_event::selection::CLOUDTRAIL;
use keytrail_event::time::DAY_SECONDS;

use super::Light;
use super::policy_put::PolicyPut;
use super::support::{cut, duration};
use super::trail_key::{use_by_trail, use_evidence};
use crate::finding::{Evidence, Severity};
use crate::policy::{Change, ChangeKind, lets_service_in, use_denials};

/// Days before, within which a principal used the key that depends on it.
const USED_DAYS: i64 = 30;

/// Whom the policy newly shuts out, as evidence, and how grave that is.
pub fn shut_out(
    record: &Record<'_>,
    put: &PolicyPut<'_>,
    changes: Option<&[Change]>,
    light: &Light<'_>,
) -> Option<(Severity, Vec<Evidence>)> {
    trail_shut_out(record, put, changes, light).or_else(|| user_denied(record, put, changes, light))
}

/// Whether the policy may newly deny the key's use to everyone of the account but a few, whoever used it.
pub fn denies_everyone(
    put: &PolicyPut<'_>,
    changes: Option<&[Change]>,
    record: &Record<'_>,
) -> bool {
    let denials = use_denials(put.policy, record.time);
    let mut all = denials.iter();
    may_deny_more(changes)
        && all.any(|denial| {
            denial.is_of_everyone(&record.account)
                || denial.is_of_all_but_an_address(&record.account)
        })
}

/// Whether something is denied that was not before, as far as the policy before is known.
fn may_deny_more(changes: Option<&[Change]>) -> bool {
    let may_be_new = |change: &Change| {
        matches!(
            change.kind,
            ChangeKind::DenyAdded | ChangeKind::BeyondDigest
        )
    };
    changes.is_none_or(|changes| changes.iter().any(may_be_new))
}

/// That CloudTrail may not encrypt its logs with the key any more, so that it delivers none.
fn trail_shut_out(
    record: &Record<'_>,
    put: &PolicyPut<'_>,
    changes: Option<&[Change]>,
    light: &Light<'_>,
) -> Option<(Severity, Vec<Evidence>)> {
    let may_be_new =
        |change: &Change| !change.kind.weakens() || change.kind == ChangeKind::BeyondDigest;
    if changes.is_some_and(|changes| !changes.iter().any(may_be_new)) {
        return None;
    }
    if lets_service_in(put.policy, CLOUDTRAIL, record.time) {
        return None;
    }
    let used = use_by_trail(put.key?, record.time, light)?;
    let text = "CloudTrail may not use the key any more, which encrypts its logs: it delivers none";
    let evidence = Evidence::new("denied_use", text).observed(CLOUDTRAIL);
    Some((Severity::High, vec![evidence, use_evidence(&used)]))
}

/// Who used the key lately and is denied it now, as evidence; `None` where the policy denies nobody or nothing new.
/// High where nobody is left but whoever put the policy, medium where others are.
fn user_denied(
    record: &Record<'_>,
    put: &PolicyPut<'_>,
    changes: Option<&[Change]>,
    light: &Light<'_>,
) -> Option<(Severity, Vec<Evidence>)> {
    if !may_deny_more(changes) {
        return None;
    }
    let (key, denials) = (put.key?, use_denials(put.policy, record.time));
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

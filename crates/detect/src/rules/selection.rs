//! Which frequent records rules want at all: asked of every record, so most are told apart by a glance.

use keytrail_event::{KeyName, PrincipalType, Record};

use super::moved_data::tells_move;
use super::{RULES, Rule, foreign_keys};

/// Whether any rule can want this frequent record: something failed, the caller is root or of
/// another account, the key may be, data was re-encrypted, or the record is of another service. Nearly every record is none of
/// these, and no rule need be asked. A rule that selects others widens this.
#[must_use]
pub fn may_be_selected(record: &Record<'_>) -> bool {
    !record.outcome.is_success()
        || record.identity.principal_type == PrincipalType::Root
        || record.identity.is_foreign_to(&record.account)
        || may_name_foreign_key(record)
        || tells_move(record)
        || !record.is_kms()
}

/// Whether the key, or the destination of ReEncrypt, may be of another account. A key's ARN ends with
/// `<account>:key/` and 36 characters, an alias begins `alias:<account>:`; what looks otherwise may be.
fn may_name_foreign_key(record: &Record<'_>) -> bool {
    const TAIL: usize = ":key/".len() + 36;
    let account = record.account.as_bytes();
    let is_own = |key: &KeyName| {
        let name = key.as_str().as_bytes();
        let before_tail = name.len().checked_sub(TAIL).map(|end| &name[..end]);
        before_tail.is_some_and(|before| before.ends_with(account))
            || name
                .strip_prefix(b"alias:")
                .is_some_and(|rest| rest.starts_with(account))
    };
    let keys = [&record.key, &record.destination_key];
    !keys.into_iter().flatten().all(is_own)
}

/// The rules that want this frequent record.
pub fn selecting<'r>(record: &'r Record<'_>) -> impl Iterator<Item = &'static dyn Rule> + 'r {
    let rules: &[&dyn Rule] = if may_be_selected(record) { &RULES } else { &[] };
    rules
        .iter()
        .copied()
        .filter(move |rule| rule.selects(record))
}

/// Whether records like this one come by the million though they are no use of a key, so that rules
/// select them and none is carried for its own sake.
#[must_use]
pub fn is_frequent_elsewhere(record: &Record<'_>) -> bool {
    foreign_keys::writes_object(record)
}

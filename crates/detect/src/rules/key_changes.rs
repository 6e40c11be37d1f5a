//! What was done to keys lately: the set that rules over several changes look at.

use std::collections::{BTreeMap, BTreeSet};

use keytrail_event::{EventTime, Record};
use serde::{Deserialize, Serialize};

use super::caller::{is_aws, is_chosen_by_service, is_infrastructure};
use super::day::DayLight;
use super::grant::Grant;
use super::grant_ledger::Ended;
use super::policy_takes_away::Taken;
use super::support::{cut, is_owners_copy, is_refused};
use crate::bounds::KEY_CHANGES_MAX;

/// Seconds a change is remembered: the longest window that a rule looks at, and two days for records that come late.
pub const REMEMBERED_SECONDS: i64 = 3 * 24 * 3_600;

/// The operations that are remembered, sorted.
const OPERATIONS: [&str; 17] = [
    "CancelKeyDeletion",
    "CreateAlias",
    "CreateGrant",
    "CreateKey",
    "DeleteAlias",
    "DeleteImportedKeyMaterial",
    "DisableKey",
    "DisableKeyRotation",
    "EnableKey",
    "EnableKeyRotation",
    "ImportKeyMaterial",
    "PutKeyPolicy",
    "RetireGrant",
    "RevokeGrant",
    "RotateKeyOnDemand",
    "ScheduleKeyDeletion",
    "UpdateAlias",
];

/// One change of a key, or one that was refused. Sorted by (time, event id).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeyChange {
    /// When.
    pub at: EventTime,
    /// The event's id; empty where the record has none.
    pub event_id: String,
    /// The operation.
    pub operation: String,
    /// The canonical key.
    pub key: String,
    /// Who did it.
    pub principal: String,
    /// Whether it was made; refused otherwise.
    pub is_made: bool,
    /// Whether it lets its own caller use the key.
    pub names_caller: bool,
    /// The Region.
    pub region: String,
    /// Whether it gives the key a policy that takes something away from somebody, or the key from its owner.
    #[serde(default)]
    pub takes_away: bool,
    /// Whether it gives the key a policy that denies its use to everyone, or to everyone but a few.
    #[serde(default)]
    pub denies_use: bool,
    /// Whom a grant lets in.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub grantee: String,
    /// Whether it is known that nothing like it named the caller before: a grant, or a policy after one that was seen.
    #[serde(default)]
    pub is_first_naming: bool,
    /// Which grant it ends.
    #[serde(default, skip_serializing_if = "Ended::is_none")]
    pub ended: Ended,
}

impl KeyChange {
    /// How much it says where there is no room for all.
    fn rank(&self) -> u8 {
        match self.operation.as_str() {
            _ if !self.is_made => 0,
            "CreateAlias" | "CreateGrant" | "DeleteAlias" | "RetireGrant" | "RevokeGrant"
            | "UpdateAlias" => 0,
            "DeleteImportedKeyMaterial" | "DisableKey" | "ScheduleKeyDeletion" => 2,
            "PutKeyPolicy" if self.takes_away || self.denies_use => 2,
            _ => 1,
        }
    }
}

/// Whether a change lets its own caller use the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// It does not, or did before.
    None,
    /// It does; whether it did before is not known.
    Possible,
    /// It does, and did not before.
    New,
}

/// The changes of an account's keys in the last three days.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyChanges(BTreeSet<KeyChange>);

impl KeyChanges {
    /// Takes a record in, its key as `resolved`; 1 when there was no room for it. What AWS services do by themselves
    /// or for a resource of theirs is no change that anybody chose.
    pub fn learn(
        &mut self,
        record: &Record<'_>,
        resolved: &str,
        naming: Naming,
        (taken, ended): (Taken, Ended),
    ) -> u64 {
        let Ok(operation) = OPERATIONS.binary_search(&record.operation.name()) else {
            return 0;
        };
        let is_wanted = is_owners_copy(record)
            && !is_aws(record)
            && (record.outcome.is_success() || is_refused(record));
        // Whoever retires a grant gives it back, unless it was a service's.
        let is_given_back = record.operation.name() == "RetireGrant" && ended != Ended::OfService;
        if !is_wanted || is_given_back || is_grant_for_aws_resource(record) {
            return 0;
        }
        if !ended.is_none() && self.knows(record) {
            return 0;
        }
        let change = KeyChange {
            at: record.time,
            event_id: record.event_id.as_deref().unwrap_or_default().to_owned(),
            operation: OPERATIONS[operation].to_owned(),
            key: resolved.to_owned(),
            principal: record.principal().to_owned(),
            is_made: record.outcome.is_success(),
            names_caller: naming != Naming::None,
            region: cut(&record.region).to_owned(),
            takes_away: taken.takes_away,
            denies_use: taken.denies_use,
            grantee: match record.operation.name() {
                "CreateGrant" => cut(Grant::of(record.body()).grantee()).to_owned(),
                _ => String::new(),
            },
            is_first_naming: naming == Naming::New,
            ended,
        };
        self.0.insert(change);
        self.forget_old();
        if self.0.len() > KEY_CHANGES_MAX {
            self.forget_least();
            return 1;
        }
        0
    }

    /// Forgets the oldest of what says least: grants and names are made by the thousand, and must not push out how a
    /// key was taken away.
    fn forget_least(&mut self) {
        let ranks = self.0.iter().map(KeyChange::rank);
        let Some(least) = ranks
            .clone()
            .find(|rank| *rank == 0)
            .or_else(|| ranks.min())
        else {
            return;
        };
        let oldest = self.0.iter().find(|change| change.rank() == least);
        if let Some(oldest) = oldest.cloned() {
            self.0.remove(&oldest);
        }
    }

    /// Whether the record was learnt before: what it ended is ended since, and looks otherwise now.
    fn knows(&self, record: &Record<'_>) -> bool {
        let id = record.event_id.as_deref().unwrap_or_default();
        let mut latest = self.0.iter().rev();
        let of_second = latest.by_ref().take_while(|known| known.at >= record.time);
        let mut alike = of_second.filter(|known| known.at == record.time);
        alike.any(|known| known.event_id == id && known.operation == record.operation.name())
    }

    fn forget_old(&mut self) {
        let Some(newest) = self.0.last().map(|change| change.at) else {
            return;
        };
        while self
            .0
            .first()
            .is_some_and(|first| newest.seconds_since(first.at) > REMEMBERED_SECONDS)
        {
            self.0.pop_first();
        }
    }

    /// All of them, in the order of (time, event id).
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &KeyChange> {
        self.0.iter()
    }

    /// The changes that `wanted` accepts, each list in the order of (time, event id), by what `name` says.
    pub fn grouped<'c>(
        &'c self,
        wanted: impl Fn(&KeyChange) -> bool,
        name: impl Fn(&'c KeyChange) -> &'c str,
    ) -> BTreeMap<&'c str, Vec<&'c KeyChange>> {
        let mut groups: BTreeMap<&str, Vec<&KeyChange>> = BTreeMap::new();
        for change in self.0.iter().filter(|change| wanted(change)) {
            groups.entry(name(change)).or_default().push(change);
        }
        groups
    }
}

fn is_grant_for_aws_resource(record: &Record<'_>) -> bool {
    match record.operation.name() {
        "CreateGrant" => Grant::is_for_aws_resource(record, record.body()),
        "RetireGrant" | "RevokeGrant" => {
            is_chosen_by_service(record) || is_infrastructure(record.principal())
        }
        _ => false,
    }
}

/// The spells of a sorted list: the longest runs in which each change lies in some window of `seconds` that `is_spell`
/// accepts. A window is the changes not later than `seconds` after one of them.
pub fn spells<'c>(
    changes: &[&'c KeyChange],
    seconds: i64,
    is_spell: impl Fn(&[&'c KeyChange]) -> bool,
) -> Vec<Vec<&'c KeyChange>> {
    let mut spells: Vec<(usize, usize)> = Vec::new();
    for (start, first) in changes.iter().enumerate() {
        let end = changes.partition_point(|change| change.at.seconds_since(first.at) <= seconds);
        if !is_spell(&changes[start..end]) {
            continue;
        }
        match spells.last_mut() {
            Some((_, last)) if start < *last => *last = end.max(*last),
            _ => spells.push((start, end)),
        }
    }
    let spells = spells.into_iter();
    spells
        .map(|(start, end)| changes[start..end].to_vec())
        .collect()
}

/// The spells of each group that hold a change not seen before, by the group's name.
pub fn new_spells<'c>(
    groups: BTreeMap<&'c str, Vec<&'c KeyChange>>,
    seconds: i64,
    is_spell: impl Fn(&[&'c KeyChange]) -> bool,
    light: &DayLight<'_>,
) -> Vec<(&'c str, Vec<&'c KeyChange>)> {
    let mut new = Vec::new();
    for (name, changes) in groups {
        let spells = spells(&changes, seconds, &is_spell).into_iter();
        let spells = spells.filter(|spell| spell.iter().any(|one| light.is_new(&one.event_id)));
        new.extend(spells.map(|spell| (name, spell)));
    }
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(second: i64, key: &str) -> KeyChange {
        KeyChange {
            at: EventTime::from_unix_seconds(second),
            event_id: second.to_string(),
            operation: "DisableKey".to_owned(),
            key: key.to_owned(),
            principal: "p".to_owned(),
            is_made: true,
            names_caller: false,
            region: String::new(),
            takes_away: false,
            denies_use: false,
            grantee: String::new(),
            is_first_naming: false,
            ended: Ended::None,
        }
    }

    #[test]
    fn the_operations_are_sorted() {
        assert!(OPERATIONS.is_sorted());
    }

    #[test]
    fn grants_push_nothing_out_but_grants() {
        let mut changes = KeyChanges::default();
        let of = |second, operation: &str| KeyChange {
            operation: operation.to_owned(),
            ..change(second, "k")
        };
        for (second, operation) in [
            (0, "ScheduleKeyDeletion"),
            (1, "CreateGrant"),
            (2, "PutKeyPolicy"),
            (3, "CreateGrant"),
        ] {
            changes.0.insert(of(second, operation));
        }
        let mut left = Vec::new();
        for _ in 0..3 {
            changes.forget_least();
            let at = changes.iter().map(|change| change.at.unix_seconds());
            left.push(at.collect::<Vec<_>>());
        }
        assert_eq!(left, [vec![0, 2, 3], vec![0, 2], vec![0]]);
    }

    #[test]
    fn spells_join_the_windows_that_count() {
        let check = |seconds: &[i64], expected: &[&[i64]]| {
            let changes: Vec<KeyChange> = seconds.iter().map(|at| change(*at, "k")).collect();
            let changes: Vec<&KeyChange> = changes.iter().collect();
            let found = spells(&changes, 10, |window| window.len() >= 3);
            let found: Vec<Vec<i64>> = found
                .iter()
                .map(|spell| {
                    spell
                        .iter()
                        .map(|change| change.at.unix_seconds())
                        .collect()
                })
                .collect();
            assert_eq!(found, expected, "{seconds:?}");
        };
        check(&[], &[]);
        check(&[0, 5, 11], &[]);
        check(&[0, 5, 10], &[&[0, 5, 10]]);
        check(&[0, 5, 10, 15, 40], &[&[0, 5, 10, 15]]);
        check(&[0, 1, 2, 12, 13, 14], &[&[0, 1, 2], &[12, 13, 14]]);
        check(&[0, 1, 10, 11, 12], &[&[0, 1, 10, 11, 12]]);
    }
}

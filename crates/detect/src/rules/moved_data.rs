//! Data that ReEncrypt moved to other keys in bulk: of each call its cell tells the key that the data comes from, and its
//! group the one it goes to.
//!
//! A migration looks like a ransom: data goes to another key, and the old one is retired. What tells them apart is whether
//! the owner holds the other key, and goes on holding it.

use std::collections::{BTreeMap, BTreeSet};

use keytrail_event::source::DIRECT;
use keytrail_event::{EventTime, Hour, Record};
use serde::{Deserialize, Serialize};

use super::caller::{account_of_key, is_aws};
use super::day::DayLight;
use super::key_changes::KeyChange;
use crate::bounds::{EXACT_EVENTS_MAX, MOVES_MAX};

/// From which key to which one data was re-encrypted in bulk, each pair once, sorted; empty where some of it may have
/// gone elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Moves(Vec<(String, String)>);

impl Moves {
    /// Whether it is not known where all of the data went.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of these together; `None` where of some it is not known where data went.
    pub fn all_of(parts: Vec<&Self>) -> Option<Self> {
        if parts.iter().any(|part| part.is_empty()) {
            return None;
        }
        let pairs: BTreeSet<&(String, String)> = parts.iter().flat_map(|part| &part.0).collect();
        Some(Self(pairs.into_iter().cloned().collect()))
    }

    /// The keys that data went to.
    pub fn destinations(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, to)| to.as_str())
    }

    /// Whether the owner holds every key that data went to.
    pub fn stay_with_owner(&self, light: &DayLight<'_>) -> bool {
        !self.is_empty() && self.lost(light).next().is_none()
    }

    /// The keys that data went to and the owner does not hold.
    pub fn lost(&self, light: &DayLight<'_>) -> impl Iterator<Item = &str> {
        self.destinations().filter(|key| !is_held(key, light))
    }

    /// Whether a change is of a kind that goes with a move: a key that data came from, and none went to, is retired; or a
    /// policy is written that takes nothing away but from such a key.
    #[must_use]
    pub fn go_with(&self, change: &KeyChange) -> bool {
        let is_from = self.0.iter().any(|(from, _)| *from == change.key);
        let is_left = is_from && self.destinations().all(|to| to != change.key);
        match change.operation.as_str() {
            "PutKeyPolicy" => is_left || !(change.takes_away || change.denies_use),
            "DisableKey" | "ScheduleKeyDeletion" => is_left,
            _ => false,
        }
    }
}

/// Whether the owner holds a key: it is of the account or its organisation, and as far as is known nobody took it away or
/// brought its material along.
fn is_held(key: &str, light: &DayLight<'_>) -> bool {
    let accounts = &light.configuration.organisation.accounts;
    let account = account_of_key(key);
    let is_at_home = account == light.account || accounts.contains(account);
    let life = light.past.key(key);
    let is_sound = life.is_none_or(|life| {
        let origin = life.origin.as_deref();
        let is_of_kms = origin.is_none_or(|origin| origin == "AWS_KMS");
        let is_imported = life.material.imported.is_some();
        is_of_kms && !is_imported && life.disabled.is_none() && life.deletion.is_none()
    });
    let policy = light.past.policy(key);
    let is_owners = policy.is_none_or(|policy| policy.delegates_to_account && !policy.denies_use);
    // What an alias stands for is not known here.
    key.starts_with("arn:") && is_at_home && is_sound && is_owners
}

/// Whether the record is of a ReEncrypt that was made and tells both keys. What services re-encrypt for somebody is not
/// carried: it is theirs, and far more.
pub fn tells_move(record: &Record<'_>) -> bool {
    record.destination_key.is_some()
        && record.key.is_some()
        && record.is_kms()
        && record.outcome.is_success()
        && record.service_path() == DIRECT
        && !is_aws(record)
}

/// The moves of a day, as the groups of their records tell.
#[derive(Debug, Default)]
pub struct DayMoves(BTreeMap<(String, Hour), BTreeMap<(String, String), u64>>);

impl DayMoves {
    /// The moves in the groups that this rule selected.
    pub fn selected_by(rule: &str, light: &DayLight<'_>) -> Self {
        let mut moves = Self::default();
        light.records_selected_by(rule, |record, calls| {
            let (Some(from), Some(to)) = (&record.key, &record.destination_key) else {
                return;
            };
            // Where data went is taken as the record names it: an alias may have stood for another key then.
            let from = light.past.resolve(from.as_str()).to_owned();
            let to = to.as_str().to_owned();
            let by = (record.principal().to_owned(), record.time.hour());
            *moves
                .0
                .entry(by)
                .or_default()
                .entry((from, to))
                .or_default() += calls;
        });
        moves
    }

    /// Where these calls of a principal, made between these moments, moved data; nothing where the groups hold fewer of
    /// them. Both numbers may be estimates.
    pub fn of(&self, principal: &str, (first, last): (EventTime, EventTime), calls: u64) -> Moves {
        let [from, to] = [first, last].map(|moment| (principal.to_owned(), moment.hour()));
        let mut pairs = BTreeSet::new();
        let mut told = 0_u64;
        for (pair, calls) in self.0.range(from..=to).flat_map(|(_, pairs)| pairs) {
            pairs.insert(pair);
            told = told.saturating_add(*calls);
        }
        let is_exact = calls <= EXACT_EVENTS_MAX as u64;
        let needed = if is_exact { calls } else { calls / 10 * 9 };
        if told < needed || pairs.len() > MOVES_MAX {
            return Moves::default();
        }
        Moves(pairs.into_iter().cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(from: &str, to: &str) -> (String, String) {
        (from.to_owned(), to.to_owned())
    }

    #[test]
    fn where_all_went_is_known_only_of_calls_that_are_all_told() {
        let hour = EventTime::from_unix_seconds(36_000).hour();
        let mut day = DayMoves::default();
        let mut tell = |who: &str, hour: Hour, to: &str, calls| {
            let told = day.0.entry((who.to_owned(), hour)).or_default();
            told.insert(pair("a", to), calls);
        };
        tell("eve", hour, "b", 40);
        tell("eve", hour.end().hour(), "c", 80);
        tell("app", hour, "d", 900);
        let within = |who, from: i64, to: i64, calls| {
            let span = (
                hour.start().plus_seconds(from),
                hour.start().plus_seconds(to),
            );
            let moves = day.of(who, span, calls);
            moves.destinations().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(within("eve", 0, 10, 40), ["b"]);
        assert_eq!(within("eve", 0, 10, 41), [""; 0]);
        assert_eq!(within("eve", 3_000, 4_000, 120), ["b", "c"]);
        // Two estimates of the same calls differ a little.
        assert_eq!(within("app", 0, 10, 990), ["d"]);
        assert_eq!(within("app", 0, 10, 1_100), [""; 0]);
        assert_eq!(within("bob", 0, 10, 1), [""; 0]);
    }

    #[test]
    fn what_is_known_of_a_part_says_nothing_of_the_whole() {
        let known = Moves(vec![pair("a", "b")]);
        let other = Moves(vec![pair("a", "b"), pair("c", "d")]);
        assert_eq!(Moves::all_of(vec![&known, &other]), Some(other));
        assert_eq!(Moves::all_of(vec![&known, &Moves::default()]), None);
    }
}

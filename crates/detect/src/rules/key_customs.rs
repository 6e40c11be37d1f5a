//! What is customary for one key: how it is reached, and what for.

use std::collections::BTreeMap;

use keytrail_event::Day;
use keytrail_event::source::DIRECT;
use serde::{Deserialize, Serialize};

use super::customs::{CUSTOM_DAYS, add_context_keys, context_accounts};
use super::gathered::KeyDay;
use super::habits::{DayCount, Days};
use super::sorted_set::SortedSet;
use crate::attestation::{attestation_of, without_attestation};
use crate::bounds::CUSTOMS_PER_KEY_MAX;

/// How a key is used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyCustoms {
    /// Days of use that were learnt.
    pub days: u32,
    last_day: Option<Day>,
    /// Service paths it was reached through.
    pub paths: SortedSet<String>,
    /// Keys of encryption contexts, as [`context_keys`](super::customs::context_keys) has them, with the service path; and accounts whose
    /// resources contexts named, as `@<account>` with no path.
    pub contexts: SortedSet<(String, String)>,
    /// Operations.
    pub operations: SortedSet<String>,
    /// Enclaves it answered, as [`crate::attestation`] tells them.
    pub attestations: SortedSet<String>,
    /// Whether it answered a call without attestation.
    pub is_unattested: bool,
    /// Whether there was more of any of them than is remembered: then nothing is said to be new.
    pub is_varied: bool,
    /// Service paths that began when the key was known to be reached through services only, until they are customary too.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    trials: BTreeMap<String, DayCount<()>>,
}

/// Days of use after which a way around a key's services is its custom as well: one call makes none.
const TRIAL_DAYS: u32 = 3;
/// Paths on trial that are remembered of a key.
const TRIALS_MAX: usize = 8;

impl KeyCustoms {
    /// Whether the key was reached through services only.
    #[must_use]
    pub fn is_by_services(&self) -> bool {
        !self.paths.is_empty() && !self.paths.contains(DIRECT)
    }

    /// On how many days of use a path was tried that is no custom yet.
    #[must_use]
    pub fn trial_days(&self, path: &str) -> u32 {
        self.trials.get(path).map_or(0, |trial| trial.days)
    }

    /// Learns a day's use, after it was judged. Learning a day again adds nothing.
    pub(crate) fn learn(&mut self, day: Day, key_day: &KeyDay<'_>) {
        let is_settled = self.days >= CUSTOM_DAYS && self.is_by_services();
        if self.last_day.is_none_or(|last| last < day) {
            self.last_day = Some(day);
            self.days = self.days.saturating_add(1);
        }
        let mut is_varied = self.is_varied;
        for path in &key_day.paths {
            is_varied |= !self.learn_path(path, day, is_settled);
        }
        for operation in &key_day.operations {
            is_varied |= !keep(&mut self.operations, (*operation).to_owned());
        }
        for context in &key_day.attestable {
            match attestation_of(context) {
                Some(attestation) => {
                    is_varied |= !keep(&mut self.attestations, attestation.to_owned());
                }
                None => self.is_unattested = true,
            }
        }
        // Contexts are sorted, and most have the keys and accounts of the one before.
        let (mut keys, mut last_keys) = (String::new(), None);
        let mut last_account = None;
        for (context, path) in &key_day.contexts {
            let context = without_attestation(context);
            keys.clear();
            add_context_keys(context, &mut keys);
            let known = Some((keys.as_str(), *path));
            if last_keys
                .as_ref()
                .map(|(keys, path): &(String, &str)| (&**keys, *path))
                != known
            {
                is_varied |= !keep(&mut self.contexts, (keys.clone(), (*path).to_owned()));
                last_keys = Some((keys.clone(), *path));
            }
            for account in context_accounts(context) {
                if last_account != Some(account) {
                    let known = (format!("@{account}"), String::new());
                    is_varied |= !keep(&mut self.contexts, known);
                    last_account = Some(account);
                }
            }
        }
        self.is_varied = is_varied;
    }

    /// Learns that a path was used on a day; whether there was room.
    fn learn_path(&mut self, path: &str, day: Day, is_settled: bool) -> bool {
        let is_tried = is_settled || self.trials.contains_key(path);
        let has_room = self.trials.len() < TRIALS_MAX || self.trials.contains_key(path);
        if !is_tried || !has_room || self.paths.contains(path) {
            return keep(&mut self.paths, path.to_owned());
        }
        let today = DayCount::on(day, ());
        let trial = self.trials.entry(path.to_owned());
        let trial = trial.or_insert_with(|| today.clone());
        trial.join(today);
        if trial.days < TRIAL_DAYS {
            return true;
        }
        self.trials.remove(path);
        keep(&mut self.paths, path.to_owned())
    }
}

/// Adds to a set that is bounded; whether there was room.
fn keep<T: Ord>(set: &mut SortedSet<T>, value: T) -> bool {
    if set.len() >= CUSTOMS_PER_KEY_MAX && !set.contains(&value) {
        return false;
    }
    set.insert(value);
    true
}

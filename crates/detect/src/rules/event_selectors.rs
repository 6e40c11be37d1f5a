//! What a trail's selectors leave out of KMS: every KMS operation is held against all of them.
//!
//! Selectors are a union: an event is recorded when any of them takes it. Within an advanced selector all
//! fields must agree; within a field, one of the selecting operators (Equals, StartsWith, EndsWith) and none of the
//! deselecting ones (CloudTrail User Guide, "Filtering events by using advanced event selectors").

use std::borrow::Cow;
use std::collections::BTreeSet;

use keytrail_event::operation::{KMS_OPERATIONS, KMS_SERVICE_EVENTS};
use keytrail_event::{EventTime, OperationClass};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::selector::{Probe, Selector, named_callers, selectors_of};
use super::support::{cut, listed};

/// Stands for every caller that no condition names.
const SOMEBODY: &str = "arn:aws:iam::000000000000:role/somebody";

/// The part of KMS's events that no selector records.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dark {
    /// Operations of which ordinary calls are not recorded.
    operations: BTreeSet<Cow<'static, str>>,
    /// Callers, in words, of whom some otherwise recorded operation is not.
    callers: BTreeSet<String>,
    /// Since when, as the record that set the selectors tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<EventTime>,
    /// Whether a trail was made then, which nobody had given selectors yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_new: bool,
}

impl Dark {
    /// What the selectors of a request leave out; `None` when the request has none, so that nothing changes.
    #[must_use]
    pub fn of(request: &Value) -> Option<Self> {
        let selectors = selectors_of(request)?;
        let named = named_callers(&selectors);
        let mut dark = Self::default();
        for (operation, class, is_service_event) in operations() {
            let ordinary = Probe {
                operation,
                is_read_only: is_read_only(operation, class, is_service_event),
                is_service_event,
                from_console: false,
                caller: SOMEBODY,
            };
            let is_recorded = |probe: &Probe<'_>| selectors.iter().any(|one| one.takes(probe));
            if !is_recorded(&ordinary) {
                dark.operations.insert(operation.into());
                continue;
            }
            let console = Probe {
                from_console: true,
                ..ordinary
            };
            if !is_recorded(&console) {
                dark.callers
                    .insert("whoever works in the console".to_owned());
            }
            for caller in &named {
                if !is_recorded(&Probe { caller, ..ordinary }) {
                    dark.callers.insert(cut(caller).to_owned());
                }
            }
        }
        Some(dark)
    }

    /// Whether everything is recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty() && self.callers.is_empty()
    }

    /// What is dark now and was not before.
    #[must_use]
    pub fn beyond(&self, before: &Self) -> Self {
        Self {
            operations: &self.operations - &before.operations,
            callers: &self.callers - &before.callers,
            since: self.since,
            is_new: self.is_new,
        }
    }

    /// Whether use of keys, changes to them or permissions go dark, not only looking and AWS's own doing.
    #[must_use]
    pub fn hides_use_or_change(&self) -> bool {
        operations().any(|(name, class, is_service_event)| {
            !is_service_event
                && class != OperationClass::Discovery
                && self.operations.contains(name)
        })
    }

    /// Whether somebody's calls go dark while others' are recorded.
    #[must_use]
    pub fn hides_callers(&self) -> bool {
        !self.callers.is_empty()
    }

    /// What goes dark, in words.
    #[must_use]
    pub fn words(&self) -> String {
        let mut parts = Vec::new();
        let count_of = |read_only: bool| {
            let dark = operations().filter(|(name, class, is_service_event)| {
                is_read_only(name, *class, *is_service_event) == read_only
            });
            let all = dark.clone().count();
            (
                dark.filter(|(name, ..)| self.operations.contains(*name))
                    .count(),
                all,
            )
        };
        match (count_of(true), count_of(false)) {
            ((0, _), (0, _)) => {}
            ((reads, all_reads), (writes, all_writes)) if reads == all_reads && writes == all_writes => {
                parts.push("every KMS event".to_owned());
            }
            ((reads, all), (0, _)) if reads == all => parts.push(
                "every read-only KMS event: Decrypt, Encrypt, GenerateDataKey and all other use of keys".to_owned(),
            ),
            ((0, _), (writes, all)) if writes == all => parts.push(
                "every KMS event that writes: ScheduleKeyDeletion, DisableKey, PutKeyPolicy, CreateGrant and all other changes".to_owned(),
            ),
            _ => parts.push(listed(self.operations.iter().map(AsRef::as_ref))),
        }
        if !self.callers.is_empty() {
            parts.push(format!(
                "calls of {}",
                listed(self.callers.iter().map(String::as_str))
            ));
        }
        parts.join("; ")
    }
}

/// Whether a selector of the request asks for management events at all.
#[must_use]
pub fn asks_for_management_events(request: &Value) -> bool {
    let selectors = selectors_of(request).unwrap_or_default();
    selectors.iter().any(Selector::asks_for_management_events)
}

/// Every operation of KMS: its name, its class, whether AWS does it by itself.
fn operations() -> impl Iterator<Item = (&'static str, OperationClass, bool)> + Clone {
    let calls = KMS_OPERATIONS
        .into_iter()
        .map(|(name, class)| (name, class, false));
    calls.chain(
        KMS_SERVICE_EVENTS
            .into_iter()
            .map(|(name, class)| (name, class, true)),
    )
}

/// `readOnly` as CloudTrail writes it: all cryptographic calls are.
fn is_read_only(operation: &str, class: OperationClass, is_service_event: bool) -> bool {
    let reads = matches!(
        class,
        OperationClass::Cryptographic | OperationClass::Discovery
    );
    !is_service_event && (reads || operation == "GetParametersForImport")
}

#[cfg(test)]
#[path = "event_selectors_tests.rs"]
mod tests;

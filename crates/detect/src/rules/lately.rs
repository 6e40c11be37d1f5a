//! The end of the day before: what windows that cross midnight need of it.

use std::collections::BTreeSet;

use keytrail_event::{EventTime, OperationClass, OutcomeFamily};
use serde::{Deserialize, Serialize};

use super::caller::{is_aws_principal, is_judged_at};
use super::day::DayLight;
use super::sightings::times_of;
use crate::bounds::LATELY_CALLS_MAX;

/// Seconds before midnight that are remembered: the longest window of the rules that look at single calls.
pub const LATELY_SECONDS: i64 = 3_600;

/// Calls of the last hour of a day: those that were refused, and those that looked at keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lately(BTreeSet<LateCall>);

/// One of them, as far as counts can tell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LateCall {
    /// When.
    pub at: EventTime,
    /// Who.
    pub principal: String,
    /// On which key; empty where the record names none.
    pub key: String,
    /// The operation.
    pub operation: String,
    /// Whether it was refused.
    pub is_refused: bool,
}

impl Lately {
    /// The calls, by time.
    pub fn iter(&self) -> impl Iterator<Item = &LateCall> {
        self.0.iter()
    }

    /// What the next day needs of this one, and how many calls found no room.
    pub(crate) fn of(light: &DayLight<'_>) -> (Self, u64) {
        let from = light.day.end().plus_seconds(-LATELY_SECONDS);
        let is_kept =
            |class, outcome| outcome == OutcomeFamily::Denied || class == OperationClass::Discovery;
        let who = |principal: &str| {
            !is_aws_principal(principal)
                && is_judged_at(principal, light.account, light.configuration)
        };
        let cells = light.cells_by(who, is_kept, |cell| cell.last_time() >= from);
        let mut calls = BTreeSet::new();
        for cell in &cells {
            for at in times_of(cell).filter(|at| *at >= from) {
                calls.insert(LateCall {
                    at,
                    principal: cell.principal.to_owned(),
                    key: cell.key.to_owned(),
                    operation: cell.operation.to_owned(),
                    is_refused: cell.outcome == OutcomeFamily::Denied,
                });
            }
        }
        let mut forgotten = 0;
        while calls.len() > LATELY_CALLS_MAX {
            // The latest reach furthest into the next day.
            calls.pop_first();
            forgotten += 1;
        }
        (Self(calls), forgotten)
    }
}

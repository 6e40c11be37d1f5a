//! The facts beside a judgement: what the calls were, and through what and from where they came.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use keytrail_event::OutcomeFamily;

use crate::account_day::AccountDay;
use crate::bounds::EXACT_EVENTS_MAX;
use crate::cell::Cell;
use crate::cells::CellKey;
use crate::finding::Evidence;
use crate::values::ValueKind;

/// The evidence that says that numbers of a finding are estimates.
pub const ESTIMATE: &str = "estimate";

/// Values of one kind that are told.
const VALUES_TOLD_MAX: usize = 8;

/// What cells had in common, as evidence.
pub(super) fn circumstances(
    cells: &[(CellKey, &Cell)],
    account_day: &AccountDay<'_>,
) -> Vec<Evidence> {
    let mut operations: BTreeMap<&str, Calls> = BTreeMap::new();
    let mut service_paths: BTreeMap<&str, Calls> = BTreeMap::new();
    let (mut denied, mut all) = (Calls::default(), Calls::default());
    for (key, cell) in cells {
        let of_operation = operations
            .entry(account_day.name(key.operation))
            .or_default();
        let of_path = service_paths
            .entry(account_day.name(key.service_path))
            .or_default();
        for calls in [&mut all, of_operation, of_path] {
            calls.add(cell);
        }
        if key.outcome == OutcomeFamily::Denied {
            denied.add(cell);
        }
    }
    let (operations, service_paths) = (counts(&operations), counts(&service_paths));
    let mut evidence = vec![
        Evidence::new("operations", format!("Calls: {operations}.")).observed(operations),
        Evidence::new("service_paths", format!("Through: {service_paths}."))
            .observed(service_paths),
    ];
    for (kind, feature, words) in [
        (ValueKind::Network, "networks", "From networks"),
        (ValueKind::Agent, "agents", "With agents"),
        (ValueKind::Context, "contexts", "Encryption contexts"),
        (ValueKind::Session, "sessions", "In sessions"),
    ] {
        let mut names: BTreeSet<&str> = BTreeSet::new();
        let mut is_more = false;
        for (_, cell) in cells {
            names.extend(cell.values.kept(kind).map(|value| account_day.name(value)));
            is_more |= cell.values.overflowed(kind);
        }
        names.remove("");
        if names.is_empty() {
            continue;
        }
        is_more |= names.len() > VALUES_TOLD_MAX;
        let told: Vec<&str> = names.into_iter().take(VALUES_TOLD_MAX).collect();
        let list = told.join(", ");
        let more = if is_more { " and more" } else { "" };
        evidence.push(Evidence::new(feature, format!("{words}: {list}{more}.")).observed(list));
    }
    if denied.number > 0 {
        let text = format!("{denied} of the calls were refused.");
        evidence.push(Evidence::new("denied_calls", text).observed(denied.number));
    }
    if all.is_estimate {
        evidence.push(estimate_evidence());
    }
    evidence
}

/// That a finding's numbers are estimates.
pub(crate) fn estimate_evidence() -> Evidence {
    let text = format!(
        "≈ marks estimates: above {EXACT_EVENTS_MAX} calls an hour and cell, numbers have a standard error of 3 %."
    );
    Evidence::new(ESTIMATE, text)
}

/// A number of calls, marked where it is an estimate.
#[derive(Debug, Clone, Copy, Default)]
struct Calls {
    number: u64,
    is_estimate: bool,
}

impl Calls {
    fn add(&mut self, cell: &Cell) {
        self.number += cell.events.count();
        self.is_estimate |= !cell.events.is_exact();
    }
}

impl fmt::Display for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.is_estimate { "≈" } else { "" };
        write!(f, "{mark}{}", self.number)
    }
}

fn counts(counts: &BTreeMap<&str, Calls>) -> String {
    let parts: Vec<String> = counts
        .iter()
        .map(|(name, calls)| format!("{calls} {name}"))
        .collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_bear_their_mark() {
        let calls = |number, is_estimate| Calls {
            number,
            is_estimate,
        };
        let of = BTreeMap::from([
            ("Decrypt", calls(249, true)),
            ("DescribeKey", calls(21, false)),
        ]);
        assert_eq!(counts(&of), "≈249 Decrypt, 21 DescribeKey");
    }
}

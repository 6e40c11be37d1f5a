//! `throttled`: KMS turns calls away because there are too many, and somebody makes them.

use std::collections::BTreeMap;

use keytrail_event::{EventTime, OutcomeFamily};

use super::day::{DayCell, DayHit, DayLight};
use super::sightings::{estimate_mark, events_of, grouped, moments, over_cells, spells};
use super::support::{cut, key_in_title};
use super::{About, Hit, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct Throttled;

/// Seconds of a window.
const WINDOW_SECONDS: i64 = 300;
/// Of how many calls in a window one must have been turned away.
const ONE_IN: u64 = 100;
/// Operations that add to what an account or key may have so many of, sorted. Where they fail with
/// LimitExceededException, which counts are kept with throttling, there is too much of something; and what there are too
/// many calls of, no other operation pays for.
const ADDING: [&str; 9] = [
    "CreateAlias",
    "CreateCustomKeyStore",
    "CreateGrant",
    "CreateKey",
    "PutKeyPolicy",
    "ReplicateKey",
    "RotateKeyOnDemand",
    "TagResource",
    "UpdateAlias",
];

const ABOUT: About = About {
    id: "throttled",
    title: "KMS turns calls away because there are too many",
    severities: &[Severity::Medium],
    attack: &[("TA0040", "T1499", "T1499")],
    practice: "keys answer whoever depends on them",
    side: Side::Caller,
    fires_when: "Within five minutes at least rules.throttled_calls calls (20), and more than 1 % of the account's calls in the Region, fail with ThrottlingException. Operations that a quota of resources may stop, such as CreateGrant, do not count.",
    reads: &[
        "eventName",
        "eventTime",
        "errorCode",
        "awsRegion",
        "recipientAccountId",
        "resources[].ARN",
        "requestParameters.keyId",
        "userIdentity",
    ],
};

impl Rule for Throttled {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn judge_day(&self, light: &DayLight<'_>) -> Vec<DayHit> {
        let throttled = light.cells(|_, outcome| outcome == OutcomeFamily::Throttled);
        let regions = grouped(&throttled, |cell| {
            let is_request = ADDING.binary_search(&cell.operation).is_err();
            is_request.then_some(cell.region)
        });
        let hits = regions
            .iter()
            .flat_map(|(region, throttled)| judge_region(light, region, throttled));
        hits.collect()
    }
}

/// Judges every spell of the day: few of many calls in the morning say nothing of the evening.
fn judge_region(light: &DayLight<'_>, region: &str, throttled: &[&DayCell<'_>]) -> Vec<DayHit> {
    let enough = light.configuration.rules.throttled_calls.max(1);
    let (exact, estimated): (Vec<&DayCell<'_>>, Vec<&DayCell<'_>>) = throttled
        .iter()
        .partition(|cell| cell.cell.events.is_exact());
    let exact: Vec<EventTime> = moments(&exact).iter().map(|moment| moment.at).collect();
    let turned_away = |first, last| {
        let before = exact.partition_point(|at| *at < first);
        let seen = exact.partition_point(|at| *at <= last) - before;
        let shares = estimated.iter().map(|cell| share_within(cell, first, last));
        seen as u64 + shares.sum::<u64>()
    };
    let times = moments(throttled);
    let runs = spells(&times, WINDOW_SECONDS, |window| {
        let first = window.first().map(|first| first.at);
        first.is_some_and(|first| turned_away(first, first.plus_seconds(WINDOW_SECONDS)) >= enough)
    });
    if runs.is_empty() {
        return Vec::new();
    }
    let all = light.cells_like(|cell| cell.region == region);
    let hits = runs.into_iter().filter_map(|run| {
        let (first, last) = (run.first()?.at, run.last()?.at);
        let turned_away = turned_away(first, last);
        judge_spell(region, throttled, &all, (first, last, turned_away))
    });
    hits.collect()
}

fn judge_spell(
    region: &str,
    throttled: &[&DayCell<'_>],
    all: &[DayCell<'_>],
    (first, last, turned_away): (EventTime, EventTime, u64),
) -> Option<DayHit> {
    let hours = first.hour()..=last.hour();
    let all = all.iter().filter(|cell| hours.contains(&cell.hour));
    let calls: u64 = all
        .clone()
        .map(|cell| calls_within(cell, first, last))
        .sum();
    if turned_away * ONE_IN <= calls {
        return None;
    }
    let mut callers: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for cell in all {
        *callers.entry((cell.principal, cell.key)).or_default() += calls_within(cell, first, last);
    }
    let ((principal, key), by_caller) = callers
        .into_iter()
        .max_by(|(a_name, a), (b_name, b)| (a, b_name).cmp(&(b, a_name)))?;
    let key = Some(key).filter(|key| !key.is_empty());
    let region = cut(region);
    let during: Vec<&DayCell<'_>> = throttled
        .iter()
        .copied()
        .filter(|cell| hours.contains(&cell.hour))
        .collect();
    let mark = estimate_mark(&during);
    let title =
        format!("KMS turned {mark}{turned_away} calls away in {region} between {first} and {last}");
    let hit = Hit::about(Some(principal), key, Severity::Medium, title)
        .class(region)
        .because(
            Evidence::new("throttled_calls", format!("{mark}{turned_away} of {calls} calls failed with ThrottlingException"))
                .observed(turned_away)
                .expected(format!("at most 1 in {ONE_IN}")),
        )
        .because(
            Evidence::new(
                "cause",
                format!("Most calls of that time ({by_caller}) were made by {} with {}", cut(principal), key_in_title(key)),
            )
            .observed(by_caller),
        )
        .next("See whether the caller loops or is new: data key caching and S3 bucket keys save most calls.")
        .next("Whoever else uses KMS in this Region of the account is slowed down as well: the quota is shared.")
        .next(events_of(principal, first, 1));
    let mut found = over_cells(hit, &during)?;
    (found.first_seen, found.last_seen) = (first, last);
    (found.count, found.new) = (turned_away, turned_away);
    Some(found)
}

/// The calls of a cell within a span.
fn calls_within(cell: &DayCell<'_>, first: EventTime, last: EventTime) -> u64 {
    if !cell.cell.events.is_exact() {
        return share_within(cell, first, last);
    }
    let moments = moments(&[cell]).into_iter();
    let within = moments.filter(|moment| (first..=last).contains(&moment.at));
    within.count() as u64
}

/// The share that a span has in the calls of a cell that only estimates: these lie evenly between its first and last.
fn share_within(cell: &DayCell<'_>, first: EventTime, last: EventTime) -> u64 {
    let (begin, end) = (cell.first_time(), cell.last_time());
    let seconds = |from: EventTime, to: EventTime| (to.seconds_since(from) + 1).max(0) as u64;
    let within = seconds(begin.max(first), end.min(last));
    cell.calls() * within / seconds(begin, end).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operations_are_sorted() {
        assert!(ADDING.is_sorted());
    }
}

//! What is told while an account is learnt: a person who suddenly makes many calls on a key.
//!
//! Without a history there is only a prior: people rarely make many calls an hour, roles often do.

use keytrail_event::key::short_key_name;

use super::{Day, find, short_principal};
use crate::baseline::canonical::Class;
use crate::baseline::facts::{PairFacts, PairHour, PrincipalFacts};
use crate::baseline::{AccountBaseline, DayJudge};
use crate::bounds::{BEHAVIOUR_QUIET_SECONDS, EXACT_EVENTS_MAX};
use crate::cell::Cell;
use crate::cells::CellKey;
use crate::episode::{Candidate, keep_both_ends};
use crate::finding::{Evidence, LEARNING, Severity};
use crate::judge::state_at;
use crate::rules::OnRepeat;
use crate::rules::support::argument;

/// How many times what is usual so far an hour must be.
const TIMES_USUAL: f64 = 4.0;
/// The most that calls beyond the floor add to the score of a low finding.
const SCORE_GAIN_MAX: f64 = 4.0;

/// The candidates of a day of which nothing or little is known before.
pub(super) fn candidates(
    day: &Day<'_>,
    judged: &DayJudge<'_, '_>,
    base: &AccountBaseline,
) -> Vec<Candidate> {
    let facts = judged.facts();
    let mut candidates = Vec::new();
    for principal in facts.principals.iter().filter(|known| is_person(known)) {
        for pair in &facts.pairs[principal.pairs.clone()] {
            let hours = facts.pair_hours[pair.hours.clone()].iter();
            let unusual = hours
                .map(|hour| (hour, judged.usual_calls(principal, pair.key, hour.hour)))
                .filter(|(hour, usual)| is_unusual(day, hour.calls, *usual))
                .max_by(|(a, _), (b, _)| a.calls.total_cmp(&b.calls));
            if let Some((hour, usual)) = unusual {
                candidates.extend(candidate(day, judged, base, principal, pair, hour, usual));
            }
        }
    }
    candidates
}

/// IAM users, the root user and people behind IAM Identity Center.
fn is_person(principal: &PrincipalFacts<'_>) -> bool {
    matches!(principal.class, Class::Person | Class::User) || principal.name.ends_with(":root")
}

fn is_unusual(day: &Day<'_>, calls: f64, usual: f64) -> bool {
    let floor = day.configuration.behaviour.learning_floor_calls.max(1) as f64;
    calls >= floor && calls >= TIMES_USUAL * usual
}

fn candidate(
    day: &Day<'_>,
    judged: &DayJudge<'_, '_>,
    base: &AccountBaseline,
    principal: &PrincipalFacts<'_>,
    pair: &PairFacts,
    hour: &PairHour,
    usual: f64,
) -> Option<Candidate> {
    let about = find("rate-pair")?;
    let facts = judged.facts();
    let key = facts.keys[pair.key as usize].name;
    let cells: Vec<(CellKey, &Cell)> = facts.cells[principal.cells.clone()]
        .iter()
        .filter(|(cell, _)| {
            // The hours beside the unusual one belong to the same burst.
            cell.hour.of_day().abs_diff(hour.hour) <= 1
                && day.past.resolve(day.account_day.name(cell.key)) == key
        })
        .copied()
        .collect();
    let ends: Vec<_> = cells
        .iter()
        .map(|(key, cell)| cell.ends(key.hour))
        .collect();
    let first = ends.iter().map(|ends| &ends.first).min()?;
    let last = ends.iter().map(|ends| &ends.last).max()?;
    let mut event_ids: Vec<String> = [first, last]
        .iter()
        .filter(|end| !end.event_id.is_empty())
        .map(|end| end.event_id.text().into_owned())
        .collect();
    keep_both_ends(&mut event_ids);
    event_ids.dedup();
    let floor = day.configuration.behaviour.learning_floor_calls.max(1) as f64;
    let (days, calls) = (base.days(), hour.calls.round() as u64);
    let is_estimate = |(_, cell): &(CellKey, &Cell)| !cell.events.is_exact();
    let is_estimated = calls > EXACT_EVENTS_MAX as u64 && cells.iter().any(is_estimate);
    let mark = if is_estimated { "≈" } else { "" };
    let mut evidence = vec![
        Evidence::new(
            "calls_per_hour",
            format!(
                "{mark}{calls} successful calls in the hour, where {usual:.1} are usual for the two so far, and a person is expected to make fewer than {floor} an hour."
            ),
        )
        .observed(calls)
        .expected(format!("fewer than {floor} (built-in prior for people)")),
        Evidence::new(
            LEARNING,
            format!(
                "The account is being learnt: it has {days} days before this one, and a history begins at {}.",
                super::LEARNING_DAYS
            ),
        ),
    ];
    evidence.extend(super::circumstances::circumstances(&cells, day.account_day));
    let burst = cells.iter().map(|(_, cell)| cell.events.count()).sum();
    let gain = 1.5 * libm::log2(hour.calls / floor);
    Some(Candidate {
        rule: about.id,
        class: String::new(),
        title: format!(
            "{} made {mark}{calls} calls on key {} in an hour; there is no history to compare with",
            short_principal(principal.name),
            short_key_name(key)
        ),
        severity: Severity::Low,
        score: Severity::Low.score() + gain.clamp(0.0, SCORE_GAIN_MAX),
        confidence: (f64::from(days) / 28.0).clamp(0.1, 0.4),
        account: day.account_day.account().to_owned(),
        region: cells
            .iter()
            .map(|(key, _)| day.account_day.name(key.region))
            .min()
            .map(str::to_owned),
        principal: Some(principal.name.to_owned()),
        key: Some(key.to_owned()),
        first_seen: first.time,
        last_seen: last.time,
        count: burst,
        new: burst,
        event_ids,
        evidence,
        attack: about.technique(),
        practice: about.practice,
        further_keys: Vec::new(),
        next_steps: vec![format!(
            "Read every call: keytrail events ARCHIVE --principal {} --key {} --since {} --until {}",
            argument(principal.name, "principal"),
            argument(key, "key"),
            first.time,
            last.time.plus_seconds(1)
        )],
        on_repeat: OnRepeat::Adds,
        state: state_at(last.time, day.clock),
        quiet_seconds: BEHAVIOUR_QUIET_SECONDS,
    })
}

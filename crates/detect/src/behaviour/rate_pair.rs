//! `rate-pair`: far more calls in an hour than this pair ever made in one.

use keytrail_event::Hour;

use super::{
    AboutBehaviour, Case, Known, Opinion, base_day, calls_in_words, learning_evidence,
    short_principal, span_in_words,
};
use crate::episode::Candidate;
use crate::finding::{Evidence, Severity};
use crate::uses::HourUse;

/// What it is.
pub const ABOUT: AboutBehaviour = AboutBehaviour {
    id: "rate-pair",
    title: "A principal used a key far more often than it ever did in an hour",
    attack: ("TA0006", "T1552"),
    practice: "least privilege",
    fires_when: "An hour of cryptographic calls reaches four times the pair's busiest hour of its last 28 active days, and at least 30 calls. Without five active days of history, only people are judged: an hour of 50 calls, marked as made while learning.",
};

/// Active days of a pair below which its own history is not enough.
const PAIR_DAYS_MIN: usize = 5;
/// Calls added to both sides of a ratio, so that small numbers do not make large ratios.
const PSEUDO_CALLS: f64 = 3.0;

pub(crate) fn judge(case: &Case<'_>, known: &Known<'_>) -> Option<Candidate> {
    let judged: Vec<(Hour, Unusual)> = case
        .pair
        .hours
        .iter()
        .filter_map(|(hour, use_)| Some((*hour, unusual(case, known, *hour, use_)?)))
        .collect();
    let (_, worst) = judged
        .iter()
        .max_by(|(_, a), (_, b)| a.score.total_cmp(&b.score))?;
    // The hours beside an unusual one belong to the same burst.
    let hours: Vec<(Hour, &HourUse<'_>)> = case
        .pair
        .hours
        .iter()
        .filter(|(hour, _)| judged.iter().any(|(unusual, _)| is_beside(*hour, *unusual)))
        .map(|(hour, use_)| (*hour, use_))
        .collect();
    let opinion = Opinion {
        score: worst.score,
        confidence: worst.confidence,
        title: format!(
            "{} made {} calls on key {} within {}; {}",
            short_principal(case.pair.principal),
            calls_in_words(&hours),
            keytrail_event::key::short_key_name(case.pair.key),
            span_in_words(&hours),
            worst.words
        ),
        evidence: worst.evidence.clone(),
    };
    case.candidate(&ABOUT, &hours, opinion)
}

fn is_beside(hour: Hour, unusual: Hour) -> bool {
    hour.start().seconds_since(unusual.start()).abs() <= keytrail_event::time::HOUR_SECONDS
}

/// Why an hour is unusual.
#[derive(Debug)]
struct Unusual {
    score: f64,
    confidence: f64,
    words: String,
    evidence: Vec<Evidence>,
}

fn unusual(case: &Case<'_>, known: &Known<'_>, hour: Hour, use_: &HourUse<'_>) -> Option<Unusual> {
    let through = base_day(hour);
    let days: Vec<_> = known
        .history(case.pair)
        .into_iter()
        .flat_map(|history| history.through(through))
        .collect();
    if days.len() < PAIR_DAYS_MIN {
        return unusual_while_learning(
            case,
            known,
            hour,
            use_,
            days.iter().map(|day| day.peak_hour_calls).max(),
        );
    }
    let settings = &known.configuration.behaviour;
    let peak = days
        .iter()
        .map(|day| day.peak_hour_calls)
        .max()
        .unwrap_or(0);
    if use_.succeeded < settings.rate_floor_calls
        || (use_.succeeded as f64) < settings.rate_times_peak * peak as f64
    {
        return None;
    }
    let active_hours: u64 = days.iter().map(|day| u64::from(day.active_hours)).sum();
    let calls: u64 = days.iter().map(|day| day.calls).sum();
    let mean = calls as f64 / active_hours.max(1) as f64;
    // None of the active hours reached this: the rule of succession gives 1 in (hours + 2).
    let one_in = active_hours as f64 + 2.0;
    let ratio = (use_.succeeded as f64 + PSEUDO_CALLS) / (mean + PSEUDO_CALLS);
    let history = format!("{} active days, {active_hours} active hours", days.len());
    let rate = Evidence {
        feature: "calls_per_hour".to_owned(),
        observed: Some(use_.succeeded.to_string()),
        expected: Some(format!("{mean:.1} on average, {peak} at most")),
        one_in: Some(one_in),
        history: Some(history.clone()),
        weight: Some(1.0),
        text: format!(
            "{} successful calls in the hour of {}; on average {mean:.1} in an active hour and never more than {peak} ({history}): less than 1 in {one_in:.0} hours.",
            use_.succeeded,
            hour.start()
        ),
    };
    let mut evidence = vec![rate];
    if known.is_learning(hour.day()) {
        evidence.push(learning_evidence(known.days_through(through)));
    }
    Some(Unusual {
        score: one_in.log10() + 1.5 * ratio.log2().clamp(0.0, 12.0),
        confidence: days.len() as f64 / (days.len() as f64 + 7.0),
        words: format!("its busiest hour had {peak}"),
        evidence,
    })
}

/// Without a history there is only a prior: people rarely make many calls an hour, roles often do.
fn unusual_while_learning(
    case: &Case<'_>,
    known: &Known<'_>,
    hour: Hour,
    use_: &HourUse<'_>,
    peak: Option<u64>,
) -> Option<Unusual> {
    let floor = known.configuration.behaviour.learning_floor_calls;
    let is_above_history = use_.succeeded > 2 * peak.unwrap_or(0);
    if !is_person(case.pair.principal) || use_.succeeded < floor.max(1) || !is_above_history {
        return None;
    }
    let history = match peak {
        Some(peak) => format!("the pair's busiest hour so far had {peak} calls"),
        None => "no earlier use of this key by this principal".to_owned(),
    };
    let rate = Evidence {
        feature: "calls_per_hour".to_owned(),
        observed: Some(use_.succeeded.to_string()),
        expected: Some(format!("fewer than {floor} (built-in prior for people)")),
        one_in: None,
        history: Some(history.clone()),
        weight: Some(1.0),
        text: format!(
            "{} successful calls in the hour of {}; {history}, and a person is expected to make fewer than {floor} an hour.",
            use_.succeeded,
            hour.start()
        ),
    };
    let days = known.days_through(base_day(hour));
    Some(Unusual {
        // At the floor the score of a low finding; 1.5 more for each doubling.
        score: Severity::Low.score() + 1.5 * (use_.succeeded as f64 / floor as f64).log2(),
        confidence: (days as f64 / 28.0).clamp(0.1, 0.4),
        words: "there is no history to compare with".to_owned(),
        evidence: vec![rate, learning_evidence(days)],
    })
}

/// IAM users, the root user and people behind IAM Identity Center.
fn is_person(principal: &str) -> bool {
    principal.contains(":user/")
        || principal.ends_with(":root")
        || principal.contains(":assumed-role/AWSReservedSSO_")
        || principal.starts_with("identity-center:")
}

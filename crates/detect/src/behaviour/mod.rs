//! The first behaviours: what a (principal, key) pair did, against what it did before.
//!
//! They are simple and say so: a new pair, and a rate above every hour on record. What they know
//! is the base: the days folded before the hour began, read up to the day that had ended
//! `CLOSE_LAG` before it.

pub mod new_pair;
pub mod rate_pair;

use std::cell::Cell;
use std::collections::BTreeMap;

use keytrail_event::{Day, EventTime, Hour, OutcomeFamily};

use crate::base::{Base, PairHistory};
use crate::bounds::{BEHAVIOUR_QUIET_SECONDS, LEARNING_DAYS};
use crate::cell::Exemplar;
use crate::configuration::Configuration;
use crate::episode::{Candidate, keep_both_ends};
use crate::finding::{Attack, Evidence, Severity};
use crate::judge::state_at;
use crate::rules::support::argument;
use crate::symbol::Symbols;
use crate::uses::{HourUse, PairUse};
use crate::values::{ValueKind, Values};

/// What a behaviour is, for `rules list` and `rules show`.
#[derive(Debug, Clone, Copy)]
pub struct AboutBehaviour {
    /// The stable id.
    pub id: &'static str,
    /// One line.
    pub title: &'static str,
    /// The ATT&CK technique as (tactic, id).
    pub attack: (&'static str, &'static str),
    /// The practice of key management it protects.
    pub practice: &'static str,
    /// What raises it, in a sentence or two.
    pub fires_when: &'static str,
}

impl AboutBehaviour {
    fn technique(&self) -> Vec<Attack> {
        let (tactic, technique) = self.attack;
        vec![Attack {
            version: "v18".to_owned(),
            tactic: tactic.to_owned(),
            technique: technique.to_owned(),
        }]
    }
}

/// All behaviours, sorted by id.
pub const BEHAVIOURS: [&AboutBehaviour; 2] = [&new_pair::ABOUT, &rate_pair::ABOUT];

/// What behaviour is judged against.
#[derive(Debug)]
pub(crate) struct Known<'a> {
    pub base: &'a Base,
    pub configuration: &'a Configuration,
    /// The account's rate of new pairs through a day, once it was asked for.
    pub new_pair_rate: Cell<Option<(Day, f64)>>,
}

impl<'a> Known<'a> {
    pub const fn new(base: &'a Base, configuration: &'a Configuration) -> Self {
        Self {
            base,
            configuration,
            new_pair_rate: Cell::new(None),
        }
    }

    /// Days with KMS records that were folded up to this one.
    pub fn days_through(&self, day: Day) -> i64 {
        self.base.active_days.range(..=day).count() as i64
    }

    /// Whether the account is still being learnt on this day.
    pub fn is_learning(&self, day: Day) -> bool {
        self.days_through(day.plus_days(-1)) < LEARNING_DAYS
    }

    pub fn history(&self, pair: &PairUse<'_>) -> Option<&'a PairHistory> {
        self.base.pairs.get(pair.principal)?.get(pair.key)
    }
}

/// The day whose fold an hour is judged against: the last that had ended three hours before it began.
#[must_use]
pub fn base_day(hour: Hour) -> Day {
    let lag_hours = crate::bounds::CLOSE_LAG_SECONDS / keytrail_event::time::HOUR_SECONDS;
    let lag_days = if i64::from(hour.of_day()) >= lag_hours {
        1
    } else {
        2
    };
    hour.day().plus_days(-lag_days)
}

/// Judges one pair's day by every behaviour.
pub(crate) fn judge(
    account: &str,
    pair: &PairUse<'_>,
    known: &Known<'_>,
    clock: EventTime,
) -> Vec<Candidate> {
    let case = Case {
        account,
        pair,
        clock,
    };
    let new = new_pair::judge(&case, known);
    let rate = rate_pair::judge(&case, known);
    new.into_iter().chain(rate).collect()
}

/// One pair on one day, on its way to a candidate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case<'a> {
    pub account: &'a str,
    pub pair: &'a PairUse<'a>,
    pub clock: EventTime,
}

/// How unusual, how large, and in which words.
#[derive(Debug)]
pub(crate) struct Opinion {
    pub score: f64,
    pub confidence: f64,
    pub title: String,
    pub evidence: Vec<Evidence>,
}

impl Case<'_> {
    /// The candidate over these hours of the pair.
    pub fn candidate(
        &self,
        about: &'static AboutBehaviour,
        hours: &[(Hour, &HourUse<'_>)],
        opinion: Opinion,
    ) -> Option<Candidate> {
        let first = hours
            .iter()
            .filter_map(|(_, use_)| use_.first.as_ref())
            .min()?;
        let last = hours
            .iter()
            .filter_map(|(_, use_)| use_.last.as_ref())
            .max()?;
        let mut exemplars: Vec<&Exemplar> = hours
            .iter()
            .flat_map(|(_, use_)| [&use_.first, &use_.last])
            .flatten()
            .filter(|exemplar| !exemplar.event_id.is_empty())
            .collect();
        exemplars.sort();
        exemplars.dedup();
        let mut event_ids: Vec<String> = exemplars
            .iter()
            .map(|exemplar| exemplar.event_id.text().into_owned())
            .collect();
        keep_both_ends(&mut event_ids);
        let pair = self.pair;
        let (first, last) = (first.time, last.time);
        let mut evidence = opinion.evidence;
        evidence.extend(circumstances(hours));
        Some(Candidate {
            rule: about.id,
            class: String::new(),
            title: opinion.title,
            severity: Severity::of_score(opinion.score),
            score: opinion.score,
            confidence: opinion.confidence,
            account: self.account.to_owned(),
            region: Some(pair.region().to_owned()),
            principal: Some(pair.principal.to_owned()),
            key: Some(pair.key.to_owned()),
            first_seen: first,
            last_seen: last,
            count: hours.iter().map(|(_, use_)| use_.calls).sum(),
            new: hours.iter().map(|(_, use_)| use_.calls).sum(),
            event_ids,
            evidence,
            attack: about.technique(),
            practice: about.practice,
            next_steps: vec![
                format!(
                    "Read every call: keytrail events ARCHIVE --principal {} --key {} --since {first} --until {}",
                    argument(pair.principal, "principal"),
                    argument(pair.key, "key"),
                    last.plus_seconds(1)
                ),
                "Ask the owner of the principal whether this was planned; if not, revoke its sessions and keys first, then the data behind the key is to be considered read.".to_owned(),
            ],
            state: state_at(last, self.clock),
            quiet_seconds: BEHAVIOUR_QUIET_SECONDS,
        })
    }
}

/// What cells had in common.
#[derive(Debug, Default)]
struct Circumstances<'d> {
    operations: BTreeMap<&'d str, u64>,
    service_paths: BTreeMap<&'d str, u64>,
    denied: u64,
    is_estimate: bool,
    values: Values,
    /// The names that the values refer to; the same for all cells.
    symbols: Option<&'d Symbols>,
}

/// What the calls were, and through what and from where they came: facts beside the judgement.
fn circumstances(hours: &[(Hour, &HourUse<'_>)]) -> Vec<Evidence> {
    let mut whole = Circumstances::default();
    for named in hours.iter().flat_map(|(_, use_)| use_.cells()) {
        let calls = named.cell.events.count();
        *whole.operations.entry(named.operation).or_default() += calls;
        *whole.service_paths.entry(named.service_path).or_default() += calls;
        whole.denied += if named.outcome == OutcomeFamily::Denied {
            calls
        } else {
            0
        };
        whole.is_estimate |= !named.cell.events.is_exact();
        whole.values.merge(&named.cell.values, named.symbols);
        whole.symbols = Some(named.symbols);
    }
    let counts = |counts: &BTreeMap<&str, u64>| {
        let parts: Vec<String> = counts
            .iter()
            .map(|(name, calls)| format!("{calls} {name}"))
            .collect();
        parts.join(", ")
    };
    let operations = counts(&whole.operations);
    let about = if whole.is_estimate {
        " (≈, hours above 128 calls a cell are estimated)"
    } else {
        ""
    };
    let mut evidence = vec![
        Evidence::new("operations", format!("Calls: {operations}{about}.")).observed(operations),
        Evidence::new(
            "service_paths",
            format!("Through: {}.", counts(&whole.service_paths)),
        )
        .observed(counts(&whole.service_paths)),
    ];
    let values = [
        ("networks", "From networks", ValueKind::Network),
        ("agents", "With agents", ValueKind::Agent),
        ("contexts", "Encryption contexts", ValueKind::Context),
        ("sessions", "In sessions", ValueKind::Session),
    ];
    for (feature, words, kind) in values {
        let Some(symbols) = whole.symbols.filter(|_| whole.values.one(kind).is_some()) else {
            continue;
        };
        let overflowed = whole.values.overflowed(kind);
        let more = if overflowed { " and more" } else { "" };
        let mut names = whole.values.sorted(kind, symbols);
        // Calls without a context are noted as the empty one.
        names.retain(|name| !name.is_empty());
        if names.is_empty() {
            continue;
        }
        let list = names.join(", ");
        evidence.push(Evidence::new(feature, format!("{words}: {list}{more}.")).observed(list));
    }
    if whole.denied > 0 {
        evidence.push(
            Evidence::new(
                "denied",
                format!("{} of the calls were refused.", whole.denied),
            )
            .observed(whole.denied),
        );
    }
    evidence
}

/// The principal in few characters: the part behind the last slash.
pub(crate) fn short_principal(principal: &str) -> &str {
    principal
        .rsplit('/')
        .next()
        .filter(|name| !name.is_empty())
        .unwrap_or(principal)
}

/// How many calls there were, marked where a count is an estimate.
pub(crate) fn calls_in_words(hours: &[(Hour, &HourUse<'_>)]) -> String {
    let calls: u64 = hours.iter().map(|(_, use_)| use_.calls).sum();
    let is_estimate = hours.iter().any(|(_, use_)| use_.is_estimate);
    format!("{}{calls}", if is_estimate { "≈" } else { "" })
}

/// How long the calls took, in words.
pub(crate) fn span_in_words(hours: &[(Hour, &HourUse<'_>)]) -> String {
    let first = hours
        .iter()
        .filter_map(|(_, use_)| use_.first.as_ref())
        .min();
    let last = hours
        .iter()
        .filter_map(|(_, use_)| use_.last.as_ref())
        .max();
    let (Some(first), Some(last)) = (first, last) else {
        return "an hour".to_owned();
    };
    match last.time.seconds_since(first.time) {
        0 => "one second".to_owned(),
        seconds @ 1..120 => format!("{seconds} seconds"),
        seconds @ 120..7_200 => format!("{} minutes", (seconds + 30) / 60),
        seconds => format!("{} hours", (seconds + 1_800) / 3_600),
    }
}

/// The evidence that the judgement was made while learning.
pub(crate) fn learning_evidence(days: i64) -> Evidence {
    let text = format!(
        "Made while learning: {days} of {LEARNING_DAYS} days of this account's KMS use are known, so there is little to compare with."
    );
    let mut evidence = Evidence::new("learning", text)
        .observed(format!("{days} days"))
        .expected(format!("{LEARNING_DAYS} days"));
    evidence.history = Some(format!("{days} days"));
    evidence
}

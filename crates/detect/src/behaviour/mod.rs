//! Behaviours: what is far from the baselines, as findings.
//!
//! The mathematics is in [`crate::baseline`]; here a day is judged by it, hours above the account's
//! threshold become cases, and cases become candidates for findings.

mod about;
mod cases;
mod circumstances;
mod learning;
mod level;

use std::collections::BTreeMap;
use std::sync::Arc;

use keytrail_event::EventTime;

pub use about::BEHAVIOURS;
pub use circumstances::ESTIMATE;
pub(crate) use circumstances::estimate_evidence;
pub use level::{least_high, least_medium};

use crate::account_day::AccountDay;
use crate::base::Base;
use crate::baseline::constants::LEARNING_DAYS;
use crate::baseline::{AccountBaseline, Bases, DayFacts, DayJudge, Grant, ScoreLine, Surroundings};
use crate::bounds::CLOSE_LAG_SECONDS;
use crate::cell_order::CellOrder;
use crate::configuration::Configuration;
use crate::episode::Candidate;
use crate::finding::Attack;
use crate::items::Rereader;
use crate::packed_finding::PackedFinding;
use crate::rules::past::Past;

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

/// The behaviour of this id.
#[must_use]
pub fn find(id: &str) -> Option<&'static AboutBehaviour> {
    BEHAVIOURS.into_iter().find(|about| about.id == id)
}

/// A day of an account on its way to judgement.
#[derive(Debug)]
pub(crate) struct Day<'a> {
    pub base: &'a Base,
    pub account_day: &'a AccountDay<'a>,
    /// Its cells in the order of their names, aliases followed as the past tells.
    pub order: &'a CellOrder<'a>,
    pub past: &'a Past,
    pub clock: EventTime,
    pub configuration: &'a Configuration,
    /// What stood at the end of the day before, by id of the finding.
    pub episodes: &'a BTreeMap<String, PackedFinding>,
    /// Whether nothing lies between the base and this day: while a day before is open, scoring waits.
    pub follows_base: bool,
}

/// What a day came to.
#[derive(Debug, Default)]
pub(crate) struct Behaved {
    pub candidates: Vec<Candidate>,
    /// The base of the next day, once this one is closed.
    pub next: Option<Arc<AccountBaseline>>,
    /// A score for every hour, where scores were asked for.
    pub scores: Vec<ScoreLine>,
    /// (principal, hour)s that were judged while the account was being learnt.
    pub learning_hours: u64,
}

/// Judges the behaviour of a day, and learns it once it is closed.
pub(crate) fn judge(day: &Day<'_>) -> Behaved {
    let mut behaved = Behaved::default();
    if !day.follows_base {
        return behaved;
    }
    let account_day = day.account_day;
    let grants = grants(account_day);
    let facts = DayFacts::gather_in_order(
        account_day.account(),
        account_day.day(),
        account_day.symbols(),
        (account_day.cells_unordered(), day.order),
        &grants,
        day.past,
    );
    if facts.hours.is_empty() {
        return behaved;
    }
    let (early, late) = day.base.baselines(account_day.day());
    let is_learning = late.days() < LEARNING_DAYS;
    if is_learning {
        behaved.learning_hours = facts.hours.len() as u64;
    }
    let is_closed = day.clock >= account_day.day().end().plus_seconds(CLOSE_LAG_SECONDS);
    let bases = Bases { early, late };
    let judged = if is_closed {
        DayJudge::close(bases, &facts)
    } else {
        DayJudge::look(bases, &facts, |hour| {
            day.clock >= hour.end().plus_seconds(CLOSE_LAG_SECONDS)
        })
    };
    if day.configuration.with_scores {
        behaved.scores = judged.score_lines();
    }
    behaved.candidates = if is_learning {
        learning::candidates(day, &judged, late)
    } else {
        cases::candidates(day, &judged, late)
    };
    behaved.next = judged.into_next().map(Arc::new);
    behaved
}

fn grants(account_day: &AccountDay<'_>) -> Vec<Grant> {
    let mut grants = Vec::new();
    let mut reader = Rereader::default();
    let whole = account_day
        .items()
        .iter()
        .filter(|item| item.only.is_none());
    for item in whole.filter(|item| item.raw.contains("CreateGrant")) {
        reader.record(item.raw, |record| {
            grants.extend(Grant::of(record));
        });
    }
    grants.sort_by(|a, b| {
        (a.time, &a.principal, &a.grantee).cmp(&(b.time, &b.principal, &b.grantee))
    });
    grants
}

impl Surroundings for Past {
    fn resolve<'a>(&'a self, name: &'a str) -> &'a str {
        self.resolve(name)
    }

    fn created(&self, key: &str) -> Option<EventTime> {
        self.key(key).and_then(|life| life.created)
    }
}

/// The principal in few characters: the part behind the last slash.
pub(crate) fn short_principal(principal: &str) -> &str {
    principal
        .rsplit('/')
        .next()
        .filter(|name| !name.is_empty())
        .unwrap_or(principal)
}

//! Findings: what is reported, with the numbers that prove it.

#[cfg(any(test, feature = "sample"))]
mod sample;

use std::fmt;

use keytrail_event::EventTime;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::bounds::FINDING_FURTHER_KEYS_MAX;

/// One problem, as it stands. Field names are stable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Names the problem: rule, account, entities and class, never the time.
    pub id: FindingId,
    /// The id and the UTC day on which this spell of the problem began.
    pub episode: String,
    /// Counts the changes to this episode, from 1.
    pub revision: u32,
    /// When this revision was published; null until it is.
    pub published_at: Option<EventTime>,
    /// Whether the evidence is complete.
    pub state: FindingState,
    /// What people did about it.
    pub triage: Triage,
    /// The rule or behaviour that found it.
    pub rule: String,
    /// What happened, in one line.
    pub title: String,
    /// How bad it is.
    pub severity: Severity,
    /// How unusual and how large, on the scale that rules share (see [`Severity::score`]).
    pub score: f64,
    /// How much history the judgement rests on, 0 to 1; 1 for rules over records alone.
    pub confidence: f64,
    /// The account whose trail shows it.
    pub account: String,
    /// The Region, where it happened in one.
    pub region: Option<String>,
    /// The canonical principal.
    pub principal: Option<String>,
    /// The canonical key.
    pub key: Option<String>,
    /// The first event.
    pub first_seen: EventTime,
    /// The last event.
    pub last_seen: EventTime,
    /// Distinct events; above [`crate::bounds::EXACT_EVENTS_MAX`] an hour and cell, an estimate.
    pub count: u64,
    /// Events of it, at most ten: where it has more, samples.
    pub event_ids: Vec<String>,
    /// What was seen against what was expected.
    pub evidence: Vec<Evidence>,
    /// MITRE ATT&CK techniques.
    pub attack: Vec<Attack>,
    /// The practice of key management it is about.
    pub practice: Option<String>,
    /// What to do next.
    pub next_steps: Vec<String>,
    /// Canonical keys that it names besides [`Finding::key`], sorted: the first
    /// [`crate::bounds::FINDING_FURTHER_KEYS_MAX`] of them. Left out where there are none. It stays the last field:
    /// packed findings of versions before end without it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub further_keys: Vec<String>,
}

/// The feature of evidence that says: the account was being learnt, so what is new may be habit.
pub const LEARNING: &str = "learning";

impl Finding {
    /// Whether it was made while its account was being learnt.
    #[must_use]
    pub fn is_learning(&self) -> bool {
        self.evidence.iter().any(Evidence::is_of_learning)
    }

    /// Every key that it names: the one that it is about first.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let further = self.further_keys.iter();
        self.key.iter().chain(further).map(String::as_str)
    }

    /// Adds keys to those that it names, within the bound.
    pub(crate) fn name_keys(&mut self, keys: impl IntoIterator<Item = String>) {
        let keys = keys.into_iter().filter(|key| !key.is_empty());
        self.further_keys.extend(keys);
        self.further_keys.sort_unstable();
        self.further_keys.dedup();
        let about = self.key.as_deref();
        self.further_keys.retain(|key| about != Some(key));
        self.further_keys.truncate(FINDING_FURTHER_KEYS_MAX);
    }
}

/// `<rule>-<16 hexadecimal digits>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FindingId(String);

impl FindingId {
    /// The id of a problem: XXH3 over its parts, each ended by a byte that no text holds.
    #[must_use]
    pub fn new(rule: &str, parts: &[&str]) -> Self {
        let mut bytes = Vec::with_capacity(256);
        for part in [rule].iter().chain(parts) {
            bytes.extend_from_slice(part.as_bytes());
            bytes.push(0xff);
        }
        Self(format!("{rule}-{:016x}", xxh3_64(&bytes)))
    }

    /// The rule of an id's text.
    #[must_use]
    pub fn rule_of(id: &str) -> &str {
        id.rsplit_once('-').map_or(id, |(rule, _)| rule)
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether more evidence can still come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FindingState {
    /// The hour is not sealed: counts can only grow.
    Provisional,
    /// The hour is sealed.
    Final,
    /// Later evidence took it back.
    Withdrawn,
    /// Declared as expected by a user.
    Expected,
    /// Suppressed by a user.
    Suppressed,
    /// From a rule that only counts.
    Shadow,
}

impl FindingState {
    /// Whether somebody should be told: it stands, and nobody decided about it beforehand.
    #[must_use]
    pub const fn is_alerting(self) -> bool {
        matches!(self, Self::Provisional | Self::Final)
    }

    /// The state as text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provisional => "provisional",
            Self::Final => "final",
            Self::Withdrawn => "withdrawn",
            Self::Expected => "expected",
            Self::Suppressed => "suppressed",
            Self::Shadow => "shadow",
        }
    }
}

/// What people did about a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Triage {
    /// Nobody has looked.
    Open,
    /// Somebody has looked.
    Acknowledged,
    /// Done with.
    Resolved,
}

impl Triage {
    /// The triage as text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
        }
    }
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth a look when there is time.
    Low,
    /// Worth a look today.
    Medium,
    /// Worth a look now.
    High,
    /// Wake somebody.
    Critical,
}

impl Severity {
    /// All severities, from low to critical.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The severity as text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The fixed score of a rule's finding, on the scale of behaviour scores. Measured: behaviour at 10
    /// is met about once a day and account without attacks, at 18 about once a week.
    #[must_use]
    pub const fn score(self) -> f64 {
        match self {
            Self::Low => 6.0,
            Self::Medium => 10.0,
            Self::High => 14.0,
            Self::Critical => 18.0,
        }
    }

    /// One severity higher; critical stays critical.
    #[must_use]
    pub const fn higher(self) -> Self {
        match self {
            Self::Low => Self::Medium,
            Self::Medium => Self::High,
            Self::High | Self::Critical => Self::Critical,
        }
    }

    /// One severity lower; low stays low.
    #[must_use]
    pub const fn lower(self) -> Self {
        match self {
            Self::Low | Self::Medium => Self::Low,
            Self::High => Self::Medium,
            Self::Critical => Self::High,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One reason for a finding.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// What was looked at, such as `calls_per_hour` or `deletion_window_days`.
    pub feature: String,
    /// What was seen.
    pub observed: Option<String>,
    /// What was expected.
    pub expected: Option<String>,
    /// How rare that is: once in so many cases.
    pub one_in: Option<f64>,
    /// The history the expectation rests on.
    pub history: Option<String>,
    /// How much it weighed in the score.
    pub weight: Option<f64>,
    /// The reason in words.
    pub text: String,
}

impl Evidence {
    /// Whether it says that the account was being learnt.
    pub(crate) fn is_of_learning(&self) -> bool {
        self.feature == LEARNING
    }

    /// A reason in words.
    #[must_use]
    pub fn new(feature: &str, text: impl Into<String>) -> Self {
        Self {
            feature: feature.to_owned(),
            text: text.into(),
            ..Self::default()
        }
    }

    /// The same with what was seen.
    #[must_use]
    pub fn observed(mut self, observed: impl fmt::Display) -> Self {
        self.observed = Some(observed.to_string());
        self
    }

    /// The same with what was expected.
    #[must_use]
    pub fn expected(mut self, expected: impl fmt::Display) -> Self {
        self.expected = Some(expected.to_string());
        self
    }
}

/// A technique of MITRE ATT&CK, with the version its id comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attack {
    /// `v18` or `v19`.
    pub version: String,
    /// The tactic's id.
    pub tactic: String,
    /// The technique's id.
    pub technique: String,
}

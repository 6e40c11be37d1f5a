//! Findings as they are stored: text of the engine, a few columns, and what became of them.

use std::fmt;

use keytrail_event::EventTime;

use crate::StoreError;
use crate::bounds::{FINDING_BYTES_MAX, NOTE_BYTES_MAX, check_bytes, check_name};

/// Names an episode of a finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FindingKey {
    /// The problem.
    pub id: String,
    /// The spell of the problem.
    pub episode: String,
}

impl fmt::Display for FindingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "finding {} (episode {})", self.id, self.episode)
    }
}

/// One revision of a finding, as the engine gives it to be recorded and published.
#[derive(Debug, Clone, PartialEq)]
pub struct FindingRecord {
    /// Which episode.
    pub key: FindingKey,
    /// Counts the changes to the episode, from 1. One revision has one content.
    pub revision: u32,
    /// `provisional`, `final`, `withdrawn`, `expected`, `suppressed` or `shadow`.
    pub state: String,
    /// `low`, `medium`, `high` or `critical`.
    pub severity: String,
    /// The rule or behaviour.
    pub rule: String,
    /// The account whose trail shows it.
    pub account: String,
    /// The canonical principal.
    pub principal: Option<String>,
    /// The canonical KMS key.
    pub kms_key: Option<String>,
    /// The first event.
    pub first_seen: EventTime,
    /// The last event.
    pub last_seen: EventTime,
    /// The score, on the scale that rules share.
    pub score: f64,
    /// The whole finding, as JSON text.
    pub json: String,
}

impl FindingRecord {
    /// Refuses what is over a bound, and revision 0. Every store asks this before it writes.
    pub fn check(&self) -> Result<(), StoreError> {
        check_name("the id of a finding", &self.key.id)?;
        check_name("the episode of a finding", &self.key.episode)?;
        check_name("the account of a finding", &self.account)?;
        check_bytes(&self.key.to_string(), self.json.len(), FINDING_BYTES_MAX)?;
        if self.revision == 0 {
            return Err(StoreError::Misused {
                what: self.key.to_string(),
                why: "revisions count from 1".to_owned(),
            });
        }
        Ok(())
    }
}

/// A finding as it stands: the latest revision, what was sent, and what people did about it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredFinding {
    /// The latest revision that was recorded.
    pub record: FindingRecord,
    /// The latest revision that was sent, 0 when none was.
    pub sent_revision: u32,
    /// When that was.
    pub sent_at: Option<EventTime>,
    /// What people were last told of it, in the words of whoever told them.
    pub told: Option<String>,
    /// The latest [`crate::bounds::TRIAGE_NOTES_MAX`] notes, in the order they were made, each with its number from 1.
    pub triage: Vec<(u32, TriageNote)>,
}

impl StoredFinding {
    /// Refuses what people were told if it is over a bound. Every store asks this before it writes.
    pub fn check_told(key: &FindingKey, told: Option<&str>) -> Result<(), StoreError> {
        let bytes = told.map_or(0, str::len);
        check_bytes(&key.to_string(), bytes, NOTE_BYTES_MAX)
    }

    /// Whether the latest revision waits to be sent.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        self.record.revision > self.sent_revision
    }

    /// What people did about it last; `open` when nobody did anything.
    #[must_use]
    pub fn triage_state(&self) -> &str {
        self.triage
            .last()
            .map_or("open", |(_, note)| note.state.as_str())
    }
}

/// What somebody did about a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriageNote {
    /// `open`, `acknowledged` or `resolved`.
    pub state: String,
    /// When.
    pub at: EventTime,
    /// Who.
    pub by: String,
    /// Why.
    pub note: String,
}

impl TriageNote {
    /// Refuses what is over a bound. Every store asks this before it writes.
    pub fn check(&self) -> Result<(), StoreError> {
        check_name("the state of a triage", &self.state)?;
        check_name("the name of who triages", &self.by)?;
        check_bytes("the note of a triage", self.note.len(), NOTE_BYTES_MAX)
    }
}

/// What became of findings that were to be recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Recorded, and pending now.
    pub new: u64,
    /// Known already: this revision or a later one stands.
    pub known: u64,
}

//! What people were told of a finding, and whether a later revision is news to them.
//!
//! A finding is revised whenever anything of it changes: each delivery adds to the count of an attack that goes on.
//! Who keeps findings up to date wants every revision, and who is woken by them only some.

use keytrail_detect::finding::{Finding, FindingState, Severity, Triage};
use keytrail_event::EventTime;
use keytrail_store::executor::REOPENED_BY;
use keytrail_store::{StoredFinding, TriageNote};
use serde::{Deserialize, Serialize};

/// Seconds after which a problem that comes up again, or still goes on, is news again.
const REMIND_SECONDS: i64 = 24 * 3_600;

/// The last alert of a finding, as it is stored with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// When it went out.
    pub at: EventTime,
    /// The severity it told of.
    pub severity: Severity,
    /// Whether it said that the finding no longer stands.
    pub is_withdrawn: bool,
    /// The last event it told of.
    pub last_seen: EventTime,
}

impl Told {
    /// What an alert of this finding tells.
    #[must_use]
    pub fn of(finding: &Finding, at: EventTime) -> Self {
        Self {
            at,
            severity: finding.severity,
            is_withdrawn: finding.state == FindingState::Withdrawn,
            last_seen: finding.last_seen,
        }
    }

    /// What people were told of a stored finding; `None` when nobody was, or when nothing can be read of it: then they are
    /// told once too often.
    #[must_use]
    pub fn stored_with(stored: &StoredFinding) -> Option<Self> {
        serde_json::from_str(stored.told.as_deref()?).ok()
    }

    /// Whether this revision says what the last alert did not: it is worse, was taken back or stands again, goes on a day
    /// later, or was opened again at `reopened_at`, since it goes on after somebody resolved it.
    #[must_use]
    pub fn is_news(&self, finding: &Finding, reopened_at: Option<EventTime>) -> bool {
        let is_withdrawn = finding.state == FindingState::Withdrawn;
        if is_withdrawn || self.is_withdrawn {
            return is_withdrawn != self.is_withdrawn;
        }
        let goes_on = finding.last_seen.seconds_since(self.last_seen) >= REMIND_SECONDS;
        let is_reopened = reopened_at.is_some_and(|at| at > self.at);
        finding.severity > self.severity || goes_on || is_reopened
    }
}

/// When a finding was opened again for the last time, whatever people noted since: a note between that and the alert
/// does not take its place.
pub(crate) fn reopened_at(stored: &StoredFinding) -> Option<EventTime> {
    opened_last(&stored.triage)
}

fn opened_last(notes: &[(u32, TriageNote)]) -> Option<EventTime> {
    let mut notes = notes.iter().rev().map(|(_, note)| note);
    let opened = notes.find(|note| note.by == REOPENED_BY && note.state == Triage::Open.as_str());
    opened.map(|note| note.at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use FindingState::{Final, Provisional, Withdrawn};
    use Severity::{High, Low, Medium};

    fn finding(state: FindingState, severity: Severity, last_seen: i64) -> Finding {
        Finding {
            state,
            severity,
            ..Finding::sample("key-disabled", EventTime::from_unix_seconds(last_seen))
        }
    }

    /// Which of these revisions, given as (state, severity, hours), people are told of.
    fn told(revisions: &[(FindingState, Severity, i64)]) -> Vec<usize> {
        let mut before: Option<Told> = None;
        let mut told = Vec::new();
        for (index, (state, severity, hours)) in revisions.iter().enumerate() {
            let finding = finding(*state, *severity, hours * 3_600);
            if before
                .as_ref()
                .is_none_or(|told| told.is_news(&finding, None))
            {
                before = Some(Told::of(&finding, finding.last_seen));
                told.push(index);
            }
        }
        told
    }

    #[test]
    fn what_goes_on_is_told_once_a_day() {
        let hours = [0, 1, 5, 23, 24, 30, 47, 48].map(|hours| (Provisional, Medium, hours));
        assert_eq!(told(&hours), [0, 4, 7]);
        assert_eq!(told(&[(Provisional, Low, 0), (Final, Low, 0)]), [0]);
    }

    #[test]
    fn what_is_worse_than_was_told_is_told() {
        let severities = [Low, High, Medium, High, Low].map(|severity| (Final, severity, 0));
        assert_eq!(told(&severities), [0, 1]);
    }

    #[test]
    fn what_is_taken_back_or_stands_again_is_told() {
        let states = [Provisional, Withdrawn, Withdrawn, Final, Final];
        assert_eq!(told(&states.map(|state| (state, Medium, 0))), [0, 1, 3]);
    }

    #[test]
    fn what_goes_on_after_somebody_resolved_it_is_told_once() {
        let at = EventTime::from_unix_seconds;
        let told = Told::of(&finding(Final, High, 100), at(200));
        let later = finding(Final, High, 400);
        assert!(told.is_news(&later, Some(at(300))));
        assert!(!told.is_news(&later, None));
        let told = Told::of(&later, at(301));
        assert!(!told.is_news(&later, Some(at(300))));
    }

    /// A person's note between the opening and the alert swallowed the alert.
    #[test]
    fn what_people_note_in_between_does_not_hide_that_it_was_opened() {
        let note = |by: &str, state: Triage, at: i64| TriageNote {
            state: state.as_str().to_owned(),
            at: EventTime::from_unix_seconds(at),
            by: by.to_owned(),
            note: "x".to_owned(),
        };
        let opened = |notes: &[TriageNote]| {
            let numbered = notes.iter().cloned().enumerate();
            let notes: Vec<_> = numbered.map(|(n, note)| (n as u32, note)).collect();
            opened_last(&notes).map(EventTime::unix_seconds)
        };
        let ann = note("ann", Triage::Resolved, 100);
        let first = note(REOPENED_BY, Triage::Open, 200);
        let bob = note("bob", Triage::Acknowledged, 300);
        assert_eq!(opened(std::slice::from_ref(&ann)), None);
        assert_eq!(opened(&[ann.clone(), first.clone()]), Some(200));
        assert_eq!(opened(&[ann, first.clone(), bob]), Some(200));
        assert_eq!(
            opened(&[first, note(REOPENED_BY, Triage::Open, 400)]),
            Some(400)
        );
        assert_eq!(opened(&[note("cy", Triage::Open, 500)]), None);
    }
}

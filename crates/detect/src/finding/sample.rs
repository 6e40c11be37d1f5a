//! A finding for tests, to be changed by struct update: `Finding { score: 3.0, ..Finding::sample(rule, at) }`.

use keytrail_event::EventTime;

use super::{Finding, FindingId, FindingState, Severity, Triage};

impl Finding {
    /// What `rule` finds in account 111122223333 at one moment: final, open, low, of one event, and
    /// with nothing that can be left out.
    #[must_use]
    pub fn sample(rule: &str, at: EventTime) -> Self {
        let account = "111122223333";
        let id = FindingId::new(rule, &[account]);
        Self {
            episode: format!("{id}@{}", at.day()),
            id,
            revision: 1,
            published_at: None,
            state: FindingState::Final,
            triage: Triage::Open,
            rule: rule.to_owned(),
            title: String::new(),
            severity: Severity::Low,
            score: Severity::Low.score(),
            confidence: 1.0,
            account: account.to_owned(),
            region: None,
            principal: None,
            key: None,
            first_seen: at,
            last_seen: at,
            count: 1,
            event_ids: Vec::new(),
            evidence: Vec::new(),
            attack: Vec::new(),
            practice: None,
            next_steps: Vec::new(),
            further_keys: Vec::new(),
        }
    }
}

//! From a candidate to a finding: the same problem updates its episode, or begins a new one.

mod facts;

use keytrail_event::EventTime;

use crate::bounds::FINDING_EVENT_IDS_MAX;
use crate::finding::{Attack, Evidence, Finding, FindingId, FindingState, Severity, Triage};
use crate::rules::OnRepeat;

/// What becomes of the evidence of learning once the problem goes on beyond that.
const BEGAN_LEARNING: &str = "began_while_learning";

/// What a rule or behaviour found on one day, before it is set against what is known.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Candidate {
    pub rule: &'static str,
    pub class: String,
    pub title: String,
    pub severity: Severity,
    pub score: f64,
    pub confidence: f64,
    pub account: String,
    pub region: Option<String>,
    pub principal: Option<String>,
    pub key: Option<String>,
    pub first_seen: EventTime,
    pub last_seen: EventTime,
    pub count: u64,
    /// How many of them a repeat adds to what is known: all, but for rules over sets that reach back.
    pub new: u64,
    pub event_ids: Vec<String>,
    pub evidence: Vec<Evidence>,
    pub attack: Vec<Attack>,
    pub practice: &'static str,
    pub next_steps: Vec<String>,
    pub further_keys: Vec<String>,
    pub state: FindingState,
    /// What it makes of a finding that is known.
    pub on_repeat: OnRepeat,
    /// Seconds without a repeat after which a new episode begins.
    pub quiet_seconds: i64,
}

impl Candidate {
    pub fn id(&self) -> FindingId {
        let part = |text: &Option<String>| text.clone().unwrap_or_default();
        let (principal, key) = (part(&self.principal), part(&self.key));
        FindingId::new(self.rule, &[&self.account, &principal, &key, &self.class])
    }

    /// The finding that comes of it, given the latest episode of the same problem; `None` where there is nothing that it
    /// undoes.
    pub fn settle(self, known: Option<&Finding>) -> Option<Finding> {
        let goes_on = known
            .filter(|known| self.first_seen.seconds_since(known.last_seen) < self.quiet_seconds);
        match goes_on {
            None if !self.on_repeat.is_of_problem() => None,
            None => Some(self.begin()),
            Some(known) => Some(self.update(known)),
        }
    }

    fn begin(self) -> Finding {
        let id = self.id();
        let mut finding = Finding {
            episode: format!("{id}@{}", self.first_seen.day()),
            id,
            revision: 1,
            published_at: None,
            state: self.state,
            triage: Triage::Open,
            rule: self.rule.to_owned(),
            title: self.title,
            severity: self.severity,
            score: round_to_hundredths(self.score),
            confidence: round_to_hundredths(self.confidence),
            account: self.account,
            region: self.region,
            principal: self.principal,
            key: self.key,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            count: self.count,
            event_ids: self.event_ids,
            evidence: self.evidence,
            attack: self.attack,
            practice: Some(self.practice.to_owned()),
            next_steps: self.next_steps,
            further_keys: Vec::new(),
        };
        finding.name_keys(self.further_keys);
        finding
    }

    /// Repeats grow the episode. The words and numbers of its worst moment stand, and behind them what else was
    /// done: whoever begins with something harmless must not hide what follows.
    fn update(self, known: &Finding) -> Finding {
        let mut finding = known.clone();
        finding.name_keys(self.further_keys);
        if self.on_repeat.is_of_problem() {
            let grown = (self.first_seen, self.last_seen, self.new, self.state);
            finding.grow(grown, &self.event_ids);
        }
        let score = round_to_hundredths(self.score);
        let is_learnt =
            self.on_repeat.is_of_problem() && !self.evidence.iter().any(Evidence::is_of_learning);
        let is_note = matches!(self.on_repeat, OnRepeat::Notes | OnRepeat::NotesAll(_));
        let size = |evidence: &[Evidence]| facts::size(evidence);
        let worth = (self.severity, score, size(&self.evidence));
        // Of a rule all scores are alike: then the moment that took most is the worst.
        let is_worse = !is_note && worth > (known.severity, known.score, size(&known.evidence));
        if is_worse {
            finding.severity = self.severity;
            finding.score = score;
            finding.confidence = round_to_hundredths(self.confidence);
        }
        let is_raise = self.on_repeat == OnRepeat::Raises;
        if is_raise || matches!(self.on_repeat, OnRepeat::Replaces | OnRepeat::Undoes) {
            // What it does not speak of stays as it was.
            let said: Vec<&str> = self.evidence.iter().map(|it| &*it.feature).collect();
            finding.evidence.retain(|it| !said.contains(&&*it.feature));
            finding.evidence.splice(0..0, self.evidence);
            if !is_raise {
                finding.title = self.title;
                finding.next_steps = self.next_steps;
            }
        } else if is_worse {
            finding.title = self.title;
            finding.evidence = self.evidence;
            finding.next_steps = self.next_steps;
            facts::add(&mut finding, &known.evidence, &known.next_steps);
        } else {
            facts::add(&mut finding, &self.evidence, &self.next_steps);
        }
        if is_learnt {
            let mut evidence = finding.evidence.iter_mut();
            if let Some(learning) = evidence.find(|it| it.is_of_learning()) {
                *learning = Evidence::new(
                    BEGAN_LEARNING,
                    "It began while the account was being learnt, and goes on: what came later was found without that reserve",
                );
            }
        }
        finding
    }
}

impl Finding {
    fn grow(
        &mut self,
        (first, last, count, state): (EventTime, EventTime, u64, FindingState),
        event_ids: &[String],
    ) {
        self.first_seen = self.first_seen.min(first);
        self.last_seen = self.last_seen.max(last);
        self.count += count;
        self.event_ids = join_event_ids(&self.event_ids, event_ids);
        self.state = self.state.min(state);
    }
}

fn join_event_ids(earlier: &[String], later: &[String]) -> Vec<String> {
    let mut all: Vec<String> = earlier.to_vec();
    all.extend(later.iter().filter(|id| !earlier.contains(id)).cloned());
    keep_both_ends(&mut all);
    all
}

/// Keeps the first five and the last five, so that both ends of the episode can be looked up.
pub(crate) fn keep_both_ends(event_ids: &mut Vec<String>) {
    if event_ids.len() > FINDING_EVENT_IDS_MAX {
        let ends = FINDING_EVENT_IDS_MAX / 2;
        event_ids.drain(ends..event_ids.len() - ends);
    }
}

fn round_to_hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::LEARNING;

    fn candidate(second: i64, evidence: Vec<Evidence>) -> Candidate {
        let at = EventTime::from_unix_seconds(second);
        Candidate {
            rule: "discovery-sweep",
            class: String::new(),
            title: String::new(),
            severity: Severity::Low,
            score: Severity::Low.score(),
            confidence: 1.0,
            account: "111122223333".to_owned(),
            region: None,
            principal: None,
            key: None,
            first_seen: at,
            last_seen: at,
            count: 1,
            new: 1,
            event_ids: Vec::new(),
            evidence,
            attack: Vec::new(),
            practice: "",
            next_steps: Vec::new(),
            further_keys: vec![second.to_string()],
            state: FindingState::Final,
            on_repeat: OnRepeat::Adds,
            quiet_seconds: 100,
        }
    }

    #[test]
    fn what_goes_on_beyond_learning_says_that_it_began_so() {
        let features = |finding: &Finding| {
            let features = finding.evidence.iter().map(|it| it.feature.clone());
            features.collect::<Vec<_>>()
        };
        let learning = || vec![Evidence::new(LEARNING, "so far")];
        let began = candidate(1, learning()).settle(None).unwrap();
        let goes_on = candidate(2, learning()).settle(Some(&began)).unwrap();
        assert_eq!(features(&goes_on), [LEARNING]);
        let known = candidate(3, Vec::new()).settle(Some(&goes_on)).unwrap();
        assert_eq!(features(&known), [BEGAN_LEARNING]);
        let again = candidate(4, Vec::new()).settle(Some(&known)).unwrap();
        assert_eq!(again.evidence, known.evidence);
        assert_eq!(again.further_keys, ["1", "2", "3", "4"]);
    }
}

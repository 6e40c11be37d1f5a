//! One day of an account, judged: the scores of its hours, their reasons when asked for, and the base of
//! the next day once it is closed.

use keytrail_event::{Day, Hour};

use super::exemplars::event_ids;
use super::facts::{DayFacts, PrincipalFacts};
use super::learn::{emit, fold_each};
use super::score::{Bases, Judge, ScoredHour};
use super::state::AccountBaseline;
use super::view::Seal;
use super::words::Reasons;

/// What an hour scored, for evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreLine {
    /// Unix seconds of the newest evidence.
    pub time: i64,
    /// The canonical principal.
    pub principal: String,
    /// The score.
    pub score: f64,
    /// The rule a finding would carry.
    pub rule: &'static str,
    /// Ids of at most ten events, those first that show what is unusual.
    pub event_ids: Vec<String>,
}

/// A judged day.
#[derive(Debug)]
pub struct DayJudge<'b, 'd> {
    facts: &'b DayFacts<'d>,
    last: Judge<'b, 'd>,
    /// For hours that are not sealed.
    open: Option<Judge<'b, 'd>>,
    /// Hours that are not sealed, as bits.
    unsealed: u32,
    scored: Vec<ScoredHour>,
    next: Option<AccountBaseline>,
}

impl<'b, 'd> DayJudge<'b, 'd> {
    /// Judges a closed day for good, and learns it.
    #[must_use]
    pub fn close(bases: Bases<'b>, facts: &'b DayFacts<'d>) -> Self {
        let last = Judge::new(bases, facts, Seal::Final);
        let mut scored = Vec::with_capacity(facts.hours.len());
        let next = fold_each(&last, bases.late, |number, judged| {
            emit(number, judged, &mut scored);
        });
        Self {
            facts,
            last,
            open: None,
            unsealed: 0,
            scored,
            next: Some(next),
        }
    }

    /// Judges an open day: sealed hours for good, the others as lower bounds.
    #[must_use]
    pub fn look(
        bases: Bases<'b>,
        facts: &'b DayFacts<'d>,
        is_sealed: impl Fn(Hour) -> bool,
    ) -> Self {
        let day = Day::from_days_since_1970(facts.day);
        let unsealed = (0..24_i64)
            .filter(|hour| !is_sealed(day.start().plus_seconds(hour * 3_600).hour()))
            .fold(0_u32, |bits, hour| bits | 1 << hour);
        let last = Judge::new(bases, facts, Seal::Final);
        let open = (unsealed != 0).then(|| Judge::new(bases, facts, Seal::Provisional));
        let mut judged = Self {
            facts,
            last,
            open,
            unsealed,
            scored: Vec::new(),
            next: None,
        };
        let mut scored = Vec::with_capacity(facts.hours.len());
        for (number, principal) in facts.principals.iter().enumerate() {
            let from = scored.len();
            emit(number, &judged.last.principal(principal), &mut scored);
            let Some(open) = &judged.open else { continue };
            let mut provisional = Vec::new();
            emit(number, &open.principal(principal), &mut provisional);
            for (known, lower) in scored[from..].iter_mut().zip(provisional) {
                if judged.unsealed >> lower.hour & 1 == 1 {
                    *known = lower;
                }
            }
        }
        judged.scored = scored;
        judged
    }

    /// What was judged.
    #[must_use]
    pub const fn facts(&self) -> &'b DayFacts<'d> {
        self.facts
    }

    /// The hours with their scores, by principal and hour.
    pub fn scored(&self) -> impl Iterator<Item = ScoredHour> {
        self.scored.iter().copied()
    }

    /// What raised an hour, in words.
    #[must_use]
    pub fn reasons(&self, scored: &ScoredHour) -> Option<Reasons> {
        let judge = self.judge_of(scored);
        let principal = self.facts.principals.get(scored.principal as usize)?;
        let day = judge.principal(principal);
        let hour = day.hours.iter().find(|hour| hour.hour == scored.hour)?;
        Some(judge.reasons(principal, &day, hour))
    }

    /// The calls that are usual for a pair in an hour.
    #[must_use]
    pub fn usual_calls(&self, principal: &PrincipalFacts<'_>, key: u32, hour: u8) -> f64 {
        self.last.usual_calls(principal, key, hour)
    }

    /// The base of the next day, of a day that is closed.
    #[must_use]
    pub fn into_next(self) -> Option<AccountBaseline> {
        self.next
    }

    /// Ids of at most ten events of an hour, those first that show what is unusual.
    #[must_use]
    pub fn event_ids(&self, scored: &ScoredHour) -> Vec<String> {
        let Some(principal) = self.facts.principals.get(scored.principal as usize) else {
            return Vec::new();
        };
        let day = self.judge_of(scored).principal(principal);
        let hour = day.hours.iter().find(|hour| hour.hour == scored.hour);
        hour.map_or_else(Vec::new, |hour| {
            event_ids(self.facts, principal, &day, hour)
        })
    }

    /// A line for every hour.
    #[must_use]
    pub fn score_lines(&self) -> Vec<ScoreLine> {
        let mut lines = Vec::with_capacity(self.scored.len());
        // Hours come by principal, and a principal's day is judged once for all of them.
        for scored in self.scored.chunk_by(|a, b| a.principal == b.principal) {
            let Some(principal) = self.facts.principals.get(scored[0].principal as usize) else {
                continue;
            };
            let last = self.last.principal(principal);
            let open = self.open.as_ref().map(|open| open.principal(principal));
            for scored in scored {
                let day = match &open {
                    Some(open) if self.is_unsealed(scored) => open,
                    _ => &last,
                };
                let judged = day.hours.iter().find(|hour| hour.hour == scored.hour);
                let hours = &self.facts.hours[principal.hours.clone()];
                let hour = hours.iter().find(|hour| hour.hour == scored.hour);
                lines.extend(hour.zip(judged).map(|(hour, judged)| ScoreLine {
                    time: hour.newest,
                    principal: principal.name.to_owned(),
                    score: scored.score,
                    rule: scored.leading.rule(),
                    event_ids: event_ids(self.facts, principal, day, judged),
                }));
            }
        }
        lines
    }

    /// Who judged an hour.
    fn judge_of(&self, scored: &ScoredHour) -> &Judge<'b, 'd> {
        match &self.open {
            Some(open) if self.is_unsealed(scored) => open,
            _ => &self.last,
        }
    }

    const fn is_unsealed(&self, scored: &ScoredHour) -> bool {
        self.unsealed >> scored.hour & 1 == 1
    }
}

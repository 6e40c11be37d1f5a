//! One day of an account, judged: the scores of its hours, their reasons when asked for, and the base of
//! the next day once it is closed.

use keytrail_event::{Day, Hour};

use super::facts::{DayFacts, PrincipalFacts};
use super::learn::{emit, fold_each};
use super::score::{Bases, Judge, ScoredHour};
use super::state::AccountBaseline;
use super::view::Seal;
use super::words::Reasons;
use crate::episode::keep_both_ends;

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
    /// Ids of the first and last events, at most ten.
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
        let is_unsealed = self.unsealed >> scored.hour & 1 == 1;
        let judge = match &self.open {
            Some(open) if is_unsealed => open,
            _ => &self.last,
        };
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

    /// A line for every hour.
    #[must_use]
    pub fn score_lines(&self) -> Vec<ScoreLine> {
        let lines = self.scored.iter().filter_map(|scored| {
            let principal = self.facts.principals.get(scored.principal as usize)?;
            let hours = &self.facts.hours[principal.hours.clone()];
            let hour = hours.iter().find(|hour| hour.hour == scored.hour)?;
            let cells = self.facts.cells[principal.cells.clone()].iter();
            let mut ends: Vec<_> = cells
                .filter(|(key, _)| key.hour.of_day() == scored.hour)
                .map(|(key, cell)| cell.ends(key.hour))
                .flat_map(|ends| [ends.first, ends.last])
                .filter(|end| !end.event_id.is_empty())
                .collect();
            ends.sort();
            ends.dedup();
            let mut event_ids: Vec<String> = ends
                .iter()
                .map(|end| end.event_id.text().into_owned())
                .collect();
            keep_both_ends(&mut event_ids);
            Some(ScoreLine {
                time: hour.newest,
                principal: principal.name.to_owned(),
                score: scored.score,
                rule: scored.leading.rule(),
                event_ids,
            })
        });
        lines.collect()
    }
}

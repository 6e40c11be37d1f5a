//! Which line belongs to which attack or change, decided once for all thresholds.

use std::collections::{BTreeMap, HashMap};

use super::cases::{Line, Lines};
use super::{GRACE_SECONDS, Score, Span, Truth};

/// An attack with the lines that find it.
#[derive(Debug)]
pub(super) struct Found<'t> {
    pub(super) kind: &'t str,
    pub(super) strength: &'t str,
    first: i64,
    /// Time and score of each line.
    lines: Vec<(i64, f64)>,
}

/// A change with the best score of a false line during it.
#[derive(Debug)]
pub(super) struct Touched<'t> {
    pub(super) kind: &'t str,
    pub(super) best: Option<f64>,
}

/// All lines within the span, put to attacks or to the false ones.
#[derive(Debug)]
pub(super) struct Matched<'t> {
    pub(super) attacks: Vec<Found<'t>>,
    pub(super) changes: Vec<Touched<'t>>,
    pub(super) false_lines: Lines<'t>,
    /// All scores, each once, highest first.
    pub(super) thresholds: Vec<f64>,
    lines: u64,
}

impl<'t> Matched<'t> {
    pub(super) fn new(scores: &'t [Score], truth: &'t Truth, span: Span) -> Self {
        let attacks: Vec<_> = truth
            .attacks
            .iter()
            .filter(|it| span.has(it.first))
            .collect();
        let changes: Vec<_> = truth
            .changes
            .iter()
            .filter(|it| span.has(it.first))
            .collect();
        let mut matched = Self {
            attacks: attacks
                .iter()
                .map(|attack| Found {
                    kind: &attack.kind,
                    strength: &attack.strength,
                    first: attack.first,
                    lines: Vec::new(),
                })
                .collect(),
            changes: changes
                .iter()
                .map(|change| Touched {
                    kind: &change.kind,
                    best: None,
                })
                .collect(),
            false_lines: Lines::default(),
            thresholds: Vec::new(),
            lines: 0,
        };
        let by_principal = index(attacks.iter().map(|it| [it.principal.as_str()]));
        let by_event = index(
            attacks
                .iter()
                .map(|it| it.event_ids.iter().map(String::as_str)),
        );
        let changes_by_principal = index(changes.iter().map(|it| [it.principal.as_str()]));
        let mut false_lines: BTreeMap<(&str, &str), Vec<Line<'t>>> = BTreeMap::new();
        for score in scores.iter().filter(|score| span.has(score.time)) {
            matched.lines += 1;
            matched.thresholds.push(score.score);
            let events = score
                .event_ids
                .iter()
                .filter_map(|id| by_event.get(id.as_str()));
            let mut candidates: Vec<usize> = by_principal
                .get(score.principal.as_str())
                .into_iter()
                .chain(events)
                .flatten()
                .copied()
                .collect();
            candidates.sort_unstable();
            candidates.dedup();
            candidates.retain(|at| {
                let attack = attacks.get(*at);
                attack.is_some_and(|it| is_during(score.time, it.first, it.last))
            });
            for at in &candidates {
                if let Some(found) = matched.attacks.get_mut(*at) {
                    found.lines.push((score.time, score.score));
                }
            }
            if !candidates.is_empty() {
                continue;
            }
            let whose = (score.account.as_str(), score.principal.as_str());
            let line = Line {
                time: score.time,
                score: score.score,
                rule: &score.rule,
            };
            false_lines.entry(whose).or_default().push(line);
            let touched = changes_by_principal.get(score.principal.as_str());
            for at in touched.into_iter().flatten() {
                let change = changes.get(*at).zip(matched.changes.get_mut(*at));
                if let Some((change, touched)) = change
                    && is_during(score.time, change.first, change.last)
                {
                    let best = touched
                        .best
                        .map_or(score.score, |best| best.max(score.score));
                    touched.best = Some(best);
                }
            }
        }
        matched.false_lines = Lines::new(false_lines.into_values());
        matched.thresholds.sort_by(|a, b| b.total_cmp(a));
        matched.thresholds.dedup();
        matched
    }

    pub(super) fn lines(&self) -> u64 {
        self.lines
    }
}

impl Found<'_> {
    /// The highest threshold that finds the attack.
    pub(super) fn best(&self) -> Option<f64> {
        self.lines
            .iter()
            .map(|(_, score)| *score)
            .max_by(f64::total_cmp)
    }

    /// Seconds from the attack's first record to the first line that finds it at this threshold.
    pub(super) fn seconds(&self, threshold: f64) -> Option<i64> {
        let finding = self.lines.iter().filter(|(_, score)| *score >= threshold);
        finding.map(|(time, _)| time - self.first).min()
    }
}

fn is_during(time: i64, first: i64, last: i64) -> bool {
    (first..=last.saturating_add(GRACE_SECONDS)).contains(&time)
}

/// Where each name occurs.
fn index<'n, N: IntoIterator<Item = &'n str>>(
    names: impl Iterator<Item = N>,
) -> HashMap<&'n str, Vec<usize>> {
    let mut index: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, names) in names.enumerate() {
        for name in names {
            index.entry(name).or_default().push(at);
        }
    }
    index
}

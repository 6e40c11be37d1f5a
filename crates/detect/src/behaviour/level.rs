//! How bad a case is: by the budget's thresholds, by what it touched, and by how much an open case has grown.

use std::collections::BTreeSet;

use crate::baseline::AccountBaseline;
use crate::baseline::constants::SCORE_FLOOR;
use crate::cell::Cell;
use crate::cells::CellKey;
use crate::configuration::Behaviour;
use crate::disposition::fits_key;
use crate::finding::{Evidence, Finding, Severity};

use super::Day;

/// How much more an open case has to score to be worse than it was.
const ESCALATING_SCORE: f64 = 3.0;
/// Sensitive keys that evidence names.
const KEYS_NAMED_MAX: usize = 3;

/// The scores from which a finding is low, medium and high.
pub(super) struct Levels {
    pub low: f64,
    medium: f64,
    high: f64,
}

impl Levels {
    /// Those of an account that is to have so many findings a day: medium is a fifth of them, high a twentieth. Who has
    /// a lower floor sees more findings, but no graver ones.
    pub fn of(base: &AccountBaseline, wanted: &Behaviour) -> Self {
        let Behaviour {
            findings_a_day,
            score_floor,
            ..
        } = *wanted;
        let grave_floor = score_floor.max(SCORE_FLOOR);
        Self {
            low: base.threshold(findings_a_day, score_floor),
            medium: base.threshold(findings_a_day / 5.0, grave_floor),
            high: base.threshold(findings_a_day / 20.0, grave_floor),
        }
    }

    /// One up for what destroys or gives away.
    pub fn severity(&self, score: f64, is_grave: bool) -> Severity {
        let severity = match score {
            _ if score >= self.high => Severity::High,
            _ if score >= self.medium => Severity::Medium,
            _ => Severity::Low,
        };
        if is_grave {
            severity.higher()
        } else {
            severity
        }
    }
}

/// The keys of these cells that the configuration names as sensitive: why the case is one up.
pub(super) fn sensitive_keys(cells: &[(CellKey, &Cell)], day: &Day<'_>) -> Option<Evidence> {
    let patterns = &day.configuration.behaviour.sensitive_keys;
    if patterns.is_empty() {
        return None;
    }
    let is_sensitive = |key: &&str| {
        !key.is_empty()
            && patterns
                .iter()
                .any(|wanted| fits_key(Some(wanted), Some(key)))
    };
    let keys = cells.iter().map(|(key, _)| day.account_day.name(key.key));
    let keys: BTreeSet<&str> = keys
        .map(|key| day.past.resolve(key))
        .filter(is_sensitive)
        .collect();
    let named: Vec<&str> = keys.iter().copied().take(KEYS_NAMED_MAX).collect();
    let named = named.join(", ");
    let text = match keys.len() {
        0 => return None,
        1 => format!("{named} is sensitive (behaviour.sensitive_keys)."),
        all => format!("{all} keys are sensitive (behaviour.sensitive_keys): {named}."),
    };
    Some(Evidence::new("sensitive_key", text).observed(keys.len()))
}

/// Whether a case that is open has grown so much that it is one worse than it was.
pub(super) fn escalation(open: Option<&Finding>, score: f64) -> Option<(Severity, Evidence)> {
    let open = open.filter(|open| score >= open.score + ESCALATING_SCORE)?;
    let text = format!(
        "The case scored {:.1} before, and {score:.1} now: it is one severity worse.",
        open.score
    );
    let evidence = Evidence::new("escalation", text)
        .observed(format_args!("{score:.1}"))
        .expected(format_args!("{:.1}", open.score));
    Some((open.severity.higher(), evidence))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEVELS: Levels = Levels {
        low: 10.0,
        medium: 14.0,
        high: 18.0,
    };

    #[test]
    fn severity_follows_the_budget_and_what_was_touched() {
        for (score, plain, grave) in [
            (10.0, Severity::Low, Severity::Medium),
            (14.0, Severity::Medium, Severity::High),
            (18.0, Severity::High, Severity::Critical),
            (99.0, Severity::High, Severity::Critical),
        ] {
            assert_eq!(LEVELS.severity(score, false), plain, "{score}");
            assert_eq!(LEVELS.severity(score, true), grave, "{score}");
        }
    }
}

//! How bad a case is: by the budget's thresholds, by what it touched, and by how much an open case has grown.

use std::collections::BTreeSet;

use crate::baseline::AccountBaseline;
use crate::baseline::constants::{HIGH_TIMES_RARER, MEDIUM_TIMES_RARER, SCORE_FLOOR, SCORE_TAIL};
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
    /// Those of an account that is to have so many findings a day: medium is a fifth of them, high a twentieth. In a quiet
    /// account those are few enough for the floor to decide, and the least of findings would be grave; so medium and high
    /// also ask for what organisations without attacks reach that much more rarely. Who has a lower floor sees more
    /// findings, but no graver ones.
    pub fn of(base: &AccountBaseline, wanted: &Behaviour) -> Self {
        let Behaviour {
            findings_a_day,
            score_floor,
            ..
        } = *wanted;
        let threshold =
            |share: f64, floor: f64| base.threshold(findings_a_day * share, score_floor.max(floor));
        Self {
            low: base.threshold(findings_a_day, score_floor),
            medium: threshold(1.0 / 5.0, least_medium()),
            high: threshold(1.0 / 20.0, least_high()),
        }
    }

    /// What the severity is held against, and whether it is one up for what destroys or gives away.
    pub fn evidence(&self, is_grave: bool) -> Evidence {
        let Self { low, medium, high } = self;
        let raised = if is_grave {
            "; one severity higher, since what is new destroys, or gives access to another account"
        } else {
            ""
        };
        let text = format!(
            "In this account a score is low from {low:.1}, medium from {medium:.1}, high from {high:.1}{raised}."
        );
        Evidence::new("levels", text)
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

/// The least score of medium severity, in any account.
#[must_use]
pub fn least_medium() -> f64 {
    rarer(MEDIUM_TIMES_RARER)
}

/// The least score of high severity, in any account.
#[must_use]
pub fn least_high() -> f64 {
    rarer(HIGH_TIMES_RARER)
}

/// The score that organisations without attacks reach so many times more rarely than the floor: their excess is
/// exponential (peaks over threshold: Siffer et al., KDD 2017). Rounded to what is shown of a score.
fn rarer(times: f64) -> f64 {
    (10.0 * (SCORE_FLOOR + SCORE_TAIL * libm::log(times))).round() / 10.0
}

/// The keys of these cells that the configuration names as sensitive: why the case is one up.
pub(super) fn sensitive_keys(cells: &[(CellKey, &Cell)], day: &Day<'_>) -> Option<SensitiveKeys> {
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
    let keys: BTreeSet<String> = keys
        .map(|key| day.past.resolve(key))
        .filter(is_sensitive)
        .map(str::to_owned)
        .collect();
    (!keys.is_empty()).then_some(SensitiveKeys(keys))
}

/// The keys of a case that are sensitive; at least one.
pub(super) struct SensitiveKeys(pub BTreeSet<String>);

impl SensitiveKeys {
    /// Them as evidence.
    pub fn evidence(&self) -> Evidence {
        let Self(keys) = self;
        let named: Vec<&str> = keys
            .iter()
            .map(String::as_str)
            .take(KEYS_NAMED_MAX)
            .collect();
        let named = named.join(", ");
        let text = match keys.len() {
            1 => format!("{named} is sensitive (behaviour.sensitive_keys)."),
            all => format!("{all} keys are sensitive (behaviour.sensitive_keys): {named}."),
        };
        Evidence::new("sensitive_key", text).observed(keys.len())
    }
}

/// A case that is open and has grown is one worse than it was, though never more than one worse than its score says: three
/// small steps make no strong evidence.
pub(super) fn escalation(
    open: Option<&Finding>,
    score: f64,
    by_score: Severity,
) -> Option<(Severity, Evidence)> {
    let open = open.filter(|open| score >= open.score + ESCALATING_SCORE)?;
    let severity = open.severity.higher().min(by_score.higher());
    if severity <= by_score {
        return None;
    }
    let text = format!(
        "The case scored {:.1} at its worst before, and {score:.1} now: it grows, and is one severity worse than it would be by itself.",
        open.score
    );
    let evidence = Evidence::new("escalation", text)
        .observed(format_args!("{score:.1}"))
        .expected(format_args!("{:.1}", open.score));
    Some((severity, evidence))
}

#[cfg(test)]
mod tests {
    use keytrail_event::EventTime;

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

    /// With few principals, all of its levels were the floor: the least of findings was high.
    #[test]
    fn in_a_quiet_account_a_finding_at_the_floor_is_low() {
        let levels = Levels::of(&AccountBaseline::default(), &Behaviour::default());
        for (score, severity) in [
            (SCORE_FLOOR, Severity::Low),
            (26.0, Severity::Low),
            (28.0, Severity::Medium),
            (32.9, Severity::Medium),
            (33.0, Severity::High),
        ] {
            assert_eq!(levels.severity(score, false), severity, "{score}");
        }
    }

    #[test]
    fn who_moves_the_floor_moves_no_level_above_it() {
        let with = |score_floor| {
            let wanted = Behaviour {
                score_floor,
                ..Behaviour::default()
            };
            Levels::of(&AccountBaseline::default(), &wanted)
        };
        let (usual, lower, higher) = (with(SCORE_FLOOR), with(5.0), with(30.0));
        assert_eq!((lower.low, higher.low), (5.0, 30.0));
        assert_eq!((lower.medium, lower.high), (usual.medium, usual.high));
        assert_eq!((higher.medium, higher.high), (30.0, usual.high));
    }

    /// A case as it stands.
    fn open(severity: Severity, score: f64) -> Finding {
        let at = EventTime::from_unix_seconds(1_772_460_000);
        Finding {
            severity,
            score,
            ..Finding::sample("new-pair", at)
        }
    }

    #[test]
    fn a_case_that_grows_by_three_is_one_worse() {
        use Severity::{Critical, High, Low, Medium};
        for (was, before, now, by_score, worse) in [
            (Low, 21.0, 23.9, Low, None),
            (Low, 21.0, 24.0, Low, Some(Medium)),
            (Medium, 27.0, 30.0, Medium, Some(High)),
            (High, 33.0, 36.0, High, Some(Critical)),
            // The score says as much by itself.
            (Low, 21.0, 28.0, Medium, None),
            // It grew before: small steps do not add up to strong evidence.
            (Medium, 24.0, 27.5, Medium, Some(High)),
            (High, 27.5, 30.5, Medium, Some(High)),
            (Critical, 36.0, 36.5, High, None),
        ] {
            let found = escalation(Some(&open(was, before)), now, by_score);
            let severity = found.as_ref().map(|(severity, _)| *severity);
            assert_eq!(severity, worse, "{was:?} {before}, then {now}");
        }
        assert_eq!(escalation(None, 40.0, High), None);
        let (_, why) = escalation(Some(&open(Low, 21.0)), 25.0, Low).unwrap();
        assert_eq!(
            why.text,
            "The case scored 21.0 at its worst before, and 25.0 now: it grows, and is one severity worse than it would be by itself."
        );
    }
}

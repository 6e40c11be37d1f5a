//! Findings, counted.

use std::borrow::Borrow;
use std::cmp::Reverse;
use std::collections::BTreeMap;

use keytrail_detect::finding::{Finding, FindingState, Severity};
use serde::Serialize;

/// Principals and keys that are named, each.
const NAMED_MAX: usize = 5;

/// How many findings there are, of what kind and about whom.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FindingCounts {
    /// Findings that are shown and that nobody decided about beforehand: all counts but those that
    /// say so are about them.
    pub shown: u64,
    /// Findings that the filters leave out.
    pub filtered_out: u64,
    /// Findings of planned changes.
    pub expected: u64,
    /// Findings that somebody does not want to be told.
    pub suppressed: u64,
    /// Findings of rules that only count.
    pub shadow: u64,
    /// Findings shown that were made while learning.
    pub learning: u64,
    /// Findings shown, by severity; every severity is there.
    pub by_severity: BTreeMap<Severity, u64>,
    /// Findings shown, by rule, the worst first.
    pub by_rule: Vec<RuleCount>,
    /// The principals they are about: the worst, at most five.
    pub principals: Vec<Named>,
    /// The keys they are about: the worst, at most five.
    pub keys: Vec<Named>,
}

/// The findings of one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleCount {
    /// The rule's id.
    pub rule: String,
    /// The highest severity among them.
    pub severity: Severity,
    /// How many there are.
    pub findings: u64,
}

/// A principal or key that findings are about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    /// Its canonical name.
    pub name: String,
    /// The highest severity among the findings.
    pub severity: Severity,
    /// How many findings there are.
    pub findings: u64,
}

impl FindingCounts {
    /// Counts the findings that pass the filters.
    #[must_use]
    pub fn of<F: Borrow<Finding>>(
        findings: impl IntoIterator<Item = F>,
        filtered_out: u64,
    ) -> Self {
        let mut counts = Self {
            filtered_out,
            by_severity: Severity::ALL.map(|severity| (severity, 0)).into(),
            ..Self::default()
        };
        let [mut rules, mut principals, mut keys] = [const { Ranking(BTreeMap::new()) }; 3];
        for finding in findings {
            let finding = finding.borrow();
            match finding.state {
                FindingState::Expected => counts.expected += 1,
                FindingState::Suppressed => counts.suppressed += 1,
                FindingState::Shadow => counts.shadow += 1,
                FindingState::Provisional | FindingState::Final | FindingState::Withdrawn => {
                    counts.shown += 1;
                    counts.learning += u64::from(finding.is_learning());
                    *counts.by_severity.entry(finding.severity).or_default() += 1;
                    rules.add(&finding.rule, finding);
                    let principal = finding.principal.iter();
                    principal.for_each(|principal| principals.add(principal, finding));
                    finding.keys().for_each(|key| keys.add(key, finding));
                }
            }
        }
        let by_rule = rules.ranked().map(|named| RuleCount {
            rule: named.name,
            severity: named.severity,
            findings: named.findings,
        });
        counts.by_rule = by_rule.collect();
        counts.principals = principals.ranked().take(NAMED_MAX).collect();
        counts.keys = keys.ranked().take(NAMED_MAX).collect();
        counts
    }
}

/// What findings name.
struct Ranking(BTreeMap<String, Named>);

impl Ranking {
    fn add(&mut self, name: &str, finding: &Finding) {
        let named = match self.0.get_mut(name) {
            Some(named) => named,
            None => self.0.entry(name.to_owned()).or_insert(Named {
                name: name.to_owned(),
                severity: finding.severity,
                findings: 0,
            }),
        };
        named.severity = named.severity.max(finding.severity);
        named.findings += 1;
    }

    /// By the worst severity, then findings, then name.
    fn ranked(self) -> impl Iterator<Item = Named> {
        let mut ranked: Vec<Named> = self.0.into_values().collect();
        ranked.sort_by_key(|named| Reverse((named.severity, named.findings)));
        ranked.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn the_worst_comes_first() {
        let counts = FindingCounts::of(samples::findings(), 7);
        assert_eq!(
            (counts.shown, counts.filtered_out, counts.learning),
            (3, 7, 1)
        );
        let by_severity: Vec<u64> = counts.by_severity.values().copied().collect();
        assert_eq!(by_severity, [0, 1, 1, 1]);
        let rules: Vec<&str> = counts.by_rule.iter().map(|count| &*count.rule).collect();
        assert_eq!(rules, ["key-deletion-scheduled", "rate-pair", "hostile"]);
        let rose = &counts.principals[0];
        assert_eq!((rose.severity, rose.findings), (Severity::Critical, 2));
        assert_eq!(counts.keys.len(), 1);
    }

    #[test]
    fn few_are_named() {
        let findings: Vec<Finding> = (0..20)
            .map(|index| Finding {
                principal: Some(format!("{index:02}")),
                key: (index == 0).then(|| "key".to_owned()),
                further_keys: vec!["another".to_owned()],
                ..samples::deletion()
            })
            .collect();
        let counts = FindingCounts::of(&findings, 0);
        let names: Vec<&str> = counts.principals.iter().map(|named| &*named.name).collect();
        assert_eq!(names, ["00", "01", "02", "03", "04"]);
        let keys = counts.keys.iter();
        let keys: Vec<_> = keys.map(|key| (&*key.name, key.findings)).collect();
        assert_eq!(keys, [("another", 20), ("key", 1)]);
    }
}

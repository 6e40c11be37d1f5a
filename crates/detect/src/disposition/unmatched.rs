//! Suppressions and planned changes that fit no finding: nothing of the kind happened, or they are written otherwise than
//! whoever wrote them meant.

use keytrail_event::EventTime;

use super::{ExpectedChange, Suppression};
use crate::configuration::Configuration;
use crate::finding::Finding;

/// What of a configuration fits none of the findings seen so far.
#[derive(Debug, Clone, Default)]
pub struct Unmatched<'c> {
    /// Suppressions, whatever the time they end at.
    pub suppressions: Vec<&'c Suppression>,
    /// Planned changes.
    pub changes: Vec<&'c ExpectedChange>,
}

impl<'c> Unmatched<'c> {
    /// Everything that could hide a finding of these times, the first and the last, and has not expired by `now`: what
    /// has is told as that.
    #[must_use]
    pub fn of(
        configuration: &'c Configuration,
        (first, last): (EventTime, EventTime),
        now: EventTime,
    ) -> Self {
        let suppressions = configuration.suppress.iter();
        let changes = configuration.expected.iter();
        let reaches = |change: &&ExpectedChange| {
            let from = change.from.as_ref();
            let begins = from.is_none_or(|from| from.time() <= last);
            begins && first < change.until.time()
        };
        Self {
            suppressions: suppressions
                .filter(|suppression| now < suppression.until.time())
                .collect(),
            changes: changes.filter(reaches).collect(),
        }
    }

    /// Takes out what fits the finding. Which of several that fit decides about it makes no difference, nor does a
    /// finding that goes on beyond their time: they are written as they were meant.
    pub fn see(&mut self, finding: &Finding) {
        let fits = |change: &ExpectedChange| {
            let is_begun = |from: EventTime| from <= finding.last_seen;
            let from = change.from.as_ref();
            from.is_none_or(|from| is_begun(from.time()))
                && finding.first_seen < change.until.time()
                && change.concerns(finding)
        };
        self.suppressions.retain(|one| !one.concerns(finding));
        self.changes.retain(|one| !fits(one));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moment::Moment;

    const ROSE: &str = "arn:aws:iam::111122223333:user/rose";

    fn moment(text: &str) -> Moment {
        Moment::try_from(text.to_owned()).unwrap()
    }

    fn suppression(rule: &str, until: &str) -> Suppression {
        Suppression {
            rule: Some(rule.to_owned()),
            principal: None,
            key: None,
            account: None,
            until: moment(until),
            reason: "known".to_owned(),
            owner: "rose".to_owned(),
        }
    }

    fn change(principal: &str, from: &str, until: &str) -> ExpectedChange {
        ExpectedChange {
            principal: Some(principal.to_owned()),
            key: None,
            from: Some(moment(from)),
            until: moment(until),
            reason: from.to_owned(),
        }
    }

    #[test]
    fn what_fits_none_is_left() {
        let configuration = Configuration {
            suppress: vec![
                suppression("key-*", "2024-06-01"),
                suppression("key-disabled", "2024-06-01"),
                suppression("key_disabled", "2024-06-01"),
                suppression("grant-*", "2024-02-01"),
            ],
            expected: vec![
                change("rose", "2024-01-31", "2024-01-31T12:00:00Z"),
                change("lily", "2024-01-31", "2024-02-01"),
                change("rose", "2024-02-01", "2024-02-02"),
                change("rose", "2025-02-01", "2025-02-02"),
            ],
            ..Configuration::default()
        };
        let time = |text| moment(text).time();
        let span = (time("2024-01-30"), time("2024-02-01T12:00:00Z"));
        let mut unmatched = Unmatched::of(&configuration, span, time("2024-03-01"));
        unmatched.see(&Finding {
            principal: Some(ROSE.to_owned()),
            ..Finding::sample("key-disabled", time("2024-01-31T10:00:00Z"))
        });
        let rules = unmatched.suppressions.iter();
        let rules: Vec<_> = rules.filter_map(|one| one.rule.as_deref()).collect();
        assert_eq!(rules, ["key_disabled"]);
        let changes = unmatched.changes.iter();
        let changes: Vec<_> = changes
            .map(|one| (one.principal.as_deref(), &*one.reason))
            .collect();
        let left = [(Some("lily"), "2024-01-31"), (Some("rose"), "2024-02-01")];
        assert_eq!(changes, left);
    }
}

//! What users decided about findings beforehand: rules that only count, suppressions, planned changes.
//!
//! Dispositions are laid over findings where they are published. What is judged and learnt does not
//! change, so a suppression that is taken back leaves no trace.
//!
//! They hold for a finding as long as all of its events lie in their time: a problem that goes on beyond it is told,
//! however long its episode lasts.

mod unmatched;

use keytrail_event::EventTime;
use keytrail_event::arn::Arn;
use keytrail_event::key::short_key_name;
use keytrail_event::principal::{principal_names, principal_of_arn};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::unmatched::Unmatched;
use crate::bounds::FINDING_FURTHER_KEYS_MAX;
use crate::configuration::Configuration;
use crate::finding::{Evidence, Finding, FindingState};
use crate::glob_pattern::GlobPattern;
use crate::moment::Moment;

/// Marks the findings that users decided about: shadow first, then suppressed, then expected. One
/// that later evidence took back stays so. Marking twice is marking once.
pub fn dispose(findings: &mut [Finding], configuration: &Configuration) {
    for finding in findings {
        if let Some((state, evidence)) = disposition(finding, configuration) {
            finding.state = state;
            finding.evidence.push(evidence);
        }
    }
}

/// Whether the configuration decides about any finding.
#[must_use]
pub fn decides(configuration: &Configuration) -> bool {
    let Configuration {
        shadow,
        suppress,
        expected,
        ..
    } = configuration;
    !(shadow.is_empty() && suppress.is_empty() && expected.is_empty())
}

fn disposition(
    finding: &Finding,
    configuration: &Configuration,
) -> Option<(FindingState, Evidence)> {
    if !finding.state.is_alerting() {
        return None;
    }
    if configuration.shadow.contains(&finding.rule) {
        let text = format!(
            "The configuration lets `{}` count and alert nobody.",
            finding.rule
        );
        return Some((FindingState::Shadow, Evidence::new("shadow", text)));
    }
    let mut suppressions = configuration.suppress.iter();
    if let Some(suppression) = suppressions.find(|suppression| suppression.covers(finding)) {
        let text = format!(
            "Suppressed until {} by {}: {}",
            suppression.until, suppression.owner, suppression.reason
        );
        return Some((FindingState::Suppressed, Evidence::new("suppressed", text)));
    }
    let expected = covering(finding, &configuration.expected)?;
    let declared: Vec<String> = expected
        .iter()
        .map(|change| format!("until {}: {}", change.until, change.reason))
        .collect();
    let text = format!("Declared as expected {}", declared.join("; "));
    Some((FindingState::Expected, Evidence::new("expected", text)))
}

/// The changes whose windows together cover a finding from its first event to its last, without a gap: which moments
/// between these two are those of its events, a finding does not tell.
fn covering<'c>(
    finding: &Finding,
    changes: &'c [ExpectedChange],
) -> Option<Vec<&'c ExpectedChange>> {
    let concerning: Vec<&ExpectedChange> = changes
        .iter()
        .filter(|change| change.concerns(finding))
        .collect();
    let end = finding.last_seen.plus_seconds(1);
    let mut covering = Vec::new();
    let mut uncovered = finding.first_seen;
    while uncovered < end {
        let open = concerning
            .iter()
            .filter(|change| change.holds_at(uncovered));
        // Of those that reach equally far, the first.
        let farthest = open
            .rev()
            .max_by_key(|change| change.until.time().min(end))?;
        uncovered = farthest.until.time();
        covering.push(*farthest);
    }
    Some(covering)
}

/// Findings that nobody wants to be told for a while. Everything given must fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("anyOf" = [
    {"required": ["rule"]}, {"required": ["principal"]}, {"required": ["key"]}, {"required": ["account"]}
]))]
pub struct Suppression {
    /// The rule's id; `*` stands for any characters. None means any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The principal, by its ARN, what follows the last slash of it, or a session's ARN; `*` stands for any characters.
    /// None means any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// The canonical key, or its id; `*` stands for any characters. None means any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The account; `*` stands for any characters. None means any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Findings whose last event comes before this moment.
    pub until: Moment,
    /// Why.
    #[schemars(regex(pattern = r"\S"))]
    pub reason: String,
    /// Who answers for it.
    #[schemars(regex(pattern = r"\S"))]
    pub owner: String,
}

impl Suppression {
    /// Whether it names any finding at all, and not just every one.
    #[must_use]
    pub fn is_narrow(&self) -> bool {
        [&self.rule, &self.principal, &self.key, &self.account]
            .into_iter()
            .any(is_narrow)
    }

    /// Whether it covers a finding.
    #[must_use]
    pub fn covers(&self, finding: &Finding) -> bool {
        finding.last_seen < self.until.time() && self.concerns(finding)
    }

    /// Whether it is about such findings, whenever they end.
    fn concerns(&self, finding: &Finding) -> bool {
        fits(self.rule.as_deref(), Some(&finding.rule))
            && fits(self.account.as_deref(), Some(&finding.account))
            && fits_principal(self.principal.as_deref(), finding)
            && fits_keys(self.key.as_deref(), finding)
    }
}

/// A change that was planned, such as a restore or a backfill: findings that begin and end in its window, or in several
/// that follow one another without a gap, are kept, and marked as expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("anyOf" = [{"required": ["principal"]}, {"required": ["key"]}]))]
pub struct ExpectedChange {
    /// The principal, by its ARN, what follows the last slash of it, or a session's ARN; `*` stands for any characters.
    /// None means any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// The canonical key, or its id; `*` stands for any characters. None means any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The first moment of the window; none means since ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Moment>,
    /// The first moment after the window.
    pub until: Moment,
    /// Why.
    #[schemars(regex(pattern = r"\S"))]
    pub reason: String,
}

impl ExpectedChange {
    /// Whether it is about what a finding's principal did with its key.
    fn concerns(&self, finding: &Finding) -> bool {
        fits_principal(self.principal.as_deref(), finding)
            && fits_keys(self.key.as_deref(), finding)
    }

    /// Whether a moment lies in its window.
    fn holds_at(&self, moment: EventTime) -> bool {
        let from = self.from.as_ref();
        from.is_none_or(|from| from.time() <= moment) && moment < self.until.time()
    }

    /// Whether it names somebody or something, and not just every finding of its window.
    #[must_use]
    pub fn is_narrow(&self) -> bool {
        [&self.principal, &self.key].into_iter().any(is_narrow)
    }
}

/// Whether a pattern fits some names and not all.
fn is_narrow(pattern: &Option<String>) -> bool {
    let pattern = pattern.as_deref().unwrap_or_default();
    pattern.bytes().any(|byte| byte != b'*')
}

fn fits(pattern: Option<&str>, text: Option<&str>) -> bool {
    pattern.is_none_or(|pattern| text.is_some_and(|text| GlobPattern::from(pattern).matches(text)))
}

/// A principal goes by any of its names, and by its sessions. One of another account goes by its ARN alone: what follows
/// the last slash is for strangers to choose.
fn fits_principal(pattern: Option<&str>, finding: &Finding) -> bool {
    let Some(pattern) = pattern else {
        return true;
    };
    let pattern = GlobPattern::from(&*principal_of_arn(pattern));
    finding.principal.as_deref().is_some_and(|principal| {
        let [whole, without_path, name] = principal_names(principal);
        let is_own = Arn::parse(principal).is_none_or(|arn| *arn.account == *finding.account);
        pattern.matches(&whole)
            || pattern.matches(&without_path)
            || is_own && pattern.matches(&name)
    })
}

/// A finding goes by the key that it is about. One that is about several goes by all of them: what fits one key alone
/// must not hide what was done to the others, nor to those that the finding has no room for.
fn fits_keys(pattern: Option<&str>, finding: &Finding) -> bool {
    let keys = &finding.further_keys;
    match &finding.key {
        None if pattern.is_some() && !keys.is_empty() => {
            keys.len() < FINDING_FURTHER_KEYS_MAX
                && keys.iter().all(|key| fits_key(pattern, Some(key)))
        }
        key => fits_key(pattern, key.as_deref()),
    }
}

pub(crate) fn fits_key(pattern: Option<&str>, key: Option<&str>) -> bool {
    fits(pattern, key) || key.is_some_and(|key| fits(pattern, Some(&short_key_name(key))))
}

#[cfg(test)]
mod tests;

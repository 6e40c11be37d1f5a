//! Which findings the user wants to see. Everything is learnt, whatever is shown.

use clap::Args;
use keytrail_detect::configuration::is_rule;
use keytrail_detect::finding::{Finding, Severity};
use keytrail_event::EventTime;
use keytrail_event::key::key_names;

use super::rules::no_such_rule;
use crate::choice::{Choice, PrincipalChoice, why_nothing};
use crate::failure::UsageError;

use crate::time_argument::{TimeArgument, TimeSpan};

/// The filters of findings.
#[derive(Debug, Clone, Default, Args)]
#[command(
    next_help_heading = "Filters (* stands for any characters; repeat a flag for more values)"
)]
pub struct FindingFilterArguments {
    /// Findings with events from this time on: RFC 3339, a date (UTC), or a span before now such as 7d or 12h.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub since: Option<TimeArgument>,
    /// Findings with events before this time.
    ///
    /// A date means its first second.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub until: Option<TimeArgument>,
    /// Only findings of this account.
    #[arg(long, value_name = "ACCOUNT")]
    pub account: Vec<String>,
    /// Only findings of this Region.
    #[arg(long, value_name = "REGION")]
    pub region: Vec<String>,
    /// Only findings about this key: ARN or id.
    #[arg(long, value_name = "KEY")]
    pub key: Vec<String>,
    /// Only findings about this principal: ARN or name.
    #[arg(long, value_name = "PRINCIPAL")]
    pub principal: Vec<String>,
    /// Only findings of this rule.
    #[arg(long, value_name = "RULE")]
    pub rule: Vec<String>,
    /// Only findings at least this severe.
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    pub min_severity: Option<Severity>,
    /// No findings of this account.
    #[arg(long, value_name = "ACCOUNT")]
    pub exclude_account: Vec<String>,
    /// No findings of this Region.
    #[arg(long, value_name = "REGION")]
    pub exclude_region: Vec<String>,
    /// No findings about this key: ARN or id.
    #[arg(long, value_name = "KEY")]
    pub exclude_key: Vec<String>,
    /// No findings about this principal.
    #[arg(long, value_name = "PRINCIPAL")]
    pub exclude_principal: Vec<String>,
    /// No findings of this rule.
    #[arg(long, value_name = "RULE")]
    pub exclude_rule: Vec<String>,
}

/// Reads a severity.
///
/// # Errors
/// When it is none of the four.
pub fn severity(text: &str) -> Result<Severity, String> {
    Severity::ALL
        .into_iter()
        .find(|severity| severity.as_str().eq_ignore_ascii_case(text))
        .ok_or_else(|| "there are low, medium, high and critical".to_owned())
}

/// A choice of findings.
#[derive(Debug)]
pub struct FindingFilter {
    span: TimeSpan,
    account: Choice,
    region: Choice,
    key: Choice,
    principal: PrincipalChoice,
    rule: Choice,
    min_severity: Severity,
}

impl FindingFilter {
    /// The filter of the command line.
    ///
    /// # Errors
    /// When no finding could pass it: a time span that ends before it begins, a rule that does not exist.
    pub fn new(arguments: &FindingFilterArguments, now: EventTime) -> Result<Self, UsageError> {
        for rule in arguments.rule.iter().chain(&arguments.exclude_rule) {
            check_rule(rule)?;
        }
        Ok(Self {
            span: TimeSpan::resolve(arguments.since, arguments.until, now)?,
            account: Choice::new("account", &arguments.account, &arguments.exclude_account),
            region: Choice::new("region", &arguments.region, &arguments.exclude_region),
            key: Choice::new("key", &arguments.key, &arguments.exclude_key),
            principal: PrincipalChoice::new(&arguments.principal, &arguments.exclude_principal),
            rule: Choice::new("rule", &arguments.rule, &arguments.exclude_rule),
            min_severity: arguments.min_severity.unwrap_or(Severity::Low),
        })
    }

    /// Whether every finding passes.
    pub fn is_empty(&self) -> bool {
        self.span == TimeSpan::default()
            && self.min_severity == Severity::Low
            && self.choices().into_iter().all(Choice::is_empty)
    }

    /// What is chosen by name.
    fn choices(&self) -> [&Choice; 5] {
        [
            &self.rule,
            &self.account,
            &self.region,
            self.principal.names(),
            &self.key,
        ]
    }

    /// Whether the finding passes. One that spans some time passes when any of it lies in the span.
    pub fn accepts(&self, finding: &Finding) -> bool {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let is_key_chosen = |key: &str| {
            let names = key_names(key);
            self.key
                .accepts(&names.iter().map(|name| &**name).collect::<Vec<_>>())
        };
        // Of several keys one is enough, and one that is excluded hides no other.
        let mut keys = finding.keys().peekable();
        let is_about_none = keys.peek().is_none();
        self.rule.accepts(&[&finding.rule])
            && self.account.accepts(&[&finding.account])
            && self.region.accepts(&[&text(&finding.region)])
            && self.principal.accepts(&text(&finding.principal))
            && (is_about_none && is_key_chosen("") || keys.any(is_key_chosen))
            && self.span.overlaps(finding.first_seen, finding.last_seen)
            && finding.severity >= self.min_severity
    }

    /// What to tell of the filters when all findings have passed by: `matched` is how many were chosen.
    pub fn notes(&self, matched: usize) -> Vec<String> {
        let mut notes: Vec<String> = self.principal.notes().collect();
        if matched == 0 {
            notes.extend(why_nothing(&self.choices()));
        }
        notes
    }
}

/// A rule's id, or a pattern of ids, is checked before anything is read.
///
/// # Errors
/// When no rule has it.
pub fn check_rule(rule: &str) -> Result<(), UsageError> {
    if is_rule(rule) {
        Ok(())
    } else {
        Err(no_such_rule(rule))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_goes_by_every_key_that_it_names() {
        const ONE: &str = "arn:aws:kms:eu-west-1:111122223333:key/one";
        const OTHER: &str = "arn:aws:kms:eu-west-1:111122223333:key/other";
        let finding = |key: Option<&str>, further: &[&str]| Finding {
            key: key.map(str::to_owned),
            further_keys: further.iter().map(|&key| key.to_owned()).collect(),
            ..Finding::sample("theft-chain", EventTime::from_unix_seconds(0))
        };
        let accepts = |arguments: FindingFilterArguments, finding: &Finding| {
            let now = EventTime::from_unix_seconds(0);
            FindingFilter::new(&arguments, now)
                .unwrap()
                .accepts(finding)
        };
        let only = |key: &str| FindingFilterArguments {
            key: vec![key.to_owned()],
            ..FindingFilterArguments::default()
        };
        let without = |key: &str| FindingFilterArguments {
            exclude_key: vec![key.to_owned()],
            ..FindingFilterArguments::default()
        };
        let chain = finding(None, &[ONE, OTHER]);
        assert!(accepts(only("one"), &chain) && accepts(only(OTHER), &chain));
        assert!(!accepts(only("third"), &chain));
        // One key that is excluded hides nothing that was done to another.
        assert!(accepts(without("one"), &chain));
        assert!(!accepts(without("o*"), &chain));
        assert!(!accepts(without("one"), &finding(Some(ONE), &[])));
        let of_none = finding(None, &[]);
        assert!(accepts(without("one"), &of_none) && !accepts(only("one"), &of_none));
    }

    #[test]
    fn a_pattern_that_fits_no_rule_is_refused() {
        for rule in ["key-disabled", "new-pair", "key-*", "*", "KEY-DIS*"] {
            assert!(check_rule(rule).is_ok(), "{rule}");
        }
        for rule in ["nope", "nope*", "key-disabled*x", ""] {
            assert!(check_rule(rule).is_err(), "{rule}");
        }
    }
}

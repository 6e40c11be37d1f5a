//! Findings in the AWS Security Finding Format, as `BatchImportFindings` of Security Hub takes them.
//!
//! Fields and limits are those of `AwsSecurityFinding` in the Security Hub API Reference.

use std::borrow::Borrow;
use std::io::{self, Write};

use keytrail_detect::finding::{Finding, FindingState, Severity, Triage};
use keytrail_detect::rules::RULES;
use serde_json::{Map, Value, json};

use crate::json_text;
use crate::partition::partition;
use crate::words::counted;

const SCHEMA_VERSION: &str = "2018-10-08";
/// Where findings go that are of no Region: Security Hub's findings have one each.
const REGION_OF_NONE: &str = "us-east-1";
/// Longest texts, in characters.
const ID_MAX: usize = 512;
const TITLE_MAX: usize = 256;
const DESCRIPTION_MAX: usize = 1_024;
const RECOMMENDATION_MAX: usize = 512;
const FIELD_MAX: usize = 1_024;

/// Writes a finding a line, in the order given.
///
/// # Errors
/// When `out` takes no more.
pub fn write_asff<F: Borrow<Finding>>(
    findings: impl IntoIterator<Item = F>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let values = findings.into_iter().map(|finding| of(finding.borrow()));
    json_text::write_lines(out, values)
}

/// The finding as ASFF.
#[must_use]
pub fn of(finding: &Finding) -> Value {
    let account = &finding.account;
    let region = region(finding);
    let partition = partition(Some(region));
    let reasons: Vec<&str> = finding.evidence.iter().map(|it| it.text.as_str()).collect();
    let reasons = reasons.join("\n");
    let description = if reasons.is_empty() {
        &finding.title
    } else {
        &reasons
    };
    let mut written = json!({
        "AwsAccountId": account,
        "Confidence": (finding.confidence.clamp(0.0, 1.0) * 100.0).round() as u64,
        "CreatedAt": finding.first_seen,
        "Description": cut(description, DESCRIPTION_MAX),
        "FirstObservedAt": finding.first_seen,
        "GeneratorId": cut(&format!("keytrail/{}", finding.rule), ID_MAX),
        "Id": cut(&finding.episode, ID_MAX),
        "LastObservedAt": finding.last_seen,
        "ProductArn": format!(
            "arn:{partition}:securityhub:{region}:{account}:product/{account}/default"
        ),
        "ProductFields": product_fields(finding),
        "RecordState": if finding.state == FindingState::Withdrawn { "ARCHIVED" } else { "ACTIVE" },
        "Resources": resources(finding),
        "SchemaVersion": SCHEMA_VERSION,
        "Severity": {
            "Label": label(finding.severity),
            "Original": format!("{:.2}", finding.score),
        },
        "Title": cut(&finding.title, TITLE_MAX),
        "Types": [kind(finding)],
        "UpdatedAt": finding.published_at.unwrap_or(finding.last_seen),
        "Workflow": { "Status": workflow(finding) },
    });
    if !finding.next_steps.is_empty() {
        let text = recommendation(&finding.next_steps);
        written["Remediation"] = json!({ "Recommendation": { "Text": text } });
    }
    written
}

/// As many steps as there is room for, each whole: half a command is worse than none. Of the others, how many.
fn recommendation(steps: &[String]) -> String {
    let told = |kept: usize| {
        let mut lines = steps[..kept].to_vec();
        if let more @ 1.. = (steps.len() - kept) as u64 {
            let more = counted(more, "more step", "more steps");
            lines.push(format!("and {more}, which the finding itself has"));
        }
        lines.join("\n")
    };
    let fits = |text: &String| text.chars().count() <= RECOMMENDATION_MAX;
    let mut kept = (1..=steps.len()).rev().map(told);
    // A first step that is too long is cut all the same.
    let text = kept.find(fits).unwrap_or_else(|| steps.join("\n"));
    cut(&text, RECOMMENDATION_MAX)
}

/// At most so many characters, and at least one: no field may be empty.
fn cut(text: &str, characters_max: usize) -> String {
    match text.char_indices().nth(characters_max) {
        None if text.trim().is_empty() => "(none)".to_owned(),
        None => text.to_owned(),
        Some(_) => {
            let kept = text.chars().take(characters_max - 1);
            kept.chain(['…']).collect()
        }
    }
}

fn region(finding: &Finding) -> &str {
    let region = finding.region.as_deref();
    region.filter(|it| !it.is_empty()).unwrap_or(REGION_OF_NONE)
}

const fn label(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "LOW",
        Severity::Medium => "MEDIUM",
        Severity::High => "HIGH",
        Severity::Critical => "CRITICAL",
    }
}

const fn workflow(finding: &Finding) -> &'static str {
    match (finding.state, finding.triage) {
        (FindingState::Withdrawn, _) | (_, Triage::Resolved) => "RESOLVED",
        (FindingState::Suppressed | FindingState::Expected | FindingState::Shadow, _) => {
            "SUPPRESSED"
        }
        (_, Triage::Acknowledged) => "NOTIFIED",
        (_, Triage::Open) => "NEW",
    }
}

/// The type in ASFF's own taxonomy, which follows an older ATT&CK: by technique or tactic of a rule.
fn kind(finding: &Finding) -> &'static str {
    let is_rule = finding.rule.starts_with("sigma:")
        || RULES.iter().any(|rule| rule.about().id == finding.rule);
    if !is_rule {
        return "Unusual Behaviors/User";
    }
    let Some(attack) = finding.attack.first() else {
        return "TTPs";
    };
    match (&*attack.tactic, &*attack.technique) {
        (_, "T1499") => "Effects/Denial of Service",
        ("TA0010", _) => "Effects/Data Exfiltration",
        ("TA0040", _) => "Effects/Data Destruction",
        ("TA0001", _) => "TTPs/Initial Access",
        ("TA0002", _) => "TTPs/Execution",
        ("TA0003", _) => "TTPs/Persistence",
        ("TA0004", _) => "TTPs/Privilege Escalation",
        ("TA0005" | "TA0112", _) => "TTPs/Defense Evasion",
        ("TA0006", _) => "TTPs/Credential Access",
        ("TA0007", _) => "TTPs/Discovery",
        ("TA0008", _) => "TTPs/Lateral Movement",
        ("TA0009", _) => "TTPs/Collection",
        ("TA0011", _) => "TTPs/Command and Control",
        _ => "TTPs",
    }
}

/// The key, then the principal; the account where there is neither.
fn resources(finding: &Finding) -> Vec<Value> {
    let region = region(finding);
    let resource = |kind: &str, id: &str| {
        json!({
            "Id": cut(id, ID_MAX),
            "Partition": partition(Some(region)),
            "Region": region,
            "Type": kind,
        })
    };
    let key = finding.keys().map(|key| resource("AwsKmsKey", key));
    let principal = finding.principal.iter().map(|principal| {
        let kind = match principal {
            it if it.contains(":user/") && it.starts_with("arn:") => "AwsIamUser",
            it if it.contains(":role/") && it.starts_with("arn:") => "AwsIamRole",
            _ => "Other",
        };
        resource(kind, principal)
    });
    let mut resources: Vec<Value> = key.chain(principal).collect();
    if resources.is_empty() {
        let id = format!("AWS::::Account:{}", finding.account);
        resources.push(resource("AwsAccount", &id));
    }
    resources
}

fn product_fields(finding: &Finding) -> Map<String, Value> {
    let events = finding.event_ids.join(",");
    let fields = [
        ("keytrail/id", finding.id.as_str().to_owned()),
        ("keytrail/revision", finding.revision.to_string()),
        ("keytrail/state", finding.state.as_str().to_owned()),
        ("keytrail/count", finding.count.to_string()),
        ("keytrail/event_ids", events),
        (
            "keytrail/practice",
            finding.practice.clone().unwrap_or_default(),
        ),
        (
            "keytrail/attack",
            finding
                .attack
                .iter()
                .map(|attack| format!("{}:{}", attack.version, attack.technique))
                .collect::<Vec<_>>()
                .join(","),
        ),
    ];
    let told = fields.into_iter().filter(|(_, value)| !value.is_empty());
    told.map(|(name, value)| (name.to_owned(), cut(&value, FIELD_MAX).into()))
        .collect()
}

#[cfg(test)]
#[path = "asff_tests.rs"]
mod tests;

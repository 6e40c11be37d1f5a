//! Findings as OCSF Detection Finding (class 2004), version 1.5, with every field that 1.1 requires.
//!
//! The schema is that of schema.ocsf.io/1.5.0/classes/detection_finding, with the `cloud` profile.
//! What it has no place for stands under `unmapped`.

use std::borrow::Borrow;
use std::io::{self, Write};

use keytrail_detect::finding::{Attack, Evidence, Finding, FindingState, Severity, Triage};
use keytrail_detect::rules::RULES;
use keytrail_event::EventTime;
use serde_json::{Value, json};

use crate::attack::{address, name_of};
use crate::findings::is_estimated;
use crate::json_text;
use crate::partition::partition;

/// The version of the schema.
pub const VERSION: &str = "1.5.0";
const CLASS: u64 = 2_004;
const CATEGORY: u64 = 2;
/// The type of an API Activity, which is what a CloudTrail record is in OCSF, of whatever activity.
const API_ACTIVITY_OTHER: u64 = 600_399;
/// The type of an AWS account among cloud accounts.
const AWS_ACCOUNT: u64 = 10;

/// Writes a finding a line, in the order given.
///
/// # Errors
/// When `out` takes no more.
pub fn write_ocsf<F: Borrow<Finding>>(
    findings: impl IntoIterator<Item = F>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let values = findings.into_iter().map(|finding| of(finding.borrow()));
    json_text::write_lines(out, values)
}

/// The finding on one line, without the line's end.
#[must_use]
pub fn line(finding: &Finding) -> String {
    json_text::compact(&of(finding))
}

/// The finding as OCSF.
#[must_use]
pub fn of(finding: &Finding) -> Value {
    let activity = activity(finding);
    let status = status(finding);
    let severity = severity(finding.severity);
    let confidence = confidence(finding.confidence);
    let mut event = json!({
        "activity_id": activity.0,
        "activity_name": activity.1,
        "category_name": "Findings",
        "category_uid": CATEGORY,
        "class_name": "Detection Finding",
        "class_uid": CLASS,
        "cloud": cloud(finding),
        "confidence": confidence.1,
        "confidence_id": confidence.0,
        "confidence_score": (finding.confidence.clamp(0.0, 1.0) * 100.0).round() as u64,
        "count": finding.count,
        "end_time": milliseconds(finding.last_seen),
        "evidences": evidences(finding),
        "finding_info": finding_info(finding),
        "is_alert": finding.state.is_alerting(),
        "message": finding.title,
        "metadata": metadata(finding),
        "resources": resources(finding),
        "severity": severity.1,
        "severity_id": severity.0,
        "start_time": milliseconds(finding.first_seen),
        "status": status.1,
        "status_id": status.0,
        "time": milliseconds(changed(finding)),
        "type_name": format!("Detection Finding: {}", activity.1),
        "type_uid": CLASS * 100 + activity.0,
        "unmapped": {
            "episode": finding.episode,
            "is_estimated": is_estimated(finding),
            "practice": finding.practice,
            "revision": finding.revision,
            "score": finding.score,
            "state": finding.state.as_str(),
            "triage": finding.triage.as_str(),
        },
    });
    if let Some(analysis) = anomaly_analysis(finding) {
        event["anomaly_analyses"] = json!([analysis]);
    }
    if !finding.next_steps.is_empty() {
        event["remediation"] = json!({ "desc": finding.next_steps.join("\n") });
    }
    for list in ["evidences", "resources"] {
        if event[list].as_array().is_some_and(Vec::is_empty)
            && let Some(fields) = event.as_object_mut()
        {
            fields.remove(list);
        }
    }
    event
}

fn activity(finding: &Finding) -> (u64, &'static str) {
    match finding.state {
        FindingState::Withdrawn => (3, "Close"),
        _ if finding.triage == Triage::Resolved => (3, "Close"),
        _ if finding.revision <= 1 => (1, "Create"),
        _ => (2, "Update"),
    }
}

fn status(finding: &Finding) -> (u64, &'static str) {
    match (finding.state, finding.triage) {
        (FindingState::Withdrawn, _) | (_, Triage::Resolved) => (4, "Resolved"),
        (FindingState::Suppressed | FindingState::Expected | FindingState::Shadow, _) => {
            (3, "Suppressed")
        }
        (_, Triage::Acknowledged) => (2, "In Progress"),
        (_, Triage::Open) => (1, "New"),
    }
}

const fn severity(severity: Severity) -> (u64, &'static str) {
    match severity {
        Severity::Low => (2, "Low"),
        Severity::Medium => (3, "Medium"),
        Severity::High => (4, "High"),
        Severity::Critical => (5, "Critical"),
    }
}

fn confidence(confidence: f64) -> (u64, &'static str) {
    match confidence {
        _ if confidence >= 0.8 => (3, "High"),
        _ if confidence >= 0.4 => (2, "Medium"),
        _ => (1, "Low"),
    }
}

/// When this revision was published, or else the last event.
fn changed(finding: &Finding) -> EventTime {
    finding.published_at.unwrap_or(finding.last_seen)
}

fn milliseconds(time: EventTime) -> i64 {
    time.seconds_since(EventTime::from_unix_seconds(0)) * 1_000
}

fn cloud(finding: &Finding) -> Value {
    let mut cloud = json!({
        "provider": "AWS",
        "account": {
            "type": "AWS Account",
            "type_id": AWS_ACCOUNT,
            "uid": finding.account,
        },
    });
    if let Some(region) = &finding.region {
        cloud["region"] = region.as_str().into();
    }
    cloud
}

fn metadata(finding: &Finding) -> Value {
    json!({
        "event_code": finding.rule,
        "product": {
            "name": "Keytrail",
            "vendor_name": "Keytrail",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "profiles": ["cloud"],
        "uid": format!("{}#{}", finding.episode, finding.revision),
        "version": VERSION,
    })
}

fn finding_info(finding: &Finding) -> Value {
    let reasons = finding.evidence.iter().map(|reason| reason.text.as_str());
    let is_rule = finding.rule.starts_with("sigma:")
        || RULES.iter().any(|rule| rule.about().id == finding.rule);
    let analytic = if is_rule {
        (1, "Rule")
    } else {
        (2, "Behavioral")
    };
    let related = finding.event_ids.iter().map(|id| {
        json!({
            "type": "API Activity: Other",
            "type_uid": API_ACTIVITY_OTHER,
            "uid": id,
        })
    });
    json!({
        "analytic": {
            "name": finding.rule,
            "type": analytic.1,
            "type_id": analytic.0,
            "uid": finding.rule,
        },
        "attacks": finding.attack.iter().map(attack).collect::<Vec<_>>(),
        "created_time": milliseconds(finding.first_seen),
        "data_sources": ["AWS CloudTrail"],
        "desc": reasons.collect::<Vec<_>>().join("\n"),
        "first_seen_time": milliseconds(finding.first_seen),
        "last_seen_time": milliseconds(finding.last_seen),
        "modified_time": milliseconds(changed(finding)),
        "related_events": related.collect::<Vec<_>>(),
        "title": finding.title,
        "types": [finding.rule],
        "uid": finding.id.as_str(),
    })
}

/// A technique and its tactic; of a sub-technique the technique it belongs to as well.
fn attack(attack: &Attack) -> Value {
    let id = &attack.technique;
    let parent = id.split_once('.').map(|(parent, _)| parent);
    let mut technique = json!({ "uid": parent.unwrap_or(id) });
    let mut told = json!({
        "tactic": { "uid": attack.tactic },
        "version": attack.version.trim_start_matches('v'),
    });
    if let Some(name) = name_of(&attack.tactic) {
        told["tactic"]["name"] = name.into();
    }
    let mut named = json!({ "uid": id });
    if let Some(name) = name_of(id) {
        named["name"] = name.into();
    }
    if let Some(address) = address(attack) {
        named["src_url"] = address.into();
    }
    if parent.is_some() {
        told["sub_technique"] = named;
    } else {
        technique = named;
    }
    told["technique"] = technique;
    told
}

/// The reasons, the first of them with who was behind it.
fn evidences(finding: &Finding) -> Vec<Value> {
    let mut evidences: Vec<Value> = finding
        .evidence
        .iter()
        .map(|reason| json!({ "data": reason }))
        .collect();
    if let Some(principal) = &finding.principal {
        let actor = json!({ "user": { "uid": principal } });
        match evidences.first_mut() {
            Some(first) => first["actor"] = actor,
            None => evidences.push(json!({ "actor": actor })),
        }
    }
    evidences
}

fn resources(finding: &Finding) -> Vec<Value> {
    let key = finding.keys().map(|key| {
        let mut resource = json!({
            "cloud_partition": partition(finding.region.as_deref()),
            "type": "AWS::KMS::Key",
            "uid": key,
        });
        if let Some(region) = &finding.region {
            resource["region"] = region.as_str().into();
        }
        resource
    });
    key.collect()
}

/// What was seen against what was expected, where both are numbers.
fn anomaly_analysis(finding: &Finding) -> Option<Value> {
    let is_number = |text: &&String| text.bytes().any(|byte| byte.is_ascii_digit());
    let numbers = |reason: &'_ Evidence| -> Option<(Value, Value)> {
        let observed = reason.observed.as_ref().filter(is_number)?;
        let expected = reason.expected.as_ref().filter(is_number)?;
        let part = |value: &str| {
            json!({
                "observation_parameter": reason.feature,
                "observation_type": "Deviation Analysis",
                "observations": [{ "value": value }],
            })
        };
        Some((part(observed), part(expected)))
    };
    let (anomalies, baselines): (Vec<Value>, Vec<Value>) =
        finding.evidence.iter().filter_map(numbers).unzip();
    let targets = [
        ("principal", finding.principal.as_ref()),
        ("KMS key", finding.key.as_ref()),
    ];
    let mut targets: Vec<Value> = targets
        .into_iter()
        .filter_map(|(kind, name)| Some(json!({ "name": name?, "type": kind })))
        .collect();
    if targets.is_empty() {
        targets.push(json!({ "name": finding.account, "type": "AWS account" }));
    }
    (!anomalies.is_empty()).then(|| {
        json!({
            "analysis_targets": targets,
            "anomalies": anomalies,
            "baselines": baselines,
        })
    })
}

#[cfg(test)]
#[path = "ocsf_tests.rs"]
mod tests;

//! The fields and values that OCSF requires, written down from its schema.

use serde_json::Value;

use super::*;
use crate::samples;

/// Required by 1.5.0 and by 1.1.0 together, as paths; from schema.ocsf.io/<version>/classes/detection_finding
/// and the objects it holds. `[]` is each entry of a list.
const REQUIRED: [&str; 26] = [
    "activity_id",
    "category_uid",
    "class_uid",
    "cloud",
    "cloud.provider",
    "finding_info",
    "finding_info.analytic.type_id",
    "finding_info.title",
    "finding_info.uid",
    "finding_info.related_events[].type_uid",
    "finding_info.related_events[].uid",
    "finding_info.attacks[].technique.uid",
    "finding_info.attacks[].tactic.uid",
    "finding_info.attacks[].version",
    "metadata",
    "metadata.product",
    "metadata.product.vendor_name",
    "metadata.version",
    "severity_id",
    "time",
    "type_uid",
    "remediation.desc",
    "anomaly_analyses[].analysis_targets[].name",
    "anomaly_analyses[].anomalies[].observation_parameter",
    "anomaly_analyses[].anomalies[].observations[].value",
    "anomaly_analyses[].baselines[].observations[].value",
];

/// Whether there is something at a path wherever what holds it is there.
fn has(value: &Value, path: &str) -> bool {
    let Some((first, rest)) = path.split_once('.') else {
        return !value[path].is_null();
    };
    match first.strip_suffix("[]") {
        Some(list) => {
            let entries = value[list].as_array().into_iter().flatten();
            entries.into_iter().all(|entry| has(entry, rest))
        }
        None if is_optional(first) && value[first].is_null() => true,
        None => has(&value[first], rest),
    }
}

fn is_optional(field: &str) -> bool {
    ["remediation"].contains(&field)
}

fn in_enumeration(value: &Value, known: &[u64]) -> bool {
    value.as_u64().is_some_and(|value| known.contains(&value))
}

#[test]
fn everything_that_is_required_is_there() {
    let mut findings = samples::findings();
    let mut bare = samples::deletion();
    bare.evidence.clear();
    bare.next_steps.clear();
    (bare.principal, bare.key, bare.region) = (None, None, None);
    findings.push(bare);
    for finding in &findings {
        for state in [
            FindingState::Provisional,
            FindingState::Withdrawn,
            FindingState::Suppressed,
        ] {
            let finding = Finding {
                state,
                ..finding.clone()
            };
            let event = of(&finding);
            for path in REQUIRED {
                assert!(has(&event, path), "{path}: {event:#}");
            }
            // Enumerations of 1.1.0, which those of 1.5.0 contain.
            assert!(in_enumeration(&event["activity_id"], &[1, 2, 3]));
            assert!(in_enumeration(&event["severity_id"], &[2, 3, 4, 5]));
            assert!(in_enumeration(&event["status_id"], &[1, 2, 3, 4]));
            assert!(in_enumeration(&event["confidence_id"], &[1, 2, 3]));
            let analytic = &event["finding_info"]["analytic"]["type_id"];
            assert!(in_enumeration(analytic, &[1, 2, 3, 4]));
            let activity = event["activity_id"].as_u64().unwrap();
            assert_eq!(event["type_uid"], 200_400 + activity);
            assert_eq!(
                (&event["class_uid"], &event["category_uid"]),
                (&json!(2004), &json!(2))
            );
            // Evidence artifacts must hold one of several fields; these are two of them.
            for evidence in event["evidences"].as_array().into_iter().flatten() {
                assert!(!evidence["data"].is_null() || !evidence["actor"].is_null());
            }
            for resource in event["resources"].as_array().into_iter().flatten() {
                assert!(!resource["uid"].is_null());
            }
            assert!(
                event["time"].as_i64().unwrap() > 1_000_000_000_000,
                "milliseconds"
            );
        }
    }
}

#[test]
fn numbers_become_an_analysis() {
    let event = of(&samples::learning());
    let analysis = &event["anomaly_analyses"][0];
    assert_eq!(
        analysis["anomalies"][0]["observation_parameter"],
        "calls_per_hour"
    );
    assert_eq!(analysis["anomalies"][0]["observations"][0]["value"], "2142");
    assert_eq!(
        analysis["anomalies"].as_array().unwrap().len(),
        analysis["baselines"].as_array().unwrap().len()
    );
    assert_eq!(event["finding_info"]["analytic"]["type"], "Behavioral");
    assert_eq!(
        of(&samples::deletion())["finding_info"]["analytic"]["type"],
        "Rule"
    );
}

#[test]
fn a_sub_technique_has_its_technique() {
    let mut finding = samples::deletion();
    finding.attack[0].technique = "T1562.008".to_owned();
    let attack = &of(&finding)["finding_info"]["attacks"][0];
    assert_eq!(attack["technique"]["uid"], "T1562");
    assert_eq!(attack["sub_technique"]["uid"], "T1562.008");
}

#[test]
fn a_line_each() {
    let findings = samples::findings();
    let text = samples::text(|out| write_ocsf(&findings, out));
    assert_eq!(text.lines().count(), findings.len());
    assert!(!text.contains('\u{1b}'));
    insta::assert_snapshot!(text);
}

//! The fields, values and limits that ASFF requires, written down from the Security Hub API Reference.

use super::*;
use crate::samples;

/// Required, from docs.aws.amazon.com/securityhub/latest/userguide/asff-required-attributes.html
const REQUIRED: [&str; 12] = [
    "AwsAccountId",
    "CreatedAt",
    "Description",
    "GeneratorId",
    "Id",
    "ProductArn",
    "Resources",
    "SchemaVersion",
    "Severity",
    "Title",
    "Types",
    "UpdatedAt",
];
/// The namespaces of types, from asff-type-taxonomy of the user guide.
const NAMESPACES: [&str; 5] = [
    "Software and Configuration Checks",
    "TTPs",
    "Effects",
    "Unusual Behaviors",
    "Sensitive Data Identifications",
];

/// No text in it is empty.
fn is_filled(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(entries) => !entries.is_empty() && entries.iter().all(is_filled),
        Value::Object(fields) => fields.values().all(is_filled),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

#[test]
fn everything_that_is_required_is_there_and_within_its_limits() {
    let mut findings = samples::findings();
    let mut bare = samples::deletion();
    (bare.principal, bare.key, bare.region) = (None, None, None);
    bare.evidence.clear();
    bare.attack.clear();
    findings.push(bare.clone());
    bare.title = "漢".repeat(5_000);
    bare.key = Some("k".repeat(5_000));
    bare.next_steps = vec!["step".repeat(5_000)];
    bare.event_ids = vec!["event".repeat(500); 10];
    bare.state = FindingState::Withdrawn;
    findings.push(bare);
    for finding in &findings {
        let written = of(finding);
        for field in REQUIRED {
            assert!(!written[field].is_null(), "{field}: {written:#}");
        }
        assert!(is_filled(&written), "{written:#}");
        assert_eq!(written["SchemaVersion"], "2018-10-08");
        let length = |value: &Value| value.as_str().unwrap().chars().count();
        assert!(length(&written["Title"]) <= 256);
        assert!(length(&written["Description"]) <= 1_024);
        assert!(length(&written["Id"]) <= 512);
        assert!(length(&written["GeneratorId"]) <= 512);
        assert!(length(&written["Severity"]["Original"]) <= 64);
        let label = written["Severity"]["Label"].as_str().unwrap();
        assert!(["INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"].contains(&label));
        let state = written["RecordState"].as_str().unwrap();
        assert!(["ACTIVE", "ARCHIVED"].contains(&state));
        let workflow = written["Workflow"]["Status"].as_str().unwrap();
        assert!(
            [
                "NEW",
                "ASSIGNED",
                "IN_PROGRESS",
                "NOTIFIED",
                "RESOLVED",
                "SUPPRESSED"
            ]
            .contains(&workflow)
        );
        assert!(written["Confidence"].as_u64().unwrap() <= 100);
        for kind in written["Types"].as_array().unwrap() {
            let namespace = kind.as_str().unwrap().split('/').next().unwrap();
            assert!(NAMESPACES.contains(&namespace), "{kind}");
        }
        let resources = written["Resources"].as_array().unwrap();
        assert!((1..=32).contains(&resources.len()));
        for resource in resources {
            assert!(!resource["Type"].is_null() && length(&resource["Id"]) <= 512);
            assert!(
                ["aws", "aws-cn", "aws-us-gov"].contains(&resource["Partition"].as_str().unwrap())
            );
        }
        let fields = written["ProductFields"].as_object().unwrap();
        assert!(fields.len() <= 50);
        for (name, value) in fields {
            assert!(name.len() <= 128 && length(value) <= 2_048);
        }
        if let Some(text) = written["Remediation"]["Recommendation"]["Text"].as_str() {
            assert!(text.chars().count() <= 512);
        }
        let arn = written["ProductArn"].as_str().unwrap();
        let account = written["AwsAccountId"].as_str().unwrap();
        assert!(
            arn.ends_with(&format!(":{account}:product/{account}/default")),
            "{arn}"
        );
    }
}

#[test]
fn a_line_each() {
    let findings = samples::findings();
    let text = samples::text(|out| write_asff(&findings, out));
    assert_eq!(text.lines().count(), findings.len());
    insta::assert_snapshot!(text);
}

#[test]
fn no_step_is_cut_in_two() {
    let steps = |lengths: &[usize]| -> Vec<String> {
        lengths.iter().map(|length| "x".repeat(*length)).collect()
    };
    assert_eq!(recommendation(&steps(&[3, 4])), "xxx\nxxxx");
    assert_eq!(recommendation(&steps(&[255, 256])).len(), 512);
    let one = "and 1 more step, which the finding itself has";
    assert_eq!(
        recommendation(&steps(&[256, 256])),
        format!("{}\n{one}", "x".repeat(256))
    );
    let three = "and 3 more steps, which the finding itself has";
    assert_eq!(
        recommendation(&steps(&[1, 510, 1, 1])),
        format!("x\n{three}")
    );
    // A single step that is too long.
    let cut = recommendation(&steps(&[600]));
    assert_eq!(cut.chars().count(), 512);
    assert!(cut.ends_with('…'), "{cut}");
}

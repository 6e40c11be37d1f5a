//! Real records: the numbers and findings that are known about them.

use keytrail_tests::real_data;
use serde_json::Value;

use crate::sandbox::Sandbox;

const THIEF: &str = "arn:aws:iam::123837392027:user/bert-jan";

fn stats(test: &str, folder: &str) -> Option<Value> {
    let data = real_data(test)?.join(folder);
    let sandbox = Sandbox::new();
    let data = data.to_str().unwrap().to_owned();
    let ran = sandbox.run(["events", &data, "-q", "--count", "--stats", "stats.json"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    Some(serde_json::from_str(&sandbox.read("stats.json")).unwrap())
}

#[test]
fn archives_are_accounted_for() {
    if let Some(stats) = stats("real_data::archives_are_accounted_for", "archives") {
        let numbers =
            ["files", "records", "kms", "malformed"].map(|name| stats[name].as_u64().unwrap());
        assert_eq!(numbers, [235, 4_384, 280, 0]);
        assert_eq!(stats["unreadable"].as_array().map(Vec::len), Some(0));
    }
}

#[test]
fn collected_records_are_accounted_for() {
    if let Some(stats) = stats(
        "real_data::collected_records_are_accounted_for",
        "kms_events",
    ) {
        let numbers = ["records", "kms", "distinct", "duplicates", "malformed"]
            .map(|name| stats[name].as_u64().unwrap());
        assert_eq!(numbers, [360, 360, 343, 17, 0]);
    }
}

/// A secret and parameter theft: 164 calls on one key, 76 on the other, in eleven minutes.
#[test]
fn the_theft_is_found_while_learning() {
    let Some(data) = real_data("real_data::the_theft_is_found_while_learning") else {
        return;
    };
    let archive = data.join("archives/invictus_2023_MIT");
    let sandbox = Sandbox::new();
    let ran = sandbox.run([
        "replay",
        archive.to_str().unwrap(),
        "-q",
        "--format",
        "jsonl",
        "--principal",
        THIEF,
        "--rule",
        "*-pair",
    ]);
    let findings = ran.json_lines();
    let mut counts: Vec<u64> = findings
        .iter()
        .map(|finding| finding["count"].as_u64().unwrap())
        .collect();
    counts.sort_unstable();
    assert_eq!(counts, [76, 164], "{ran}");
    for finding in &findings {
        let evidence = finding["evidence"].as_array().unwrap();
        assert!(
            evidence
                .iter()
                .any(|reason| reason["feature"] == "learning"),
            "{finding}"
        );
        assert!(
            evidence
                .iter()
                .any(|reason| reason["observed"].is_string() && reason["expected"].is_string()),
            "{finding}"
        );
    }
}

//! `keytrail drill`: what it promises is found.

use std::collections::BTreeSet;

use insta::assert_snapshot;
use serde_json::Value;

use crate::sandbox::Sandbox;

const WHERE: &str = "--account 111122223333 --region eu-central-1";

/// The findings of a replay, and the labels of the drill in it.
fn replayed(sandbox: &Sandbox, drill: &str, archives: &str) -> (Vec<Value>, Vec<Value>) {
    let ran = sandbox.keytrail(&format!("drill --out drill {WHERE} {drill}"));
    assert_eq!(ran.code, Some(0), "{ran}");
    let replay = sandbox.keytrail(&format!("replay {archives} --quiet --format jsonl"));
    assert_eq!(replay.code, Some(0), "{replay}");
    let labels = sandbox.read("drill/labels.jsonl");
    let labels = labels
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    (replay.json_lines(), labels.collect())
}

/// Whether a finding is what the label promises: its rule, its principal, and nothing but its events.
fn is_promised(finding: &Value, label: &Value) -> bool {
    let ids = |value: &Value| -> BTreeSet<String> {
        let ids = value["event_ids"].as_array().into_iter().flatten();
        ids.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let same = ["account", "principal"]
        .iter()
        .all(|field| finding[field] == label[field]);
    same && finding["rule"] == label["step"]
        && !ids(finding).is_empty()
        && ids(finding).is_subset(&ids(label))
}

#[track_caller]
fn check(findings: &[Value], labels: &[Value]) {
    assert!(!labels.is_empty());
    for label in labels {
        let found = findings
            .iter()
            .filter(|finding| is_promised(finding, label));
        assert_eq!(found.count(), 1, "{label} in {findings:#?}");
    }
}

#[test]
fn each_attack_leads_to_the_findings_that_its_labels_promise() {
    let mut all = String::new();
    for attack in [
        "key-deletion",
        "policy-public",
        "grant-external",
        "key-theft",
        "denied-sweep",
        "trail-stopped",
    ] {
        let sandbox = Sandbox::new();
        let drill = format!("--attack {attack} --at 2026-03-24T12:34:56Z");
        let (findings, labels) = replayed(&sandbox, &drill, "drill/AWSLogs");
        check(&findings, &labels);
        all.push_str(&format!("{attack}\n"));
        for finding in &findings {
            let word = |field: &str| finding[field].as_str().unwrap_or_default().to_owned();
            let promised = labels.iter().any(|label| is_promised(finding, label));
            let mark = if promised { "promised" } else { "besides" };
            all.push_str(&format!(
                "  {mark}: {} {}\n",
                word("severity"),
                word("rule")
            ));
        }
    }
    assert_snapshot!(all);
}

#[test]
fn the_time_of_a_drill_changes_nothing() {
    for at in [
        "2026-03-24T00:00:00Z",
        "2026-03-24T00:03:59Z",
        "2026-03-24T00:06:30Z",
        "2026-03-24T09:04:59Z",
        "2026-03-24T09:06:00Z",
        "2026-12-31T23:59:59Z",
        "2028-03-01T00:04:00Z",
    ] {
        let sandbox = Sandbox::new();
        let drill = format!("--attack all --at {at}");
        let (findings, labels) = replayed(&sandbox, &drill, "drill/AWSLogs");
        assert_eq!(labels.len(), 10, "{at}");
        check(&findings, &labels);
    }
}

/// An account with a past, in the middle of what else happens in it.
#[test]
fn a_drill_among_three_weeks_of_life() {
    let sandbox = Sandbox::new();
    let archive = keytrail_tests::root().join("examples/archive");
    let archives = format!("drill/AWSLogs {}", archive.display());
    let drill = "--attack all --organisation o-k3ytra1l0x --at 2026-03-22T11:20:00Z";
    let (findings, labels) = replayed(&sandbox, drill, &archives);
    check(&findings, &labels);
}

#[test]
fn what_a_drill_says() {
    let sandbox = Sandbox::new();
    let mut all = String::new();
    for words in [
        &format!("drill --out made {WHERE} --at 2026-03-24T12:34:56Z"),
        &format!("drill --out made {WHERE}"),
        "drill --out other --account 1234 --region eu-central-1",
        "drill --out other --account 111122223333 --region Frankfurt",
        "drill --out other --account 111122223333 --region eu-central",
        &format!("drill --out other {WHERE} --organisation 111122223333"),
        &format!("drill --out other {WHERE} --attack arson"),
        &format!("drill --out s3:// {WHERE}"),
        "drill --out other",
    ] {
        all.push_str(&format!("===== {words} =====\n{}", sandbox.keytrail(words)));
    }
    assert_snapshot!(all);
    assert!(!sandbox.path().join("other").exists());
}

//! `keytrail evaluate`: scores of a labelled archive, measured.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::sandbox::Sandbox;

const ACCOUNT: &str = "111122223333";
/// 2026-01-05, the archive's first day.
const FIRST_DAY: i64 = 1_767_571_200;

/// An archive of twenty days, of which only the files' names matter, with labels and scores written by hand.
fn archive() -> Sandbox {
    let sandbox = Sandbox::new();
    for (folder, stamp) in [
        ("2026/01/05", "20260105T0020Z"),
        ("2026/01/25", "20260125T0005Z"),
    ] {
        let name = format!("{ACCOUNT}_CloudTrail_eu-central-1_{stamp}_AbCdEfGh01234567.json.gz");
        let path = format!("made/AWSLogs/{ACCOUNT}/CloudTrail/eu-central-1/{folder}/{name}");
        sandbox.write(path, "");
    }
    let mut labels = Vec::new();
    let mut scores = Vec::new();
    for (day, kind, category, score) in [
        (3, "burst-theft", "attack", Some(9.5)),
        (16, "burst-theft", "attack", Some(9.5)),
        (17, "burst-theft", "attack", Some(6.25)),
        (18, "slow-theft", "attack", None),
        (19, "grant-abuse", "attack", Some(5.0)),
        (16, "deploy", "change", Some(6.0)),
        (17, "deploy", "change", None),
        (18, "travel", "change", Some(1.5)),
    ] {
        let first = FIRST_DAY + day * 86_400 + 3_600;
        let principal = format!("arn:aws:iam::{ACCOUNT}:role/{kind}-{day}");
        labels.push(json!({
            "id": format!("{kind}-{day}"), "kind": kind, "category": category, "strength": "low",
            "account": ACCOUNT, "principal": principal, "keys": [], "first": first, "last": first + 900,
            "event_ids": [format!("{kind} {day}")],
        }));
        // Who was granted a key is seen by another name than the label's, and found by the event.
        let principal = principal.replace("grant-abuse", "grantee");
        if let Some(score) = score {
            scores.push(json!({
                "t": first + 60 * day, "p": principal, "account": ACCOUNT, "score": score, "rule": "pair",
                "eventIDs": [format!("{kind} {day}")],
            }));
        }
    }
    // Thirty hours of a role that builds: two cases.
    for hour in 0..30 {
        let time = FIRST_DAY + 16 * 86_400 + hour * 3_600;
        let principal = format!("arn:aws:iam::{ACCOUNT}:role/build");
        scores.push(json!({"t": time, "p": principal, "account": ACCOUNT, "score": 5.5}));
    }
    let lines = |values: &[Value]| {
        values
            .iter()
            .map(|value| format!("{value}\n"))
            .collect::<String>()
    };
    sandbox.write("labels.jsonl", lines(&labels));
    sandbox.write("scores.jsonl", lines(&scores));
    sandbox
}

#[test]
fn as_a_table_and_as_json() {
    let sandbox = archive();
    let words = "evaluate made --labels labels.jsonl --scores scores.jsonl";
    assert_snapshot!("as_a_table", sandbox.keytrail(words));
    let ran = sandbox.keytrail(&format!("{words} --format json"));
    let read: Value = serde_json::from_str(&ran.stdout()).unwrap();
    assert_eq!(read["account_days"], 5.0);
    assert_snapshot!("as_json", ran);
}

#[test]
fn a_simulated_organisation() {
    let sandbox = Sandbox::new();
    let ran = sandbox.keytrail(
        "simulate --organisation --days 3 --volume 2 --attacks burst-theft,sabotage --out made",
    );
    assert_eq!(ran.code, Some(0), "{ran}");
    sandbox.write("scores.jsonl", "");
    let ran = sandbox.keytrail(
        "evaluate made --labels made/labels.jsonl --scores scores.jsonl --learning-days 1 --format json",
    );
    assert_eq!(ran.code, Some(0), "{ran}");
    let read: Value = serde_json::from_str(&ran.stdout()).unwrap();
    assert_eq!(read["account_days"], 2.0);
    assert_eq!(read["budgets"][0]["recall"], 0.0);
    let kinds = read["budgets"][0]["recall_by_kind"].as_object().unwrap();
    assert!(kinds.keys().eq(["burst-theft", "sabotage"]), "{ran}");
}

#[test]
fn what_cannot_be_measured() {
    let sandbox = archive();
    sandbox.write("torn.jsonl", "{\"t\":1767600000,\"p\":\"arn");
    let mut all = String::new();
    for words in [
        "evaluate made",
        "evaluate made --labels labels.jsonl --scores scores.jsonl --learning-days 20",
        "evaluate nowhere --labels labels.jsonl --scores scores.jsonl",
        "evaluate scores.jsonl --labels labels.jsonl --scores scores.jsonl",
        "evaluate made --labels nowhere.jsonl --scores scores.jsonl",
        "evaluate made --labels scores.jsonl --scores scores.jsonl",
        "evaluate made --labels labels.jsonl --scores torn.jsonl",
    ] {
        all.push_str(&format!("===== {words} =====\n{}", sandbox.keytrail(words)));
    }
    assert_snapshot!(all);
}

/// Every line of `--scores` has four fields, and the theft's hour ranks above everything of normal life.
#[test]
fn the_scores_of_a_replay() {
    let sandbox = Sandbox::new();
    let archive = keytrail_tests::root().join("examples/archive");
    let ran = sandbox.run([
        "replay",
        archive.to_str().unwrap(),
        "-q",
        "--scores",
        "scores.jsonl",
    ]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let scores = sandbox.read("scores.jsonl");
    let mut best = (f64::MIN, String::new());
    for line in scores.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let fields = line.as_object().unwrap();
        assert_eq!(fields.len(), 5, "{line}");
        assert!(
            line["t"].is_i64() && line["eventIDs"].as_array().unwrap().len() <= 10,
            "{line}"
        );
        let score = line["score"].as_f64().unwrap();
        if score > best.0 {
            best = (score, line["p"].as_str().unwrap().to_owned());
        }
    }
    assert!(scores.lines().count() > 300, "{}", scores.lines().count());
    assert!(
        best.1.ends_with("marek@example.com") || best.1.ends_with("role/reporting-job"),
        "{best:?}"
    );
}

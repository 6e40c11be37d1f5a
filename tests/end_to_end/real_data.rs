//! Real records: the numbers and findings that are known about them.

use keytrail_event::EventTime;
use keytrail_tests::real_data;
use serde_json::{Value, json};

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

/// Four weeks of a user who reads a secret and a parameter now and then, and of a role around the clock.
fn normal_life(sandbox: &Sandbox) {
    const SECRETS: &str = "key/dad21b23-9915-42bd-981b-2a9f3c8f20c8";
    const PARAMETERS: &str = "key/0e5d0ab6-097e-49d8-99ef-747ce3e5f8f4";
    let first = EventTime::parse("2023-06-12T00:00:00Z").unwrap();
    for day in 0..28 {
        let mut records = Vec::new();
        let mut call = |minutes: i64, user: &str, key: &str, through: &str, context: Value| {
            let at = first.plus_seconds(day * 86_400 + minutes * 60);
            let number = records.len();
            records.push(json!({
                "eventVersion": "1.08", "eventTime": at.to_string(), "eventSource": "kms.amazonaws.com",
                "eventName": "Decrypt", "awsRegion": "us-east-1", "sourceIPAddress": through, "userAgent": through,
                "eventID": format!("00000000-0000-4000-{day:04}-{number:012}"), "recipientAccountId": "123837392027",
                "userIdentity": {"type": "IAMUser", "arn": format!("arn:aws:iam::123837392027:user/{user}"),
                    "accountId": "123837392027", "invokedBy": through},
                "requestParameters": {"encryptionContext": context},
                "resources": [{"ARN": format!("arn:aws:kms:us-east-1:123837392027:{key}")}],
            }));
        };
        let secret = |name: &str| json!({"SecretARN": format!("arn:aws:secretsmanager:us-east-1:123837392027:secret:{name}")});
        let manager = "secretsmanager.amazonaws.com";
        for quarter in 0..96 {
            call(
                quarter * 15,
                "payments",
                SECRETS,
                manager,
                secret("payments"),
            );
        }
        if day % 7 < 5 {
            for hour in [9, 11, 13, 15] {
                call(
                    hour * 60 + 7 * day % 40,
                    "bert-jan",
                    SECRETS,
                    manager,
                    secret("desk"),
                );
                let parameter = json!({"PARAMETER_ARN": "arn:aws:ssm:us-east-1:123837392027:parameter/desk/host"});
                call(
                    hour * 60 + 50,
                    "bert-jan",
                    PARAMETERS,
                    "AWS Internal",
                    parameter,
                );
            }
        }
        let text = json!({"Records": records}).to_string();
        sandbox.write(format!("normal/{day}.json"), text.as_bytes());
    }
}

#[test]
fn after_a_warm_start_the_theft_scores_above_everything_else() {
    let Some(data) =
        real_data("real_data::after_a_warm_start_the_theft_scores_above_everything_else")
    else {
        return;
    };
    let sandbox = Sandbox::new();
    normal_life(&sandbox);
    let warm = sandbox.keytrail("replay normal --state warm.db -q --format jsonl");
    assert!(warm.json_lines().is_empty(), "{warm}");
    let archive = data.join("archives/invictus_2023_MIT");
    let archive = archive.to_str().unwrap();
    let ran = sandbox.run([
        "replay", archive, "--state", "warm.db", "-q", "--format", "jsonl",
    ]);
    let findings = ran.json_lines();
    let score = |finding: &&Value| finding["score"].as_f64().unwrap();
    let mut ranked: Vec<&Value> = findings.iter().collect();
    ranked.sort_by(|a, b| score(b).total_cmp(&score(a)));
    let [theft, others @ ..] = &ranked[..] else {
        panic!("{ran}");
    };
    assert_eq!(theft["principal"], THIEF, "{theft:#}");
    assert_eq!(theft["count"], 240, "{theft:#}");
    assert!(
        others
            .iter()
            .all(|other| score(other) + 10.0 < score(theft)),
        "{others:#?}"
    );
    // What it was, in words: strange secrets, and hundreds of calls where a few are usual.
    let words = theft["evidence"].to_string();
    for expected in [
        "never seen for this principal",
        "are usual",
        "178 Decrypt, 42 Encrypt, 20 GenerateDataKey",
    ] {
        assert!(words.contains(expected), "{expected}: {theft:#}");
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

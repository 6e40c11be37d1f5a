//! `replay --sigma`: rules in the community's format over the same records.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::sandbox::{Ran, Sandbox};

const STOPPED: &str = "sigma:7b0f5a52-6f0e-4f9b-9a55-0d8a4a1f6c01";

fn record(number: usize, source: &str, name: &str, user: &str) -> Value {
    json!({
        "eventVersion": "1.11", "eventTime": format!("2024-03-05T09:{:02}:00Z", number % 60),
        "eventSource": source, "eventName": name, "awsRegion": "us-west-2", "sourceIPAddress": "192.0.2.10",
        "userIdentity": {"type": "IAMUser", "arn": format!("arn:aws:iam::111122223333:user/{user}"), "accountId": "111122223333"},
        "requestParameters": null, "eventID": format!("event-{number}"), "eventType": "AwsApiCall",
        "recipientAccountId": "111122223333", "eventCategory": "Management",
    })
}

fn findings(ran: &Ran) -> Vec<Value> {
    let all: Vec<Value> = serde_json::from_slice(&ran.stdout).unwrap();
    let is_sigma = |finding: &Value| finding["rule"].as_str().unwrap().starts_with("sigma:");
    all.into_iter().filter(is_sigma).collect()
}

#[test]
fn matches_are_findings_and_what_is_not_run_is_named() {
    let sandbox = Sandbox::new();
    let ran = sandbox.keytrail("replay incident --sigma sigma --rule sigma:* --stats stats.json");
    assert_snapshot!(ran);
    let stats: Value = serde_json::from_str(&sandbox.read("stats.json")).unwrap();
    assert_snapshot!(serde_json::to_string_pretty(&stats["sigma"]).unwrap());
}

#[test]
fn a_finding_has_the_form_of_any_other() {
    let sandbox = Sandbox::new();
    let ran = sandbox.keytrail("replay incident --sigma sigma --format json --quiet");
    let found = findings(&ran);
    assert_snapshot!(serde_json::to_string_pretty(&found).unwrap());
    let ran =
        sandbox.keytrail("replay incident --sigma sigma --format ocsf --quiet --rule sigma:*");
    assert!(String::from_utf8(ran.stdout).unwrap().contains(STOPPED));
}

/// Records that Keytrail's own rules never see, in whatever carries them, delivered twice.
#[test]
fn rules_see_every_record_once() {
    let sandbox = Sandbox::new();
    let call = record(1, "s3.amazonaws.com", "ListBuckets", "ann");
    let other = record(2, "s3.amazonaws.com", "GetBucketPolicy", "ann");
    sandbox.write("logs/a.json", json!({"Records": [call, other]}).to_string());
    sandbox.write("logs/b.jsonl", format!("{call}\n{other}\n"));
    let message = json!({"logEvents": [{"id": "1", "timestamp": 1, "message": call.to_string()}]});
    sandbox.write("logs/c.json", message.to_string());
    sandbox.write(
        "logs/d.json",
        json!({"Records": [record(3, "s3.amazonaws.com", "ListBuckets", "ann")]}).to_string(),
    );
    let mut shown = Vec::new();
    for threads in ["1", "4"] {
        let words = format!("replay logs --sigma sigma --format json --quiet --threads {threads}");
        let ran = sandbox.keytrail(&words);
        let found = findings(&ran);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0]["rule"], "sigma:bucket_listed");
        assert_eq!(found[0]["severity"], "low");
        assert_eq!(found[0]["count"], 2);
        assert_eq!(found[0]["event_ids"], json!(["event-1", "event-3"]));
        shown.push(ran.stdout);
    }
    assert_eq!(shown[0], shown[1]);
}

#[test]
fn findings_of_a_rule_are_bounded_and_the_rest_is_counted() {
    let sandbox = Sandbox::new();
    let calls = (0..1_005).map(|number| {
        let user = format!("user-{number}");
        record(number, "s3.amazonaws.com", "ListBuckets", &user).to_string()
    });
    sandbox.write("logs/a.jsonl", calls.collect::<Vec<_>>().join("\n"));
    let ran = sandbox.keytrail("replay logs --sigma sigma --format json --stats stats.json");
    assert_eq!(findings(&ran).len(), 1_000);
    let stats: Value = serde_json::from_str(&sandbox.read("stats.json")).unwrap();
    assert_eq!(stats["sigma"]["beyond"], 5);
    assert_eq!(stats["sigma"]["by_rule"][0]["events"], 1_000);
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(
        said.contains("5  matching records would have begun more than 1,000 findings of a rule"),
        "{said}"
    );
}

#[test]
fn users_decide_about_sigma_rules_as_about_any_other() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "keytrail.toml",
        format!("[[suppress]]\nrule = \"{STOPPED}\"\nuntil = \"2099-01-01\"\nreason = \"known\"\nowner = \"ann\"\n"),
    );
    let ran = sandbox
        .keytrail("replay incident --sigma sigma --config keytrail.toml --format json --quiet");
    assert_eq!(findings(&ran)[0]["state"], "suppressed");
}

#[test]
fn mistakes_are_said_before_anything_is_read() {
    let sandbox = Sandbox::new();
    sandbox.write("text/readme.txt", "nothing");
    let mut said = String::new();
    for words in [
        "replay incident --sigma nowhere",
        "replay incident --sigma text",
        "replay incident --sigma sigma/elsewhere",
        "replay incident --sigma sigma/counted.yml",
        "replay - --sigma sigma",
        "replay incident --sigma sigma --state state.db",
    ] {
        said.push_str(&sandbox.keytrail(words).to_string());
    }
    assert_snapshot!(said);
}

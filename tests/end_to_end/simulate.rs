//! `keytrail simulate`: archives to try things on.

use insta::assert_snapshot;

use crate::sandbox::Sandbox;

#[test]
fn a_few_days() {
    let sandbox = Sandbox::new();
    let ran =
        sandbox.keytrail("simulate --out made --days 2 --attack none --seed 7 --start 2024-01-29");
    assert_snapshot!(ran);
    let again =
        sandbox.keytrail("simulate --out again --days 2 --attack none --seed 7 --start 2024-01-29");
    assert_eq!(again.code, Some(0), "{again}");
    let events =
        |folder: &str| sandbox.keytrail(&format!("events {folder}/AWSLogs -q --format jsonl"));
    assert_eq!(events("made").stdout(), events("again").stdout());
    assert!(events("made").json_lines().len() > 100);
}

#[test]
fn many_records() {
    let sandbox = Sandbox::new();
    let ran = sandbox.keytrail("simulate --out made --records 2000 --kms-fraction 0.5");
    assert_eq!((ran.code, ran.stdout.len()), (Some(0), 0), "{ran}");
    let ran = sandbox.keytrail("replay made --stats stats.json");
    assert_eq!(ran.code, Some(0), "{ran}");
    let stats: serde_json::Value = serde_json::from_str(&sandbox.read("stats.json")).unwrap();
    assert_eq!(stats["records"], 2_000);
    assert_eq!(stats["malformed"], 0);
}

#[test]
fn what_makes_no_sense() {
    let sandbox = Sandbox::new();
    let mut all = String::new();
    for words in [
        "simulate",
        "simulate --out incident",
        "simulate --out broken.jsonl",
        "simulate --out made --days 0",
        "simulate --out made --start tomorrow",
        "simulate --out made --attack arson",
        "simulate --out made --attack none --attack sabotage",
        "simulate --out made --records 10 --days 3",
        "simulate --out made --keys 3",
        "simulate --out made --records 10 --kms-fraction 1.5",
        "simulate --out made --records 10 --accounts 17",
        "simulate --out made --organisation --attack sabotage",
        "simulate --out made --organisation --attacks none,insider",
        "simulate --out made --organisation --attacks arson",
        "simulate --out made --organisation --attack-count 51",
        "simulate --out made --organisation --volume 0",
        "simulate --out made --attacks none",
    ] {
        all.push_str(&format!("===== {words} =====\n{}", sandbox.keytrail(words)));
    }
    assert_snapshot!(all);
    assert!(!sandbox.path().join("made").exists());
}

//! The scenario: its life, its attacks and their labels, and that a seed decides every byte.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::{AttackKind, ScenarioOptions, Summary, generate};
use crate::SimulatedFile;
use crate::testing::{assert_is_layout, records, stamp_seconds, time_seconds};

fn make(options: &ScenarioOptions) -> (Vec<SimulatedFile>, Summary) {
    let mut files = Vec::new();
    let summary = generate(options, &mut |file| {
        files.push(file);
        Ok(())
    })
    .unwrap();
    (files, summary)
}

fn logs(files: &[SimulatedFile]) -> impl Iterator<Item = &SimulatedFile> {
    files
        .iter()
        .filter(|file| file.path.contains("/CloudTrail/"))
}

#[test]
fn the_example_is_small_and_busy_enough() {
    let (files, summary) = make(&ScenarioOptions::default());
    let bytes: usize = files.iter().map(|file| file.bytes.len()).sum();
    assert_eq!(bytes as u64, summary.bytes_compressed);
    assert!(bytes < 2 << 20, "{bytes} bytes");
    assert!(
        (8_000..20_000).contains(&summary.records),
        "{}",
        summary.records
    );
    assert!(files.len() <= 1_500, "{} files", files.len());
    assert!(summary.kms_records * 2 > summary.records);
    assert!(summary.duplicates > 20);
    assert!(summary.late > 5);
}

#[test]
fn one_seed_is_one_archive() {
    let options = ScenarioOptions {
        days: 5,
        ..ScenarioOptions::default()
    };
    let (first, _) = make(&options);
    assert_eq!(first, make(&options).0);
    let other = ScenarioOptions { seed: 2, ..options };
    assert_ne!(first, make(&other).0);
}

#[test]
fn every_record_is_whole() {
    let (files, summary) = make(&ScenarioOptions::default());
    let mut seen = 0;
    let mut versions = HashSet::new();
    for file in logs(&files) {
        assert_is_layout(&file.path);
        for record in records(file) {
            seen += 1;
            for field in [
                "eventVersion",
                "eventTime",
                "eventSource",
                "eventName",
                "eventID",
            ] {
                assert!(record[field].is_string(), "{field} in {record}");
            }
            assert!(record["userIdentity"].is_object());
            let account = record["recipientAccountId"].as_str().unwrap();
            assert!(file.path.contains(&format!("/{account}_CloudTrail_")));
            let region = record["awsRegion"].as_str().unwrap();
            assert!(file.path.contains(&format!("_{region}_")));
            versions.insert(record["eventVersion"].as_str().unwrap().to_owned());
            if record["eventName"] == "Decrypt" {
                assert!(record["requestParameters"]["keyId"].is_null());
            }
        }
    }
    assert_eq!(seen, summary.records);
    assert_eq!(versions.len(), 4);
}

#[test]
fn stamps_are_in_time_but_for_the_outage() {
    let (files, summary) = make(&ScenarioOptions::default());
    let mut late_files = 0;
    let mut late = 0;
    for file in logs(&files) {
        let stamp = stamp_seconds(&file.path);
        let times: Vec<i64> = records(file).iter().map(time_seconds).collect();
        assert!(times.iter().all(|time| *time <= stamp));
        let count = times
            .iter()
            .filter(|time| stamp > (**time / 3_600 + 3) * 3_600)
            .count() as u64;
        late += count;
        late_files += u64::from(count > 0);
    }
    assert_eq!(late, summary.late);
    assert!((1..=6).contains(&late_files), "{late_files} late files");
}

#[test]
fn ids_repeat_only_where_a_second_trail_delivers() {
    let (files, summary) = make(&ScenarioOptions::default());
    let mut seen: HashMap<String, Value> = HashMap::new();
    let mut repeated = 0;
    for file in logs(&files) {
        for record in records(file) {
            let id = record["eventID"].as_str().unwrap().to_owned();
            if let Some(first) = seen.insert(id, record.clone()) {
                assert_eq!(first, record);
                repeated += 1;
            }
        }
    }
    assert_eq!(repeated, summary.duplicates);
}

#[test]
fn labels_name_records_that_exist() {
    let (files, summary) = make(&ScenarioOptions::default());
    let by_id: HashMap<String, Value> = logs(&files)
        .flat_map(records)
        .map(|record| (record["eventID"].as_str().unwrap().to_owned(), record))
        .collect();
    let text = files
        .iter()
        .find(|file| file.path == crate::LABELS_PATH)
        .unwrap();
    let lines: Vec<Value> = std::str::from_utf8(&text.bytes)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), summary.labels.len());
    for label in &lines {
        for id in label["event_ids"].as_array().unwrap() {
            let record = &by_id[id.as_str().unwrap()];
            assert!(record["eventTime"].as_str() >= label["first_seen"].as_str());
            assert!(record["eventTime"].as_str() <= label["last_seen"].as_str());
        }
    }
    let steps: Vec<&str> = lines.iter().map(|l| l["step"].as_str().unwrap()).collect();
    for step in [
        "denied-sweep",
        "decrypt-burst",
        "grant-external",
        "policy-public",
        "policy-lockout",
        "alias-repointed",
        "key-disabled",
        "key-deletion-scheduled",
        "material-deleted",
        "trail-kms-excluded",
        "trail-stopped",
        "broken-applications",
    ] {
        assert!(steps.contains(&step), "{step}");
    }
    let burst = lines.iter().find(|l| l["step"] == "decrypt-burst").unwrap();
    assert_eq!(burst["event_ids"].as_array().unwrap().len(), 240);
}

#[test]
fn the_thief_is_new_to_the_key_it_reads() {
    let (files, summary) = make(&ScenarioOptions::default());
    let burst = summary
        .labels
        .iter()
        .find(|label| label.step == "decrypt-burst")
        .unwrap();
    let before = logs(&files).flat_map(records).filter(|record| {
        record["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] == *burst.principal
            && record["resources"][0]["ARN"] == *burst.keys[0]
            && record["eventName"] == "Decrypt"
            && !burst.event_ids.iter().any(|id| record["eventID"] == **id)
    });
    assert_eq!(before.count(), 0);
}

#[test]
fn calls_across_accounts_are_logged_in_both() {
    let (files, _) = make(&ScenarioOptions::default());
    let mut accounts: HashMap<String, HashSet<String>> = HashMap::new();
    for record in logs(&files).flat_map(records) {
        if let Some(id) = record["sharedEventID"].as_str() {
            let account = record["recipientAccountId"].as_str().unwrap();
            accounts
                .entry(id.to_owned())
                .or_default()
                .insert(account.to_owned());
        }
    }
    assert!(accounts.values().filter(|both| both.len() == 2).count() > 100);
    assert!(accounts.values().any(|one| one.len() == 1));
}

#[test]
fn a_quiet_archive_has_no_attack_and_no_damage() {
    let options = ScenarioOptions {
        attacks: Vec::new(),
        days: 3,
        ..ScenarioOptions::default()
    };
    let (files, summary) = make(&options);
    assert!(summary.labels.is_empty());
    assert!(
        logs(&files)
            .flat_map(records)
            .all(|record| record["errorCode"] != "DisabledException")
    );
}

#[test]
fn options_out_of_range_are_refused() {
    for days in [0, 367] {
        let options = ScenarioOptions {
            days,
            ..ScenarioOptions::default()
        };
        assert!(generate(&options, &mut |_| Ok(())).is_err());
    }
    assert!("nonsense".parse::<AttackKind>().is_err());
    for kind in AttackKind::ALL {
        assert_eq!(kind.name().parse::<AttackKind>().unwrap(), kind);
    }
}

#[test]
fn one_day_holds_every_attack() {
    let options = ScenarioOptions {
        days: 1,
        ..ScenarioOptions::default()
    };
    let (_, summary) = make(&options);
    assert!(summary.labels.iter().any(|label| label.kind == "key-theft"));
    assert!(summary.labels.iter().any(|label| label.kind == "sabotage"));
}

#[test]
fn a_sink_that_fails_stops_the_run() {
    let result = generate(&ScenarioOptions::default(), &mut |_| {
        Err(std::io::Error::other("disk full"))
    });
    assert!(matches!(result, Err(crate::SimulateError::Sink(_))));
}

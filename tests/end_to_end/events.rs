//! `keytrail events`: KMS records in every format and choice, in every place.

use insta::assert_snapshot;

use crate::sandbox::Sandbox;

#[test]
fn as_a_table() {
    assert_snapshot!(Sandbox::new().keytrail("events incident"));
}

#[test]
fn as_json() {
    assert_snapshot!(
        Sandbox::new().keytrail("events incident -q --operation Encrypt --format json")
    );
}

#[test]
fn as_json_lines() {
    assert_snapshot!(Sandbox::new().keytrail("events incident -q --format jsonl"));
}

#[test]
fn as_csv() {
    assert_snapshot!(Sandbox::new().keytrail("events incident -q --format csv"));
}

#[test]
fn every_format_without_records() {
    let sandbox = Sandbox::new();
    let mut all = String::new();
    for format in ["table", "json", "jsonl", "csv"] {
        let words = format!("events incident -q --operation RotateKeyOnDemand --format {format}");
        all.push_str(&format!(
            "===== {format} =====\n{}",
            sandbox.keytrail(&words)
        ));
    }
    assert_snapshot!(all);
}

/// Which records each filter and exclusion leaves.
#[test]
fn every_filter() {
    let sandbox = Sandbox::new();
    let filters = [
        "",
        "--since 2024-01-31T10:20:00Z",
        "--until 2024-01-31T10:00:00Z",
        "--since 2024-01-31T12:01:00+02:00 --until 2024-01-31T10:03:00Z",
        "--account 444455556666",
        "--exclude-account 444455556666",
        "--region eu-*",
        "--exclude-region eu-*",
        "--key 00000002-12ab-34cd-56ef-1234567890ab",
        "--key alias/invoices",
        "--key invoices",
        "--exclude-key 00000001*",
        "--principal arn:aws:iam::111122223333:role/app",
        "--principal *mallory",
        "--exclude-principal *role/app",
        "--operation decrypt",
        "--operation De* --operation Encrypt",
        "--exclude-operation De*",
        "--principal mallory",
        "--outcome failed",
        "--exclude-outcome failed --operation Decrypt",
        "--other-services --operation StopLogging",
    ];
    let mut all = String::new();
    for filter in filters {
        let ran = sandbox.keytrail(&format!("events incident -q --format jsonl {filter}"));
        assert_eq!(ran.code, Some(0), "{ran}");
        let records: Vec<_> = ran
            .json_lines()
            .iter()
            .map(|record| {
                let time = record["time"].as_str().unwrap();
                format!(
                    "{} {}",
                    &time[11..16],
                    record["operation"].as_str().unwrap()
                )
            })
            .collect();
        all.push_str(&format!("{filter}\n    {}\n", records.join(", ")));
    }
    assert_snapshot!(all);
}

#[test]
fn the_summary_counts_what_matches() {
    let ran = Sandbox::new().keytrail("events incident --format csv --operation ListKeys");
    assert_snapshot!(ran);
}

#[test]
fn only_counted() {
    assert_snapshot!(Sandbox::new().keytrail("events incident broken.jsonl --count"));
}

#[test]
fn several_outputs_at_once() {
    let sandbox = Sandbox::new();
    let ran = sandbox.keytrail(
        "events incident -q --output table=a.txt --output json=b.json --output jsonl=c.jsonl --output csv=d.csv",
    );
    assert_eq!((ran.code, ran.stdout.len()), (Some(0), 0), "{ran}");
    for (format, file) in [
        ("table", "a.txt"),
        ("json", "b.json"),
        ("jsonl", "c.jsonl"),
        ("csv", "d.csv"),
    ] {
        let shown = sandbox.keytrail(&format!("events incident -q --format {format}"));
        assert_eq!(sandbox.read(file).as_bytes(), shown.stdout, "{format}");
    }
}

#[test]
fn statistics() {
    let sandbox = Sandbox::new();
    let ran = sandbox.keytrail("events incident -q --operation Decrypt --stats stats.json");
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_snapshot!(sandbox.read("stats.json"));
}

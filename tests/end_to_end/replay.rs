//! `keytrail replay`: findings in every format and choice, in every place.

use insta::assert_snapshot;

use crate::sandbox::Sandbox;

#[test]
fn as_a_table() {
    assert_snapshot!(Sandbox::new().keytrail("replay incident"));
}

#[test]
fn as_json() {
    assert_snapshot!(
        Sandbox::new().keytrail("replay incident -q --rule key-disabled --format json")
    );
}

#[test]
fn as_json_lines() {
    assert_snapshot!(Sandbox::new().keytrail("replay incident -q --format jsonl"));
}

#[test]
fn as_csv() {
    assert_snapshot!(Sandbox::new().keytrail("replay incident -q --format csv"));
}

#[test]
fn in_colour() {
    let ran = Sandbox::new().keytrail("replay incident --color always --rule key-disabled");
    assert_snapshot!(ran);
}

#[test]
fn every_format_without_findings() {
    let sandbox = Sandbox::new();
    let mut all = String::new();
    for format in ["table", "json", "jsonl", "csv"] {
        let words = format!("replay incident -q --rule material-deleted --format {format}");
        all.push_str(&format!(
            "===== {format} =====\n{}",
            sandbox.keytrail(&words)
        ));
    }
    assert_snapshot!(all);
}

#[test]
fn nothing_found_is_said() {
    let sandbox = Sandbox::new();
    assert_snapshot!(sandbox.keytrail("replay incident --min-severity critical"));
}

/// Which findings each filter and exclusion leaves.
#[test]
fn every_filter() {
    let sandbox = Sandbox::new();
    let filters = [
        "",
        "--since 2024-01-31T10:20:00Z",
        "--since 2024-02-01",
        "--until 2024-01-31T10:02:00Z",
        "--since 2024-01-31T10:01:00Z --until 2024-01-31T10:02:00Z",
        "--account 111122223333",
        "--exclude-account 111122223333",
        "--account 4444* --account 1111*",
        "--region us-east-1",
        "--exclude-region us-*",
        "--key arn:aws:kms:eu-west-1:111122223333:key/00000001-12ab-34cd-56ef-1234567890ab",
        "--key 00000001-12ab-34cd-56ef-1234567890ab",
        "--exclude-key 00000001*",
        "--principal arn:aws:iam::111122223333:user/mallory",
        "--principal *:USER/MALLORY",
        "--exclude-principal *user/mallory",
        "--rule key-disabled",
        "--rule key-*",
        "--exclude-rule key-* --exclude-rule root-used",
        "--min-severity high",
        "--min-severity HIGH --account 4444*",
        "--account 111122223333 --exclude-account 1111*",
    ];
    let mut all = String::new();
    for filter in filters {
        let ran = sandbox.keytrail(&format!("replay incident -q --format jsonl {filter}"));
        assert_eq!(ran.code, Some(0), "{ran}");
        let mut rules: Vec<_> = ran
            .json_lines()
            .iter()
            .map(|finding| finding["rule"].as_str().unwrap().to_owned())
            .collect();
        rules.sort();
        all.push_str(&format!("{filter}\n    {}\n", rules.join(" ")));
    }
    assert_snapshot!(all);
}

#[test]
fn what_is_filtered_out_is_counted() {
    let ran = Sandbox::new().keytrail("replay incident --format csv --rule root-used");
    assert!(ran.stderr().contains("5 left out by the filters"), "{ran}");
}

#[test]
fn several_outputs_at_once() {
    let sandbox = Sandbox::new();
    let ran = sandbox.keytrail(
        "replay incident -q --output table=a.txt --output json=b.json --output jsonl=c.jsonl --output csv=d.csv",
    );
    assert_eq!((ran.code, ran.stdout.len()), (Some(0), 0), "{ran}");
    for (format, file) in [
        ("table", "a.txt"),
        ("json", "b.json"),
        ("jsonl", "c.jsonl"),
        ("csv", "d.csv"),
    ] {
        let shown = sandbox.keytrail(&format!("replay incident -q --format {format}"));
        assert_eq!(sandbox.read(file).as_bytes(), shown.stdout, "{format}");
    }
    let both = sandbox.keytrail("replay incident -q --format csv --output json=b.json");
    assert_eq!(both.stdout(), sandbox.read("d.csv"));
}

#[test]
fn statistics() {
    let sandbox = Sandbox::new();
    let ran = sandbox.keytrail("replay incident broken.jsonl -q --stats stats.json");
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_snapshot!(sandbox.read("stats.json"));
}

#[test]
fn every_malformed_record_is_named() {
    assert_snapshot!(Sandbox::new().keytrail("replay broken.jsonl --verbose --format csv"));
}

#[test]
fn quiet_says_nothing() {
    let ran = Sandbox::new().keytrail("replay incident broken.jsonl --quiet");
    assert_eq!((ran.code, ran.stderr.len()), (Some(0), 0), "{ran}");
}

#[test]
fn from_files_folders_globs_and_standard_input() {
    let sandbox = Sandbox::new();
    let folder = sandbox.keytrail("replay incident -q --format json");
    for words in [
        "incident/AWSLogs/111122223333 incident/AWSLogs/444455556666",
        "incident/**/*.json",
        "incident incident ./incident/AWSLogs",
    ] {
        let ran = sandbox.keytrail(&format!("replay {words} -q --format json"));
        assert_eq!(ran.stdout(), folder.stdout(), "{words}");
    }
    let input = sandbox.read("broken.jsonl");
    let fed = sandbox.run_fed(["replay", "-", "-q", "--format", "json"], input.as_bytes());
    let named = sandbox.keytrail("replay broken.jsonl -q --format json");
    assert_eq!(fed.stdout(), named.stdout());
    assert!(fed.stdout().contains("key-disabled"), "{fed}");
}

#[test]
fn packed_files_are_told_by_content() {
    use std::io::Write as _;
    let sandbox = Sandbox::new();
    let text = sandbox.read("broken.jsonl");
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(text.as_bytes()).unwrap();
    sandbox.write("no-name-that-tells", packer.finish().unwrap());
    let packed = sandbox.keytrail("replay no-name-that-tells -q --format json");
    let plain = sandbox.keytrail("replay broken.jsonl -q --format json");
    assert_eq!(packed.stdout(), plain.stdout());
}

/// The formats of other tools: a finding a line, the same from a replay and from its state.
#[test]
fn findings_in_the_formats_of_other_tools() {
    let sandbox = Sandbox::new();
    for (format, id) in [("ocsf", "/metadata/uid"), ("asff", "/Id")] {
        let words = format!("replay incident -q --state {format}.db --format {format}");
        let replayed = sandbox.keytrail(&words);
        assert_eq!(replayed.code, Some(0), "{replayed}");
        let lines = replayed.json_lines();
        assert!(lines.len() > 1);
        assert!(lines.iter().all(|line| line.pointer(id).is_some()));
        let listed = sandbox.keytrail(&format!(
            "findings list --state {format}.db --format {format}"
        ));
        assert_eq!(listed.stdout(), replayed.stdout());
    }
    let ran = sandbox.keytrail("events incident --format ocsf");
    assert_snapshot!(ran);
}

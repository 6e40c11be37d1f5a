//! The exit codes, which are a public interface, and what goes with them.

use insta::assert_snapshot;

use crate::sandbox::Sandbox;

fn check(words: &str, code: i32) {
    let ran = Sandbox::new().keytrail(words);
    assert_eq!(ran.code, Some(code), "{words}\n{ran}");
}

#[test]
fn done() {
    check("replay incident", 0);
    check("replay broken.jsonl", 0);
    check("replay incident --fail-on critical", 0);
    check("events incident --strict", 0);
}

#[test]
fn findings() {
    check("replay incident --fail-on high", 1);
    check("replay incident --fail-on medium --rule key-disabled", 1);
    // What is not shown does not fail.
    check("replay incident --fail-on high --rule key-disabled", 0);
    // Findings are worse than what could not be read.
    check("replay incident broken.jsonl --strict --fail-on high", 1);
}

#[test]
fn unreadable() {
    check("replay broken.jsonl --strict", 3);
    check("events broken.jsonl --strict", 3);
    check("events broken.jsonl --strict --count", 3);
    check(
        "replay incident broken.jsonl --strict --fail-on critical",
        3,
    );
    // What was to be read is not there.
    for command in ["replay", "events"] {
        check(
            &format!("{command} incident --delivered-since 2100-01-01"),
            0,
        );
        check(
            &format!("{command} incident --delivered-since 2100-01-01 --strict"),
            3,
        );
    }
}

#[test]
fn usage() {
    let sandbox = Sandbox::new();
    let mut all = String::new();
    for words in [
        "replay",
        "replay missing",
        "replay incident/*.gz",
        "replay incident --since yesterday",
        "replay incident --since 2024-01-31T10:00:00",
        "replay incident --since 2024-02-01 --until 2024-01-01",
        "replay incident --min-severity urgent",
        "replay incident --fail-on never",
        "replay incident --rule key-gone",
        "replay incident --format xml",
        "replay incident --output findings.json",
        "replay incident --output json=missing/findings.json",
        "replay incident --output json=incident",
        "replay incident --threads 0",
        "replay incident --quiet --verbose",
        "events incident --until -1d",
        "events incident --count --format csv",
        "forget",
    ] {
        let ran = sandbox.keytrail(words);
        assert_eq!(ran.code, Some(2), "{words}\n{ran}");
        assert!(ran.stdout.is_empty(), "{words}\n{ran}");
        all.push_str(&format!("===== {words} =====\n{}", ran.stderr()));
    }
    assert_snapshot!(all);
}

/// No result takes the place of a file that is read.
#[test]
fn what_is_read_is_not_replaced() {
    let sandbox = Sandbox::new();
    let before = sandbox.read("broken.jsonl");
    sandbox.write("incident/stats.json", "notes");
    for words in [
        "events broken.jsonl -q --output csv=broken.jsonl",
        "events broken.jsonl incident -q --stats ./broken.jsonl",
        "replay broken.jsonl -q --scores broken.jsonl",
        "replay incident -q --stats incident/stats.json",
    ] {
        let ran = sandbox.keytrail(words);
        assert_eq!(ran.code, Some(2), "{words}\n{ran}");
        assert!(ran.stderr().contains("is part of what is read"), "{ran}");
    }
    assert_eq!(sandbox.read("broken.jsonl"), before);
    assert_eq!(sandbox.read("incident/stats.json"), "notes");
}

#[test]
fn a_span_before_now_is_a_time() {
    let sandbox = Sandbox::new();
    let ran = sandbox.keytrail("events incident -q --format jsonl --since 7d");
    assert_eq!((ran.code, ran.stdout.len()), (Some(0), 0), "{ran}");
    let ran = sandbox.keytrail("events incident -q --format jsonl --until 7d");
    assert_eq!(ran.json_lines().len(), 9, "{ran}");
}

/// A disk that is full is nobody's mistake on the command line.
#[cfg(target_os = "linux")]
#[test]
fn not_finished() {
    let sandbox = Sandbox::new();
    for words in [
        "replay incident -q --output json=/dev/full",
        "events incident -q --output csv=/dev/full",
    ] {
        let ran = sandbox.keytrail(words);
        assert_eq!(ran.code, Some(4), "{words}\n{ran}");
        assert!(ran.stderr().contains("No space left"), "{ran}");
    }
}

/// Who reads no further has seen enough: no error, and the exit code that was asked for.
#[test]
fn a_closed_pipe() {
    let sandbox = Sandbox::new();
    let archive = keytrail_tests::root().join("examples/archive");
    let archive = archive.to_str().unwrap();
    for (words, code) in [
        (format!("events {archive} --format jsonl"), 0),
        (format!("replay {archive} --format json"), 0),
        (format!("replay {archive} --format json --fail-on high"), 1),
        ("rules list".to_owned(), 0),
        ("completions bash".to_owned(), 0),
    ] {
        let ran = sandbox.run_unread(&words);
        assert_eq!(ran.code, Some(code), "{words}\n{ran}");
        assert!(!ran.stderr().contains("error:"), "{words}\n{ran}");
    }
}

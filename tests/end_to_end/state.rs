//! `--state`: what was read before is known, whatever the order, the repetition and the end of a run.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use insta::assert_snapshot;
use keytrail_tests::{real_data, root};
use serde_json::Value;

use crate::order::{files, scrambled};
use crate::sandbox::{Sandbox, program};

fn replay(sandbox: &Sandbox, state: Option<&str>, inputs: &[PathBuf]) -> String {
    let mut arguments: Vec<_> = ["replay", "-q", "--format", "jsonl"].map(Into::into).into();
    if let Some(state) = state {
        arguments.extend(["--state".into(), state.into()]);
    }
    arguments.extend(inputs.iter().map(|path| path.as_os_str().to_owned()));
    let ran = sandbox.run(&arguments);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr());
    unrevised(&ran.stdout())
}

/// The findings without what tells how they came about.
pub fn unrevised(findings: &str) -> String {
    let lines = findings.lines().map(|line| {
        let mut finding: Value = serde_json::from_str(line).unwrap();
        finding["revision"] = Value::Null;
        finding["published_at"] = Value::Null;
        finding.to_string()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Ten pieces of a sorted list, each with the end of the piece before it.
fn overlapping(paths: &[PathBuf]) -> Vec<Vec<PathBuf>> {
    let length = paths.len().div_ceil(10);
    let pieces = (0..10).map(|piece| {
        let start = (piece * length).saturating_sub(length / 3).min(paths.len());
        let end = ((piece + 1) * length).min(paths.len());
        paths[start..end].to_vec()
    });
    pieces.filter(|piece| !piece.is_empty()).collect()
}

fn check(archive: &Path) {
    let sandbox = Sandbox::new();
    let whole = [archive.to_owned()];
    let expected = replay(&sandbox, None, &whole);
    for _ in 0..3 {
        assert_eq!(replay(&sandbox, Some("thrice.db"), &whole), expected);
    }
    let mut paths = files(archive);
    paths.sort_by(|a, b| a.file_name().cmp(&b.file_name()));
    let mut pieces = overlapping(&paths);
    let mut last = String::new();
    for piece in &pieces {
        last = replay(&sandbox, Some("pieces.db"), piece);
    }
    assert_eq!(last, expected);
    // Pieces that come in any order make days be judged again.
    pieces.sort_by_key(|piece| scrambled(piece.len() + piece[0].as_os_str().len()));
    pieces.reverse();
    for piece in &pieces {
        last = replay(&sandbox, Some("mixed.db"), piece);
    }
    assert_eq!(last, expected);
}

#[test]
fn of_the_example() {
    check(&root().join("examples/archive"));
}

#[test]
fn of_real_records() {
    let Some(data) = real_data("state::of_real_records") else {
        return;
    };
    for archive in std::fs::read_dir(data.join("archives")).unwrap() {
        check(&archive.unwrap().path());
    }
}

#[test]
fn a_second_run_finds_nothing_new() {
    let sandbox = Sandbox::new();
    let first = sandbox.keytrail("replay incident --state state.db");
    let second = sandbox.keytrail("replay incident --state state.db");
    assert_snapshot!(format!("{first}===== again =====\n{second}"));
}

#[test]
fn its_findings_are_listed_shown_and_triaged() {
    let sandbox = Sandbox::new();
    sandbox.keytrail("replay incident -q --state state.db");
    let mut all = String::new();
    for words in [
        "findings list --state state.db --rule key-disabled",
        "findings show key-disabled --state state.db",
        "findings ack key-disabled --state state.db --by ann --note looking",
        "findings resolve key-disabled --state state.db --by ann --note planned",
        "findings list --state state.db --rule key-disabled --unresolved",
        "findings ack nothing --state state.db --by ann",
        "findings list --state missing.db",
    ] {
        all.push_str(&format!("===== {words} =====\n{}", sandbox.keytrail(words)));
    }
    assert_snapshot!(all);
}

#[test]
fn it_is_shown_rebuilt_verified_exported_and_pruned() {
    let sandbox = Sandbox::new();
    let archive = root().join("examples/archive");
    sandbox.run([
        "replay",
        archive.to_str().unwrap(),
        "-q",
        "--state",
        "state.db",
    ]);
    let before = sandbox
        .keytrail("findings list --state state.db --format jsonl")
        .stdout();
    let mut all = String::new();
    for words in [
        "state show state.db",
        "state verify state.db",
        "state rebuild state.db",
        "state prune state.db --before 2026-03-20",
        "state prune state.db --before 2027-01-01",
        "state show state.db",
    ] {
        all.push_str(&format!("===== {words} =====\n{}", sandbox.keytrail(words)));
    }
    assert_snapshot!(all);
    let exported = sandbox.keytrail("state export state.db").json_lines();
    assert!(exported.iter().any(|line| line["kind"] == "finding"));
    let after = sandbox
        .keytrail("findings list --state state.db --format jsonl")
        .stdout();
    assert_eq!(after, before);
}

#[test]
fn another_configuration_judges_again() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "other.toml",
        "[organisation]\naccounts = [\"444455556666\"]\n",
    );
    let archive = root().join("examples/archive");
    let run = |more: &[&str]| {
        let mut arguments = vec!["replay", archive.to_str().unwrap(), "--state", "state.db"];
        arguments.extend(more);
        sandbox.run(arguments)
    };
    run(&["-q"]);
    let ran = run(&["--config", "other.toml", "--rule", "cross-account-use"]);
    assert!(ran.stdout().starts_with("LOW"), "{ran}");
    let again = "Judged 21 days of account 111122223333 again: the configuration is another one";
    assert!(ran.stderr().contains(again), "{ran}");
}

#[test]
fn a_file_that_is_no_state_is_left_alone() {
    let sandbox = Sandbox::new();
    sandbox.write("notes.txt", "not a state");
    let ran = sandbox.keytrail("replay incident --state notes.txt");
    assert_snapshot!(ran);
    assert_eq!(sandbox.read("notes.txt"), "not a state");
}

/// Killed while it reads, while it writes and while it judges: what is run again ends as if nothing had been.
#[test]
fn a_killed_run_can_be_run_again() {
    let sandbox = Sandbox::new();
    let archive = root().join("examples/archive");
    let expected = replay(&sandbox, None, std::slice::from_ref(&archive));
    for attempt in 0..30 {
        let mut child = std::process::Command::new(program())
            .current_dir(sandbox.path())
            .args(["replay", "-q", "--threads", "1", "--state", "killed.db"])
            .arg(&archive)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(5 + scrambled(attempt) as u64 % 700));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert_eq!(replay(&sandbox, Some("killed.db"), &[archive]), expected);
}

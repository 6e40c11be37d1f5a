//! `--state`: what was read before is known, whatever the order, the repetition and the end of a run.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use insta::assert_snapshot;
use keytrail_tests::{program, real_data, root};
use serde_json::Value;

use crate::order::{files, scrambled};
use crate::sandbox::Sandbox;

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
        "state prune state.db --before 2026-04-01",
        "state prune state.db --before 9000-01-01",
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

/// What overlapped was stored again as new, and every later day was judged again each time.
#[test]
fn what_comes_again_for_pruned_days_is_told_and_left_out() {
    let sandbox = Sandbox::new();
    let archive = root().join("examples/archive");
    let replay = || sandbox.run(["replay", archive.to_str().unwrap(), "--state", "state.db"]);
    let before = replay().stdout();
    sandbox.keytrail("state prune state.db --before 2026-03-20");
    let shown = sandbox.keytrail("state show state.db").stdout();
    let ran = replay();
    assert!(
        ran.stderr().contains("came for days that were pruned"),
        "{ran}"
    );
    assert!(!ran.stderr().contains("Judged"), "{ran}");
    assert_eq!(ran.stdout(), before);
    assert_eq!(sandbox.keytrail("state show state.db").stdout(), shown);
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

/// A file that may grow a little further with every run: each ends with an error, and leaves it sound.
#[test]
fn a_full_disk_costs_nothing_but_the_run() {
    let sandbox = Sandbox::new();
    let archive = root().join("examples/archive");
    let expected = replay(&sandbox, None, std::slice::from_ref(&archive));
    let run = |kibibytes: u64| {
        let limit = format!("{kibibytes}KiB");
        let mut arguments = vec!["replay", archive.to_str().unwrap(), "-q"];
        arguments.extend([
            "--threads",
            "1",
            "--state",
            "full.db",
            "--state-limit",
            &limit,
        ]);
        sandbox.run(arguments)
    };
    let mut first = None;
    let mut full = 0;
    let mut kibibytes = 100;
    // What fits in the end is the size of the whole state.
    while kibibytes < 1 << 20 {
        let ran = run(kibibytes);
        if ran.code == Some(0) {
            break;
        }
        full += 1;
        assert_eq!(ran.code, Some(4), "{ran}");
        first.get_or_insert_with(|| ran.to_string());
        let verified = sandbox.keytrail("state verify full.db");
        assert_eq!(verified.code, Some(0), "{verified}");
        kibibytes += kibibytes / 3;
    }
    assert!((3..40).contains(&full), "{full} runs ended early");
    assert_eq!(replay(&sandbox, Some("full.db"), &[archive]), expected);
    assert_snapshot!(first.unwrap());
}

/// Killed while it reads, while it writes and while it judges: what is run again ends as if nothing had been.
#[test]
fn a_run_killed_a_hundred_times_can_be_run_again() {
    let sandbox = Sandbox::new();
    let mut paths = files(&root().join("examples/archive"));
    // The last third by the time in their names, in which the most is found.
    let stamp = |path: &Path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.split('_').nth(3).map(str::to_owned)
    };
    paths.sort_by_key(|path| (stamp(path), path.clone()));
    paths.drain(..paths.len() - 100);
    let expected = replay(&sandbox, None, &paths);
    assert!(expected.lines().count() > 5, "{expected}");
    let begin = Instant::now();
    replay(&sandbox, Some("whole.db"), &paths);
    // The time that a whole run takes, as far as it is known.
    let mut whole = begin.elapsed();
    let mut killed = 0;
    for attempt in 0..500 {
        let mut child = std::process::Command::new(program())
            .current_dir(sandbox.path())
            .args(["replay", "-q", "--threads", "1", "--state", "killed.db"])
            .args(&paths)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let moment = whole.mul_f64((scrambled(attempt) % 1_000) as f64 / 1_000.0);
        std::thread::sleep(moment);
        child.kill().unwrap();
        if child.wait().unwrap().code().is_some() {
            // It ended before its moment came, which is no kill.
            whole = whole.min(moment);
            continue;
        }
        killed += 1;
        if killed % 10 == 0 {
            let verified = sandbox.keytrail("state verify killed.db");
            assert_eq!(verified.code, Some(0), "{verified}");
        }
        if killed == 100 {
            break;
        }
    }
    assert_eq!(killed, 100);
    assert_eq!(replay(&sandbox, Some("killed.db"), &paths), expected);
}

/// What is usual for a principal and a key, as a state of the example knows it.
#[test]
fn a_baseline_in_words() {
    let sandbox = Sandbox::new();
    replay(
        &sandbox,
        Some("state.db"),
        &[root().join("examples/archive")],
    );
    let role = sandbox.keytrail("baseline show reporting-job --state state.db");
    assert_snapshot!("baseline_of_a_role", role);
    let key =
        sandbox.keytrail("baseline show 500e249c-25b3-47e0-80e9-b1dd14b7fbcb --state state.db");
    assert_snapshot!("baseline_of_a_key", key);
    let nobody = sandbox.keytrail("baseline show nobody --state state.db");
    assert_eq!(nobody.code, Some(2), "{nobody}");
    assert!(
        nobody.stderr().contains("nothing is known of `nobody`"),
        "{nobody}"
    );
}

//! `--memory`: what does not fit goes to a temporary database, and the findings are the same.

use insta::assert_snapshot;
use keytrail_tests::{real_data, root};

use crate::order::files;
use crate::sandbox::Sandbox;

/// Replays an archive in little memory by one and by two threads, and holds it against plenty.
///
/// Returns whether it was too little.
fn check(archive: &std::path::Path, memory: &str) -> bool {
    let sandbox = Sandbox::new();
    let run = |more: &[&str]| {
        let mut arguments = vec!["replay", archive.to_str().unwrap(), "--format", "jsonl"];
        arguments.extend(more);
        let ran = sandbox.run(arguments);
        assert_eq!(ran.code, Some(0), "{ran}");
        ran
    };
    let plenty = run(&["--threads", "1"]);
    assert!(!plenty.stderr().contains("outgrew"), "{plenty}");
    let mut outgrew = Vec::new();
    for threads in ["1", "2"] {
        let little = run(&["--threads", threads, "--memory", memory]);
        let is_told = |line: &&str| line.starts_with("1 replay outgrew its memory");
        outgrew.push(little.stderr().lines().filter(is_told).count());
        assert_eq!(
            crate::state::unrevised(&little.stdout()),
            crate::state::unrevised(&plenty.stdout())
        );
        let stderr = little.stderr();
        let others: Vec<&str> = stderr.lines().filter(|line| !is_told(line)).collect();
        assert_eq!(others, plenty.stderr().lines().collect::<Vec<_>>());
    }
    assert!(outgrew == [1, 1] || outgrew == [0, 0], "{outgrew:?}");
    outgrew == [1, 1]
}

#[test]
fn of_the_example() {
    assert!(check(&root().join("examples/archive"), "48KiB"));
}

#[test]
fn of_real_records() {
    let Some(data) = real_data("memory::of_real_records") else {
        return;
    };
    let archives = std::fs::read_dir(data.join("archives")).unwrap();
    let outgrew = archives.map(|archive| check(&archive.unwrap().path(), "4KiB"));
    // Some hold next to nothing about keys.
    assert!(outgrew.filter(|outgrew| *outgrew).count() > 0);
}

/// Standard input can not be read again, so it goes to the temporary database from the beginning.
#[test]
fn standard_input_is_read_once() {
    let sandbox = Sandbox::new();
    let mut text = Vec::new();
    for path in files(&root().join("tests/fixtures/incident")) {
        text.extend(std::fs::read(path).unwrap());
    }
    let path = sandbox.write("all.json", &text);
    let file = sandbox.run(["replay", "--format", "jsonl", path.to_str().unwrap()]);
    let fed = sandbox.run_fed(["replay", "--format", "jsonl", "-"], &text);
    assert_eq!(
        crate::state::unrevised(&fed.stdout()),
        crate::state::unrevised(&file.stdout())
    );
    assert!(!fed.stdout().is_empty(), "{fed}");
}

#[test]
fn nothing_is_left_behind() {
    let sandbox = Sandbox::new();
    let folder = tempfile::tempdir().unwrap();
    let archive = root().join("examples/archive");
    let ran = sandbox.run_changed(
        [
            "replay",
            archive.to_str().unwrap(),
            "-q",
            "--memory",
            "256KiB",
        ],
        |command| {
            command.env("TMPDIR", folder.path());
        },
    );
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn what_is_no_size() {
    let sandbox = Sandbox::new();
    assert_snapshot!(sandbox.keytrail("replay incident --memory 64MB"));
}

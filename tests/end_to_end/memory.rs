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

/// A pipe that is named, as a shell names `<(zcat …)`, was read again as an empty file: every finding was gone.
#[cfg(unix)]
#[test]
fn a_pipe_is_read_once() {
    let sandbox = Sandbox::new();
    let mut text = Vec::new();
    for path in files(&root().join("tests/fixtures/incident")) {
        text.extend(std::fs::read(path).unwrap());
    }
    let path = sandbox.write("all.json", &text);
    let little = ["replay", "--format", "jsonl", "--memory", "4KiB"];
    let file = sandbox.run([&little[..], &[path.to_str().unwrap()]].concat());
    assert!(file.stderr().contains("outgrew"), "{file}");
    let piped = sandbox.run_fed([&little[..], &["/dev/stdin"]].concat(), &text);
    assert_eq!(
        crate::state::unrevised(&piped.stdout()),
        crate::state::unrevised(&file.stdout())
    );
    assert!(!piped.stdout().is_empty(), "{piped}");
    let explain = |place: &str| {
        let ran = sandbox.run_fed(["explain", "key-disabled", place], &text);
        assert_eq!(ran.code, Some(0), "{ran}");
        ran.stdout()
    };
    assert_eq!(explain("/dev/stdin"), explain(path.to_str().unwrap()));
    let sigma = sandbox.run_fed(["replay", "--sigma", "sigma", "/dev/stdin"], &text);
    assert_eq!(sigma.code, Some(2), "{sigma}");
}

/// Records of a day that was judged need a second reading. Scores are not kept in a database, so there is no other way.
#[test]
fn scores_of_what_would_be_read_again() {
    let sandbox = Sandbox::new();
    let record = |stamp: &str, time: &str, id: &str| {
        let text = format!(
            r#"{{"Records":[{{"eventVersion":"1.11","eventTime":"{time}","eventSource":"kms.amazonaws.com","eventName":"DisableKey","awsRegion":"eu-west-1","eventID":"{id}","recipientAccountId":"111122223333","requestParameters":{{"keyId":"arn:aws:kms:eu-west-1:111122223333:key/k"}},"userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/ana","accountId":"111122223333"}}}}]}}"#
        );
        let name = format!("logs/111122223333_CloudTrail_eu-west-1_{stamp}_{id}.json");
        sandbox.write(name, text)
    };
    let first = record("20240301T0010Z", "2024-03-01T00:05:00Z", "a");
    let input = std::fs::read(first).unwrap();
    let replay = |more: &str| {
        let words = format!("replay logs - --scores scores.jsonl {more}");
        sandbox.run_fed(words.split_whitespace(), &input)
    };
    assert_eq!(replay("").code, Some(0));
    record("20240310T0010Z", "2024-03-01T00:06:00Z", "late");
    let refused = replay("");
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(refused.stderr().contains("read a second time"), "{refused}");
    let words = "replay logs - --format json";
    let ran = sandbox.run_fed(words.split_whitespace(), &input);
    assert_eq!(ran.code, Some(0), "{ran}");
}

/// Digests have the log files that they name hashed, which is a second reading.
#[cfg(unix)]
#[test]
fn log_files_that_cannot_be_hashed() {
    let sandbox = Sandbox::new();
    let name = "111122223333_CloudTrail_eu-west-1_20240301T0010Z_a.json";
    let digest =
        "logs/111122223333_CloudTrail-Digest_eu-west-1_audit_eu-west-1_20240301T010000Z.json";
    sandbox.write(digest, "{}");
    std::os::unix::fs::symlink("/dev/null", sandbox.path().join(name)).unwrap();
    for words in [
        format!("replay logs {name}"),
        format!("replay logs {name} --state state.db"),
        format!("explain key-disabled logs {name}"),
    ] {
        let refused = sandbox.keytrail(&words);
        assert_eq!(refused.code, Some(2), "{refused}");
        assert!(refused.stderr().contains("to hash them"), "{refused}");
    }
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

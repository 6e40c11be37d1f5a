//! What the documents show is what the program writes.

use std::fs;
use std::process::Command;

use keytrail_tests::{program, root};

use crate::sandbox::Sandbox;

/// The first command of the README, with its output as the README shows it: lines left out are
/// marked by a line with an ellipsis.
#[test]
fn the_first_output_in_the_readme() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let (_, rest) = readme
        .split_once("<!-- output: keytrail replay examples/archive -->\n```text\n")
        .expect("the README marks the output of its first command");
    let (shown, _) = rest.split_once("\n```").unwrap();
    let archive = root().join("examples/archive");
    let ran = Sandbox::new().run(["replay".as_ref(), archive.as_os_str()]);
    let output = format!("{}{}", ran.stdout(), ran.stderr());
    for part in shown.split("\n…\n") {
        assert!(
            output.contains(part),
            "the README shows what is not written:\n{part}\n\n{output}"
        );
    }
}

/// The exit codes of the help stand in the README as well.
#[test]
fn the_exit_codes_in_the_readme() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let help = Sandbox::new().keytrail("--help").stdout();
    let (_, codes) = help.split_once("Exit codes:\n").unwrap();
    for line in codes.lines() {
        let (code, words) = line.trim().split_once("  ").unwrap();
        let row = format!("| {code} | {words} |");
        assert!(readme.contains(&row), "{row}");
    }
}

/// The configuration page shows the defaults as they are built in.
#[test]
fn the_defaults_in_the_configuration_page() {
    let page = fs::read_to_string(root().join("docs/configuration.md")).unwrap();
    let defaults = fs::read_to_string(root().join("crates/cli/src/default.toml")).unwrap();
    assert!(page.contains(defaults.trim_end()));
}

/// Every command of the user guide works as it stands there, but for folders and sizes.
#[cfg(unix)]
#[test]
fn the_commands_of_the_guide() {
    use std::os::unix::fs::symlink;
    let guide = fs::read_to_string(root().join("docs/guide.md")).unwrap();
    let sandbox = Sandbox::new();
    symlink(root().join("examples"), sandbox.path().join("examples")).unwrap();
    symlink(root().join("examples/archive"), sandbox.path().join("logs")).unwrap();
    let guide = guide
        .replace("\\\n", " ")
        .replace("--records 1000000", "--records 1000");
    let commands: Vec<&str> = guide
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with("keytrail "))
        .collect();
    assert!(commands.len() >= 12, "{commands:#?}");
    let programs = program().parent().unwrap().to_str().unwrap();
    for command in commands {
        let output = Command::new("sh")
            .args(["-c", command])
            .env_clear()
            .env("PATH", format!("{programs}:/usr/bin:/bin"))
            .current_dir(sandbox.path())
            .output()
            .unwrap();
        let expected = i32::from(command.contains("--fail-on"));
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(expected), "{command}\n{stderr}");
        let shows = !command.contains("--out") && !command.contains('>');
        assert!(
            !shows || !output.stdout.is_empty(),
            "{command} shows nothing"
        );
    }
}

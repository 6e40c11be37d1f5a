//! Tests and lints.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::aws_services::AwsServices;
use crate::python_tools::CFN_LINT;

/// Lines shown of what a command said before it failed.
const LINES_MAX: usize = 20;

/// All tests of the workspace.
pub fn test(rest: &[String]) -> Result<()> {
    if std::env::var_os("KEYTRAIL_REAL_DATA").is_none() {
        let note = "note: KEYTRAIL_REAL_DATA is not set, so tests over real records are skipped\n";
        let _ = std::io::Write::write_all(&mut std::io::stderr(), note.as_bytes());
    }
    let mut command = cargo();
    command.arg("test");
    // Beside packages that are named, it would mean all of them.
    let is_package = |word: &String| word.starts_with("-p") || word.starts_with("--package");
    if !rest.iter().any(is_package) {
        command.arg("--workspace");
    }
    command.args(rest);
    if rest.is_empty() {
        // Tests of whole commands need not build the program again, with the features of it alone.
        command.env("KEYTRAIL_PROGRAM_IS_BUILT", "1");
    }
    let services = with_tools(&mut command)?;
    let ran = run(command);
    // They end when the tests have, however that went.
    let ended = services.map_or(Ok(()), AwsServices::end);
    ran.and(ended)
}

/// Names the tools and services that some tests need. Where they cannot be had, those tests are
/// skipped by name; in continuous integration that is an error.
fn with_tools(command: &mut Command) -> Result<Option<AwsServices>> {
    let is_ci = std::env::var_os("CI").is_some();
    let or_note = |what: &str, error: anyhow::Error| {
        ensure!(!is_ci, "{error:#}");
        let note = format!("note: tests that need {what} are skipped: {error:#}\n");
        let _ = std::io::Write::write_all(&mut std::io::stderr(), note.as_bytes());
        Ok(())
    };
    match CFN_LINT.program("cfn-lint") {
        Ok(linter) => {
            command.env("KEYTRAIL_CFN_LINT", linter);
        }
        Err(error) => or_note("cfn-lint", error)?,
    }
    match AwsServices::start() {
        Ok(services) => {
            command.env("KEYTRAIL_AWS_ENDPOINT", services.endpoint());
            Ok(Some(services))
        }
        Err(error) => or_note("AWS services on this machine", error).map(|()| None),
    }
}

/// Formatting, and clippy with warnings denied.
pub fn lint() -> Result<()> {
    let mut format = cargo();
    format.args(["fmt", "--all", "--check"]);
    run(format)?;
    let mut clippy = cargo();
    clippy.args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "--deny",
        "warnings",
    ]);
    run(clippy)
}

/// The cargo that runs this task, without what it told this task of its package: build scripts that look at that would
/// build their crates, and all that use them, anew.
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let is_of_package = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        });
        if is_of_package {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Runs a command to its end.
pub fn run(mut command: Command) -> Result<()> {
    let status = command.status();
    let words = words(&command);
    let status = status.with_context(|| format!("could not start {words}"))?;
    ensure!(status.success(), "{words} ended with {status}");
    Ok(())
}

/// Runs a command to its end. Nobody sees what it says, unless it fails: then the error ends with the last of it.
pub fn run_unseen(mut command: Command) -> Result<()> {
    let output = command.stdout(Stdio::null()).output();
    let words = words(&command);
    let output = output.with_context(|| format!("could not start {words}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{words} ended with {}:\n{}",
        output.status,
        last_lines(&said)
    );
    Ok(())
}

/// A command as it is typed.
fn words(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

/// The end of what a command said: its error, and what led to it.
fn last_lines(said: &str) -> String {
    let lines: Vec<&str> = said.trim_end().lines().collect();
    let from = lines.len().saturating_sub(LINES_MAX);
    lines.get(from..).unwrap_or_default().join("\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_fails_unseen_says_why() {
        let mut failing = cargo();
        failing.args(["version", "--no-such-option"]);
        let error = run_unseen(failing).unwrap_err().to_string();
        assert!(
            error.contains("version --no-such-option ended with"),
            "{error}"
        );
        assert!(error.contains("unexpected argument"), "{error}");
        let mut fine = cargo();
        fine.arg("version");
        run_unseen(fine).unwrap();
    }

    #[test]
    fn of_much_that_was_said_the_end_is_shown() {
        let said: String = (1..=100).map(|line| format!("line {line}\n")).collect();
        let last = last_lines(&said);
        assert_eq!(last.lines().count(), LINES_MAX);
        assert!(last.starts_with("line 81\n") && last.ends_with("\nline 100"));
        assert_eq!(last_lines("error\n\n"), "error");
        assert_eq!(last_lines(""), "");
    }
}

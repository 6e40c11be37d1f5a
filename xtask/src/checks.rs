//! Tests and lints.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::aws_services::AwsServices;
use crate::python_tools::CFN_LINT;

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
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    let words = words.join(" ");
    let status = status.with_context(|| format!("could not start {words}"))?;
    ensure!(status.success(), "{words} ended with {status}");
    Ok(())
}

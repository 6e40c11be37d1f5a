//! Tests and lints.

use std::process::Command;

use anyhow::{Context, Result, ensure};

/// All tests of the workspace.
pub fn test(rest: &[String]) -> Result<()> {
    if std::env::var_os("KEYTRAIL_REAL_DATA").is_none() {
        let note = "note: KEYTRAIL_REAL_DATA is not set, so tests over real records are skipped\n";
        let _ = std::io::Write::write_all(&mut std::io::stderr(), note.as_bytes());
    }
    let mut command = cargo();
    command.args(["test", "--workspace"]).args(rest);
    run(command)
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

/// The cargo that runs this task.
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs a command to its end.
pub fn run(mut command: Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("could not start {command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}

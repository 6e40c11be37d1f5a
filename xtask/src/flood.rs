//! An archive that is made to fill memory, replayed: how much memory that takes, and whether anything is lost.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use keytrail_sim::flood::{self, FloodOptions};
use wait4::Wait4 as _;

use crate::checks::{cargo, run};

/// How large a flood, and how much memory it may take.
#[derive(Debug, Args)]
pub struct Flood {
    /// A new folder for the archive and what is found. It is not removed.
    folder: std::path::PathBuf,
    /// Distinct principals, keys, contexts, agents and networks.
    #[arg(long, default_value_t = 1_000_000)]
    names: u64,
    /// Calls in one cell.
    #[arg(long, default_value_t = 10_000_000)]
    cell_events: u64,
    /// Grants on one key.
    #[arg(long, default_value_t = 50_000)]
    grants: u64,
    /// How many of the grants demand no encryption context: each is a finding.
    #[arg(long, default_value_t = 50_000)]
    open_grants: u64,
    /// Bytes of one policy.
    #[arg(long, default_value_t = 32_768)]
    policy_bytes: usize,
    /// Keys that are disabled.
    #[arg(long, default_value_t = 100)]
    disabled_keys: u64,
    /// Threads to read with.
    #[arg(long, default_value_t = 2)]
    threads: u16,
    /// Fail when the process takes more memory than this, in MiB.
    #[arg(long, default_value_t = 256)]
    most: u64,
}

/// Writes the archive, replays it, and compares with what is to be found.
pub fn measure(flood: &Flood) -> Result<()> {
    let archive = flood.folder.join("archive");
    let is_new = !archive.exists();
    let options = FloodOptions {
        names: flood.names,
        cell_events: flood.cell_events,
        grants: flood.grants,
        open_grants: flood.open_grants,
        policy_bytes: flood.policy_bytes,
        disabled_keys: flood.disabled_keys,
        seed: 1,
        day: "2026-03-02".parse()?,
    };
    let made = flood::generate(&options, &mut |file| {
        if !is_new {
            return Ok(());
        }
        let path = archive.join(&file.path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, &file.bytes)
    })?;
    say(&format!("{} records\n", made.records));
    let mut build = cargo();
    build.args(["build", "--release", "--package", "keytrail-cli"]);
    run(build)?;
    let findings = flood.folder.join("findings.jsonl");
    let program = crate::root()?.join("target/release/keytrail");
    let ran = Command::new(program)
        .args(["replay", "--format", "jsonl", "--no-progress", "--threads"])
        .arg(flood.threads.to_string())
        .arg(&archive)
        .stdin(Stdio::null())
        .stdout(File::create(&findings)?)
        .spawn()
        .context("could not start keytrail")?
        .wait4()?;
    ensure!(ran.status.success(), "the replay failed: {}", ran.status);
    let mebibytes = ran.rusage.maxrss / (1 << 20);
    let time = ran.rusage.utime + ran.rusage.stime;
    say(&format!(
        "{mebibytes} MiB at most, {time:?} of the processor\n"
    ));
    check(&findings, "\"rule\":\"key-disabled\"", flood.disabled_keys)?;
    check(
        &findings,
        "\"rule\":\"policy-public\"",
        u64::from(flood.policy_bytes > 0),
    )?;
    // One finding of the key and the other account.
    let is_any = u64::from(made.foreign_grants > 0);
    check(&findings, "\"rule\":\"grant-external\"", is_any)?;
    // One finding of the key and each grantee.
    check(&findings, "\"rule\":\"grant-broad\"", made.open_grants)?;
    ensure!(
        mebibytes <= flood.most,
        "{mebibytes} MiB are more than {}",
        flood.most
    );
    Ok(())
}

/// Whether so many findings hold a text.
fn check(findings: &Path, text: &str, expected: u64) -> Result<()> {
    let all = fs::read_to_string(findings)?;
    let found = all.lines().filter(|line| line.contains(text)).count() as u64;
    ensure!(
        found == expected,
        "{found} findings hold {text}, where {expected} are to be made"
    );
    say(&format!("{found} of {expected} findings with {text}\n"));
    Ok(())
}

fn say(text: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes());
}

//! An archive that is made to fill memory, replayed by so many threads, with and without a state: how much memory that
//! takes, and whether anything is lost.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use keytrail_sim::flood::{self, FloodOptions, FloodSummary};
use wait4::Wait4 as _;

use crate::bench_floor::say;
use crate::checks::{cargo, run};

/// How large a flood, and how much memory it may take.
#[derive(Debug, Args)]
pub struct Flood {
    /// A new folder for the archive and what is found. It is not removed.
    folder: PathBuf,
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
    /// Threads to read with, one replay after the other.
    #[arg(long, value_delimiter = ',', default_value = "1,2")]
    threads: Vec<u16>,
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
    let program = crate::root()?.join("target/release/keytrail");
    let mut first: Option<Vec<u8>> = None;
    for threads in &flood.threads {
        for has_state in [false, true] {
            let findings = replay(&program, flood, *threads, has_state)?;
            let is_cut = fs::read_to_string(stats(flood))?.contains("\"day_principals_max\"");
            check(&String::from_utf8_lossy(&findings), flood, &made, is_cut)?;
            ensure!(
                first.as_ref().is_none_or(|first| *first == findings),
                "the findings are others than before"
            );
            first = Some(findings);
        }
    }
    Ok(())
}

/// Replays the archive, and says what that takes. Returns the findings.
fn replay(program: &Path, flood: &Flood, threads: u16, has_state: bool) -> Result<Vec<u8>> {
    let findings = flood.folder.join("findings.jsonl");
    let state = flood.folder.join("state.db");
    let mut replay = Command::new(program);
    replay
        .args(["replay", "--format", "jsonl", "--no-progress", "--threads"])
        .arg(threads.to_string())
        .arg(flood.folder.join("archive"))
        .arg("--stats")
        .arg(stats(flood));
    if has_state {
        remove_state(&state)?;
        replay.arg("--state").arg(&state);
    }
    let ran = replay
        .stdin(Stdio::null())
        .stdout(File::create(&findings)?)
        .spawn()
        .context("could not start keytrail")?
        .wait4()?;
    remove_state(&state)?;
    ensure!(ran.status.success(), "the replay failed: {}", ran.status);
    let mebibytes = ran.rusage.maxrss / (1 << 20);
    let time = ran.rusage.utime + ran.rusage.stime;
    let kept = if has_state { " --state" } else { "" };
    say(&format!(
        "--threads {threads}{kept}: {mebibytes} MiB at most, {time:.1?} of the processor\n"
    ));
    ensure!(
        mebibytes <= flood.most,
        "{mebibytes} MiB are more than {}",
        flood.most
    );
    Ok(fs::read(findings)?)
}

/// The file that says which bounds were hit.
fn stats(flood: &Flood) -> PathBuf {
    flood.folder.join("stats.json")
}

fn remove_state(state: &Path) -> Result<()> {
    for behind in ["", "-wal", "-shm"] {
        let mut path = state.as_os_str().to_owned();
        path.push(behind);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

/// Whether nothing is lost that one record shows, and of a day that was cut all other findings say so.
fn check(findings: &str, flood: &Flood, made: &FloodSummary, is_cut: bool) -> Result<()> {
    let expected = [
        ("key-disabled", flood.disabled_keys),
        ("policy-public", u64::from(flood.policy_bytes > 0)),
        // One finding of the key and the other account.
        ("grant-external", u64::from(made.foreign_grants > 0)),
        // One finding of the key and each grantee.
        ("grant-broad", made.open_grants),
    ];
    for (rule, expected) in expected {
        let text = format!("\"rule\":\"{rule}\"");
        let found = findings.lines().filter(|line| line.contains(&text)).count() as u64;
        ensure!(
            found == expected,
            "{found} findings of {rule}, where {expected} are to be made"
        );
    }
    let mut others = 0;
    for line in findings.lines() {
        let is_single = |(rule, _): &(&str, u64)| line.contains(&format!("\"rule\":\"{rule}\""));
        if expected.iter().any(is_single) {
            continue;
        }
        others += 1;
        ensure!(
            !is_cut || line.contains("\"feature\":\"bound\""),
            "a finding does not name the bound: {line}"
        );
    }
    say(&format!(
        "  {} findings, {others} of them rest on more than one record\n",
        findings.lines().count()
    ));
    Ok(())
}

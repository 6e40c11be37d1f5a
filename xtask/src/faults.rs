//! Seeded worlds, and the deliberate bugs that they must show.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail, ensure};

use crate::checks::{cargo, run};
use crate::root;

/// Worlds in which a deliberate bug must show.
const WORLDS: u64 = 200;

/// Runs worlds: the one of this seed, or so many from a seed that the clock gives.
pub fn simulate(seeds: u64, seed: Option<u64>) -> Result<()> {
    let (first, count) = match seed {
        Some(seed) => (seed, 1),
        None => (fresh_seed()?, seeds),
    };
    let mut command = worlds(&root()?, "--release", first, count);
    command.arg("all");
    run(command)
}

fn fresh_seed() -> Result<u64> {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(since_1970.as_secs() * 1_000)
}

fn worlds(workspace: &Path, profile: &str, first: u64, count: u64) -> Command {
    let mut command = cargo();
    command
        .current_dir(workspace)
        .args(["run", "--quiet", profile, "--package", "keytrail-tests"])
        .args(["--bin", "simulate-faults", "--"])
        .args([first.to_string(), count.to_string()]);
    command
}

/// Applies each patch of `tests/faults`, or those of these names, to a copy of what is committed, and runs worlds until
/// one fails.
pub fn prove(names: &[String]) -> Result<()> {
    let root = root()?;
    let copy = root.join("target/faults");
    if copy.exists() {
        std::fs::remove_dir_all(&copy)?;
    }
    let mut clone = Command::new("git");
    clone.arg("clone").arg("--quiet").arg(&root).arg(&copy);
    run(clone)?;
    let mut patches: Vec<PathBuf> = std::fs::read_dir(root.join("tests/faults"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    patches.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "patch")
    });
    if !names.is_empty() {
        let is_named = |path: &PathBuf| {
            names
                .iter()
                .any(|name| path.file_stem() == Some(name.as_ref()))
        };
        patches.retain(is_named);
        ensure!(
            patches.len() == names.len(),
            "not all of {} are patches in tests/faults",
            names.join(", ")
        );
    }
    patches.sort();
    ensure!(!patches.is_empty(), "there are no patches in tests/faults");
    let mut missed = Vec::new();
    for patch in &patches {
        let name = patch
            .file_stem()
            .context("a patch has a name")?
            .to_string_lossy();
        git(&copy, &["checkout", "--quiet", "--force", "."])?;
        let patch = patch.to_str().context("a path that is no text")?;
        git(&copy, &["apply", patch])?;
        // Without optimisation: building takes longer than the worlds do.
        let output = worlds(&copy, "--profile=dev", 1, WORLDS)
            .arg("first")
            .env("CARGO_TARGET_DIR", root.join("target/faults-build"))
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(
            text.contains("worlds from seed"),
            "{name} does not build: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        match text.lines().find(|line| line.starts_with("seed ")) {
            Some(shown) => say(&format!("{name}: {}\n", cut(shown)))?,
            None => missed.push(name.into_owned()),
        }
    }
    if !missed.is_empty() {
        bail!("no world of {WORLDS} shows {}", missed.join(", "));
    }
    say(&format!(
        "all {} deliberate bugs are shown\n",
        patches.len()
    ))
}

fn git(folder: &Path, arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("git");
    command.current_dir(folder).args(arguments);
    run(command)
}

/// As much of a line as tells what happened.
fn cut(line: &str) -> String {
    line.chars().take(160).collect()
}

fn say(text: &str) -> Result<()> {
    std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())?;
    Ok(())
}

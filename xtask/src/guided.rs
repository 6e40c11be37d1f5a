//! The program laid out by what runs of it did: profile-guided optimisation, as the rustc book describes it.
//!
//! It is built once to count which ways its runs take, runs over archives that are simulated for it, and is built again
//! with those counts. The archives are not those that its speed is measured on.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::bench_floor::say;
use crate::checks::{cargo, run, run_unseen};
use crate::temporary_folder::TemporaryFolder;

/// The archives that it learns from, each by the words of its `keytrail simulate`: KMS records only, among others, among
/// S3 data events, and many days.
const ARCHIVES: [&[&str]; 4] = [
    &[
        "--seed",
        "101",
        "--records",
        "100000",
        "--kms-fraction",
        "1",
    ],
    &["--seed", "102", "--records", "200000"],
    &[
        "--seed",
        "103",
        "--records",
        "150000",
        "--s3-data-fraction",
        "0.7",
    ],
    &["--seed", "104", "--organisation", "--days", "12"],
];

/// Builds the program and what measures it, and says where they are.
pub fn build() -> Result<()> {
    let merger = merger()?;
    let built = crate::root()?.join("target/guided");
    let host = host()?;
    let programs = built.join(&host).join("release");
    let folder = TemporaryFolder::new_in(&built.join("runs"))?;
    let counts = folder.path().join("counts");
    compile(&built, &host, "-Cprofile-generate=", &counts)?;
    for (number, words) in ARCHIVES.iter().enumerate() {
        let archive = folder.path().join(number.to_string());
        let keytrail = |words: &[&str]| {
            let mut keytrail = Command::new(programs.join("keytrail"));
            keytrail.args(words);
            keytrail
        };
        let mut simulate = keytrail(&["simulate"]);
        simulate.args(*words).arg("--out").arg(&archive);
        // Its own ways are not those that are wanted.
        simulate.env("LLVM_PROFILE_FILE", folder.path().join("not-wanted"));
        run_unseen(simulate)?;
        let mut replay = keytrail(&["replay", "--threads", "1"]);
        replay.arg(&archive);
        run_unseen(replay)?;
        let mut count = keytrail(&["events", "--count", "--threads", "1"]);
        count.arg(&archive);
        run_unseen(count)?;
        let mut reading = Command::new(programs.join("reading"));
        reading.arg(&archive).arg("1");
        run_unseen(reading)?;
    }
    let merged = folder.path().join("merged");
    let mut merge = Command::new(merger);
    merge.args(["merge", "--sparse", "--output"]);
    merge.arg(&merged).arg(&counts);
    run(merge)?;
    compile(&built, &host, "-Cprofile-use=", &merged)?;
    say(&format!("{}\n", programs.join("keytrail").display()));
    Ok(())
}

/// Compiles the programs with one flag more for rustc, which ends in a path. Build scripts and macros are compiled without:
/// the target is named.
fn compile(built: &Path, host: &str, flag: &str, path: &Path) -> Result<()> {
    let path = path.to_str().context("the path is no text")?;
    let mut build = cargo();
    build.args(["build", "--release", "--package", "keytrail-cli"]);
    build.args(["--package", "keytrail-benches", "--bins"]);
    build.args(["--target", host, "--target-dir"]).arg(built);
    build.env("CARGO_ENCODED_RUSTFLAGS", format!("{flag}{path}"));
    run(build)
}

/// The name of this machine's target.
fn host() -> Result<String> {
    let told = told(&["-vV"])?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc names no host")?.to_owned())
}

/// The program that merges counts, which comes with a component of the toolchain: it must be of the compiler's version.
fn merger() -> Result<PathBuf> {
    let libraries = PathBuf::from(told(&["--print", "target-libdir"])?.trim());
    let merger = libraries.with_file_name("bin").join("llvm-profdata");
    ensure!(
        merger.is_file(),
        "{} is not there; install it with `rustup component add llvm-tools`",
        merger.display()
    );
    Ok(merger)
}

/// What rustc answers.
fn told(words: &[&str]) -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).args(words).output();
    let output = output.context("could not start rustc")?;
    ensure!(
        output.status.success(),
        "rustc ended with {}",
        output.status
    );
    Ok(String::from_utf8(output.stdout)?)
}

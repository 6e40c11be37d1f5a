//! The bundled example: a small simulated archive, the same texts from the same seed.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::checks::{cargo, run};

/// Where the archive stands, from the root of the workspace.
const ARCHIVE: &str = "examples/archive";
/// What in it is an attack. It stands beside the archive, since everything in that is read as records.
const LABELS: &str = "examples/labels.jsonl";

/// Writes the example anew.
pub fn write() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("xtask stands in the workspace")?;
    let archive = root.join(ARCHIVE);
    if archive.exists() {
        fs::remove_dir_all(&archive).with_context(|| format!("could not remove {ARCHIVE}"))?;
    }
    let mut command = cargo();
    command
        .current_dir(root)
        .args(["run", "--release", "--package", "keytrail-cli", "--"])
        .args(["simulate", "--out", ARCHIVE]);
    run(command)?;
    fs::rename(archive.join("labels.jsonl"), root.join(LABELS))
        .with_context(|| format!("could not move the labels to {LABELS}"))
}

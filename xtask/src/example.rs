//! The bundled example: a small simulated archive, the same bytes from the same seed.

use std::path::Path;

use anyhow::{Context, Result};

use crate::checks::{cargo, run};

/// Where the example stands, from the root of the workspace.
const FOLDER: &str = "examples/archive";

/// Writes the example anew.
pub fn write() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("xtask stands in the workspace")?;
    let folder = root.join(FOLDER);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("could not remove {FOLDER}"))?;
    }
    let mut command = cargo();
    command
        .current_dir(root)
        .args([
            "run",
            "--release",
            "--package",
            "keytrail-cli",
            "--",
            "simulate",
            "--out",
        ])
        .arg(folder);
    run(command)
}

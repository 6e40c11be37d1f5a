//! Where the end-to-end tests find things.

mod program;
mod replayed;
pub mod world;

use std::path::{Path, PathBuf};

pub use program::program;
pub use replayed::{files_below, finding_lines};

/// The root of the workspace.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// The folder of real records that `KEYTRAIL_REAL_DATA` names; `None`, with a word about it, when it is not set.
///
/// # Panics
/// When the variable names a folder that does not exist: a test that was asked for must not be skipped.
#[must_use]
pub fn real_data(test: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("KEYTRAIL_REAL_DATA").map(PathBuf::from) else {
        let note =
            format!("skipped: {test} needs real records, and KEYTRAIL_REAL_DATA is not set\n");
        let _ = std::io::Write::write_all(&mut std::io::stderr(), note.as_bytes());
        return None;
    };
    assert!(
        folder.is_dir(),
        "KEYTRAIL_REAL_DATA names {}, which is no folder",
        folder.display()
    );
    Some(folder)
}

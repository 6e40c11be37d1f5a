//! Folders that simulated archives are written into.

use std::path::Path;

use keytrail_report::escape;
use keytrail_sim::SimulatedFile;

use crate::failure::UsageError;

/// Checks that the folder is empty or not there: an archive among other files would be replayed with them.
///
/// # Errors
/// When it is not.
pub fn check(folder: &Path) -> anyhow::Result<()> {
    let is_empty = match std::fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => {
            return Err(UsageError::new(format_args!(
                "cannot write into `{}`: {error}",
                escape::path(folder)
            ))
            .into());
        }
    };
    if !is_empty {
        return Err(UsageError::new(format_args!(
            "the folder `{}` is not empty",
            escape::path(folder)
        ))
        .hint("name a new folder, so that the archive holds nothing else")
        .into());
    }
    Ok(())
}

/// Writes a file into the folder.
///
/// # Errors
/// When that fails.
pub fn write(folder: &Path, file: &SimulatedFile) -> std::io::Result<()> {
    let path = folder.join(&file.path);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(path, &file.bytes)
}

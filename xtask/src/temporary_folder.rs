//! A folder for the temporary files of a program that does not tidy up after itself.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Held for as long as the folder is in use; whoever can have it may remove the folder.
const LOCK: &str = "lock";

/// A folder of its own, which is removed with this value. Where nobody was left to remove it, the next one of the same
/// parent does.
#[derive(Debug)]
pub struct TemporaryFolder {
    path: PathBuf,
    _lock: File,
}

impl TemporaryFolder {
    /// A new folder in this one, in which nothing else must stand.
    pub fn new_in(parent: &Path) -> Result<Self> {
        let make = || -> std::io::Result<Self> {
            fs::create_dir_all(parent)?;
            // One at a time: a folder without its lock yet would look forgotten.
            let turn = File::create(parent.join(LOCK))?;
            turn.lock()?;
            remove_forgotten(parent)?;
            let path = (0_u64..)
                .map(|number| parent.join(number.to_string()))
                .find(|path| !path.exists())
                .unwrap_or_else(|| parent.join("last"));
            fs::create_dir(&path)?;
            let lock = File::create(path.join(LOCK))?;
            lock.lock()?;
            Ok(Self { path, _lock: lock })
        };
        make().with_context(|| format!("could not make a folder in {}", parent.display()))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // What stays is removed next time.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Removes the folders whose lock nobody holds: whoever made them was stopped from doing so.
fn remove_forgotten(parent: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            continue;
        }
        let lock = File::open(entry.path().join(LOCK));
        let is_in_use = match lock.map(|lock| lock.try_lock()) {
            Ok(Ok(())) => false,
            Ok(Err(TryLockError::WouldBlock)) => true,
            Ok(Err(TryLockError::Error(error))) => return Err(error),
            // Whoever removed it was stopped behind its lock.
            Err(_) => false,
        };
        if !is_in_use {
            // Its user may be at it at the same time.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn folders(parent: &Path) -> usize {
        let entries = fs::read_dir(parent).unwrap();
        entries
            .filter(|entry| entry.as_ref().unwrap().path().is_dir())
            .count()
    }

    #[test]
    fn it_goes_with_all_that_is_in_it() {
        let parent = tempfile::tempdir().unwrap();
        let folder = TemporaryFolder::new_in(parent.path()).unwrap();
        fs::create_dir(folder.path().join("code")).unwrap();
        fs::write(folder.path().join("code/bootstrap"), "elf").unwrap();
        assert_eq!(folders(parent.path()), 1);
        drop(folder);
        assert_eq!(folders(parent.path()), 0);
    }

    #[test]
    fn two_at_a_time_are_two() {
        let parent = tempfile::tempdir().unwrap();
        let first = TemporaryFolder::new_in(parent.path()).unwrap();
        let second = TemporaryFolder::new_in(parent.path()).unwrap();
        assert_ne!(first.path(), second.path());
        drop(second);
        assert!(first.path().exists());
    }

    /// Tests stopped with Ctrl-C left 200 MB behind each time.
    #[test]
    fn what_somebody_left_behind_is_removed_by_the_next() {
        let parent = tempfile::tempdir().unwrap();
        let mut stopped = TemporaryFolder::new_in(parent.path()).unwrap();
        fs::write(stopped.path().join("bootstrap"), "elf").unwrap();
        let path = std::mem::take(&mut stopped.path);
        drop(stopped);
        assert!(path.exists(), "nobody has removed it");
        let next = TemporaryFolder::new_in(parent.path()).unwrap();
        assert_eq!(folders(parent.path()), 1);
        assert!(!next.path().join("bootstrap").exists());
    }
}

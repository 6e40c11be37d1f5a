//! The state file that a user names, and what can be wrong with it.

use std::path::Path;

use keytrail_store::executor::ExecuteError;
use keytrail_store::{PAGE_BYTES, SqliteOptions, SqliteStore, StoreError};

use crate::failure::UsageError;
use keytrail_report::escape;

/// Opens a state file.
///
/// # Errors
/// When it is not there, is something else, or is in use.
pub fn open(path: &Path) -> anyhow::Result<SqliteStore> {
    open_existing(path).map_err(|error| not_opened(error, path.exists()))
}

/// Opens a state file to read it, also where nobody may write.
///
/// # Errors
/// When it is not there, is something else, or is in use.
pub fn open_to_read(path: &Path) -> anyhow::Result<SqliteStore> {
    let opened = open_existing(path).or_else(|error| match error {
        // What another process writes fails otherwise, and is left to it. What cannot be read either is told as it was
        // first.
        StoreError::Failed { .. } if path.is_file() => {
            SqliteStore::open_to_read(path).map_err(|_| error)
        }
        error => Err(error),
    });
    opened.map_err(|error| not_opened(error, path.exists()))
}

fn open_existing(path: &Path) -> Result<SqliteStore, StoreError> {
    // An empty file is a new database to SQLite, which would fill it.
    if std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() == 0) {
        let place = path.display().to_string();
        return Err(StoreError::NotOurs { place });
    }
    let options = SqliteOptions {
        create: false,
        ..SqliteOptions::default()
    };
    SqliteStore::open(path, &options)
}

/// Opens a state file, or makes it, to grow up to so many bytes where there is a limit.
///
/// # Errors
/// When it is something else, is in use, or can not be made.
pub fn open_or_make(path: &Path, bytes_max: Option<u64>) -> anyhow::Result<SqliteStore> {
    // A file of no pages holds nothing; SQLite takes 0 for no limit.
    let pages = |bytes: u64| u32::try_from(bytes / u64::from(PAGE_BYTES)).unwrap_or(u32::MAX);
    let options = SqliteOptions {
        pages_max: bytes_max.map(|bytes| pages(bytes).max(1)),
        ..SqliteOptions::default()
    };
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let is_named_well = folder.is_none_or(Path::is_dir) && !path.is_dir();
    SqliteStore::open(path, &options).map_err(|error| not_opened(error, is_named_well))
}

/// What is wrong with a file that did not open: its name, where that names nothing.
fn not_opened(error: StoreError, is_named_well: bool) -> anyhow::Error {
    match error {
        StoreError::Failed { .. } if !is_named_well => {
            UsageError::new(escape::terminal(&error.to_string())).into()
        }
        error => in_state(error),
    }
}

/// What is wrong with a state, as an error of the user's.
pub fn in_state(error: impl Into<ExecuteError>) -> anyhow::Error {
    let error = error.into();
    let text = error.to_string();
    let told = UsageError::new(escape::terminal(&text));
    let told = match error {
        ExecuteError::Store(StoreError::Full { .. }) => {
            let hint = "make room, or raise --state-limit where one was given, then run the same command again: it goes on from what stands";
            told.hint(hint).not_finished()
        }
        ExecuteError::Store(StoreError::Failed { .. }) => told.not_finished(),
        ExecuteError::Store(StoreError::Conflict { .. }) => {
            let told = "the keytrail state is in use by another process";
            let hint = "wait until that ends, then run the same command again: it goes on from what stands";
            UsageError::new(told).hint(hint).not_finished()
        }
        ExecuteError::Store(error) if error.is_worth_a_retry() => told.not_finished(),
        _ => told,
    };
    told.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit_code::Exit;
    use crate::failure::exit_of;

    /// It was read as if nobody changed it, so half of a commit could be told for what the state holds.
    #[test]
    fn a_state_that_another_process_holds_is_not_read_past_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        drop(open_or_make(&path, None).unwrap());
        let other = rusqlite::Connection::open(&path).unwrap();
        other
            .pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(()))
            .unwrap();
        other.execute_batch("BEGIN EXCLUSIVE").unwrap();
        let error = open_to_read(&path).map(|_| ()).unwrap_err();
        assert!(
            error.to_string().contains("in use by another process"),
            "{error}"
        );
        other.execute_batch("ROLLBACK").unwrap();
        drop(open_to_read(&path).unwrap());
    }

    #[test]
    fn what_may_work_later_is_not_the_commands_fault() {
        let place = || "state.db".to_owned();
        let failed = || StoreError::Failed {
            place: place(),
            detail: "unable to open database file".to_owned(),
        };
        for (error, expected) in [
            (
                in_state(StoreError::Full { place: place() }),
                Exit::Internal,
            ),
            (
                in_state(StoreError::InUse { place: place() }),
                Exit::Internal,
            ),
            (
                in_state(StoreError::NotOurs { place: place() }),
                Exit::Usage,
            ),
            (not_opened(failed(), true), Exit::Internal),
            (not_opened(failed(), false), Exit::Usage),
        ] {
            assert_eq!(exit_of(&error), expected, "{error}");
        }
    }
}

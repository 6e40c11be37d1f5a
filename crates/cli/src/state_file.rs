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
    let options = SqliteOptions {
        create: false,
        ..SqliteOptions::default()
    };
    SqliteStore::open(path, &options).map_err(in_state)
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
    SqliteStore::open(path, &options).map_err(in_state)
}

/// What is wrong with a state, as an error of the user's.
pub fn in_state(error: impl Into<ExecuteError>) -> anyhow::Error {
    let error = error.into();
    let is_full = matches!(error, ExecuteError::Store(StoreError::Full { .. }));
    let text = error.to_string();
    let error = UsageError::new(escape::terminal(&text));
    if is_full {
        let hint = "make room, then run the same command again: it goes on from what stands";
        return error.hint(hint).into();
    }
    error.into()
}

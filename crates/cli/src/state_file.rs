//! The state file that a user names, and what can be wrong with it.

use std::fmt;
use std::path::Path;

use keytrail_store::{SqliteOptions, SqliteStore};

use crate::failure::UsageError;
use keytrail_report::escape;

/// Opens a state file; makes it where `create` says so.
///
/// # Errors
/// When it is not there, is something else, or is in use.
pub fn open(path: &Path, create: bool) -> anyhow::Result<SqliteStore> {
    let options = SqliteOptions {
        create,
        ..SqliteOptions::default()
    };
    SqliteStore::open(path, &options).map_err(in_state)
}

/// What is wrong with a state, as an error of the user's.
pub fn in_state(error: impl fmt::Display) -> anyhow::Error {
    let text = error.to_string();
    UsageError::new(escape::terminal(&text)).into()
}

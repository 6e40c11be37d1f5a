//! From what SQLite says to what the caller can do about it.

use rusqlite::ErrorCode;

use crate::StoreError;

/// Why a call inside the file failed: SQLite's reason, or ours.
#[derive(Debug)]
pub(crate) enum Failure {
    Sqlite(rusqlite::Error),
    Store(StoreError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Failure {
    /// The same with the file it is about.
    pub fn of(self, place: &str) -> StoreError {
        let place = place.to_owned();
        let error = match self {
            Self::Store(error) => return error,
            Self::Sqlite(error) => error,
        };
        let detail = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                StoreError::InUse { place }
            }
            Some(ErrorCode::DiskFull) => StoreError::Full { place },
            Some(ErrorCode::NotADatabase) => StoreError::NotOurs { place },
            Some(ErrorCode::DatabaseCorrupt) => StoreError::Damaged {
                what: format!("keytrail state {place}"),
                detail,
            },
            _ => StoreError::Failed { place, detail },
        }
    }
}

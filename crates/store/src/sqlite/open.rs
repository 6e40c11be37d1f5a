//! Opening a state file: ours, of a format we know, or new. Others are left as they are.

use std::path::Path;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::failure::Failure;
use crate::StoreError;

/// Says that a file is a keytrail state: `KTRL` in ASCII.
const APPLICATION_ID: i64 = 0x4b54_524c;
/// The format that this version reads and writes.
const FORMAT: i64 = 2;
/// The format before, which lacked what people were told of a finding.
const FORMAT_WITHOUT_TOLD: i64 = 1;
const SCHEMA: &str = include_str!("schema.sql");
/// Statements kept prepared: all that there are.
const STATEMENTS_MAX: usize = 64;

/// How a state file is opened.
#[derive(Debug, Clone, Copy)]
pub struct SqliteOptions {
    /// Whether a file that does not exist is made.
    pub create: bool,
    /// How long a write waits for another process, in whole milliseconds.
    pub wait: Duration,
    /// Largest size of the file in pages of [`PAGE_BYTES`]; `None` is SQLite's own bound.
    pub pages_max: Option<u32>,
    /// What a commit that returned outlives.
    pub durability: Durability,
}

/// What a commit that returned outlives. The file is sound after either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The end of the process. A power failure can take the last commits with it: right for what
    /// can be made again.
    Process,
    /// A power failure: each commit waits for the disk.
    Power,
}

impl Default for SqliteOptions {
    /// Makes the file, waits for five seconds, no bound of its own, commits outlive a power failure.
    fn default() -> Self {
        Self {
            create: true,
            wait: Duration::from_secs(5),
            pages_max: None,
            durability: Durability::Power,
        }
    }
}

/// Size of a page of a new file, in bytes. Values are a few hundred KiB, so larger pages than
/// SQLite's 4,096 make fewer links.
pub const PAGE_BYTES: u32 = 8_192;

pub(super) fn open(path: &Path, options: &SqliteOptions) -> Result<Connection, StoreError> {
    let place = path.display().to_string();
    if !options.create && !path.exists() {
        return Err(StoreError::Unknown {
            what: format!("keytrail state {place}"),
        });
    }
    try_open(path, options, &place).map_err(|failure| failure.of(&place))
}

/// What may stand in the path of a URI as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'.')
    .remove(b'-')
    .remove(b'_');

pub(super) fn open_to_read(path: &Path) -> Result<Connection, StoreError> {
    let place = path.display().to_string();
    try_open_to_read(path, &place).map_err(|failure| failure.of(&place))
}

fn try_open_to_read(path: &Path, place: &str) -> Result<Connection, Failure> {
    let encoded = percent_encode(path.as_os_str().as_encoded_bytes(), PLAIN);
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    // SQLite wants to write beside a file that has a log, but for one that it is told nobody changes.
    let has_log = std::fs::metadata(log).is_ok_and(|log| log.len() > 0);
    let promise = if has_log { "" } else { "?immutable=1" };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(format!("file:{encoded}{promise}"), flags)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    distrust(&connection)?;
    let failed = |detail: &str| {
        Failure::Store(StoreError::Failed {
            place: place.to_owned(),
            detail: detail.to_owned(),
        })
    };
    if is_new(&connection, place)? {
        return Err(failed("there is nothing in it"));
    }
    if format(&connection)? != FORMAT {
        return Err(failed(
            "its format is an earlier one, which is brought to this one only where it can be written",
        ));
    }
    connection.pragma_update(None, "temp_store", "memory")?;
    Ok(connection)
}

/// A file can come from anybody: its schema may call nothing but SQL's own functions.
fn distrust(connection: &Connection) -> Result<(), Failure> {
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(())
}

fn format(connection: &Connection) -> Result<i64, Failure> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// A temporary database: it has no name, so nobody else writes it and no log has to outlive anything.
pub(super) fn temporary(place: &str) -> Result<Connection, StoreError> {
    let open = || {
        let mut connection = Connection::open("")?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        connection.pragma_update(None, "page_size", PAGE_BYTES)?;
        create(&mut connection, place)?;
        Ok(connection)
    };
    open().map_err(|failure: Failure| failure.of(place))
}

fn try_open(path: &Path, options: &SqliteOptions, place: &str) -> Result<Connection, Failure> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    flags.set(OpenFlags::SQLITE_OPEN_CREATE, options.create);
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(options.wait)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    distrust(&connection)?;
    let synchronous = match options.durability {
        Durability::Process => "normal",
        Durability::Power => "full",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    if is_new(&connection, place)? {
        connection.pragma_update(None, "page_size", PAGE_BYTES)?;
        let journal: String =
            connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
        if journal != "wal" {
            return Err(Failure::Store(StoreError::Failed {
                place: place.to_owned(),
                detail: "its file system allows no write-ahead log".to_owned(),
            }));
        }
        create(&mut connection, place)?;
    }
    upgrade(&mut connection)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    // The log of a large commit is cut back to this many bytes afterwards.
    connection.pragma_update_and_check(None, "journal_size_limit", 64 << 20, |_| Ok(()))?;
    if let Some(pages_max) = options.pages_max {
        connection.pragma_update_and_check(None, "max_page_count", pages_max, |_| Ok(()))?;
    }
    Ok(connection)
}

/// Whether there is nothing in the file yet; an error if it is not ours or of a later format.
fn is_new(connection: &Connection, place: &str) -> Result<bool, Failure> {
    let number =
        |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let (application_id, format) = (number("application_id")?, number("user_version")?);
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let place = place.to_owned();
    match (application_id, format, tables) {
        (0, 0, 0) => Ok(true),
        (APPLICATION_ID, FORMAT_WITHOUT_TOLD | FORMAT, _) => Ok(false),
        (APPLICATION_ID, found, _) if found > FORMAT => Err(Failure::Store(StoreError::TooNew {
            place,
            found,
            known: FORMAT,
        })),
        _ => Err(Failure::Store(StoreError::NotOurs { place })),
    }
}

/// Brings a file of the format before to this one, unless another process did so in between.
fn upgrade(connection: &mut Connection) -> Result<(), Failure> {
    if format(connection)? == FORMAT {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if format(&transaction)? == FORMAT_WITHOUT_TOLD {
        transaction.execute_batch("ALTER TABLE finding ADD COLUMN told TEXT")?;
        transaction.pragma_update(None, "user_version", FORMAT)?;
    }
    transaction.commit()?;
    Ok(())
}

/// Makes the tables, unless another process did so in between.
fn create(connection: &mut Connection, place: &str) -> Result<(), Failure> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if is_new(&transaction, place)? {
        transaction.execute_batch(SCHEMA)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", FORMAT)?;
    }
    transaction.commit()?;
    Ok(())
}

//! Accounts, quarantine and documents in the file.

use keytrail_event::EventTime;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Outcome;
use crate::Quarantined;
use crate::bounds::page_entries;
use crate::commit::check_document;

pub(super) fn accounts(connection: &Connection) -> Outcome<Vec<String>> {
    let mut statement = connection.prepare_cached(
        "SELECT account FROM tally UNION SELECT account FROM pointer
         UNION SELECT account FROM finding UNION SELECT account FROM document ORDER BY 1",
    )?;
    let accounts = statement.query_map([], |row| row.get(0))?;
    Ok(accounts.collect::<Result<_, _>>()?)
}

pub(super) fn quarantine(connection: &Connection, record: &Quarantined) -> Outcome<()> {
    record.check()?;
    connection
        .prepare_cached("INSERT OR REPLACE INTO quarantine VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![
            record.name,
            record.account,
            record.reason,
            record.tries,
            record.first_at.unix_seconds(),
            record.last_at.unix_seconds()
        ])?;
    Ok(())
}

pub(super) fn read_quarantine(connection: &Connection, name: &str) -> Outcome<Option<Quarantined>> {
    let mut statement = connection.prepare_cached("SELECT * FROM quarantine WHERE name = ?1")?;
    Ok(statement.query_row([name], quarantined).optional()?)
}

pub(super) fn list_quarantine(
    connection: &Connection,
    after: Option<&str>,
    limit: usize,
) -> Outcome<Vec<Quarantined>> {
    let mut statement = connection.prepare_cached(
        "SELECT * FROM quarantine WHERE ?1 IS NULL OR name > ?1 ORDER BY name LIMIT ?2",
    )?;
    let records = statement.query_map(params![after, page_entries(limit)], quarantined)?;
    Ok(records.collect::<Result<_, _>>()?)
}

fn quarantined(row: &Row<'_>) -> rusqlite::Result<Quarantined> {
    Ok(Quarantined {
        name: row.get(0)?,
        account: row.get(1)?,
        reason: row.get(2)?,
        tries: row.get(3)?,
        first_at: EventTime::from_unix_seconds(row.get(4)?),
        last_at: EventTime::from_unix_seconds(row.get(5)?),
    })
}

pub(super) fn release(connection: &Connection, name: &str) -> Outcome<()> {
    connection
        .prepare_cached("DELETE FROM quarantine WHERE name = ?1")?
        .execute([name])?;
    Ok(())
}

pub(super) fn read_document(
    connection: &Connection,
    account: &str,
    name: &str,
) -> Outcome<Option<Vec<u8>>> {
    let mut statement =
        connection.prepare_cached("SELECT value FROM document WHERE account = ?1 AND name = ?2")?;
    let value = statement.query_row([account, name], |row| row.get(0));
    Ok(value.optional()?)
}

pub(super) fn write_document(
    connection: &Connection,
    account: &str,
    name: &str,
    bytes: &[u8],
) -> Outcome<()> {
    check_document(account, name, bytes)?;
    connection
        .prepare_cached("INSERT OR REPLACE INTO document VALUES (?1, ?2, ?3)")?
        .execute(params![account, name, bytes])?;
    Ok(())
}

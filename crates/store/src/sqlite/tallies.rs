//! Tallies in the file.

use keytrail_event::Day;
use rusqlite::{Connection, OptionalExtension, params};

use super::Outcome;
use crate::bounds::{VALUE_BYTES_MAX, check_bytes, check_name};
use crate::value::{pack, unpack};
use crate::{StoreError, Version, Versioned};

fn name(account: &str, day: Day) -> String {
    format!("the tally of account {account}, day {day}")
}

pub(super) fn days(connection: &Connection, account: &str) -> Outcome<Vec<Day>> {
    let mut statement =
        connection.prepare_cached("SELECT day FROM tally WHERE account = ?1 ORDER BY day")?;
    let days = statement.query_map([account], |row| row.get(0).map(Day::from_days_since_1970))?;
    Ok(days.collect::<Result<_, _>>()?)
}

pub(super) fn read(
    connection: &Connection,
    account: &str,
    day: Day,
) -> Outcome<Option<Versioned<Vec<u8>>>> {
    let mut statement = connection.prepare_cached(
        "SELECT version, bytes, value FROM tally WHERE account = ?1 AND day = ?2",
    )?;
    let mut rows = statement.query(params![account, day.days_since_1970()])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let packed = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
    Ok(Some(Versioned {
        value: unpack(packed, row.get(1)?, &name(account, day))?,
        version: version(row.get(0)?),
    }))
}

pub(super) fn write(
    connection: &Connection,
    account: &str,
    day: Day,
    bytes: &[u8],
    expected: Option<&Version>,
) -> Outcome<Version> {
    check_name("an account", account)?;
    check_bytes(&name(account, day), bytes.len(), VALUE_BYTES_MAX)?;
    let stored = connection
        .prepare_cached("SELECT version FROM tally WHERE account = ?1 AND day = ?2")?
        .query_row(params![account, day.days_since_1970()], |row| row.get(0))
        .optional()?
        .map(version);
    if let Some(stored) = stored.as_ref() {
        // Comparing lengths first would need them unpacked; a repeated write is rare.
        let is_repeated = Some(stored) != expected
            && read(connection, account, day)?.is_some_and(|stored| stored.value == bytes);
        if is_repeated {
            return Ok(stored.clone());
        }
    }
    if stored.as_ref() != expected {
        return Err(StoreError::conflict(name(account, day)).into());
    }
    let write: i64 = connection
        .prepare_cached("UPDATE writes SET count = count + 1 RETURNING count")?
        .query_row([], |row| row.get(0))?;
    let mut statement = connection.prepare_cached(
        "INSERT INTO tally (account, day, version, bytes, value) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (account, day) DO UPDATE SET
             version = excluded.version, bytes = excluded.bytes, value = excluded.value",
    )?;
    statement.execute(params![
        account,
        day.days_since_1970(),
        write,
        bytes.len(),
        pack(bytes)
    ])?;
    Ok(version(write))
}

pub(super) fn remove(connection: &Connection, account: &str, day: Day) -> Outcome<()> {
    connection
        .prepare_cached("DELETE FROM tally WHERE account = ?1 AND day = ?2")?
        .execute(params![account, day.days_since_1970()])?;
    Ok(())
}

fn version(write: i64) -> Version {
    Version::new(write.to_string())
}

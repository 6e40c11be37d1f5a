//! Bases and pointers in the file.

use keytrail_event::Day;
use rusqlite::{Connection, OptionalExtension, params};

use super::Outcome;
use crate::bounds::{VALUE_BYTES_MAX, check_bytes, check_name};
use crate::value::{pack, unpack};
use crate::{BaseShard, Pointer, StoreError};

/// SQLite's integers end at 2⁶³ − 1.
fn generation(generation: u64) -> Outcome<i64> {
    i64::try_from(generation).map_err(|_| {
        let why = "there are no more than 2^63 generations".to_owned();
        let what = format!("generation {generation}");
        StoreError::Misused { what, why }.into()
    })
}

pub(super) fn read(connection: &Connection, shard: &BaseShard) -> Outcome<Option<Vec<u8>>> {
    let mut statement = connection.prepare_cached(
        "SELECT bytes, value FROM base
         WHERE account = ?1 AND generation = ?2 AND day = ?3 AND shard = ?4",
    )?;
    let mut rows = statement.query(params![
        shard.account,
        generation(shard.generation)?,
        shard.day.days_since_1970(),
        shard.shard
    ])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let packed = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
    Ok(Some(unpack(packed, row.get(0)?, &shard.to_string())?))
}

pub(super) fn write(connection: &Connection, shard: &BaseShard, bytes: &[u8]) -> Outcome<()> {
    check_name("an account", &shard.account)?;
    check_bytes(&shard.to_string(), bytes.len(), VALUE_BYTES_MAX)?;
    let is_covered = pointer(connection, &shard.account)?
        .is_some_and(|pointer| pointer.covers(shard.generation, shard.day));
    if is_covered && let Some(stored) = read(connection, shard)? {
        if stored == bytes {
            return Ok(());
        }
        return Err(StoreError::conflict(shard.to_string()).into());
    }
    let mut statement = connection.prepare_cached(
        "INSERT INTO base (account, generation, day, shard, bytes, value)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO UPDATE SET bytes = excluded.bytes, value = excluded.value",
    )?;
    statement.execute(params![
        shard.account,
        generation(shard.generation)?,
        shard.day.days_since_1970(),
        shard.shard,
        bytes.len(),
        pack(bytes)
    ])?;
    Ok(())
}

pub(super) fn prune(connection: &Connection, account: &str, before: Day) -> Outcome<u64> {
    let Some(pointer) = pointer(connection, account)? else {
        return Ok(0);
    };
    let end = before.min(pointer.day).days_since_1970();
    let pruned = connection
        .prepare_cached("DELETE FROM base WHERE account = ?1 AND (generation, day) < (?2, ?3)")?
        .execute(params![account, generation(pointer.generation)?, end])?;
    Ok(pruned as u64)
}

pub(super) fn pointer(connection: &Connection, account: &str) -> Outcome<Option<Pointer>> {
    let mut statement = connection.prepare_cached(
        "SELECT generation, day, shards, maths_version, configuration_hash, enrichment_hash
         FROM pointer WHERE account = ?1",
    )?;
    let pointer = statement.query_row([account], |row| {
        Ok(Pointer {
            generation: row.get(0)?,
            day: Day::from_days_since_1970(row.get(1)?),
            shards: row.get(2)?,
            maths_version: row.get(3)?,
            configuration_hash: row.get::<_, i64>(4)?.cast_unsigned(),
            enrichment_hash: row.get::<_, i64>(5)?.cast_unsigned(),
        })
    });
    Ok(pointer.optional()?)
}

pub(super) fn flip(
    connection: &Connection,
    account: &str,
    expected: Option<&Pointer>,
    new: &Pointer,
) -> Outcome<()> {
    check_name("an account", account)?;
    let stored = pointer(connection, account)?;
    if stored.as_ref() == Some(new) {
        return Ok(());
    }
    if stored.as_ref() != expected {
        return Err(StoreError::conflict(format!("the pointer of {account}")).into());
    }
    let mut statement = connection.prepare_cached(
        "INSERT OR REPLACE INTO pointer
             (account, generation, day, shards, maths_version, configuration_hash, enrichment_hash)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    statement.execute(params![
        account,
        generation(new.generation)?,
        new.day.days_since_1970(),
        new.shards,
        new.maths_version,
        new.configuration_hash.cast_signed(),
        new.enrichment_hash.cast_signed()
    ])?;
    Ok(())
}

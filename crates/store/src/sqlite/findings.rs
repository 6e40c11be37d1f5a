//! Findings, their outbox and their triage in the file.

use keytrail_event::EventTime;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};

use super::Outcome;
use crate::bounds::{TRIAGE_NOTES_MAX, page_entries};
use crate::{FindingKey, FindingRecord, Recorded, StoreError, StoredFinding, TriageNote};

/// The columns that [`finding`] reads, in its order.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, episode, revision, state, severity, rule, account, principal, kms_key,
                 first_seen, last_seen, score, json, sent_revision, sent_at, told
             FROM finding ",
            $rest
        )
    };
}

pub(super) fn record(connection: &Connection, records: &[FindingRecord]) -> Outcome<Recorded> {
    let mut recorded = Recorded::default();
    let mut statement = connection.prepare_cached(
        "INSERT INTO finding (id, episode, revision, state, severity, rule, account, principal,
             kms_key, first_seen, last_seen, score, json, sent_revision)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 0)
         ON CONFLICT (id, episode) DO UPDATE SET
             revision = excluded.revision, state = excluded.state, severity = excluded.severity,
             rule = excluded.rule, account = excluded.account, principal = excluded.principal,
             kms_key = excluded.kms_key, first_seen = excluded.first_seen,
             last_seen = excluded.last_seen, score = excluded.score, json = excluded.json
         WHERE revision < excluded.revision",
    )?;
    for record in records {
        record.check()?;
        let changed = statement.execute(params![
            record.key.id,
            record.key.episode,
            record.revision,
            record.state,
            record.severity,
            record.rule,
            record.account,
            record.principal,
            record.kms_key,
            record.first_seen.unix_seconds(),
            record.last_seen.unix_seconds(),
            record.score,
            record.json
        ])?;
        if changed > 0 {
            recorded.new += 1;
        } else {
            recorded.known += 1;
        }
    }
    Ok(recorded)
}

pub(super) fn pending(
    connection: &Connection,
    after: Option<&FindingKey>,
    limit: usize,
) -> Outcome<Vec<StoredFinding>> {
    let limit = page_entries(limit);
    match after {
        None => list(
            connection,
            select!("WHERE revision > sent_revision ORDER BY id, episode LIMIT ?1"),
            params![limit],
        ),
        Some(key) => list(
            connection,
            select!(
                "WHERE revision > sent_revision AND (id, episode) > (?2, ?3)
                 ORDER BY id, episode LIMIT ?1"
            ),
            params![limit, key.id, key.episode],
        ),
    }
}

pub(super) fn of_account(
    connection: &Connection,
    account: &str,
    after: Option<&FindingKey>,
    limit: usize,
) -> Outcome<Vec<StoredFinding>> {
    let limit = page_entries(limit);
    match after {
        None => list(
            connection,
            select!("WHERE account = ?1 ORDER BY id, episode LIMIT ?2"),
            params![account, limit],
        ),
        Some(key) => list(
            connection,
            select!(
                "WHERE account = ?1 AND (id, episode) > (?3, ?4) ORDER BY id, episode LIMIT ?2"
            ),
            params![account, limit, key.id, key.episode],
        ),
    }
}

/// Those of an account that end at this time or later, or are of this rule.
pub(super) fn since(
    connection: &Connection,
    account: &str,
    (since, rule): (EventTime, &str),
    after: Option<&FindingKey>,
    limit: usize,
) -> Outcome<Vec<StoredFinding>> {
    let limit = page_entries(limit);
    let since = since.unix_seconds();
    match after {
        None => list(
            connection,
            select!(
                "WHERE account = ?1 AND (last_seen >= ?3 OR rule = ?4) ORDER BY id, episode LIMIT ?2"
            ),
            params![account, limit, since, rule],
        ),
        Some(key) => list(
            connection,
            select!(
                "WHERE account = ?1 AND (last_seen >= ?3 OR rule = ?4) AND (id, episode) > (?5, ?6)
                 ORDER BY id, episode LIMIT ?2"
            ),
            params![account, limit, since, rule, key.id, key.episode],
        ),
    }
}

pub(super) fn read(connection: &Connection, keys: &[FindingKey]) -> Outcome<Vec<StoredFinding>> {
    let mut found = Vec::new();
    for key in keys {
        found.extend(list(
            connection,
            select!("WHERE id = ?1 AND episode = ?2"),
            params![key.id, key.episode],
        )?);
    }
    Ok(found)
}

pub(super) fn episodes(connection: &Connection, id: &str) -> Outcome<Vec<StoredFinding>> {
    list(
        connection,
        select!("WHERE id = ?1 ORDER BY episode"),
        params![id],
    )
}

pub(super) fn mark_sent(
    connection: &Connection,
    key: &FindingKey,
    revision: u32,
    at: EventTime,
    told: Option<&str>,
) -> Outcome<bool> {
    StoredFinding::check_told(key, told)?;
    let mut statement = connection.prepare_cached(
        "UPDATE finding SET sent_revision = ?3, sent_at = ?4, told = coalesce(?5, told)
         WHERE id = ?1 AND episode = ?2 AND sent_revision < ?3 AND revision >= ?3",
    )?;
    let marked = statement.execute(params![
        key.id,
        key.episode,
        revision,
        at.unix_seconds(),
        told
    ])?;
    Ok(marked > 0)
}

pub(super) fn triage(connection: &Connection, key: &FindingKey, note: &TriageNote) -> Outcome<()> {
    note.check()?;
    let is_known = connection
        .prepare_cached("SELECT 1 FROM finding WHERE id = ?1 AND episode = ?2")?
        .exists(params![key.id, key.episode])?;
    if !is_known {
        return Err(StoreError::Unknown {
            what: key.to_string(),
        }
        .into());
    }
    let last = connection
        .prepare_cached(
            "SELECT number, state, at, by, note FROM triage
             WHERE id = ?1 AND episode = ?2 ORDER BY number DESC LIMIT 1",
        )?
        .query_row(params![key.id, key.episode], numbered_note)
        .optional()?;
    if last.as_ref().is_some_and(|(_, last)| last == note) {
        return Ok(());
    }
    let number = last.map_or(0, |(number, _)| number).saturating_add(1);
    connection
        .prepare_cached("INSERT INTO triage VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
        .execute(params![
            key.id,
            key.episode,
            number,
            note.state,
            note.at.unix_seconds(),
            note.by,
            note.note
        ])?;
    connection
        .prepare_cached("DELETE FROM triage WHERE id = ?1 AND episode = ?2 AND number <= ?3")?
        .execute(params![
            key.id,
            key.episode,
            i64::from(number) - TRIAGE_NOTES_MAX as i64
        ])?;
    Ok(())
}

fn list(
    connection: &Connection,
    sql: &str,
    parameters: &[&dyn ToSql],
) -> Outcome<Vec<StoredFinding>> {
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_map(parameters, finding)?;
    let mut found = found.collect::<Result<Vec<_>, _>>()?;
    let mut notes = connection.prepare_cached(
        "SELECT number, state, at, by, note FROM triage
         WHERE id = ?1 AND episode = ?2 ORDER BY number",
    )?;
    for finding in &mut found {
        let key = &finding.record.key;
        let notes = notes.query_map(params![key.id, key.episode], numbered_note)?;
        finding.triage = notes.collect::<Result<_, _>>()?;
    }
    Ok(found)
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<EventTime> {
    row.get(column).map(EventTime::from_unix_seconds)
}

fn finding(row: &Row<'_>) -> rusqlite::Result<StoredFinding> {
    let sent_at: Option<i64> = row.get(14)?;
    Ok(StoredFinding {
        record: FindingRecord {
            key: FindingKey {
                id: row.get(0)?,
                episode: row.get(1)?,
            },
            revision: row.get(2)?,
            state: row.get(3)?,
            severity: row.get(4)?,
            rule: row.get(5)?,
            account: row.get(6)?,
            principal: row.get(7)?,
            kms_key: row.get(8)?,
            first_seen: time(row, 9)?,
            last_seen: time(row, 10)?,
            score: row.get(11)?,
            json: row.get(12)?,
        },
        sent_revision: row.get(13)?,
        sent_at: sent_at.map(EventTime::from_unix_seconds),
        told: row.get(15)?,
        triage: Vec::new(),
    })
}

fn numbered_note(row: &Row<'_>) -> rusqlite::Result<(u32, TriageNote)> {
    let note = TriageNote {
        state: row.get(1)?,
        at: time(row, 2)?,
        by: row.get(3)?,
        note: row.get(4)?,
    };
    Ok((row.get(0)?, note))
}

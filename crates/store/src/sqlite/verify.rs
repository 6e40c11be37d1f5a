//! Reads a whole state file and says what is wrong with it.

use keytrail_event::Day;
use rusqlite::Connection;

use super::Outcome;
use super::failure::Failure;
use crate::StoreError;
use crate::value::unpack;

/// Problems that are told, of more.
const PROBLEMS_MAX: usize = 100;

pub(super) fn verify(connection: &Connection) -> Outcome<Vec<String>> {
    let mut problems = Vec::new();
    let sql = format!("PRAGMA integrity_check({PROBLEMS_MAX})");
    let mut statement = connection.prepare(&sql)?;
    for message in statement.query_map([], |row| row.get::<_, String>(0))? {
        problems.push(message?);
    }
    problems.retain(|message| message != "ok");
    check_values(
        connection,
        "SELECT 'the tally of account ' || account || ', day ' || date(day * 86400, 'unixepoch'),
             bytes, value FROM tally",
        &mut problems,
    )?;
    check_values(
        connection,
        "SELECT 'shard ' || shard || ' of the base of account ' || account || ', generation '
             || generation || ', day ' || date(day * 86400, 'unixepoch'), bytes, value FROM base",
        &mut problems,
    )?;
    check_pointers(connection, &mut problems)?;
    problems.truncate(PROBLEMS_MAX);
    Ok(problems)
}

fn check_values(connection: &Connection, sql: &str, problems: &mut Vec<String>) -> Outcome<()> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()?
        && problems.len() < PROBLEMS_MAX
    {
        let what: String = row.get(0)?;
        let packed = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
        let bytes = usize::try_from(row.get::<_, i64>(1)?).unwrap_or(usize::MAX);
        if let Err(error) = unpack(packed, bytes, &what) {
            problems.push(error.to_string());
        }
    }
    Ok(())
}

/// What a pointer refers to has to be there as a whole.
fn check_pointers(connection: &Connection, problems: &mut Vec<String>) -> Outcome<()> {
    let mut statement = connection.prepare(
        "SELECT account, generation, day, shards,
             (SELECT count(*) FROM base
              WHERE base.account = pointer.account AND base.generation = pointer.generation
                  AND base.day = pointer.day AND base.shard < pointer.shards)
         FROM pointer",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (shards, found): (i64, i64) = (row.get(3)?, row.get(4)?);
        if shards != found {
            let (account, generation): (String, i64) = (row.get(0)?, row.get(1)?);
            let day = Day::from_days_since_1970(row.get(2)?);
            problems.push(format!(
                "the base of account {account}, generation {generation}, day {day} has {found} of \
                 {shards} shards"
            ));
        }
    }
    Ok(())
}

/// A file so damaged that SQLite stops reading it has one problem.
pub(super) fn as_problem(failure: Failure, place: &str) -> Result<Vec<String>, StoreError> {
    match failure.of(place) {
        error @ StoreError::Damaged { .. } => Ok(vec![error.to_string()]),
        error => Err(error),
    }
}

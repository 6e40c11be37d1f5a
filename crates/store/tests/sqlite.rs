//! The store in SQLite passes the suite, and its refusals leave files as they were.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::cell::Cell;
use std::path::Path;
use std::time::Duration;

use keytrail_event::{Day, EventTime};
use keytrail_store::{
    BaseShard, Close, Commit, Durability, FindingKey, FindingRecord, PAGE_BYTES, Pointer,
    SqliteOptions, SqliteStore, Store, StoreError, TallyWrite, TriageNote, conformance,
};
use pollster::block_on;
use rusqlite::Connection;

const ACCOUNT: &str = "111122223333";

/// Waits for no disk and for no other process.
fn options() -> SqliteOptions {
    SqliteOptions {
        wait: Duration::from_millis(20),
        durability: Durability::Process,
        ..SqliteOptions::default()
    }
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, &options()).unwrap()
}

fn day() -> Day {
    Day::parse("2025-03-01").unwrap()
}

/// Bytes that do not compress.
fn noise(bytes: usize, seed: u32) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as u8
    };
    (0..bytes).map(|_| next()).collect()
}

/// What a refused file must not lose.
fn assert_refused_untouched(path: &Path) -> StoreError {
    let before = std::fs::read(path).unwrap();
    let error = SqliteStore::open(path, &options()).unwrap_err();
    assert_eq!(std::fs::read(path).unwrap(), before);
    error
}

/// Hundreds of stores are opened and closed: in memory where there is such a folder, and each a copy of
/// an empty state, which is quicker than making one.
#[test]
fn sqlite_conforms() {
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let folder = folder.unwrap();
    let empty = folder.path().join("empty.db");
    drop(open(&empty));
    let number = Cell::new(0);
    let fresh = async || {
        number.set(number.get() + 1);
        let path = folder.path().join(format!("state-{}.db", number.get()));
        std::fs::copy(&empty, &path).unwrap();
        open(&path)
    };
    block_on(conformance::all(fresh));
}

#[test]
fn what_was_committed_is_there_when_the_file_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    block_on(open(&path).write_tally(ACCOUNT, day(), b"tally", None)).unwrap();
    let store = SqliteStore::open(
        &path,
        &SqliteOptions {
            create: false,
            ..SqliteOptions::default()
        },
    );
    let store = store.unwrap();
    let read = block_on(store.read_tally(ACCOUNT, day())).unwrap().unwrap();
    assert_eq!(read.value, b"tally");
    assert_eq!(store.verify().unwrap(), Vec::<String>::new());
}

#[test]
fn a_file_that_is_not_there_is_made_only_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let existing = SqliteOptions {
        create: false,
        ..options()
    };
    let error = SqliteStore::open(&path, &existing).unwrap_err();
    assert!(matches!(error, StoreError::Unknown { .. }), "{error}");
    assert!(!path.exists());
    let nowhere = folder.path().join("missing").join("state.db");
    let error = SqliteStore::open(&nowhere, &options()).unwrap_err();
    assert!(matches!(error, StoreError::Failed { .. }), "{error}");
}

#[test]
fn files_of_others_are_refused_and_left_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "not a database ".repeat(100)).unwrap();
    let error = assert_refused_untouched(&text);
    assert!(matches!(error, StoreError::NotOurs { .. }), "{error}");

    let other = folder.path().join("other.db");
    let connection = Connection::open(&other).unwrap();
    connection
        .execute_batch("CREATE TABLE mail (subject TEXT); PRAGMA user_version = 1;")
        .unwrap();
    drop(connection);
    let error = assert_refused_untouched(&other);
    assert!(matches!(error, StoreError::NotOurs { .. }), "{error}");
}

#[test]
fn a_file_of_the_format_before_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    state_for_views(&path);
    Connection::open(&path)
        .unwrap()
        .execute_batch("ALTER TABLE finding DROP COLUMN told; PRAGMA user_version = 1")
        .unwrap();
    let key = finding("b").key;
    // The second time it is of this format.
    for opened in 1..=2 {
        let store = open(&path);
        block_on(store.mark_sent(&key, 1, day().start(), Some("high"))).unwrap();
        let findings = block_on(store.findings(ACCOUNT, None, 10)).unwrap();
        let known = |index: usize| findings[index].told.as_deref();
        assert_eq!((findings.len(), known(0)), (2, None), "{opened}");
        assert_eq!(known(1), Some("high"));
    }
}

#[test]
fn a_later_format_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    drop(open(&path));
    Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 3)
        .unwrap();
    let error = assert_refused_untouched(&path);
    assert!(
        matches!(
            error,
            StoreError::TooNew {
                found: 3,
                known: 2,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_writer_that_waits_in_vain_says_who_is_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = open(&path);
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = block_on(store.write_tally(ACCOUNT, day(), b"tally", None)).unwrap_err();
    let place = path.display();
    assert_eq!(
        error.to_string(),
        format!(
            "keytrail state {place} is in use by another process; wait until that ends, then try again"
        )
    );
    assert!(error.is_worth_a_retry());
    assert_eq!(block_on(store.days(ACCOUNT)).unwrap(), []);
    // Opening needs no lock, so the findings can be looked at while a replay writes.
    drop(open(&path));
    other.execute_batch("ROLLBACK").unwrap();
    block_on(store.write_tally(ACCOUNT, day(), b"tally", None)).unwrap();
}

#[test]
fn two_stores_on_one_file_see_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let (one, two) = (open(&path), open(&path));
    let version = block_on(one.write_tally(ACCOUNT, day(), b"one", None)).unwrap();
    let read = block_on(two.read_tally(ACCOUNT, day())).unwrap().unwrap();
    assert_eq!(read.version, version);
    block_on(two.write_tally(ACCOUNT, day(), b"two", Some(&version))).unwrap();
    let lost = block_on(one.write_tally(ACCOUNT, day(), b"three", Some(&version)));
    assert!(lost.unwrap_err().is_conflict());
}

#[test]
fn a_full_disk_undoes_the_commit_and_leaves_the_file_usable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let small = SqliteOptions {
        pages_max: Some(100),
        ..options()
    };
    let store = SqliteStore::open(&path, &small).unwrap();
    block_on(store.write_tally(ACCOUNT, day(), b"before", None)).unwrap();
    let large = Commit {
        tallies: (1..4)
            .map(|days| TallyWrite {
                day: day().plus_days(days),
                bytes: noise(40 * PAGE_BYTES as usize, days as u32),
                expected: None,
            })
            .collect(),
        findings: vec![finding("before-the-disk-was-full")],
        ..Commit::of(ACCOUNT)
    };
    let error = block_on(store.commit(&large)).unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    assert_eq!(block_on(store.days(ACCOUNT)).unwrap(), [day()]);
    assert!(block_on(store.pending(None, 1)).unwrap().is_empty());
    assert_eq!(store.verify().unwrap(), Vec::<String>::new());
    block_on(store.write_document(ACCOUNT, "clock", b"after")).unwrap();
    drop(store);
    let store = open(&path);
    block_on(store.commit(&large)).unwrap();
    assert_eq!(block_on(store.days(ACCOUNT)).unwrap().len(), 4);
}

#[test]
fn verifying_names_what_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = open(&path);
    block_on(store.write_tally(ACCOUNT, day(), &noise(5_000, 1), None)).unwrap();
    let pointer = pointer();
    let shards = vec![noise(500, 2), noise(500, 3)];
    let close = Close::new(None, pointer, shards).unwrap();
    block_on(store.commit(&Commit {
        close: Some(close),
        ..Commit::of(ACCOUNT)
    }))
    .unwrap();
    assert_eq!(store.verify().unwrap(), Vec::<String>::new());
    Connection::open(&path)
        .unwrap()
        .execute_batch(
            "UPDATE tally SET value = CAST(substr(value, 1, 100) || x'00' || substr(value, 102) AS BLOB);
             DELETE FROM base WHERE shard = 1;",
        )
        .unwrap();
    assert_eq!(
        store.verify().unwrap(),
        [
            "the tally of account 111122223333, day 2025-03-01 is damaged: its checksum is wrong",
            "the base of account 111122223333, generation 1, day 2025-03-01 has 1 of 2 shards",
        ]
    );
    let error = block_on(store.read_tally(ACCOUNT, day())).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    let shard = BaseShard {
        account: ACCOUNT.to_owned(),
        generation: 1,
        day: day(),
        shard: 0,
    };
    assert!(block_on(store.read_base(&shard)).unwrap().is_some());
}

/// Whatever bytes of the file go bad: an error or a problem, or they were of no consequence; never a panic.
#[test]
fn a_file_with_damaged_pages_never_panics() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = open(&path);
    for days in 0..6 {
        block_on(store.write_tally(ACCOUNT, day().plus_days(days), &noise(9_000, 1), None))
            .unwrap();
    }
    block_on(store.record_findings(&[finding("a"), finding("b")])).unwrap();
    drop(store);
    let sound = std::fs::read(&path).unwrap();
    let damaged = folder.path().join("damaged.db");
    let mut noticed = 0;
    for at in (0..sound.len()).step_by(509) {
        let mut bytes = sound.clone();
        for byte in bytes.iter_mut().skip(at).take(37) {
            *byte = !*byte;
        }
        std::fs::write(&damaged, &bytes).unwrap();
        for suffix in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(folder.path().join(format!("damaged.db{suffix}")));
        }
        let Ok(store) = SqliteStore::open(&damaged, &options()) else {
            noticed += 1;
            continue;
        };
        noticed += u32::from(store.verify().map_or(1, |problems| problems.len()) > 0);
        for days in 0..6 {
            let _ = block_on(store.read_tally(ACCOUNT, day().plus_days(days)));
        }
        let _ = block_on(store.findings(ACCOUNT, None, 10));
        let _ = block_on(store.record_findings(&[finding("c")]));
    }
    assert!(noticed > 100, "{noticed} damages were noticed");
}

#[test]
fn the_views_say_what_the_tables_hold() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    state_for_views(&path);
    let connection = Connection::open(&path).unwrap();
    let line = |sql: &str| -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        let mut lines = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let values = (0..columns).map(|column| {
                use rusqlite::types::Value;
                match row.get::<_, Value>(column).unwrap() {
                    Value::Null => "-".to_owned(),
                    Value::Integer(number) => number.to_string(),
                    Value::Real(number) => number.to_string(),
                    Value::Text(text) => text,
                    Value::Blob(_) => "blob".to_owned(),
                }
            });
            lines.push(values.collect::<Vec<_>>().join(" | "));
        }
        lines
    };
    assert_eq!(
        line(
            "SELECT id, revision, sent_revision, sent_at, triage, triaged_at, triaged_by, triage_note, title, first_seen, score FROM findings ORDER BY id"
        ),
        [
            "a | 1 | 1 | 2025-03-01T00:01:00Z | resolved | 2025-03-01T01:00:00Z | ana | ours | it's \"a\" | 2025-03-01T00:00:00Z | 14",
            "b | 1 | 0 | - | open | - | - | - | - | 2025-03-01T00:00:00Z | 14",
        ]
    );
    assert_eq!(
        line("SELECT account, day, state, bytes FROM tallied_days ORDER BY day"),
        [
            "111122223333 | 2025-03-01 | closed | 5",
            "111122223333 | 2025-03-02 | open | 5",
        ]
    );
    assert_eq!(
        line("SELECT * FROM accounts"),
        [
            "111122223333 | 1 | 2025-03-01 | 3 | fffffffffffffffe | 0000000000000007 | 2 | 2025-03-01 | 2025-03-02 | 2",
        ]
    );
}

/// Every question in the documentation is asked.
#[test]
fn the_documented_questions_have_answers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    state_for_views(&path);
    let connection = Connection::open(&path).unwrap();
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/state.md");
    let page = std::fs::read_to_string(page).unwrap();
    let questions = page.split("```sql\n").skip(1);
    let rows: Vec<usize> = questions
        .map(|rest| {
            let question = rest.split("```").next().unwrap();
            let mut statement = connection.prepare(question).unwrap();
            let rows = statement.query_map([], |_| Ok(())).unwrap();
            rows.map(Result::unwrap).count()
        })
        .collect();
    assert_eq!(rows, [1, 1, 0, 1]);
    for view in ["findings", "tallied_days", "accounts"] {
        let statement = connection
            .prepare(&format!("SELECT * FROM {view}"))
            .unwrap();
        for column in statement.column_names() {
            assert!(
                page.contains(&format!("`{column}`")),
                "{view}.{column} is not documented"
            );
        }
    }
    let number = |pragma: &str| -> i64 {
        connection
            .pragma_query_value(None, pragma, |row| row.get(0))
            .unwrap()
    };
    let words: Vec<&str> = page.split_whitespace().collect();
    let marks = format!(
        "`PRAGMA application_id` says {} (`KTRL`), `PRAGMA user_version` the format, which is {}.",
        number("application_id"),
        number("user_version")
    );
    assert!(words.join(" ").contains(&marks), "{marks}");
}

fn state_for_views(path: &Path) {
    let store = open(path);
    let mut broken = finding("b");
    broken.json = "{\"title\":".to_owned();
    let note = |state: &str, seconds: i64| TriageNote {
        state: state.to_owned(),
        at: day().start().plus_seconds(seconds),
        by: "ana".to_owned(),
        note: "ours".to_owned(),
    };
    block_on(async {
        for days in 0..2 {
            let day = day().plus_days(days);
            store.write_tally(ACCOUNT, day, b"tally", None).await?;
        }
        store.flip(ACCOUNT, None, &pointer()).await?;
        store.record_findings(&[finding("a"), broken]).await?;
        let key = finding("a").key;
        let sent_at = day().start().plus_seconds(60);
        store.mark_sent(&key, 1, sent_at, None).await?;
        store.triage(&key, &note("acknowledged", 60)).await?;
        store.triage(&key, &note("resolved", 3_600)).await
    })
    .unwrap();
}

fn pointer() -> Pointer {
    Pointer {
        generation: 1,
        day: day(),
        shards: 2,
        maths_version: 3,
        configuration_hash: u64::MAX - 1,
        enrichment_hash: 7,
    }
}

fn finding(id: &str) -> FindingRecord {
    let time: EventTime = day().start();
    FindingRecord {
        key: FindingKey {
            id: id.to_owned(),
            episode: format!("{id}@2025-03-01"),
        },
        revision: 1,
        state: "final".to_owned(),
        severity: "high".to_owned(),
        rule: "key-deletion".to_owned(),
        account: ACCOUNT.to_owned(),
        principal: None,
        kms_key: None,
        first_seen: time,
        last_seen: time,
        score: 14.0,
        json: format!(r#"{{"title":"it's \"{id}\""}}"#),
    }
}

#[test]
fn a_state_is_read_where_nobody_writes() {
    let folder = tempfile::tempdir().unwrap();
    // What has a meaning in a URI is part of a name like any other.
    let path = folder.path().join("evidence 100%?#.db");
    let store = open(&path);
    block_on(store.write_tally(ACCOUNT, day(), b"tally", None)).unwrap();
    drop(store);
    let before = std::fs::read(&path).unwrap();
    let reading = SqliteStore::open_to_read(&path).unwrap();
    assert_eq!(block_on(reading.accounts()).unwrap(), [ACCOUNT]);
    assert_eq!(block_on(reading.days(ACCOUNT)).unwrap(), [day()]);
    assert!(reading.verify().unwrap().is_empty());
    let refused = block_on(reading.write_tally(ACCOUNT, day(), b"another", None));
    assert!(refused.is_err());
    drop(reading);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    // Nothing is left beside it.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn what_stands_in_the_log_is_read_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let writing = open(&path);
    block_on(writing.write_tally(ACCOUNT, day(), b"tally", None)).unwrap();
    // As long as it is open, the last commits stand in the log alone.
    let reading = SqliteStore::open_to_read(&path).unwrap();
    assert_eq!(block_on(reading.accounts()).unwrap(), [ACCOUNT]);
}

#[test]
fn what_is_no_state_is_not_read_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    for text in [
        "",
        "not a database, but long enough to be taken for the header of one, which has 100 bytes and more of them",
    ] {
        std::fs::write(&path, text).unwrap();
        assert!(SqliteStore::open_to_read(&path).is_err(), "{text}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
    assert!(SqliteStore::open_to_read(&folder.path().join("none.db")).is_err());
}

//! A process that is killed while it commits: the file holds whole commits, and goes on.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use keytrail_event::Day;
use keytrail_store::{
    BaseShard, Close, Commit, Document, Durability, Pointer, SqliteOptions, SqliteStore, Store,
    TallyWrite,
};
use pollster::block_on;

const ACCOUNT: &str = "111122223333";
const STATE_VARIABLE: &str = "KEYTRAIL_TEST_KILLED_STATE";
const SHARDS: u32 = 3;

fn open(path: &Path) -> SqliteStore {
    let options = SqliteOptions {
        durability: Durability::Process,
        ..SqliteOptions::default()
    };
    SqliteStore::open(path, &options).unwrap()
}

/// What the day's tally, shards and clock consist of: the day again and again.
fn content(day: Day) -> Vec<u8> {
    day.to_string().repeat(5_000).into_bytes()
}

fn shard(day: Day, shard: u32) -> BaseShard {
    BaseShard {
        account: ACCOUNT.to_owned(),
        generation: 1,
        day,
        shard,
    }
}

/// Closes day after day until it is killed. Not a test: the test below starts it.
#[test]
#[ignore = "the other test starts it as a process of its own"]
fn close_days_until_killed() {
    let Ok(path) = std::env::var(STATE_VARIABLE) else {
        return;
    };
    let store = open(Path::new(&path));
    loop {
        let expected = block_on(store.pointer(ACCOUNT)).unwrap();
        let day = expected.map_or(Day::from_days_since_1970(0), |pointer| {
            pointer.day.plus_days(1)
        });
        let pointer = Pointer {
            generation: 1,
            day,
            shards: SHARDS,
            maths_version: 1,
            configuration_hash: 0,
            enrichment_hash: 0,
        };
        let shards = (0..SHARDS).map(|_| content(day)).collect();
        let commit = Commit {
            tallies: vec![TallyWrite {
                day,
                bytes: content(day),
                expected: None,
            }],
            documents: vec![Document {
                name: "clock".to_owned(),
                bytes: day.to_string().into_bytes(),
            }],
            close: Some(Close::new(expected, pointer, shards).unwrap()),
            ..Commit::of(ACCOUNT)
        };
        block_on(store.commit(&commit)).unwrap();
        block_on(store.prune(ACCOUNT, day)).unwrap();
    }
}

/// A process that never outlives the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn a_killed_process_leaves_whole_commits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    drop(open(&path));
    let mut closed_through = None;
    for round in 0..12_u64 {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "close_days_until_killed"])
            .env(STATE_VARIABLE, &path)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let child = Killed(child);
        // At least one day is closed each round, then a while that differs from round to round.
        let watcher = open(&path);
        let deadline = Instant::now() + Duration::from_secs(30);
        let pointer_day = || {
            let pointer = block_on(watcher.pointer(ACCOUNT)).unwrap();
            pointer.map(|pointer| pointer.day)
        };
        while pointer_day() == closed_through {
            assert!(Instant::now() < deadline, "nothing was closed");
            std::thread::sleep(Duration::from_millis(2));
        }
        std::thread::sleep(Duration::from_micros(round * 1_370));
        drop(child);
        drop(watcher);

        let store = open(&path);
        assert_eq!(store.verify().unwrap(), Vec::<String>::new());
        let day = block_on(store.pointer(ACCOUNT)).unwrap().unwrap().day;
        assert_eq!(block_on(store.days(ACCOUNT)).unwrap().last(), Some(&day));
        let tally = block_on(store.read_tally(ACCOUNT, day)).unwrap().unwrap();
        assert!(tally.value == content(day));
        for number in 0..SHARDS {
            let bytes = block_on(store.read_base(&shard(day, number))).unwrap();
            assert!(bytes == Some(content(day)));
            let next = block_on(store.read_base(&shard(day.plus_days(1), number))).unwrap();
            assert!(next.is_none());
        }
        let clock = block_on(store.read_document(ACCOUNT, "clock")).unwrap();
        assert_eq!(clock, Some(day.to_string().into_bytes()));
        closed_through = Some(day);
    }
}

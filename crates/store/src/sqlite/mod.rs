//! The store in one SQLite file: what the program keeps between runs.

mod bases;
mod failure;
mod findings;
mod open;
mod records;
mod tallies;
mod verify;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use keytrail_event::{Day, EventTime};
use rusqlite::{Connection, TransactionBehavior};

pub(crate) use self::failure::Failure;
pub use self::open::{Durability, PAGE_BYTES, SqliteOptions};
use crate::{
    BaseShard, Commit, Committed, FindingKey, FindingRecord, Pointer, Quarantined, Recorded, Store,
    StoreError, StoredFinding, TriageNote, Version, Versioned,
};

type Outcome<T> = Result<T, Failure>;

/// A store in a SQLite file with a write-ahead log. Every write is one transaction, and so is a
/// commit. Calls are done when they return: their futures are ready, and block while they work.
///
/// Other processes may read the file at any time; one of them writes at a time.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Mutex<Connection>,
    place: String,
}

impl SqliteStore {
    /// Opens a state file or makes one. A file of something else, or of a later format, is
    /// refused and left as it is.
    pub fn open(path: &Path, options: &SqliteOptions) -> Result<Self, StoreError> {
        Ok(Self {
            connection: Mutex::new(open::open(path, options)?),
            place: path.display().to_string(),
        })
    }

    /// Opens a state file only to read it: evidence may lie where nobody may write. As long as it is open nobody
    /// may write it, either; where another process left a log beside the file, that is read with it.
    pub fn open_to_read(path: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            connection: Mutex::new(open::open_to_read(path)?),
            place: path.display().to_string(),
        })
    }

    /// A state that only this process sees, and that is gone with it however it ends: SQLite's temporary
    /// database, which is a file without a name that stands in the folder for temporary files.
    pub fn temporary() -> Result<Self, StoreError> {
        let place = "in the folder for temporary files";
        Ok(Self {
            connection: Mutex::new(open::temporary(place)?),
            place: place.to_owned(),
        })
    }

    /// Reads the whole file and says what is wrong with it; nothing, if it is sound.
    pub fn verify(&self) -> Result<Vec<String>, StoreError> {
        verify::verify(&self.connection())
            .or_else(|failure| verify::as_problem(failure, &self.place))
    }

    /// A transaction that a panicking thread left is rolled back, so the connection stays sound.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn transact<T>(
        &self,
        behavior: TransactionBehavior,
        work: impl FnOnce(&Connection) -> Outcome<T>,
    ) -> Result<T, StoreError> {
        let mut connection = self.connection();
        let transact = || {
            let transaction = connection.transaction_with_behavior(behavior)?;
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        };
        transact().map_err(|failure: Failure| failure.of(&self.place))
    }

    fn read<T>(&self, work: impl FnOnce(&Connection) -> Outcome<T>) -> Result<T, StoreError> {
        self.transact(TransactionBehavior::Deferred, work)
    }

    fn write<T>(&self, work: impl FnOnce(&Connection) -> Outcome<T>) -> Result<T, StoreError> {
        self.transact(TransactionBehavior::Immediate, work)
    }
}

impl Store for SqliteStore {
    async fn accounts(&self) -> Result<Vec<String>, StoreError> {
        self.read(records::accounts)
    }

    async fn days(&self, account: &str) -> Result<Vec<Day>, StoreError> {
        self.read(|file| tallies::days(file, account))
    }

    async fn read_tally(
        &self,
        account: &str,
        day: Day,
    ) -> Result<Option<Versioned<Vec<u8>>>, StoreError> {
        self.read(|file| tallies::read(file, account, day))
    }

    async fn write_tally(
        &self,
        account: &str,
        day: Day,
        bytes: &[u8],
        expected: Option<&Version>,
    ) -> Result<Version, StoreError> {
        self.write(|file| tallies::write(file, account, day, bytes, expected))
    }

    async fn remove_tally(&self, account: &str, day: Day) -> Result<(), StoreError> {
        self.write(|file| tallies::remove(file, account, day))
    }

    async fn read_base(&self, shard: &BaseShard) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|file| bases::read(file, shard))
    }

    async fn write_base(&self, shard: &BaseShard, bytes: &[u8]) -> Result<(), StoreError> {
        self.write(|file| bases::write(file, shard, bytes))
    }

    async fn prune(&self, account: &str, before: Day) -> Result<u64, StoreError> {
        self.write(|file| bases::prune(file, account, before))
    }

    async fn pointer(&self, account: &str) -> Result<Option<Pointer>, StoreError> {
        self.read(|file| bases::pointer(file, account))
    }

    async fn flip(
        &self,
        account: &str,
        expected: Option<&Pointer>,
        new: &Pointer,
    ) -> Result<(), StoreError> {
        self.write(|file| bases::flip(file, account, expected, new))
    }

    async fn record_findings(&self, findings: &[FindingRecord]) -> Result<Recorded, StoreError> {
        self.write(|file| findings::record(file, findings))
    }

    async fn pending(
        &self,
        after: Option<&FindingKey>,
        limit: usize,
    ) -> Result<Vec<StoredFinding>, StoreError> {
        self.read(|file| findings::pending(file, after, limit))
    }

    async fn mark_sent(
        &self,
        key: &FindingKey,
        revision: u32,
        at: EventTime,
        told: Option<&str>,
    ) -> Result<bool, StoreError> {
        self.write(|file| findings::mark_sent(file, key, revision, at, told))
    }

    async fn findings(
        &self,
        account: &str,
        after: Option<&FindingKey>,
        limit: usize,
    ) -> Result<Vec<StoredFinding>, StoreError> {
        self.read(|file| findings::of_account(file, account, after, limit))
    }

    async fn findings_since(
        &self,
        account: &str,
        since: EventTime,
        rule: &str,
        after: Option<&FindingKey>,
        limit: usize,
    ) -> Result<Vec<StoredFinding>, StoreError> {
        self.read(|file| findings::since(file, account, (since, rule), after, limit))
    }

    async fn read_findings(&self, keys: &[FindingKey]) -> Result<Vec<StoredFinding>, StoreError> {
        self.read(|file| findings::read(file, keys))
    }

    async fn episodes(&self, id: &str) -> Result<Vec<StoredFinding>, StoreError> {
        self.read(|file| findings::episodes(file, id))
    }

    async fn triage(&self, key: &FindingKey, note: &TriageNote) -> Result<(), StoreError> {
        self.write(|file| findings::triage(file, key, note))
    }

    async fn quarantine(&self, record: &Quarantined) -> Result<(), StoreError> {
        self.write(|file| records::quarantine(file, record))
    }

    async fn read_quarantine(&self, name: &str) -> Result<Option<Quarantined>, StoreError> {
        self.read(|file| records::read_quarantine(file, name))
    }

    async fn quarantined(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Quarantined>, StoreError> {
        self.read(|file| records::list_quarantine(file, after, limit))
    }

    async fn release(&self, name: &str) -> Result<(), StoreError> {
        self.write(|file| records::release(file, name))
    }

    async fn read_document(
        &self,
        account: &str,
        name: &str,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|file| records::read_document(file, account, name))
    }

    async fn write_document(
        &self,
        account: &str,
        name: &str,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        self.write(|file| records::write_document(file, account, name, bytes))
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, StoreError> {
        self.write(|file| commit_in_transaction(file, commit))
    }
}

/// All or nothing, so the order does not matter here.
fn commit_in_transaction(file: &Connection, commit: &Commit) -> Outcome<Committed> {
    commit.check()?;
    let account = commit.account.as_str();
    let mut committed = Committed::default();
    for tally in &commit.tallies {
        let expected = tally.expected.as_ref();
        let version = tallies::write(file, account, tally.day, &tally.bytes, expected)?;
        committed.tallies.push(version);
    }
    committed.findings = findings::record(file, &commit.findings)?;
    for document in &commit.documents {
        records::write_document(file, account, &document.name, &document.bytes)?;
    }
    if let Some(close) = &commit.close {
        for (shard, bytes) in close.shards(account) {
            bases::write(file, &shard, bytes)?;
        }
        bases::flip(file, account, close.expected(), close.new_pointer())?;
    }
    Ok(committed)
}

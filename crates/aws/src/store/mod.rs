//! The store on S3 and DynamoDB.
//!
//! Tallies and bases are objects: S3 replaces an object only if it is the one that was read, and a
//! listing shows every write that returned. Pointers, documents, findings and the quarantine are
//! items of one table, read consistently. What must change together does so in a transaction: a finding
//! and its place in the outbox, the first pointer of an account and its place in the list of accounts.

mod commit;
mod documents;
mod finding_item;
mod findings;
mod item;
mod names;
mod objects;
mod quarantine;
mod table;
mod transaction;

use std::collections::HashSet;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use keytrail_event::{Day, EventTime};
use keytrail_store::{
    BaseShard, Commit, Committed, FindingKey, FindingRecord, Pointer, Quarantined, Recorded, Store,
    StoreError, StoredFinding, TriageNote, Version, Versioned,
};

use crate::{CallFault, Connection, FaultKind};
use names::Names;
use table::Table;

/// Days after which a finding may go, counted from its last change.
const FINDING_DAYS: i64 = 400;
/// Days after which what nobody took out of quarantine may go.
const QUARANTINE_DAYS: i64 = 90;

/// A store on one bucket and one table. Several may share them, each under a name of its own.
#[derive(Debug)]
pub struct AwsStore {
    s3: aws_sdk_s3::Client,
    bucket: String,
    table: Table,
    names: Names,
    /// Accounts that this process knows to be in the list of accounts.
    listed: Mutex<HashSet<String>>,
}

impl AwsStore {
    /// The store in this bucket and this table. `name` is put before every key; it may be empty.
    #[must_use]
    pub fn new(connection: &Connection, bucket: &str, table: &str, name: &str) -> Self {
        Self {
            s3: connection.s3(),
            bucket: bucket.to_owned(),
            table: Table::new(connection.dynamodb(), table.to_owned()),
            names: Names::new(name),
            listed: Mutex::default(),
        }
    }

    fn is_listed(&self, account: &str) -> bool {
        let listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        listed.contains(account)
    }

    fn note_listed(&self, account: &str) {
        const LISTED_MAX: usize = 10_000;
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        if listed.len() < LISTED_MAX {
            listed.insert(account.to_owned());
        }
    }
}

/// When an item that changes now may go, for the table's time to live.
fn expiry(days: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |since| since.as_secs());
    i64::try_from(now).unwrap_or(i64::MAX / 2) + days * 86_400
}

/// A fault as an error of a store.
fn failed(what: impl Into<String>, fault: &CallFault) -> StoreError {
    let what = what.into();
    match fault.kind {
        FaultKind::Conflict => StoreError::Conflict { what },
        FaultKind::Refused => StoreError::Misused {
            what,
            why: fault.to_string(),
        },
        FaultKind::Missing | FaultKind::Denied | FaultKind::Unavailable => {
            StoreError::Unavailable {
                what,
                detail: fault.to_string(),
            }
        }
    }
}

impl Store for AwsStore {
    async fn accounts(&self) -> Result<Vec<String>, StoreError> {
        let mut accounts = self.accounts_with_tallies().await?;
        accounts.extend(self.accounts_with_items().await?);
        Ok(accounts.into_iter().collect())
    }

    fn days(&self, account: &str) -> impl Future<Output = Result<Vec<Day>, StoreError>> + Send {
        self.list_days(account)
    }

    fn read_tally(
        &self,
        account: &str,
        day: Day,
    ) -> impl Future<Output = Result<Option<Versioned<Vec<u8>>>, StoreError>> + Send {
        self.get_tally(account, day)
    }

    fn write_tally(
        &self,
        account: &str,
        day: Day,
        bytes: &[u8],
        expected: Option<&Version>,
    ) -> impl Future<Output = Result<Version, StoreError>> + Send {
        self.put_tally(account, day, bytes, expected)
    }

    fn remove_tally(
        &self,
        account: &str,
        day: Day,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.delete_tally(account, day)
    }

    fn read_base(
        &self,
        shard: &BaseShard,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + Send {
        self.get_base(shard)
    }

    fn write_base(
        &self,
        shard: &BaseShard,
        bytes: &[u8],
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.put_base(shard, bytes)
    }

    fn prune(
        &self,
        account: &str,
        before: Day,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send {
        self.delete_bases(account, before)
    }

    fn pointer(
        &self,
        account: &str,
    ) -> impl Future<Output = Result<Option<Pointer>, StoreError>> + Send {
        self.get_pointer(account)
    }

    fn flip(
        &self,
        account: &str,
        expected: Option<&Pointer>,
        new: &Pointer,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.put_pointer(account, expected, new)
    }

    async fn record_findings(&self, findings: &[FindingRecord]) -> Result<Recorded, StoreError> {
        findings.iter().try_for_each(FindingRecord::check)?;
        let mut recorded = Recorded::default();
        for finding in findings {
            if self.put_finding(finding).await? {
                recorded.new += 1;
            } else {
                recorded.known += 1;
            }
        }
        Ok(recorded)
    }

    fn pending(
        &self,
        after: Option<&FindingKey>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<StoredFinding>, StoreError>> + Send {
        self.page_of_findings(self.names.pending(), after, limit, None)
    }

    fn mark_sent(
        &self,
        key: &FindingKey,
        revision: u32,
        at: EventTime,
        told: Option<&str>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        self.put_sent(key, revision, at, told)
    }

    fn findings(
        &self,
        account: &str,
        after: Option<&FindingKey>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<StoredFinding>, StoreError>> + Send {
        self.page_of_findings(self.names.findings_of(account), after, limit, None)
    }

    fn findings_since(
        &self,
        account: &str,
        since: EventTime,
        rule: &str,
        after: Option<&FindingKey>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<StoredFinding>, StoreError>> + Send {
        self.page_of_findings_since(account, since, rule, after, limit)
    }

    fn read_findings(
        &self,
        keys: &[FindingKey],
    ) -> impl Future<Output = Result<Vec<StoredFinding>, StoreError>> + Send {
        self.get_findings(keys)
    }

    fn episodes(
        &self,
        id: &str,
    ) -> impl Future<Output = Result<Vec<StoredFinding>, StoreError>> + Send {
        self.get_episodes(id)
    }

    fn triage(
        &self,
        key: &FindingKey,
        note: &TriageNote,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.put_triage(key, note)
    }

    fn quarantine(
        &self,
        record: &Quarantined,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.put_quarantine(record)
    }

    fn read_quarantine(
        &self,
        name: &str,
    ) -> impl Future<Output = Result<Option<Quarantined>, StoreError>> + Send {
        self.get_quarantine(name)
    }

    fn quarantined(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Quarantined>, StoreError>> + Send {
        self.page_of_quarantine(after, limit)
    }

    fn release(&self, name: &str) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.delete_quarantine(name)
    }

    fn read_document(
        &self,
        account: &str,
        name: &str,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + Send {
        self.get_document(account, name)
    }

    fn write_document(
        &self,
        account: &str,
        name: &str,
        bytes: &[u8],
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.put_document(account, name, bytes)
    }

    fn commit(
        &self,
        commit: &Commit,
    ) -> impl Future<Output = Result<Committed, StoreError>> + Send {
        self.make_commit(commit)
    }
}

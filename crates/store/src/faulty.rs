//! A store that fails on purpose: the Nth call, before it worked or after.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use keytrail_event::{Day, EventTime};

use crate::{
    BaseShard, Commit, Committed, FindingKey, FindingRecord, Pointer, Quarantined, Recorded, Store,
    StoreError, StoredFinding, TriageNote, Version, Versioned, commit_in_order,
};

/// Wraps a store and makes one call fail with [`StoreError::Unavailable`], or never return.
#[derive(Debug)]
pub struct Faulty<S> {
    inner: S,
    fault: Mutex<Option<Fault>>,
    commits: Commits,
    calls: AtomicU64,
    /// Up to which call it is out.
    out_until: AtomicU64,
}

/// Without a fault, and with commits by single calls.
impl<S: Store + Default> Default for Faulty<S> {
    fn default() -> Self {
        Self::new(S::default(), Commits::InOrder, None)
    }
}

/// Which call fails, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Counted from 1.
    pub call: u64,
    /// Whether the call did what it was asked.
    pub moment: Moment,
    /// What the caller sees of it.
    pub ending: Ending,
}

/// When a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// It did nothing.
    Before,
    /// It did everything, and its answer was lost: a timeout.
    After,
}

/// What its caller sees of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// [`StoreError::Unavailable`].
    Error,
    /// Nothing, ever: the caller was killed while it waited.
    Killed,
}

/// How the wrapped store's commits are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commits {
    /// As the store makes them, as one call.
    AsTheStore,
    /// By single calls, each of which can fail, as a store without transactions makes them.
    InOrder,
}

impl<S: Store> Faulty<S> {
    /// Wraps a store. Without a fault it only counts.
    pub const fn new(inner: S, commits: Commits, fault: Option<Fault>) -> Self {
        Self {
            inner,
            fault: Mutex::new(fault),
            commits,
            calls: AtomicU64::new(0),
            out_until: AtomicU64::new(0),
        }
    }

    /// Makes that many of the calls to come fail, one after the other, and do nothing: an outage.
    pub fn go_out(&self, calls: u64) {
        let until = self.calls().saturating_add(calls);
        self.out_until.store(until, Ordering::SeqCst);
    }

    /// Makes a call of those to come fail, counted from 1; `None` lets all of them work.
    pub fn arm(&self, fault: Option<Fault>) {
        let made = self.calls();
        let fault = fault.map(|fault| Fault {
            call: made + fault.call,
            ..fault
        });
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// How many calls were made.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// The wrapped store, which does not fail.
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    async fn call<T>(
        &self,
        what: &str,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let out = Fault {
            call: number,
            moment: Moment::Before,
            ending: Ending::Error,
        };
        let is_out = number <= self.out_until.load(Ordering::SeqCst);
        let fault = *self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = fault.filter(|fault| fault.call == number);
        let fault = fault.or(is_out.then_some(out));
        let Some(fault) = fault else {
            return call.await;
        };
        if fault.moment == Moment::After {
            call.await?;
        }
        if fault.ending == Ending::Killed {
            return std::future::pending().await;
        }
        Err(StoreError::Unavailable {
            what: what.to_owned(),
            detail: format!("call {number} was made to fail"),
        })
    }
}

impl<S: Store> Store for Faulty<S> {
    async fn accounts(&self) -> Result<Vec<String>, StoreError> {
        self.call("accounts", self.inner.accounts()).await
    }

    async fn days(&self, account: &str) -> Result<Vec<Day>, StoreError> {
        self.call("days", self.inner.days(account)).await
    }

    async fn read_tally(
        &self,
        account: &str,
        day: Day,
    ) -> Result<Option<Versioned<Vec<u8>>>, StoreError> {
        self.call("read_tally", self.inner.read_tally(account, day))
            .await
    }

    async fn write_tally(
        &self,
        account: &str,
        day: Day,
        bytes: &[u8],
        expected: Option<&Version>,
    ) -> Result<Version, StoreError> {
        let write = self.inner.write_tally(account, day, bytes, expected);
        self.call("write_tally", write).await
    }

    async fn remove_tally(&self, account: &str, day: Day) -> Result<(), StoreError> {
        self.call("remove_tally", self.inner.remove_tally(account, day))
            .await
    }

    async fn read_base(&self, shard: &BaseShard) -> Result<Option<Vec<u8>>, StoreError> {
        self.call("read_base", self.inner.read_base(shard)).await
    }

    async fn write_base(&self, shard: &BaseShard, bytes: &[u8]) -> Result<(), StoreError> {
        self.call("write_base", self.inner.write_base(shard, bytes))
            .await
    }

    async fn prune(&self, account: &str, before: Day) -> Result<u64, StoreError> {
        self.call("prune", self.inner.prune(account, before)).await
    }

    async fn pointer(&self, account: &str) -> Result<Option<Pointer>, StoreError> {
        self.call("pointer", self.inner.pointer(account)).await
    }

    async fn flip(
        &self,
        account: &str,
        expected: Option<&Pointer>,
        new: &Pointer,
    ) -> Result<(), StoreError> {
        self.call("flip", self.inner.flip(account, expected, new))
            .await
    }

    async fn record_findings(&self, findings: &[FindingRecord]) -> Result<Recorded, StoreError> {
        self.call("record_findings", self.inner.record_findings(findings))
            .await
    }

    async fn pending(
        &self,
        after: Option<&FindingKey>,
        limit: usize,
    ) -> Result<Vec<StoredFinding>, StoreError> {
        self.call("pending", self.inner.pending(after, limit)).await
    }

    async fn mark_sent(
        &self,
        key: &FindingKey,
        revision: u32,
        at: EventTime,
        told: Option<&str>,
    ) -> Result<bool, StoreError> {
        self.call("mark_sent", self.inner.mark_sent(key, revision, at, told))
            .await
    }

    async fn findings(
        &self,
        account: &str,
        after: Option<&FindingKey>,
        limit: usize,
    ) -> Result<Vec<StoredFinding>, StoreError> {
        self.call("findings", self.inner.findings(account, after, limit))
            .await
    }

    async fn findings_since(
        &self,
        account: &str,
        since: EventTime,
        rule: &str,
        after: Option<&FindingKey>,
        limit: usize,
    ) -> Result<Vec<StoredFinding>, StoreError> {
        let page = self
            .inner
            .findings_since(account, since, rule, after, limit);
        self.call("findings_since", page).await
    }

    async fn read_findings(&self, keys: &[FindingKey]) -> Result<Vec<StoredFinding>, StoreError> {
        self.call("read_findings", self.inner.read_findings(keys))
            .await
    }

    async fn episodes(&self, id: &str) -> Result<Vec<StoredFinding>, StoreError> {
        self.call("episodes", self.inner.episodes(id)).await
    }

    async fn triage(&self, key: &FindingKey, note: &TriageNote) -> Result<(), StoreError> {
        self.call("triage", self.inner.triage(key, note)).await
    }

    async fn quarantine(&self, record: &Quarantined) -> Result<(), StoreError> {
        self.call("quarantine", self.inner.quarantine(record)).await
    }

    async fn read_quarantine(&self, name: &str) -> Result<Option<Quarantined>, StoreError> {
        self.call("read_quarantine", self.inner.read_quarantine(name))
            .await
    }

    async fn quarantined(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Quarantined>, StoreError> {
        self.call("quarantined", self.inner.quarantined(after, limit))
            .await
    }

    async fn release(&self, name: &str) -> Result<(), StoreError> {
        self.call("release", self.inner.release(name)).await
    }

    async fn read_document(
        &self,
        account: &str,
        name: &str,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.call("read_document", self.inner.read_document(account, name))
            .await
    }

    async fn write_document(
        &self,
        account: &str,
        name: &str,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let write = self.inner.write_document(account, name, bytes);
        self.call("write_document", write).await
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, StoreError> {
        match self.commits {
            Commits::AsTheStore => self.call("commit", self.inner.commit(commit)).await,
            Commits::InOrder => commit_in_order(self, commit).await,
        }
    }
}

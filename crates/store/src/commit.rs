//! A commit: all that one step of one account writes, and the order in which that is safe.

use std::collections::BTreeSet;

use keytrail_event::Day;

use crate::bounds::{DOCUMENT_BYTES_MAX, SHARDS_MAX, check_bytes, check_name};
use crate::{BaseShard, FindingRecord, Pointer, Recorded, Store, StoreError, Version};

/// The writes of one step of one account. Empty parts are left as they are.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// The account that everything else belongs to.
    pub account: String,
    /// Tallies that took something in.
    pub tallies: Vec<TallyWrite>,
    /// Findings that are new or changed.
    pub findings: Vec<FindingRecord>,
    /// Clock, watermark and the like. They may be ahead of the pointer after a crash, so they must not
    /// say what was learnt.
    pub documents: Vec<Document>,
    /// The fold of a day into a new base.
    pub close: Option<Close>,
}

/// A tally that replaces the one that was read.
#[derive(Debug, Clone)]
pub struct TallyWrite {
    /// The UTC day.
    pub day: Day,
    /// The encoded tally.
    pub bytes: Vec<u8>,
    /// What was read; `None` when there was nothing.
    pub expected: Option<Version>,
}

/// A small named value of an account.
#[derive(Debug, Clone)]
pub struct Document {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Refuses what is over a bound. Every store asks this before it writes.
pub fn check_document(account: &str, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
    check_name("an account", account)?;
    check_name("the name of a document", name)?;
    check_bytes(
        &format!("document {name} of account {account}"),
        bytes.len(),
        DOCUMENT_BYTES_MAX,
    )
}

/// A new base, and the flip of the pointer to it.
#[derive(Debug, Clone)]
pub struct Close {
    expected: Option<Pointer>,
    new: Pointer,
    shards: Vec<Vec<u8>>,
}

impl Close {
    /// A base of as many shards as the pointer says.
    pub fn new(
        expected: Option<Pointer>,
        new: Pointer,
        shards: Vec<Vec<u8>>,
    ) -> Result<Self, StoreError> {
        let count = u32::try_from(shards.len()).unwrap_or(u32::MAX);
        if count != new.shards || count > SHARDS_MAX {
            return Err(StoreError::Misused {
                what: "close".to_owned(),
                why: format!(
                    "{count} shards, where the pointer says {} and at most {SHARDS_MAX} may be",
                    new.shards
                ),
            });
        }
        Ok(Self {
            expected,
            new,
            shards,
        })
    }

    /// The pointer that the fold began from.
    #[must_use]
    pub const fn expected(&self) -> Option<&Pointer> {
        self.expected.as_ref()
    }

    /// The pointer to the new base.
    #[must_use]
    pub const fn new_pointer(&self) -> &Pointer {
        &self.new
    }

    /// The shards, in order, each with its name.
    pub fn shards(&self, account: &str) -> impl Iterator<Item = (BaseShard, &[u8])> {
        let names = (0..self.new.shards).map(move |shard| BaseShard {
            account: account.to_owned(),
            generation: self.new.generation,
            day: self.new.day,
            shard,
        });
        names.zip(self.shards.iter().map(Vec::as_slice))
    }
}

/// What a commit came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Committed {
    /// The versions of the tallies, in the order of the commit.
    pub tallies: Vec<Version>,
    /// What became of the findings.
    pub findings: Recorded,
}

impl Commit {
    /// A commit of this account with nothing in it yet.
    #[must_use]
    pub fn of(account: impl Into<String>) -> Self {
        Self {
            account: account.into(),
            ..Self::default()
        }
    }

    /// Refuses findings of another account, and two tallies of one day: every store asks this first.
    pub fn check(&self) -> Result<(), StoreError> {
        let stray = self
            .findings
            .iter()
            .find(|finding| finding.account != self.account)
            .map(|stray| format!("{} is of account {}", stray.key, stray.account));
        let mut days = BTreeSet::new();
        let twice = self
            .tallies
            .iter()
            .find(|tally| !days.insert(tally.day))
            .map(|tally| format!("there are two tallies of {}", tally.day));
        match stray.or(twice) {
            None => Ok(()),
            Some(why) => Err(StoreError::Misused {
                what: format!("commit of account {}", self.account),
                why,
            }),
        }
    }
}

/// Commits by single calls, in the order that is safe to be stopped in anywhere:
/// the pointer is looked at, then tallies, base shards, findings, documents, and the flip last.
///
/// [`Store::commit`] does this unless a store can do better.
pub async fn commit_in_order<S: Store + ?Sized>(
    store: &S,
    commit: &Commit,
) -> Result<Committed, StoreError> {
    commit.check()?;
    let account = commit.account.as_str();
    if let Some(close) = &commit.close {
        // A writer that lost the race is turned away before it leaves anything behind.
        let pointer = store.pointer(account).await?;
        if pointer.as_ref() != close.expected() && pointer.as_ref() != Some(close.new_pointer()) {
            return Err(StoreError::conflict(format!("the pointer of {account}")));
        }
    }
    let mut committed = Committed::default();
    for tally in &commit.tallies {
        let version = store
            .write_tally(account, tally.day, &tally.bytes, tally.expected.as_ref())
            .await?;
        committed.tallies.push(version);
    }
    if let Some(close) = &commit.close {
        for (shard, bytes) in close.shards(account) {
            store.write_base(&shard, bytes).await?;
        }
    }
    if !commit.findings.is_empty() {
        committed.findings = store.record_findings(&commit.findings).await?;
    }
    for document in &commit.documents {
        store
            .write_document(account, &document.name, &document.bytes)
            .await?;
    }
    if let Some(close) = &commit.close {
        store
            .flip(account, close.expected(), close.new_pointer())
            .await?;
    }
    Ok(committed)
}

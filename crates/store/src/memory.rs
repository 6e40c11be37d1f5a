//! The store in memory: what a replay without a state file uses, and the model of the others.

mod contents;

use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use keytrail_event::{Day, EventTime};

use self::contents::Contents;
use crate::bounds::{TRIAGE_NOTES_MAX, page_entries};
use crate::commit::check_document;
use crate::{
    BaseShard, Commit, Committed, FindingKey, FindingRecord, Pointer, Quarantined, Recorded, Store,
    StoreError, StoredFinding, TriageNote, Version, Versioned,
};

/// A store in memory. A commit is atomic: it is checked as a whole before any of it is done.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Contents>);

/// A copy holds what stands now, and goes its own way.
impl Clone for MemoryStore {
    fn clone(&self) -> Self {
        Self(Mutex::new(self.contents().clone()))
    }
}

impl MemoryStore {
    /// What stands behind the lock stays whole when a thread panics: each change is checked first.
    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn after<T: Clone + Ord>(key: Option<&T>) -> (Bound<T>, Bound<T>) {
    (
        key.cloned().map_or(Bound::Unbounded, Bound::Excluded),
        Bound::Unbounded,
    )
}

impl Store for MemoryStore {
    async fn accounts(&self) -> Result<Vec<String>, StoreError> {
        let contents = self.contents();
        let known = contents.accounts.iter().filter(|(_, account)| {
            !account.tallies.is_empty()
                || account.pointer.is_some()
                || !account.documents.is_empty()
                || !account.findings.is_empty()
        });
        Ok(known.map(|(name, _)| name.clone()).collect())
    }

    async fn days(&self, account: &str) -> Result<Vec<Day>, StoreError> {
        let contents = self.contents();
        let account = contents.accounts.get(account);
        Ok(account.map_or_else(Vec::new, |account| {
            account.tallies.keys().copied().collect()
        }))
    }

    async fn read_tally(
        &self,
        account: &str,
        day: Day,
    ) -> Result<Option<Versioned<Vec<u8>>>, StoreError> {
        let contents = self.contents();
        Ok(contents.tally(account, day).map(|tally| Versioned {
            value: tally.bytes.clone(),
            version: tally.version(),
        }))
    }

    async fn write_tally(
        &self,
        account: &str,
        day: Day,
        bytes: &[u8],
        expected: Option<&Version>,
    ) -> Result<Version, StoreError> {
        let mut contents = self.contents();
        contents.check_tally(account, day, bytes, expected)?;
        Ok(contents.put_tally(account, day, bytes))
    }

    async fn remove_tally(&self, account: &str, day: Day) -> Result<(), StoreError> {
        if let Some(account) = self.contents().accounts.get_mut(account) {
            account.tallies.remove(&day);
        }
        Ok(())
    }

    async fn read_base(&self, shard: &BaseShard) -> Result<Option<Vec<u8>>, StoreError> {
        let contents = self.contents();
        let account = contents.accounts.get(&shard.account);
        let key = (shard.generation, shard.day, shard.shard);
        Ok(account.and_then(|account| account.bases.get(&key).cloned()))
    }

    async fn write_base(&self, shard: &BaseShard, bytes: &[u8]) -> Result<(), StoreError> {
        let mut contents = self.contents();
        contents.check_base(shard, bytes)?;
        contents.put_base(shard, bytes);
        Ok(())
    }

    async fn prune(&self, account: &str, before: Day) -> Result<u64, StoreError> {
        let mut contents = self.contents();
        let Some(account) = contents.accounts.get_mut(account) else {
            return Ok(0);
        };
        let Some(pointer) = account.pointer else {
            return Ok(0);
        };
        let shards = account.bases.len();
        let end = before.min(pointer.day);
        account
            .bases
            .retain(|(generation, day, _), _| (*generation, *day) >= (pointer.generation, end));
        Ok((shards - account.bases.len()) as u64)
    }

    async fn pointer(&self, account: &str) -> Result<Option<Pointer>, StoreError> {
        Ok(self.contents().pointer(account).copied())
    }

    async fn flip(
        &self,
        account: &str,
        expected: Option<&Pointer>,
        new: &Pointer,
    ) -> Result<(), StoreError> {
        let mut contents = self.contents();
        contents.check_flip(account, expected, new)?;
        contents.account(account).pointer = Some(*new);
        Ok(())
    }

    async fn record_findings(&self, findings: &[FindingRecord]) -> Result<Recorded, StoreError> {
        findings.iter().try_for_each(FindingRecord::check)?;
        Ok(self.contents().put_findings(findings))
    }

    async fn pending(
        &self,
        key: Option<&FindingKey>,
        limit: usize,
    ) -> Result<Vec<StoredFinding>, StoreError> {
        let contents = self.contents();
        let keys = contents.pending.range(after(key)).take(page_entries(limit));
        Ok(contents.page(keys))
    }

    async fn mark_sent(
        &self,
        key: &FindingKey,
        revision: u32,
        at: EventTime,
        told: Option<&str>,
    ) -> Result<bool, StoreError> {
        StoredFinding::check_told(key, told)?;
        let mut contents = self.contents();
        let Some(finding) = contents.findings.get_mut(key) else {
            return Ok(false);
        };
        if revision <= finding.sent_revision || revision > finding.record.revision {
            return Ok(false);
        }
        finding.sent_revision = revision;
        finding.sent_at = Some(at);
        if let Some(told) = told {
            finding.told = Some(told.to_owned());
        }
        if !finding.is_pending() {
            contents.pending.remove(key);
        }
        Ok(true)
    }

    async fn findings(
        &self,
        account: &str,
        key: Option<&FindingKey>,
        limit: usize,
    ) -> Result<Vec<StoredFinding>, StoreError> {
        let contents = self.contents();
        let Some(account) = contents.accounts.get(account) else {
            return Ok(Vec::new());
        };
        let keys = account.findings.range(after(key)).take(page_entries(limit));
        Ok(contents.page(keys))
    }

    async fn findings_since(
        &self,
        account: &str,
        since: EventTime,
        rule: &str,
        key: Option<&FindingKey>,
        limit: usize,
    ) -> Result<Vec<StoredFinding>, StoreError> {
        let contents = self.contents();
        let Some(account) = contents.accounts.get(account) else {
            return Ok(Vec::new());
        };
        let can_change = |key: &&FindingKey| {
            let record = contents.findings.get(*key).map(|stored| &stored.record);
            record.is_some_and(|record| record.last_seen >= since || record.rule == rule)
        };
        let keys = account.findings.range(after(key)).filter(can_change);
        Ok(contents.page(keys.take(page_entries(limit))))
    }

    async fn read_findings(&self, keys: &[FindingKey]) -> Result<Vec<StoredFinding>, StoreError> {
        Ok(self.contents().page(keys.iter()))
    }

    async fn episodes(&self, id: &str) -> Result<Vec<StoredFinding>, StoreError> {
        let first = FindingKey {
            id: id.to_owned(),
            episode: String::new(),
        };
        let contents = self.contents();
        let episodes = contents.findings.range(first..);
        let episodes = episodes.take_while(|(key, _)| key.id == id);
        Ok(episodes.map(|(_, finding)| finding.clone()).collect())
    }

    async fn triage(&self, key: &FindingKey, note: &TriageNote) -> Result<(), StoreError> {
        note.check()?;
        let mut contents = self.contents();
        let Some(finding) = contents.findings.get_mut(key) else {
            return Err(StoreError::Unknown {
                what: key.to_string(),
            });
        };
        let last = finding.triage.last();
        if last.is_some_and(|(_, last)| last == note) {
            return Ok(());
        }
        let number = last.map_or(0, |(number, _)| *number).saturating_add(1);
        finding.triage.push((number, note.clone()));
        if finding.triage.len() > TRIAGE_NOTES_MAX {
            finding.triage.remove(0);
        }
        Ok(())
    }

    async fn quarantine(&self, record: &Quarantined) -> Result<(), StoreError> {
        record.check()?;
        let mut contents = self.contents();
        contents
            .quarantine
            .insert(record.name.clone(), record.clone());
        Ok(())
    }

    async fn read_quarantine(&self, name: &str) -> Result<Option<Quarantined>, StoreError> {
        Ok(self.contents().quarantine.get(name).cloned())
    }

    async fn quarantined(
        &self,
        name: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Quarantined>, StoreError> {
        let contents = self.contents();
        let records = contents
            .quarantine
            .range(after(name.map(str::to_owned).as_ref()));
        let records = records.take(page_entries(limit));
        Ok(records.map(|(_, record)| record.clone()).collect())
    }

    async fn release(&self, name: &str) -> Result<(), StoreError> {
        self.contents().quarantine.remove(name);
        Ok(())
    }

    async fn read_document(
        &self,
        account: &str,
        name: &str,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let contents = self.contents();
        let account = contents.accounts.get(account);
        Ok(account.and_then(|account| account.documents.get(name).cloned()))
    }

    async fn write_document(
        &self,
        account: &str,
        name: &str,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        check_document(account, name, bytes)?;
        self.contents().put_document(account, name, bytes);
        Ok(())
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, StoreError> {
        let account = commit.account.as_str();
        let mut contents = self.contents();
        commit.check()?;
        commit.findings.iter().try_for_each(FindingRecord::check)?;
        for tally in &commit.tallies {
            contents.check_tally(account, tally.day, &tally.bytes, tally.expected.as_ref())?;
        }
        for document in &commit.documents {
            check_document(account, &document.name, &document.bytes)?;
        }
        if let Some(close) = &commit.close {
            contents.check_flip(account, close.expected(), close.new_pointer())?;
            for (shard, bytes) in close.shards(account) {
                contents.check_base(&shard, bytes)?;
            }
        }
        let tallies = commit
            .tallies
            .iter()
            .map(|tally| contents.put_tally(account, tally.day, &tally.bytes))
            .collect();
        let findings = contents.put_findings(&commit.findings);
        for document in &commit.documents {
            contents.put_document(account, &document.name, &document.bytes);
        }
        if let Some(close) = &commit.close {
            for (shard, bytes) in close.shards(account) {
                contents.put_base(&shard, bytes);
            }
            contents.account(account).pointer = Some(*close.new_pointer());
        }
        Ok(Committed { tallies, findings })
    }
}

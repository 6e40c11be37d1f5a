//! What the store in memory holds. Each write is a check that changes nothing, and a change that cannot fail.

use std::collections::{BTreeMap, BTreeSet};

use keytrail_event::Day;

use crate::bounds::{VALUE_BYTES_MAX, check_bytes, check_name};
use crate::{
    BaseShard, FindingKey, FindingRecord, Pointer, Quarantined, Recorded, StoreError,
    StoredFinding, Version,
};

#[derive(Debug, Clone, Default)]
pub(super) struct Contents {
    pub(super) accounts: BTreeMap<String, Account>,
    pub(super) findings: BTreeMap<FindingKey, StoredFinding>,
    pub(super) pending: BTreeSet<FindingKey>,
    pub(super) quarantine: BTreeMap<String, Quarantined>,
    /// Counts writes of tallies, so that no version comes twice.
    writes: u64,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Account {
    pub(super) tallies: BTreeMap<Day, Tally>,
    pub(super) bases: BTreeMap<(u64, Day, u32), Vec<u8>>,
    pub(super) pointer: Option<Pointer>,
    pub(super) documents: BTreeMap<String, Vec<u8>>,
    pub(super) findings: BTreeSet<FindingKey>,
}

#[derive(Debug, Clone)]
pub(super) struct Tally {
    pub(super) bytes: Vec<u8>,
    write: u64,
}

impl Tally {
    pub(super) fn version(&self) -> Version {
        Version::new(self.write.to_string())
    }
}

impl Contents {
    pub(super) fn account(&mut self, account: &str) -> &mut Account {
        self.accounts.entry(account.to_owned()).or_default()
    }

    pub(super) fn tally(&self, account: &str, day: Day) -> Option<&Tally> {
        self.accounts.get(account)?.tallies.get(&day)
    }

    pub(super) fn check_tally(
        &self,
        account: &str,
        day: Day,
        bytes: &[u8],
        expected: Option<&Version>,
    ) -> Result<(), StoreError> {
        let what = format!("the tally of account {account}, day {day}");
        check_name("an account", account)?;
        check_bytes(&what, bytes.len(), VALUE_BYTES_MAX)?;
        let stored = self.tally(account, day);
        let is_expected = stored.map(Tally::version).as_ref() == expected;
        if is_expected || stored.is_some_and(|stored| stored.bytes == bytes) {
            Ok(())
        } else {
            Err(StoreError::conflict(what))
        }
    }

    pub(super) fn put_tally(&mut self, account: &str, day: Day, bytes: &[u8]) -> Version {
        if let Some(same) = self
            .tally(account, day)
            .filter(|stored| stored.bytes == bytes)
        {
            return same.version();
        }
        self.writes += 1;
        let tally = Tally {
            bytes: bytes.to_vec(),
            write: self.writes,
        };
        let version = tally.version();
        self.account(account).tallies.insert(day, tally);
        version
    }

    pub(super) fn check_base(&self, shard: &BaseShard, bytes: &[u8]) -> Result<(), StoreError> {
        check_name("an account", &shard.account)?;
        check_bytes(&shard.to_string(), bytes.len(), VALUE_BYTES_MAX)?;
        let Some(account) = self.accounts.get(&shard.account) else {
            return Ok(());
        };
        let is_covered = account
            .pointer
            .is_some_and(|pointer| pointer.covers(shard.generation, shard.day));
        let stored = account
            .bases
            .get(&(shard.generation, shard.day, shard.shard));
        if is_covered && stored.is_some_and(|stored| stored != bytes) {
            return Err(StoreError::conflict(shard.to_string()));
        }
        Ok(())
    }

    pub(super) fn put_base(&mut self, shard: &BaseShard, bytes: &[u8]) {
        self.account(&shard.account)
            .bases
            .insert((shard.generation, shard.day, shard.shard), bytes.to_vec());
    }

    pub(super) fn pointer(&self, account: &str) -> Option<&Pointer> {
        self.accounts.get(account)?.pointer.as_ref()
    }

    pub(super) fn check_flip(
        &self,
        account: &str,
        expected: Option<&Pointer>,
        new: &Pointer,
    ) -> Result<(), StoreError> {
        check_name("an account", account)?;
        let stored = self.pointer(account);
        if stored == expected || stored == Some(new) {
            Ok(())
        } else {
            Err(StoreError::conflict(format!("the pointer of {account}")))
        }
    }

    fn put_finding(&mut self, record: &FindingRecord) -> bool {
        let stored = self.findings.get_mut(&record.key);
        match stored {
            Some(stored) if stored.record.revision >= record.revision => return false,
            Some(stored) => stored.record = record.clone(),
            None => {
                let finding = StoredFinding {
                    record: record.clone(),
                    sent_revision: 0,
                    sent_at: None,
                    told: None,
                    triage: Vec::new(),
                };
                self.findings.insert(record.key.clone(), finding);
                let account = self.account(&record.account);
                account.findings.insert(record.key.clone());
            }
        }
        self.pending.insert(record.key.clone());
        true
    }

    pub(super) fn put_findings(&mut self, records: &[FindingRecord]) -> Recorded {
        let mut recorded = Recorded::default();
        for record in records {
            if self.put_finding(record) {
                recorded.new += 1;
            } else {
                recorded.known += 1;
            }
        }
        recorded
    }

    pub(super) fn page<'k>(
        &self,
        keys: impl Iterator<Item = &'k FindingKey>,
    ) -> Vec<StoredFinding> {
        keys.filter_map(|key| self.findings.get(key).cloned())
            .collect()
    }

    pub(super) fn put_document(&mut self, account: &str, name: &str, bytes: &[u8]) {
        let documents = &mut self.account(account).documents;
        documents.insert(name.to_owned(), bytes.to_vec());
    }
}

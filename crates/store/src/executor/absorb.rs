//! Taking deliveries in: the union of what is stored and what came.

use std::collections::BTreeMap;

use keytrail_detect::cut::CellRoom;
use keytrail_detect::tally::Tally;
use keytrail_event::Day;
use xxhash_rust::xxh3::xxh3_128;

use super::form::{bytes_of, tally_of};
use super::notes::{STALE, document};
use super::{ExecuteError, Executor};
use crate::bounds::{VALUE_BYTES_MAX, check_bytes};
use crate::{Commit, Store, TallyWrite, Version};

/// What is known of a stored tally once its bytes are gone.
struct Known {
    length: usize,
    hash: u128,
    version: Version,
}

/// What taking in came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Absorbed {
    /// Distinct records that were not stored before; of cells beyond exact counting, an estimate.
    pub new_records: u64,
    /// Days whose tally changed.
    pub changed_days: u64,
    /// Days among them that had been folded already, and will be folded again.
    pub stale_days: u64,
    /// Records and groups that one day of an account had no room to carry.
    pub not_carried: u64,
    /// Records of days that were pruned, at least: they were judged then, and nothing is stored of them again.
    pub pruned_records: u64,
}

impl Absorbed {
    /// Adds the counts of another step.
    pub fn add(&mut self, other: &Self) {
        self.new_records += other.new_records;
        self.changed_days += other.changed_days;
        self.stale_days += other.stale_days;
        self.not_carried += other.not_carried;
        self.pruned_records += other.pruned_records;
    }
}

impl<S: Store> Executor<'_, S> {
    /// Takes tallies of one account in, each of its UTC day. Again and again changes nothing more. Days that were pruned are
    /// left out: what is stored of them would be new without being judged, and have every later day folded again.
    ///
    /// # Errors
    /// When the store fails, or what it holds can not be read.
    pub async fn absorb(
        &self,
        account: &str,
        tallies: BTreeMap<Day, Tally>,
    ) -> Result<Absorbed, ExecuteError> {
        let mut absorbed = Absorbed::default();
        let folded_through = self
            .store
            .pointer(account)
            .await?
            .map(|pointer| pointer.day);
        let pruned = self.pruned(account).await?;
        for (day, tally) in tallies {
            if pruned.is_some_and(|pruned| pruned.covers(day)) {
                // What comes hours late is in no cell, and is carried all the same.
                let carried = tally.notables.len() as u64;
                absorbed.pruned_records += tally.distinct().max(carried);
                continue;
            }
            let stored = self.store.read_tally(account, day).await?;
            // A day is large: of its bytes only what tells them apart stays while it is encoded anew.
            let (mut whole, known) = match stored {
                Some(stored) => {
                    let whole = self.decode(account, day, &stored.value)?;
                    let known = Known {
                        length: stored.value.len(),
                        hash: xxh3_128(&stored.value),
                        version: stored.version,
                    };
                    (whole, Some(known))
                }
                None => (Tally::default(), None),
            };
            let before = whole.distinct();
            whole.merge(tally);
            whole.trim();
            let distinct = whole.distinct();
            whole.cut_cells(CellRoom::OF_A_DAY);
            absorbed.not_carried += whole.not_carried();
            let (bytes, length) = bytes_of(whole).map_err(|source| ExecuteError::Pack {
                account: account.to_owned(),
                day,
                source,
            })?;
            let what = format!("the tally of account {account}, day {day}");
            check_bytes(&what, length, VALUE_BYTES_MAX)?;
            absorbed.new_records += distinct.saturating_sub(before);
            let is_known =
                |known: &Known| known.length == bytes.len() && known.hash == xxh3_128(&bytes);
            if known.as_ref().is_some_and(is_known) {
                continue;
            }
            absorbed.changed_days += 1;
            if folded_through.is_some_and(|through| day <= through) {
                // Noted before the tally is written: whoever is stopped in between has noted too much,
                // never too little.
                absorbed.stale_days += 1;
                self.note_stale(account, day).await?;
            }
            let write = TallyWrite {
                day,
                bytes,
                expected: known.map(|known| known.version),
            };
            let commit = Commit {
                tallies: vec![write],
                ..Commit::of(account)
            };
            self.store.commit(&commit).await?;
        }
        Ok(absorbed)
    }

    /// Has every day of an account folded again, by the next ticks.
    ///
    /// # Errors
    /// When the store fails, or what it holds can not be read.
    pub async fn rebuild(&self, account: &str) -> Result<(), ExecuteError> {
        match self.store.days(account).await?.first() {
            Some(first) => self.note_stale(account, *first).await,
            None => Ok(()),
        }
    }

    async fn note_stale(&self, account: &str, day: Day) -> Result<(), ExecuteError> {
        let known: Option<Day> = self.note(account, STALE).await?;
        if known.is_none_or(|known| day < known) {
            let note = document(STALE, &Some(day));
            self.store
                .write_document(account, &note.name, &note.bytes)
                .await?;
        }
        Ok(())
    }

    pub(super) fn decode(
        &self,
        account: &str,
        day: Day,
        bytes: &[u8],
    ) -> Result<Tally, ExecuteError> {
        tally_of(bytes).map_err(|source| ExecuteError::Tally {
            account: account.to_owned(),
            day,
            source,
        })
    }
}

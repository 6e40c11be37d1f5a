//! A tick: the clock moves, and an account is judged as of it.

use keytrail_detect::base::MATHS_VERSION;
use keytrail_detect::bounds::CLOSE_LAG_SECONDS;
use keytrail_detect::engine::is_due;
use keytrail_detect::plan::Metrics;
use keytrail_event::{Day, EventTime};

use super::fold::Fold;
use super::notes::{CLOCK, REFOLD, Refold, STALE, document};
use super::publish::{Judged, Standing};
use super::start::{Refolded, Start};
use super::{ExecuteError, Executor};
use crate::{BaseShard, Close, Commit, Pointer, Store, StoreError};

/// What a tick came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ticked {
    /// Findings in a new revision, recorded and waiting to be sent.
    pub revised: u64,
    /// Days that were folded.
    pub closed: Vec<Day>,
    /// Why earlier days were folded again, if they were.
    pub refolded: Option<Refolded>,
    /// Whether days wait to be folded by the next tick.
    pub is_unfinished: bool,
    /// Whether the account is still being learnt.
    pub is_learning: bool,
    /// Bytes of the base, where it has more than can be read again: it was not kept, the days that were folded are still
    /// open, and every tick judges them again.
    pub unkept_base_bytes: Option<usize>,
    /// Pairs that were forgotten because there were too many.
    pub forgotten_pairs: u64,
    /// What was counted while judging.
    pub metrics: Metrics,
}

impl<S: Store> Executor<'_, S> {
    /// Judges an account as of this time, or as of the latest it was judged at before.
    ///
    /// # Errors
    /// When the store fails, or what it holds can not be read.
    pub async fn tick(&self, account: &str, clock: EventTime) -> Result<Ticked, ExecuteError> {
        let clock = self
            .clock(account)
            .await?
            .map_or(clock, |known| known.max(clock));
        let pointer = self.store.pointer(account).await?;
        let Start {
            base,
            generation,
            refolded,
            goes_on,
        } = self.start(account, pointer.as_ref()).await?;
        let days = self.store.days(account).await?;
        let behind = days.into_iter().filter(|day| base.through() < Some(*day));
        let (due, open): (Vec<Day>, Vec<Day>) = behind.partition(|day| is_due(*day, clock));
        let now = &due[..due.len().min(self.days_a_tick)];
        let is_unfinished = now.len() < due.len();
        let begin = now.first().or(open.first()).map(|day| day.start());
        let mut fold = Fold::from(base);
        self.fold(account, &mut fold, now, clock).await?;
        if !is_unfinished {
            self.look(account, &mut fold, &open, clock).await?;
        }
        fold.standing.extend(self.gap_findings(account).await?);
        let judged = Judged {
            from: begin.unwrap_or(clock),
            until: now.last().filter(|_| is_unfinished).map(|day| day.end()),
        };
        let standing = Standing {
            now: std::mem::take(&mut fold.standing),
            before: &fold.before,
            judged,
        };
        let revised = self
            .revise(
                account,
                standing,
                clock,
                goes_on || (is_unfinished && refolded.is_some()),
            )
            .await?;
        fold.before.clear();
        let mut commit = Commit {
            findings: revised.records,
            documents: vec![document(CLOCK, &clock)],
            ..Commit::of(account)
        };
        let last_due = clock.plus_seconds(-CLOSE_LAG_SECONDS).day().plus_days(-1);
        let through = if is_unfinished {
            now.last().copied().unwrap_or(last_due)
        } else {
            last_due
        };
        let new = Pointer {
            generation,
            day: through,
            shards: 1,
            maths_version: MATHS_VERSION,
            configuration_hash: self.fingerprint,
            enrichment_hash: 0,
        };
        let is_ahead =
            pointer.is_none_or(|known| known.generation < generation || known.day < through);
        let mut unkept_base_bytes = None;
        let too_large = |bytes| StoreError::TooLarge {
            what: format!("the base of account {account}, day {through}"),
            bytes,
            bytes_max: self.base_bytes_max,
        };
        if let (true, Some(refolded)) = (is_unfinished, &refolded) {
            // The base that counts goes on counting until the other has caught up with it.
            let shard = BaseShard::only(account, generation, through);
            let bytes = self.base_bytes(account, &fold.base)?.map_err(too_large)?;
            self.store.write_base(&shard, &bytes).await?;
            self.store.commit(&commit).await?;
            let refold = Refold {
                generation,
                through,
                fingerprint: self.fingerprint,
                refolded: refolded.clone(),
            };
            self.set_note(account, REFOLD, &Some(refold)).await?;
            self.set_note(account, STALE, &None::<Day>).await?;
        } else if is_ahead && (pointer.is_some() || !fold.closed.is_empty()) {
            match self.base_bytes(account, &fold.base)? {
                Ok(bytes) => {
                    commit.close = Some(Close::new(pointer, new, vec![bytes])?);
                    self.store.commit(&commit).await?;
                    self.note_close(account, &new, refolded.as_ref()).await?;
                }
                // The next tick would not go on from here, but begin again.
                Err(bytes) if is_unfinished => return Err(too_large(bytes).into()),
                Err(bytes) => {
                    unkept_base_bytes = Some(bytes);
                    self.store.commit(&commit).await?;
                }
            }
        } else {
            self.store.commit(&commit).await?;
        }
        Ok(Ticked {
            revised: revised.count,
            closed: fold.closed,
            refolded,
            is_unfinished,
            is_learning: fold.base.is_learning(),
            unkept_base_bytes,
            forgotten_pairs: fold.base.forgotten_pairs(),
            metrics: fold.metrics,
        })
    }
}

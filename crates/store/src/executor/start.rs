//! Where a fold begins: at the base that counts, at an earlier one, or at the first day.

use keytrail_detect::base::{Base, BaseError, MATHS_VERSION};
use keytrail_event::Day;

use super::form::{base_of, bytes_of_base};
use super::notes::{BASES, BASES_KEPT_MAX, KeptBase, REFOLD, Refold, STALE};
use super::{ExecuteError, Executor};
use crate::{BaseShard, Pointer, Store, StoreError};

/// Why days were folded again.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Refolded {
    /// A delivery came for this day after it had been folded.
    Delivery(Day),
    /// The configuration is another one.
    Configuration,
    /// The mathematics, or the form of bases, is that of another version.
    Mathematics,
    /// The base that counts is not there or can not be read, as this says.
    Damaged(String),
}

impl Refolded {
    fn by(error: BaseError) -> Self {
        match error {
            BaseError::Form(_) => Self::Mathematics,
            BaseError::Damaged(why) => Self::Damaged(why),
        }
    }
}

/// Where a fold begins.
pub(super) struct Start {
    pub base: Base,
    pub generation: u64,
    pub refolded: Option<Refolded>,
    /// Whether an earlier tick began to fold these days again.
    pub goes_on: bool,
}

impl<S: Store> Executor<'_, S> {
    pub(super) async fn start(
        &self,
        account: &str,
        pointer: Option<&Pointer>,
    ) -> Result<Start, ExecuteError> {
        let mut start = self.start_above(account, pointer).await?;
        if start.refolded.is_some() {
            // Days that were pruned are not there to be folded again.
            start.base = self.at_least_ground(account, start.base).await?;
        }
        Ok(start)
    }

    /// Where a fold would begin if nothing had been pruned.
    async fn start_above(
        &self,
        account: &str,
        pointer: Option<&Pointer>,
    ) -> Result<Start, ExecuteError> {
        let Some(pointer) = pointer else {
            return Ok(Start {
                base: Base::default(),
                generation: 1,
                refolded: None,
                goes_on: false,
            });
        };
        let stale: Option<Day> = self.note(account, STALE).await?;
        let refold: Option<Refold> = self.note(account, REFOLD).await?;
        if let Some(refold) = refold.as_ref().filter(|refold| {
            refold.fingerprint == self.fingerprint
                && refold.generation == pointer.generation + 1
                && stale.is_none_or(|stale| stale > refold.through)
        }) && let Ok(base) = self
            .base(account, refold.generation, refold.through)
            .await?
        {
            return Ok(Start {
                base,
                generation: refold.generation,
                refolded: Some(refold.refolded.clone()),
                goes_on: true,
            });
        }
        let again = |refolded, base| Start {
            base,
            generation: pointer.generation + 1,
            refolded: Some(refolded),
            goes_on: false,
        };
        if pointer.maths_version != MATHS_VERSION {
            return Ok(again(Refolded::Mathematics, Base::default()));
        }
        if pointer.configuration_hash != self.fingerprint {
            return Ok(again(Refolded::Configuration, Base::default()));
        }
        // A day that changed while another generation was being folded is stale for both.
        let began_for = refold.and_then(|refold| match refold.refolded {
            Refolded::Delivery(day) => Some(day),
            Refolded::Configuration | Refolded::Mathematics | Refolded::Damaged(_) => None,
        });
        let stale = match (stale, began_for) {
            (Some(stale), Some(began_for)) => Some(stale.min(began_for)),
            (stale, began_for) => stale.or(began_for),
        };
        if let Some(stale) = stale.filter(|stale| *stale <= pointer.day) {
            let base = self.base_before(account, stale).await?;
            return Ok(again(Refolded::Delivery(stale), base));
        }
        let base = self.base(account, pointer.generation, pointer.day).await?;
        Ok(match base {
            Ok(base) => Start {
                base,
                generation: pointer.generation,
                refolded: None,
                goes_on: false,
            },
            Err(refolded) => again(refolded, Base::default()),
        })
    }

    /// A base as it is stored; its size, where that is more than can be read again.
    pub(super) fn base_bytes(
        &self,
        account: &str,
        base: &Base,
    ) -> Result<Result<Vec<u8>, usize>, ExecuteError> {
        bytes_of_base(base, self.base_bytes_max).map_err(|source| ExecuteError::PackBase {
            account: account.to_owned(),
            source,
        })
    }

    /// The base of that day; where there is none that this version can read, why what it learnt is to be folded again.
    async fn base(
        &self,
        account: &str,
        generation: u64,
        day: Day,
    ) -> Result<Result<Base, Refolded>, ExecuteError> {
        let shard = BaseShard::only(account, generation, day);
        self.read_base(&shard).await
    }

    /// What stands there as a base; where nothing that this version can read, why.
    pub(super) async fn read_base(
        &self,
        shard: &BaseShard,
    ) -> Result<Result<Base, Refolded>, ExecuteError> {
        match self.store.read_base(shard).await {
            Ok(Some(bytes)) => Ok(base_of(&bytes).map_err(Refolded::by)),
            Ok(None) => Ok(Err(Refolded::Damaged("it is not there".to_owned()))),
            // Whether the store or this finds it out: the days are there to learn it from again.
            Err(StoreError::Damaged { detail, .. }) => Ok(Err(Refolded::Damaged(detail))),
            Err(error) => Err(error.into()),
        }
    }

    /// The latest kept base of a day before this one, or the empty base.
    pub(super) async fn base_before(&self, account: &str, day: Day) -> Result<Base, ExecuteError> {
        let kept: Vec<KeptBase> = self.note(account, BASES).await?.unwrap_or_default();
        for kept in kept.iter().rev().filter(|kept| kept.day < day) {
            if let Ok(base) = self.base(account, kept.generation, kept.day).await? {
                return Ok(base);
            }
        }
        Ok(Base::default())
    }

    /// Notes a close, after it was made: stopped in between, a fold is made once more than needed.
    pub(super) async fn note_close(
        &self,
        account: &str,
        pointer: &Pointer,
        refolded: Option<&Refolded>,
    ) -> Result<(), ExecuteError> {
        let mut kept: Vec<KeptBase> = self.note(account, BASES).await?.unwrap_or_default();
        match refolded {
            None => {}
            Some(Refolded::Delivery(day)) => kept.retain(|kept| kept.day < *day),
            Some(Refolded::Configuration | Refolded::Mathematics | Refolded::Damaged(_)) => {
                kept.clear();
            }
        }
        kept.retain(|kept| kept.day != pointer.day);
        kept.push(KeptBase {
            generation: pointer.generation,
            day: pointer.day,
        });
        let surplus = kept.len().saturating_sub(BASES_KEPT_MAX);
        kept.drain(..surplus);
        self.set_note(account, BASES, &Some(&kept)).await?;
        if refolded.is_some() {
            self.set_note(account, REFOLD, &None::<Refold>).await?;
            self.set_note(account, STALE, &None::<Day>).await?;
        }
        // Bases of earlier generations go once nothing is folded from them.
        if kept
            .iter()
            .all(|kept| kept.generation == pointer.generation)
        {
            self.store.prune(account, kept[0].day).await?;
        }
        Ok(())
    }
}

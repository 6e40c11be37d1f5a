//! Forgetting the records of early days, and keeping what they taught.
//!
//! Days are folded again from an earlier base, or from the first day on. Where the first days are forgotten, the base
//! through the last of them stands for them: the ground, below which nothing is judged again.

use keytrail_detect::base::{Base, FORM, MATHS_VERSION};
use keytrail_event::Day;

use super::fold::Fold;
use super::notes::GROUND;
use super::{ExecuteError, Executor};
use crate::{BaseShard, Store, StoreError};

/// The generation that the ground is stored in: later than all others, so that no prune of bases removes it. It is
/// the last that SQLite's integers can name.
const GROUND_GENERATION: u64 = i64::MAX as u64;

/// What was pruned of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Pruned {
    /// The first day whose records stayed.
    pub before: Day,
    /// The version of the mathematics that the earlier days were folded with.
    maths_version: u32,
    /// The version of the form that what they taught is kept in.
    form: u8,
}

impl Pruned {
    /// Whether what the forgotten days taught is of use to this version.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        self.maths_version == MATHS_VERSION && self.form == FORM
    }
}

impl<S: Store> Executor<'_, S> {
    /// Forgets the records of closed days before this one, and returns of how many days. What they taught stays, and
    /// so do their findings. The account has to be judged before, with all that came.
    ///
    /// # Errors
    /// When days are open or wait to be judged again, the store fails, or what it holds can not be read.
    pub async fn prune(&self, account: &str, before: Day) -> Result<u64, ExecuteError> {
        let mut forgotten = self.store.days(account).await?;
        forgotten.retain(|day| *day < before);
        let Some(last) = forgotten.last() else {
            return Ok(0);
        };
        let pointer = self.store.pointer(account).await?;
        let is_closed = pointer.is_some_and(|pointer| *last <= pointer.day);
        let start = self.start(account, pointer.as_ref()).await?;
        let (true, None, Some(clock)) = (is_closed, start.refolded, self.clock(account).await?)
        else {
            let what = format!("prune of account {account}");
            let why = format!("days before {before} are still to be judged");
            return Err(StoreError::Misused { what, why }.into());
        };
        let pruned: Option<Pruned> = self.note(account, GROUND).await?;
        // What an earlier prune was stopped at, or what came late for a forgotten day, needs no other ground.
        if pruned.is_none_or(|pruned| pruned.before < before || !pruned.is_known()) {
            let base = self.base_before(account, before).await?;
            let mut fold = Fold::from(self.at_least_ground(account, base).await?);
            let mut days = forgotten.clone();
            days.retain(|day| fold.base.through() < Some(*day));
            self.fold(account, &mut fold, &days, clock).await?;
            let bytes = self.base_bytes(account, &fold.base)?;
            let bytes = bytes.map_err(|bytes| StoreError::TooLarge {
                what: format!("the base of account {account}, before {before}"),
                bytes,
                bytes_max: self.base_bytes_max,
            })?;
            self.store.write_base(&ground(account), &bytes).await?;
            let pruned = Pruned {
                before,
                maths_version: MATHS_VERSION,
                form: FORM,
            };
            self.set_note(account, GROUND, &Some(pruned)).await?;
        }
        for day in &forgotten {
            self.store.remove_tally(account, *day).await?;
        }
        Ok(forgotten.len() as u64)
    }

    /// What was pruned of an account; `None` where nothing was.
    ///
    /// # Errors
    /// When the store fails, or what it holds can not be read.
    pub async fn pruned(&self, account: &str) -> Result<Option<Pruned>, ExecuteError> {
        self.note(account, GROUND).await
    }

    /// This base, or what the forgotten days taught where that goes further.
    pub(super) async fn at_least_ground(
        &self,
        account: &str,
        base: Base,
    ) -> Result<Base, ExecuteError> {
        let pruned = self.pruned(account).await?;
        if !pruned.is_some_and(|pruned| pruned.is_known()) {
            return Ok(base);
        }
        let ground = self.read_base(&ground(account)).await?;
        Ok(ground
            .ok()
            .filter(|ground| ground.through() > base.through())
            .unwrap_or(base))
    }
}

/// There is one ground an account: the next replaces it, whatever day it is of.
fn ground(account: &str) -> BaseShard {
    BaseShard::only(account, GROUND_GENERATION, Day::from_days_since_1970(0))
}

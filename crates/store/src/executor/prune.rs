//! Forgetting the records of early days, and keeping what they taught.
//!
//! Days are folded again from an earlier base, or from the first day on. Where the first days are forgotten, the base
//! through the last of them stands for them: the ground, below which nothing is judged again.

use keytrail_detect::base::{Base, FORM, MATHS_VERSION};
use keytrail_event::Day;

use super::fold::Fold;
use super::notes::GROUND;
use super::start::Refolded;
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
    /// The last day that was folded into what is kept; earlier versions did not note it.
    #[serde(default)]
    through: Option<Day>,
    /// Where it lies: there are two places by turns, and the next never replaces the one that this note names.
    #[serde(default)]
    place: u8,
    /// Whether it could not be read any more.
    #[serde(default)]
    is_lost: bool,
}

impl Pruned {
    /// Whether what the forgotten days taught is of use to this version.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        self.maths_version == MATHS_VERSION && self.form == FORM && !self.is_lost
    }

    /// Whether what they taught could not be read any more; otherwise, what is not known was learnt by another version.
    #[must_use]
    pub const fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// Whether this day was judged and learnt before its records were forgotten, so that those that come again are
    /// nothing new.
    #[must_use]
    pub fn covers(&self, day: Day) -> bool {
        self.is_known() && day <= self.through()
    }

    fn through(&self) -> Day {
        self.through.unwrap_or_else(|| self.before.plus_days(-1))
    }

    /// There are two grounds an account at most, each in the place of the one before the last.
    fn ground(&self, account: &str) -> BaseShard {
        let place = Day::from_days_since_1970(i64::from(self.place));
        BaseShard::only(account, GROUND_GENERATION, place)
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
        // What an earlier prune was stopped at needs no other ground.
        if !pruned.is_some_and(|pruned| pruned.covers(*last)) {
            let base = self.base_before(account, before).await?;
            let base = self.at_least_ground(account, base).await?;
            let now = self.pruned(account).await?;
            if pruned.is_some_and(|pruned| pruned.is_known()) && now.is_some_and(|now| now.is_lost)
            {
                // Noted by now: who prunes again knows of it, and goes on without.
                let what = format!("what the pruned days of account {account} taught");
                let detail = "prune again to go on without it".to_owned();
                return Err(StoreError::Damaged { what, detail }.into());
            }
            let mut fold = Fold::from(base);
            let mut days = forgotten.clone();
            days.retain(|day| fold.base.through() < Some(*day));
            self.fold(account, &mut fold, &days, clock).await?;
            let bytes = self.base_bytes(account, &fold.base)?;
            let bytes = bytes.map_err(|bytes| StoreError::TooLarge {
                what: format!("the base of account {account}, before {before}"),
                bytes,
                bytes_max: self.base_bytes_max,
            })?;
            let next = Pruned {
                before: pruned.map_or(before, |pruned| pruned.before.max(before)),
                maths_version: MATHS_VERSION,
                form: FORM,
                through: fold.base.through().max(Some(*last)),
                place: pruned.map_or(0, |pruned| 1 - pruned.place.min(1)),
                is_lost: false,
            };
            // Until the note names it, the other one counts.
            self.store.write_base(&next.ground(account), &bytes).await?;
            self.set_note(account, GROUND, &Some(next)).await?;
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

    /// Where what the forgotten days of an account taught lies; `None` where nothing of use does.
    ///
    /// # Errors
    /// When the store fails, or what it holds can not be read.
    pub async fn ground(&self, account: &str) -> Result<Option<BaseShard>, ExecuteError> {
        let pruned = self.pruned(account).await?;
        let pruned = pruned.filter(Pruned::is_known);
        Ok(pruned.map(|pruned| pruned.ground(account)))
    }

    /// This base, or what the forgotten days taught where that goes further. Where that cannot be read any more, it is
    /// noted as lost: the account is learnt from the days since, rather than never judged again.
    pub(super) async fn at_least_ground(
        &self,
        account: &str,
        base: Base,
    ) -> Result<Base, ExecuteError> {
        let pruned = self.pruned(account).await?;
        let Some(pruned) = pruned.filter(Pruned::is_known) else {
            return Ok(base);
        };
        match self.read_base(&pruned.ground(account)).await? {
            Ok(ground) if ground.through() > base.through() => Ok(ground),
            Err(Refolded::Damaged(_)) => {
                let lost = Pruned {
                    is_lost: true,
                    ..pruned
                };
                self.set_note(account, GROUND, &Some(lost)).await?;
                Ok(base)
            }
            _ => Ok(base),
        }
    }
}

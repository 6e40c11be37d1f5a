//! What the executor notes beside tallies and bases: small documents of an account.

use keytrail_event::{Day, EventTime};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::start::Refolded;
use super::{ExecuteError, Executor};
use crate::{Document, Store};

/// The latest time that the account was judged at. It only grows.
pub(super) const CLOCK: &str = "clock";
/// The earliest folded day whose tally has changed since, if any.
pub(super) const STALE: &str = "stale";
/// How far a fold into the next generation has come, while it is under way.
pub(super) const REFOLD: &str = "refold";
/// The bases that are kept to fold from, the latest last.
pub(super) const BASES: &str = "bases";

/// What was pruned, above a base that stands for it.
pub(super) const GROUND: &str = "ground";

/// What the digests of the account's archives show to be wrong.
pub(super) const GAPS: &str = "gaps";

/// Bases that are kept beside the one that counts, so that a day that changed is not folded from the
/// first day on.
pub(super) const BASES_KEPT_MAX: usize = 4;

/// A base that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
pub(super) struct KeptBase {
    pub generation: u64,
    pub day: Day,
}

/// How far a fold into another generation has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub(super) struct Refold {
    /// The generation.
    pub generation: u64,
    /// The last day that was folded into it.
    pub through: Day,
    /// The fingerprint of the configuration it is folded with.
    pub fingerprint: u64,
    /// Why it is folded.
    pub refolded: Refolded,
}

impl<S: Store> Executor<'_, S> {
    pub(super) async fn note<T: DeserializeOwned>(
        &self,
        account: &str,
        name: &'static str,
    ) -> Result<Option<T>, ExecuteError> {
        let Some(bytes) = self.store.read_document(account, name).await? else {
            return Ok(None);
        };
        serde_json::from_slice::<Option<T>>(&bytes).map_err(|error| ExecuteError::Note {
            account: account.to_owned(),
            name,
            why: error.to_string(),
        })
    }

    pub(super) async fn set_note<T: Serialize + Sync>(
        &self,
        account: &str,
        name: &'static str,
        value: &T,
    ) -> Result<(), ExecuteError> {
        let note = document(name, value);
        Ok(self
            .store
            .write_document(account, &note.name, &note.bytes)
            .await?)
    }

    /// The latest time that the account was judged at.
    ///
    /// # Errors
    /// When the store fails, or what it holds can not be read.
    pub async fn clock(&self, account: &str) -> Result<Option<EventTime>, ExecuteError> {
        self.note(account, CLOCK).await
    }
}

/// A note on its way into the store.
pub(super) fn document<T: Serialize>(name: &'static str, value: &T) -> Document {
    // Days, times and numbers all have a form in JSON.
    let bytes = serde_json::to_vec(value).unwrap_or_else(|_| b"null".to_vec());
    let name = name.to_owned();
    Document { name, bytes }
}

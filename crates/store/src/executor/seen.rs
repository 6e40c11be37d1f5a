//! What was seen of the digests and log files of a Region: kept for the runs that see what comes next.

use keytrail_detect::digest_chain::Seen;

use super::{ExecuteError, Executor};
use crate::Store;
use crate::bounds::DOCUMENT_BYTES_MAX;

/// Longest name of a Region that is kept; AWS's have some fifteen letters.
const REGION_BYTES_MAX: usize = 64;

impl<S: Store> Executor<'_, S> {
    /// What was seen of an account's Region; `None` where nothing was, or what another version wrote.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn seen(&self, account: &str, region: &str) -> Result<Option<Seen>, ExecuteError> {
        if region.len() > REGION_BYTES_MAX {
            return Ok(None);
        }
        let bytes = self.store.read_document(account, &name(region)).await?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Keeps what was seen of an account's Region, or as much of it as a document holds.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn keep_seen(
        &self,
        account: &str,
        region: &str,
        mut seen: Seen,
    ) -> Result<(), ExecuteError> {
        if region.len() > REGION_BYTES_MAX {
            return Ok(());
        }
        let name = name(region);
        loop {
            // Times, numbers and texts all have a form in JSON.
            let bytes = serde_json::to_vec(&seen).unwrap_or_default();
            if bytes.len() <= DOCUMENT_BYTES_MAX {
                let writing = self.store.write_document(account, &name, &bytes);
                return Ok(writing.await?);
            }
            if !seen.shrink() {
                return Ok(());
            }
        }
    }
}

fn name(region: &str) -> String {
    format!("seen {region}")
}

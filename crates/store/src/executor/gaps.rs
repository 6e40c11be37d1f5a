//! What digests show to be wrong with an account's log files: kept, so that it stands until it is mended.

use std::collections::BTreeMap;
use std::sync::Arc;

use keytrail_detect::packed_finding::{PackedFinding, Packer};
use keytrail_detect::rules::log_gap::{self, Gap};

use super::notes::GAPS;
use super::{ExecuteError, Executor};
use crate::Store;
use crate::bounds::GAPS_MAX;

impl<S: Store> Executor<'_, S> {
    /// Notes gaps of an account, and forgets those that are mended. Returns how many were too many
    /// to keep; the earliest stay.
    ///
    /// # Errors
    /// When the store fails, or what it holds can not be read.
    pub async fn note_gaps(
        &self,
        account: &str,
        found: &[Gap],
        is_mended: impl Fn(&Gap) -> bool,
    ) -> Result<usize, ExecuteError> {
        let known: Vec<Gap> = self.note(account, GAPS).await?.unwrap_or_default();
        let mut gaps = known.clone();
        gaps.retain(|gap| !is_mended(gap));
        gaps.extend_from_slice(found);
        gaps.sort();
        gaps.dedup();
        let surplus = gaps.len().saturating_sub(GAPS_MAX);
        gaps.truncate(GAPS_MAX);
        if gaps != known {
            self.set_note(account, GAPS, &Some(gaps)).await?;
        }
        Ok(surplus)
    }

    /// The findings that the noted gaps are, by episode.
    pub(super) async fn gap_findings(
        &self,
        account: &str,
    ) -> Result<BTreeMap<Arc<str>, PackedFinding>, ExecuteError> {
        let gaps: Vec<Gap> = self.note(account, GAPS).await?.unwrap_or_default();
        let findings = log_gap::findings(&gaps).into_iter();
        let mut packer = Packer::default();
        let packed = findings.map(|finding| packer.pack(&finding));
        Ok(packed
            .map(|finding| (Arc::clone(finding.episode()), finding))
            .collect())
    }
}

//! The closing summary: how far an answer reaches, and what it is. `--stats` is the same as JSON.

mod coverage;
mod found;
mod sigma;
#[cfg(test)]
mod tests;
mod write;

use keytrail_detect::bounds;
use keytrail_detect::plan::Metrics;
use keytrail_detect::tally::TallyCounts;
use serde::Serialize;

pub use coverage::{Coverage, NamedIssue, UnreadableFile};
pub use found::{FindingCounts, Named, RuleCount};
pub use sigma::{SigmaCounts, SigmaRuleCount, UnsupportedSigmaRule, write_sigma};
pub use write::{no_findings, write_json, write_problems, write_summary};

/// How much is said of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// The counts, every unreadable file and the first malformed records.
    Normal,
    /// Every malformed record that is known, and what was noted beside.
    All,
}

/// What a run came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Summary {
    /// What was read and what became of it.
    #[serde(flatten)]
    pub coverage: Coverage,
    /// Records with another event id, or other content where they have none.
    pub distinct: u64,
    /// Records that were there before.
    pub duplicates: u64,
    /// Distinct records that pass the filters; null where filters choose findings.
    pub matched: Option<u64>,
    /// How records stood to the stamps of their files; null where nobody asked.
    pub tally: Option<TallyCounts>,
    /// What was counted while judging; null where nothing was judged.
    pub metrics: Option<Metrics>,
    /// Accounts that are still being learnt; null where nothing is learnt.
    pub learning_accounts: Option<u64>,
    /// The findings, counted; null where none were looked for.
    pub findings: Option<FindingCounts>,
    /// What Sigma rules came to; absent where none were run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sigma: Option<SigmaCounts>,
    /// Every bound that was hit.
    pub bounds_met: Vec<BoundMet>,
}

/// A bound that was hit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BoundMet {
    /// The bound's name.
    pub bound: &'static str,
    /// Its value.
    pub limit: u64,
    /// How often it was hit.
    pub count: u64,
    /// What that means, as a fragment behind the count.
    pub meaning: &'static str,
}

/// The bounds that these counts say were hit.
#[must_use]
pub fn bounds_met(counts: &TallyCounts, metrics: &Metrics, forgotten_pairs: u64) -> Vec<BoundMet> {
    let bound = |bound, limit: usize, count, meaning| BoundMet {
        bound,
        limit: limit as u64,
        count,
        meaning,
    };
    let all = [
        bound(
            "exact_events_max",
            bounds::EXACT_EVENTS_MAX,
            metrics.estimated_cells,
            "estimated hourly counts (standard error 3 %)",
        ),
        bound(
            "notables_max",
            bounds::NOTABLES_MAX,
            counts.notables_not_carried,
            "records were too many or too long for the rules that read them whole",
        ),
        bound(
            "day_principals_max",
            bounds::DAY_PRINCIPALS_MAX,
            metrics.cut_days,
            "days of an account had more principals or names than fit: the calls of some are not counted",
        ),
        bound(
            "past_entries_max",
            bounds::PAST_ENTRIES_MAX,
            metrics.forgotten,
            "aliases, keys, policies or users were forgotten, or grants made by hand beyond the 64 latest of a key",
        ),
        bound(
            "pairs_max",
            bounds::PAIRS_MAX,
            forgotten_pairs,
            "pairs of principal and key were forgotten, the longest unused first",
        ),
    ];
    all.into_iter().filter(|bound| bound.count > 0).collect()
}

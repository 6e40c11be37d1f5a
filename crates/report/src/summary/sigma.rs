//! What running Sigma rules came to.

use std::io::{self, Write};

use serde::Serialize;

use super::Detail;
use crate::escape;
use crate::words::grouped;

/// Rules that are not run and named on the terminal, at most; `--stats` has them all.
const NAMED_MAX: usize = 10;

/// What running Sigma rules came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SigmaCounts {
    /// Rules that were run.
    pub rules: u64,
    /// Rules for other log sources than CloudTrail.
    pub other_log_sources: u64,
    /// Rules for CloudTrail that were not run, with the reason.
    pub unsupported: Vec<UnsupportedSigmaRule>,
    /// Records that the rules saw, of whatever service; repeated deliveries count again.
    pub records: u64,
    /// Matching records without a time, of which nothing can be told.
    pub timeless: u64,
    /// What matched, by rule.
    pub by_rule: Vec<SigmaRuleCount>,
    /// Findings of one rule, at most.
    pub findings_per_rule_max: u64,
    /// Matching records that would have begun a finding too many.
    pub beyond: u64,
}

/// What matched one rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SigmaRuleCount {
    /// The rule as findings name it.
    pub rule: String,
    /// Its title.
    pub title: String,
    /// Its findings.
    pub findings: u64,
    /// Distinct events in them.
    pub events: u64,
    /// Matching records that are in none of them.
    pub beyond: u64,
}

/// A rule that was not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnsupportedSigmaRule {
    /// The file, below the folder that was named.
    pub file: String,
    /// The rule's title, where it could be read.
    pub title: Option<String>,
    /// Why it was not run.
    pub reason: String,
}

/// Writes the counts as lines.
///
/// # Errors
/// When `out` takes no more.
pub fn write_sigma(counts: &SigmaCounts, detail: Detail, out: &mut dyn Write) -> io::Result<()> {
    let matched: u64 = counts.by_rule.iter().map(|rule| rule.events).sum();
    writeln!(
        out,
        "Sigma: {} rules over {} records; rules that match: {}, events that they match: {}",
        grouped(counts.rules),
        grouped(counts.records),
        counts.by_rule.len(),
        grouped(matched)
    )?;
    if counts.other_log_sources > 0 {
        writeln!(
            out,
            "{:>12}  rules are for other log sources than CloudTrail",
            grouped(counts.other_log_sources)
        )?;
    }
    if counts.beyond > 0 {
        writeln!(
            out,
            "{:>12}  matching records would have begun more than {} findings of a rule",
            grouped(counts.beyond),
            grouped(counts.findings_per_rule_max)
        )?;
    }
    if counts.timeless > 0 {
        writeln!(
            out,
            "{:>12}  matching records have no time",
            grouped(counts.timeless)
        )?;
    }
    if counts.unsupported.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "{:>12}  rules for CloudTrail are not run",
        counts.unsupported.len()
    )?;
    let named = match detail {
        Detail::Normal => NAMED_MAX,
        Detail::All => usize::MAX,
    };
    for rule in counts.unsupported.iter().take(named) {
        let file = escape::terminal(&rule.file);
        let reason = escape::terminal(&rule.reason);
        match &rule.title {
            Some(title) => writeln!(out, "  {file} ({}): {reason}", escape::terminal(title))?,
            None => writeln!(out, "  {file}: {reason}")?,
        }
    }
    match counts.unsupported.len().saturating_sub(named) {
        0 => Ok(()),
        more => writeln!(out, "  and {more} more: --verbose and --stats name them"),
    }
}

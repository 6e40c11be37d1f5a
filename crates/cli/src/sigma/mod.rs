//! Sigma: the community's rules for CloudTrail over the same records.
//!
//! The matching is `rsigma`'s. Here is which rules are run, which records they see (every one, of whatever service, in
//! a pass of its own over the files), and how matches become findings of the common form. Single records only: what
//! counts or follows over several is named as not supported, like everything else that is not run.

mod found;
mod load;
mod matches;

use std::path::Path;

use keytrail_detect::finding::Finding;
use keytrail_event::{Issue, Reader, Record, Sink};
use keytrail_report::summary::SigmaCounts;

use self::load::SigmaRules;
use self::matches::Matches;
use crate::failure::UsageError;
use crate::input::{Discovered, Unpacker};
use crate::pipeline;
use crate::progress::Progress;
use crate::threads::Threads;

/// Rules that are run, at most.
const RULES_MAX: usize = 10_000;
/// Longest rule file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Findings of one rule, at most: matches that would begin another are counted.
const FINDINGS_PER_RULE_MAX: usize = 1_000;

/// Sigma rules, ready to be run.
pub struct Sigma {
    rules: SigmaRules,
}

impl Sigma {
    /// Reads the rules below a folder, or one file.
    ///
    /// # Errors
    /// When the folder cannot be read, or holds no rule that can be run.
    pub fn load(folder: &Path) -> Result<Self, UsageError> {
        let rules = load::load(folder)?;
        Ok(Self { rules })
    }

    /// Runs the rules over every record of the files: the findings sorted by (episode, id), and the counts.
    ///
    /// # Errors
    /// When the reading threads fail. What is wrong with a file is told by the replay.
    pub fn run(
        self,
        found: &Discovered,
        threads: usize,
        progress: &Progress,
    ) -> anyhow::Result<(Vec<Finding>, SigmaCounts)> {
        let rules = &self.rules;
        let mut all = Matches::default();
        pipeline::ordered(
            found.files.len(),
            &Threads::new(threads.min(found.files.len()))?,
            || (Unpacker::default(), Reader::of_every_record()),
            |(unpacker, reader), index, emit| {
                let file = &found.files[index];
                let mut sink = Matching {
                    rules,
                    matches: Matches::default(),
                };
                let size = file.bytes.and_then(|bytes| usize::try_from(bytes).ok());
                let on_bytes = |bytes| progress.bytes(bytes);
                if let Ok(source) = file.open() {
                    unpacker.read(
                        source,
                        size.unwrap_or_default(),
                        reader,
                        &mut sink,
                        &on_bytes,
                    );
                }
                // Whether anybody wants more is asked again by the next file.
                let _ = emit(sink.matches);
            },
            |_, of_file| {
                all.merge(of_file);
                Ok(())
            },
        )?;
        Ok(found::conclude(self.rules, all))
    }
}

/// Matches the records of one file.
struct Matching<'r> {
    rules: &'r SigmaRules,
    matches: Matches,
}

impl Sink for Matching<'_> {
    fn record(&mut self, _: &Record<'_>) {}

    fn issue(&mut self, _: Issue) {}

    fn text(&mut self, text: &str) {
        self.matches.take(self.rules, text);
    }
}

//! A replay in memory: the engine over the files, in the order of their stamps.

use std::collections::BTreeMap;
use std::sync::Arc;

use keytrail_detect::configuration::Configuration;
use keytrail_detect::engine;
use keytrail_detect::packed_finding::PackedFinding;
use keytrail_detect::plan::{Metrics, Plan};
use keytrail_detect::rules::log_gap;
use keytrail_detect::state::State;
use keytrail_detect::tally::Tally;
use keytrail_event::EventTime;
use keytrail_report::summary::Coverage;

use super::Replayed;
use super::collect::{Intake, collect};
use super::room::{Outgrown, Room};
use super::scores::AccountScore;
use crate::digests::{SeenByRegion, Span, verify_files};
use crate::failure::UsageError;
use crate::finding_list::FindingList;
use crate::input::Discovered;
use crate::progress::Progress;
use crate::threads::Threads;

/// Replays the files. Where records come after their day has closed, which an outage of CloudTrail
/// does, they are read a second time, so that such records are judged with their day.
///
/// # Errors
/// [`Outgrown`] when the open days do not fit into their room, when a second reading is needed of what can be read only
/// once (who asks for no scores need not come here with it), and when the reading threads fail;
/// what is wrong with a file is part of the coverage.
pub fn replay(
    found: &Discovered,
    threads: usize,
    progress: &Progress,
    configuration: &Configuration,
    room: Room,
) -> anyhow::Result<Replayed> {
    let reading = &Threads::new(threads)?;
    let pass = |state| pass(found, state, reading, progress, configuration, room);
    let (mut replayed, afterwards) = pass(State::default())?;
    if let Some(afterwards) = afterwards {
        if found.is_read_once() {
            return Err(UsageError::new(
                "records came after their day was judged, and the input is read a second time for them, which standard input or a pipe cannot be",
            )
            .hint("write it into a file and name that, or leave --scores out")
            .into());
        }
        drop(replayed);
        (replayed, _) = pass(State::knowing(afterwards))?;
    }
    let verified = verify_files(found, threads, Span::default(), None, &SeenByRegion::new())?;
    let gaps = verified.verification.within_archive(&verified.log_files);
    replayed.findings.extend(log_gap::findings(&gaps));
    progress.finish();
    Ok(replayed)
}

fn pass(
    found: &Discovered,
    state: State,
    threads: &Threads,
    progress: &Progress,
    configuration: &Configuration,
    room: Room,
) -> anyhow::Result<(Replayed, Option<Tally>)> {
    let mut engine = InMemory {
        state,
        configuration,
        threads,
        room,
        found: Found::default(),
    };
    let mut coverage = Coverage::default();
    let newest = collect(
        found,
        threads,
        room.reading,
        progress,
        &mut coverage,
        &mut engine,
    )?;
    if let Some(newest) = newest {
        engine.finish(newest);
    }
    let state = engine.state;
    let counts = state.counts();
    let mut replayed = Replayed {
        coverage,
        findings: FindingList::default(),
        counts,
        // Beyond exact counting, distinct records are an estimate; no estimate makes duplicates negative.
        distinct: state.distinct().min(counts.kept),
        learning_accounts: state.learning_accounts() as u64,
        forgotten_pairs: state.forgotten_pairs(),
        metrics: engine.found.metrics,
        outgrown: None,
        scores: engine.found.scores,
    };
    let afterwards = state.has_afterwards().then(|| state.into_afterwards());
    let findings: Vec<PackedFinding> = engine.found.findings.into_values().collect();
    replayed.findings = findings.into();
    Ok((replayed, afterwards))
}

/// The engine, and what all its plans found.
struct InMemory<'c> {
    state: State,
    configuration: &'c Configuration,
    threads: &'c Threads,
    room: Room,
    found: Found,
}

/// What plans found, each finding as the last plan that knew it left it.
#[derive(Default)]
struct Found {
    findings: BTreeMap<Arc<str>, PackedFinding>,
    metrics: Metrics,
    scores: Vec<AccountScore>,
}

impl Found {
    fn take(&mut self, plan: Plan) {
        self.metrics.add(&plan.metrics);
        let account = &plan.account;
        self.scores
            .extend(plan.scores.into_iter().map(|line| AccountScore {
                account: account.clone(),
                line,
            }));
        for finding in plan.findings {
            self.findings.insert(Arc::clone(finding.episode()), finding);
        }
    }
}

impl InMemory<'_> {
    fn finish(&mut self, newest: EventTime) {
        engine::finish(
            &mut self.state,
            newest,
            self.configuration,
            self.threads,
            |plan| {
                self.found.take(plan);
            },
        );
    }
}

impl Intake for InMemory<'_> {
    fn reach(&mut self, stamp: EventTime) -> anyhow::Result<()> {
        engine::advance(
            &mut self.state,
            stamp,
            self.configuration,
            self.threads,
            |plan| {
                self.found.take(plan);
            },
        );
        Ok(())
    }

    fn take(&mut self, tally: Tally) -> anyhow::Result<()> {
        if !self.state.has_room_for(&tally, self.room.held) {
            return Err(Outgrown.into());
        }
        self.state.absorb(tally);
        Ok(())
    }
}

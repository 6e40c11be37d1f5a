//! A step with more revised findings than it holds: those before the last are recorded ahead of its commit. Whoever is
//! stopped in between makes it again, and comes to the same.

use keytrail_detect::configuration::Configuration;
use keytrail_event::EventTime;
use keytrail_store::bounds::{PAGE_ENTRIES_MAX, STEP_FINDINGS_MAX};
use keytrail_store::executor::Executor;
use keytrail_store::faulty::{Commits, Ending, Fault, Faulty, Moment};
use keytrail_store::{MemoryStore, Pointer, Store, StoredFinding};

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::world::{ACCOUNT, File, change, file, moment};
use crate::{deliver, tick};

const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;
/// One batch ahead of the commit, and some findings with it; two where as many are withdrawn.
const KEYS: usize = STEP_FINDINGS_MAX + STEP_FINDINGS_MAX / 2;
/// One for each key, and one of all of them together.
const FINDINGS: usize = KEYS + 1;

/// Every key is disabled, at this second.
fn disabled(second: i64) -> File {
    let records = (0..KEYS).map(|key| {
        let id = format!("disable-{second}-{key}");
        change(second, "DisableKey", &format!("key-{key}"), &id)
    });
    file(second, records.collect())
}

/// Every tick read all findings of the account, which are kept for more than a year.
#[test]
fn a_tick_does_not_read_what_is_long_past() {
    pollster::block_on(async {
        let configuration = Configuration::default();
        let mut calls = Vec::new();
        for past in [0, 3 * PAGE_ENTRIES_MAX] {
            let store = MemoryStore::default();
            let clock = 400 * DAY;
            let job = file(clock, vec![change(clock, "DisableKey", "key", "disable")]);
            deliver(&store, &configuration, &job).await.unwrap();
            tick(&store, &configuration, moment(clock)).await.unwrap();
            let known = store.findings(ACCOUNT, None, 1).await.unwrap();
            let long_past = (0..past).map(|number| {
                let mut record = known[0].record.clone();
                record.key.id = format!("{number:05}");
                record.last_seen = moment(300 * DAY);
                record
            });
            let long_past: Vec<_> = long_past.collect();
            store.record_findings(&long_past).await.unwrap();
            let store = Faulty::new(store, Commits::InOrder, None);
            let next = moment(clock + 300);
            tick(&store, &configuration, next).await.unwrap();
            calls.push(store.calls());
        }
        assert_eq!(calls[0], calls[1]);
    });
}

/// A tick, and the store as it is before and after.
struct Step {
    before: MemoryStore,
    clock: EventTime,
    after: Outcome,
}

impl Step {
    /// The outcome when the tick is stopped before this call, and made again; `None` when it makes no such call.
    async fn stopped(&self, call: u64, commits: Commits) -> Option<Outcome> {
        let configuration = Configuration::default();
        let fault = Fault {
            call,
            // To be stopped before a call is to be stopped after the one that came before it.
            moment: Moment::Before,
            ending: Ending::Error,
        };
        let store = Faulty::new(self.before.clone(), commits, Some(fault));
        tick(&store, &configuration, self.clock).await.err()?;
        tick(&store, &configuration, self.clock).await.unwrap();
        Some(outcome(store.inner()).await)
    }
}

/// The steps of a life, each from where the last one ended.
async fn steps() -> Vec<Step> {
    let configuration = Configuration::default();
    let life = [
        // Findings that nobody knew.
        (Some(3 * DAY + 10 * HOUR), 3 * DAY + 11 * HOUR),
        // All of them began the day before: those of this day are withdrawn.
        (Some(2 * DAY + 9 * HOUR), 3 * DAY + 11 * HOUR),
        // All of them are final, and the days are learnt.
        (None, 4 * DAY + 3 * HOUR),
        // All of them began a day earlier still: closed days are folded again.
        (Some(DAY + 9 * HOUR), 4 * DAY + 4 * HOUR),
    ];
    let store = MemoryStore::default();
    let mut steps = Vec::new();
    for (disabled_at, clock) in life {
        if let Some(second) = disabled_at {
            let file = disabled(second);
            deliver(&store, &configuration, &file).await.unwrap();
        }
        let before = store.clone();
        let clock = moment(clock);
        tick(&store, &configuration, clock).await.unwrap();
        let after = outcome(&store).await;
        steps.push(Step {
            before,
            clock,
            after,
        });
    }
    let revisions = steps.iter().map(|step| {
        let findings = &step.after.findings;
        let revisions = findings.iter().map(|stored| stored.record.revision);
        (findings.len(), revisions.max())
    });
    let expected = [
        (FINDINGS, Some(1)),
        (2 * FINDINGS, Some(2)),
        (2 * FINDINGS, Some(2)),
        (3 * FINDINGS, Some(3)),
    ];
    assert_eq!(revisions.collect::<Vec<_>>(), expected);
    steps
}

/// What stands, with the number of every revision, and which wait to be sent.
#[derive(Debug, PartialEq)]
struct Outcome {
    findings: Vec<StoredFinding>,
    pending: Vec<StoredFinding>,
    pointer: Option<Pointer>,
    clock: Option<EventTime>,
}

impl Outcome {
    /// Whether this is what was to come of a step. Who is stopped between the flip of the pointer and the note of it
    /// folds the days once more than needed, into a generation more: findings that go on from day to day then shrink
    /// and grow back, with a revision each.
    fn is(&self, expected: &Self) -> bool {
        if self.pointer == expected.pointer {
            return self == expected;
        }
        let whatever = |pointer: Option<Pointer>| {
            pointer.map(|pointer| Pointer {
                generation: 0,
                ..pointer
            })
        };
        whatever(self.pointer) == whatever(expected.pointer)
            && self.clock == expected.clock
            && without_revisions(&self.findings) == without_revisions(&expected.findings)
    }
}

/// What these findings say, whatever their revision.
fn without_revisions(findings: &[StoredFinding]) -> Vec<serde_json::Value> {
    let plain = findings.iter().map(|stored| {
        let mut finding: serde_json::Value = serde_json::from_str(&stored.record.json).unwrap();
        finding.as_object_mut().unwrap().remove("revision");
        finding
    });
    plain.collect()
}

async fn outcome(store: &MemoryStore) -> Outcome {
    let mut outcome = Outcome {
        findings: Vec::new(),
        pending: Vec::new(),
        pointer: store.pointer(ACCOUNT).await.unwrap(),
        clock: None,
    };
    loop {
        let after = outcome.findings.last().map(|last| &last.record.key);
        let page = store.findings(ACCOUNT, after, PAGE_ENTRIES_MAX);
        let page = page.await.unwrap();
        if page.is_empty() {
            break;
        }
        outcome.findings.extend(page);
    }
    loop {
        let after = outcome.pending.last().map(|last| &last.record.key);
        let page = store.pending(after, PAGE_ENTRIES_MAX).await.unwrap();
        if page.is_empty() {
            break;
        }
        outcome.pending.extend(page);
    }
    let configuration = Configuration::default();
    outcome.clock = Executor::new(store, &configuration)
        .clock(ACCOUNT)
        .await
        .unwrap();
    outcome
}

const COMMITS: [Commits; 2] = [Commits::AsTheStore, Commits::InOrder];

/// As below, at calls that differ from run to run.
#[test]
fn a_step_of_many_findings_that_is_stopped_and_made_again_comes_to_the_same() {
    let steps = pollster::block_on(steps());
    let anywhere = (0..steps.len(), 1_u64..20, prop::sample::select(&COMMITS));
    let mut runner = TestRunner::new(ProptestConfig::with_cases(6));
    let ran = runner.run(&anywhere, |(step, call, commits)| {
        let outcome = pollster::block_on(steps[step].stopped(call, commits));
        prop_assert!(outcome.is_none_or(|outcome| outcome.is(&steps[step].after)));
        Ok(())
    });
    ran.unwrap();
}

/// Between any two calls of any step. Takes minutes without optimisation.
#[test]
#[ignore = "a longer form of the test above: cargo test --release -p keytrail-store --test executor -- --ignored"]
fn a_step_of_many_findings_can_be_stopped_between_any_two_calls() {
    pollster::block_on(async {
        for (number, step) in steps().await.iter().enumerate() {
            for commits in COMMITS {
                let mut call = 1;
                while let Some(outcome) = step.stopped(call, commits).await {
                    let is_same = outcome.is(&step.after);
                    assert!(is_same, "step {number}, {commits:?}, call {call}");
                    call += 1;
                }
                assert!(call > 5, "step {number} makes only {call} calls");
            }
        }
    });
}

//! A small engine driven over a store whose calls fail: nothing is lost, nothing is counted twice.

use std::collections::{BTreeMap, BTreeSet};

use keytrail_event::Day;

use super::samples::{ACCOUNT, all_findings, all_pending, day, finding, pointer, shard, time};
use crate::faulty::{Commits, Ending, Fault, Faulty, Moment};
use crate::{
    Close, Commit, Document, FindingKey, FindingRecord, Pointer, Store, StoreError, StoredFinding,
    TallyWrite,
};

/// Runs two days of an account with a fault at every `stride`th call, before it worked and after,
/// with commits at once and call by call, retried by steps and by calls.
pub async fn every_call_may_fail<S: Store>(make: impl AsyncFn() -> S, stride: u64) {
    for commits in [Commits::AsTheStore, Commits::InOrder] {
        let sound = Run::new(Faulty::new(make().await, commits, None), Retry::Step);
        sound.live().await;
        let expected = sound.outcome().await;
        assert_eq!(expected.learnt.len(), 8, "the run itself learns all events");
        for call in (1..=sound.store.calls()).step_by(stride.max(1) as usize) {
            for moment in [Moment::Before, Moment::After] {
                for retry in [Retry::Step, Retry::Call] {
                    let fault = Fault {
                        call,
                        moment,
                        ending: Ending::Error,
                    };
                    let store = Faulty::new(make().await, commits, Some(fault));
                    let run = Run::new(store, retry);
                    run.live().await;
                    let outcome = run.outcome().await;
                    assert!(
                        outcome == expected,
                        "{commits:?}, {fault:?}, {retry:?}: {outcome:#?} instead of {expected:#?}"
                    );
                    run.assert_everything_was_sent(&expected);
                }
            }
        }
    }
}

/// Who tries again when a call did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Retry {
    /// The process starts its step anew, from what is stored.
    Step,
    /// The call is repeated as it was.
    Call,
}

/// What stands at the end.
#[derive(Debug, PartialEq)]
struct Outcome {
    pointer: Option<Pointer>,
    /// How often each event was folded.
    learnt: BTreeMap<u8, u8>,
    tallies: BTreeMap<Day, BTreeSet<u8>>,
    findings: Vec<FindingRecord>,
}

struct Run<S> {
    store: Faulty<S>,
    retry: Retry,
    sent: std::sync::Mutex<Vec<FindingRecord>>,
}

/// Deliveries overlap, as they do.
const MORNING: [u8; 3] = [1, 2, 3];
const EVENING: [u8; 4] = [3, 4, 6, 2];
const NEXT_DAY: [u8; 3] = [9, 10, 11];

impl<S: Store> Run<S> {
    fn new(store: Faulty<S>, retry: Retry) -> Self {
        Self {
            store,
            retry,
            sent: std::sync::Mutex::default(),
        }
    }

    async fn live(&self) {
        self.step(async || self.ingest(day(0), &MORNING).await)
            .await;
        self.step(async || self.judge(day(0), None).await).await;
        self.step(async || self.publish().await).await;
        self.step(async || self.ingest(day(0), &EVENING).await)
            .await;
        self.step(async || self.ingest(day(1), &NEXT_DAY[..1]).await)
            .await;
        self.step(async || self.close(day(0)).await).await;
        self.step(async || self.publish().await).await;
        self.step(async || self.ingest(day(1), &NEXT_DAY).await)
            .await;
        self.step(async || self.close(day(1)).await).await;
        self.step(async || self.store.prune(ACCOUNT, day(1)).await.map(|_| ()))
            .await;
        self.step(async || self.publish().await).await;
    }

    /// A step that failed is made again; what stands in between must make sense.
    async fn step(&self, step: impl AsyncFn() -> Result<(), StoreError>) {
        for _ in 0..3 {
            match step().await {
                Ok(()) => return,
                Err(error) => assert!(error.is_worth_a_retry(), "{error}"),
            }
            self.assert_no_day_is_half_learnt().await;
        }
        unreachable!("one fault makes no step fail three times");
    }

    async fn call<T>(
        &self,
        call: impl AsyncFn() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match call().await {
            Err(StoreError::Unavailable { .. }) if self.retry == Retry::Call => call().await,
            outcome => outcome,
        }
    }

    async fn ingest(&self, day: Day, events: &[u8]) -> Result<(), StoreError> {
        let stored = self.store.read_tally(ACCOUNT, day).await?;
        let (known, version) = stored.map_or((Vec::new(), None), |stored| {
            (stored.value, Some(stored.version))
        });
        let merged: BTreeSet<u8> = known.iter().chain(events).copied().collect();
        let merged: Vec<u8> = merged.into_iter().collect();
        self.call(async || {
            let write = self
                .store
                .write_tally(ACCOUNT, day, &merged, version.as_ref());
            write.await.map(|_| ())
        })
        .await
    }

    async fn close(&self, day: Day) -> Result<(), StoreError> {
        let expected = self.store.pointer(ACCOUNT).await?;
        if expected.is_some_and(|pointer| pointer.day >= day) {
            return Ok(());
        }
        let new = Pointer {
            day,
            ..pointer(1, 0)
        };
        let mut shards = vec![Vec::new(), Vec::new()];
        if let Some(old) = expected {
            for (number, bytes) in shards.iter_mut().enumerate() {
                let mut name = shard(1, 0, number as u32);
                name.day = old.day;
                *bytes = self.store.read_base(&name).await?.unwrap();
            }
        }
        let tally = self.store.read_tally(ACCOUNT, day).await?.unwrap();
        for event in tally.value {
            shards[usize::from(event % 2)].push(event);
        }
        let close = Close::new(expected, new, shards)?;
        self.judge(day, Some(close)).await
    }

    /// Findings compare with what is stored: a change is the next revision.
    async fn judge(&self, day: Day, close: Option<Close>) -> Result<(), StoreError> {
        let known = self.store.findings(ACCOUNT, None, 100).await?;
        let tally = self.store.read_tally(ACCOUNT, day).await?.unwrap();
        let state = if close.is_some() {
            "final"
        } else {
            "provisional"
        };
        let candidates = (0..3).filter_map(|class| candidate(&tally.value, class, day, state));
        let findings = candidates
            .filter_map(|record| changed(record, &known))
            .collect();
        let commit = Commit {
            tallies: vec![TallyWrite {
                day,
                bytes: tally.value.clone(),
                expected: Some(tally.version),
            }],
            findings,
            documents: vec![Document {
                name: "clock".to_owned(),
                bytes: day.to_string().into_bytes(),
            }],
            close,
            ..Commit::of(ACCOUNT)
        };
        self.call(async || self.store.commit(&commit).await.map(|_| ()))
            .await
    }

    async fn publish(&self) -> Result<(), StoreError> {
        let mut after: Option<FindingKey> = None;
        loop {
            let page = self.store.pending(after.as_ref(), 2).await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some(last.record.key.clone());
            for finding in page {
                let record = finding.record;
                self.sent.lock().unwrap().push(record.clone());
                let mark = async || {
                    let marked =
                        self.store
                            .mark_sent(&record.key, record.revision, time(0), Some("told"));
                    marked.await
                };
                self.call(mark).await?;
            }
        }
    }

    async fn learnt(&self, pointer: Option<Pointer>) -> BTreeMap<u8, u8> {
        let mut learnt = BTreeMap::new();
        let Some(pointer) = pointer else {
            return learnt;
        };
        for number in 0..pointer.shards {
            let mut name = shard(pointer.generation, 0, number);
            name.day = pointer.day;
            let bytes = self.store.inner().read_base(&name).await.unwrap();
            for event in bytes.unwrap() {
                *learnt.entry(event).or_default() += 1;
            }
        }
        learnt
    }

    async fn tallies(&self) -> BTreeMap<Day, BTreeSet<u8>> {
        let mut tallies = BTreeMap::new();
        for day in self.store.inner().days(ACCOUNT).await.unwrap() {
            let tally = self.store.inner().read_tally(ACCOUNT, day).await.unwrap();
            tallies.insert(day, tally.unwrap().value.into_iter().collect());
        }
        tallies
    }

    async fn assert_no_day_is_half_learnt(&self) {
        let pointer = self.store.inner().pointer(ACCOUNT).await.unwrap();
        let learnt = self.learnt(pointer).await;
        let tallies = self.tallies().await;
        let closed = tallies
            .into_iter()
            .filter(|(day, _)| pointer.is_some_and(|pointer| *day <= pointer.day));
        let events: BTreeSet<u8> = closed.flat_map(|(_, events)| events).collect();
        let once: BTreeMap<u8, u8> = events.into_iter().map(|event| (event, 1)).collect();
        assert_eq!(learnt, once);
    }

    async fn outcome(&self) -> Outcome {
        let store = self.store.inner();
        assert!(all_pending(store, 10).await.is_empty());
        self.assert_no_day_is_half_learnt().await;
        let pointer = store.pointer(ACCOUNT).await.unwrap();
        let findings = all_findings(store, ACCOUNT, 10).await;
        Outcome {
            pointer,
            learnt: self.learnt(pointer).await,
            tallies: self.tallies().await,
            findings: findings.into_iter().map(|stored| stored.record).collect(),
        }
    }

    /// Never lost, perhaps twice, and then with the same content.
    fn assert_everything_was_sent(&self, outcome: &Outcome) {
        let sent = self.sent.lock().unwrap();
        for finding in &outcome.findings {
            assert!(sent.contains(finding), "{} was lost", finding.key);
        }
        for one in sent.iter() {
            let mut same = sent
                .iter()
                .filter(|other| (&other.key, other.revision) == (&one.key, one.revision));
            assert!(same.all(|other| other == one), "{} has two faces", one.key);
        }
    }
}

/// The finding of the events of one class, if there are any.
fn candidate(events: &[u8], class: u8, day: Day, state: &str) -> Option<FindingRecord> {
    let events: Vec<&u8> = events.iter().filter(|event| **event % 3 == class).collect();
    let mut record = finding(&format!("class-{class}"), 1);
    record.key.episode = format!("class-{class}@{day}");
    record.state = state.to_owned();
    record.json = format!(r#"{{"events":{events:?},"state":"{state}"}}"#);
    (!events.is_empty()).then_some(record)
}

/// The next revision, when it says something else than the one that is known.
fn changed(mut record: FindingRecord, known: &[StoredFinding]) -> Option<FindingRecord> {
    let known = known
        .iter()
        .map(|stored| &stored.record)
        .find(|known| known.key == record.key);
    record.revision = known.map_or(0, |known| known.revision) + 1;
    known
        .is_none_or(|known| known.json != record.json)
        .then_some(record)
}

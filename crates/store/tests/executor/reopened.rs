//! Somebody resolved a finding, and it goes on.

use keytrail_detect::configuration::Configuration;
use keytrail_detect::finding::Triage;
use keytrail_store::executor::{ExecuteError, Executor, REOPENED_BY};
use keytrail_store::faulty::{Commits, Ending, Fault, Faulty, Moment};
use keytrail_store::{FindingKey, MemoryStore, Store, TriageNote};

use super::world::{ACCOUNT, File, change, decrypt, file, moment};
use super::{deliver, tick};

const DAY: i64 = 86_400;

fn disabled(second: i64) -> File {
    let id = format!("disabled-{second}");
    file(second, vec![change(second, "DisableKey", "job-key", &id)])
}

/// Takes a file in, as of its stamp.
async fn take(store: &MemoryStore, file: &File) {
    try_to_take(store, file).await.unwrap();
}

async fn try_to_take(store: &impl Store, file: &File) -> Result<(), ExecuteError> {
    let configuration = Configuration::default();
    deliver(store, &configuration, file).await?;
    tick(store, &configuration, moment(file.stamp)).await
}

/// How the finding of the key stands, and who triaged it.
async fn triaged(store: &MemoryStore) -> (Triage, u64, Vec<String>) {
    let configuration = Configuration::default();
    let executor = Executor::new(store, &configuration);
    let findings = executor.findings(ACCOUNT).await.unwrap();
    let mut of_key = findings.values().filter(|it| it.rule == "key-disabled");
    let finding = of_key.next().unwrap();
    let stored = store.findings(ACCOUNT, None, 100).await.unwrap();
    let mut of_key = stored.iter().filter(|it| it.record.rule == "key-disabled");
    let notes = of_key.next().unwrap().triage.iter();
    let by = notes.map(|(_, note)| note.by.clone()).collect();
    (finding.triage, finding.count, by)
}

async fn resolve(store: &MemoryStore, second: i64) {
    let stored = store.findings(ACCOUNT, None, 100).await.unwrap();
    let keys = stored.into_iter().map(|it| it.record.key);
    let keys: Vec<FindingKey> = keys
        .filter(|key| key.id.starts_with("key-disabled"))
        .collect();
    let note = TriageNote {
        state: "resolved".to_owned(),
        at: moment(second),
        by: "ana".to_owned(),
        note: "ours".to_owned(),
    };
    store.triage(&keys[0], &note).await.unwrap();
}

/// A finding that had been resolved stayed so whatever came later, and nobody saw it again.
#[test]
fn a_resolved_finding_that_goes_on_is_open_again() {
    pollster::block_on(async {
        let store = MemoryStore::default();
        let first = disabled(3 * DAY + 5_000);
        take(&store, &first).await;
        resolve(&store, 3 * DAY + 9_000).await;
        // Delivered once more, nothing is new.
        take(&store, &first).await;
        let ana = "ana".to_owned();
        assert_eq!(
            triaged(&store).await,
            (Triage::Resolved, 1, vec![ana.clone()])
        );
        take(&store, &disabled(5 * DAY)).await;
        let by = vec![ana.clone(), REOPENED_BY.to_owned()];
        assert_eq!(triaged(&store).await, (Triage::Open, 2, by.clone()));
        // Once is enough.
        take(&store, &disabled(5 * DAY + 60)).await;
        assert_eq!(triaged(&store).await, (Triage::Open, 3, by));
    });
}

#[test]
fn what_was_on_its_way_when_it_was_resolved_reopens_nothing() {
    pollster::block_on(async {
        let store = MemoryStore::default();
        take(&store, &disabled(3 * DAY + 5_000)).await;
        resolve(&store, 3 * DAY + 9_000).await;
        take(&store, &disabled(3 * DAY + 8_000)).await;
        assert_eq!(
            triaged(&store).await,
            (Triage::Resolved, 2, vec!["ana".to_owned()])
        );
    });
}

/// A process that stopped between any two calls, and made its step again: the finding is open, and says so once.
#[test]
fn a_step_that_is_stopped_and_made_again_reopens_once() {
    pollster::block_on(async {
        let resolved = MemoryStore::default();
        take(&resolved, &disabled(3 * DAY + 5_000)).await;
        resolve(&resolved, 3 * DAY + 9_000).await;
        let by = vec!["ana".to_owned(), REOPENED_BY.to_owned()];
        for commits in [Commits::AsTheStore, Commits::InOrder] {
            for moment in [Moment::Before, Moment::After] {
                let mut call = 1;
                loop {
                    let fault = Fault {
                        call,
                        moment,
                        ending: Ending::Error,
                    };
                    let store = Faulty::new(resolved.clone(), commits, Some(fault));
                    let goes_on = disabled(5 * DAY);
                    if try_to_take(&store, &goes_on).await.is_ok() {
                        break;
                    }
                    let (triage, ..) = triaged(store.inner()).await;
                    assert_ne!(triage, Triage::Acknowledged);
                    try_to_take(&store, &goes_on).await.unwrap();
                    let expected = (Triage::Open, 2, by.clone());
                    assert_eq!(
                        triaged(store.inner()).await,
                        expected,
                        "{commits:?}, {fault:?}"
                    );
                    take(store.inner(), &disabled(5 * DAY + 60)).await;
                    let expected = (Triage::Open, 3, by.clone());
                    assert_eq!(triaged(store.inner()).await, expected, "{fault:?}");
                    call += 1;
                }
                assert!(call > 5, "a step makes only {} calls", call - 1);
            }
        }
    });
}

/// What came while days were folded again, some at a time, left a resolved finding resolved for ever; and what such a fold
/// finds again is nothing new.
#[test]
fn what_goes_on_while_days_are_folded_again_reopens_too() {
    pollster::block_on(async {
        let store = MemoryStore::default();
        for day in 1..8 {
            let second = day * DAY + 1_000;
            let id = format!("job-{day}");
            let mut records = vec![decrypt(second, "role/job", "job-key", &id)];
            if day == 3 || day == 5 {
                let id = format!("disabled-{day}");
                records.push(change(second, "DisableKey", "job-key", &id));
            }
            take(&store, &file(second, records)).await;
        }
        resolve(&store, 7 * DAY + 2_000).await;
        let late = |day: i64, goes_on: Option<i64>| {
            let id = format!("late-{day}");
            let second = day * DAY + 60;
            let mut records = vec![change(second, "DisableKeyRotation", "team-key", &id)];
            records.extend(goes_on.map(|second| {
                let id = format!("disabled-{second}");
                change(second, "DisableKey", "job-key", &id)
            }));
            file(7 * DAY + 6_000, records)
        };
        take(&store, &late(2, None)).await;
        let ana = "ana".to_owned();
        let expected = (Triage::Resolved, 2, vec![ana.clone()]);
        assert_eq!(triaged(&store).await, expected);
        take(&store, &late(1, Some(7 * DAY + 5_000))).await;
        let by = vec![ana, REOPENED_BY.to_owned()];
        assert_eq!(triaged(&store).await, (Triage::Open, 3, by));
    });
}

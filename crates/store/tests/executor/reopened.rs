//! Somebody resolved a finding, and it goes on.

use keytrail_detect::configuration::Configuration;
use keytrail_detect::finding::Triage;
use keytrail_store::executor::{Executor, REOPENED_BY};
use keytrail_store::{FindingKey, MemoryStore, Store, TriageNote};

use super::world::{ACCOUNT, File, change, file, moment};
use super::{deliver, tick};

const DAY: i64 = 86_400;

fn disabled(second: i64) -> File {
    let id = format!("disabled-{second}");
    file(second, vec![change(second, "DisableKey", "job-key", &id)])
}

/// Takes a file in, as of its stamp.
async fn take(store: &MemoryStore, file: &File) {
    let configuration = Configuration::default();
    deliver(store, &configuration, file).await.unwrap();
    tick(store, &configuration, moment(file.stamp))
        .await
        .unwrap();
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

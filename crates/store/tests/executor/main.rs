//! The executor against the replay engine: whatever the order, repetition, ticks and faults, what
//! stands at the end is what a replay of the same files finds.
#![allow(clippy::unwrap_used, clippy::panic)]

mod bases;
mod gaps;
mod many_findings;
mod pruned;
mod reopened;
mod world;

use std::collections::BTreeMap;

use keytrail_detect::configuration::Configuration;
use keytrail_detect::finding::{Finding, FindingState};
use keytrail_store::executor::{ExecuteError, Executor, Refolded};
use keytrail_store::faulty::{Commits, Ending, Fault, Faulty, Moment};
use keytrail_store::{MemoryStore, Store};
use proptest::prelude::*;
use world::{ACCOUNT, File, burst, change, file, moment, normal_life, replayed, tally};

/// Takes files in and ticks after each, with the stamp of the file as the clock.
async fn stream<S: Store>(store: &S, configuration: &Configuration, files: &[File]) {
    for file in files {
        deliver(store, configuration, file).await.unwrap();
        let clock = moment(file.stamp);
        tick(store, configuration, clock).await.unwrap();
    }
    finish(store, configuration, files).await.unwrap();
}

async fn finish<S: Store>(
    store: &S,
    configuration: &Configuration,
    files: &[File],
) -> Result<(), ExecuteError> {
    let newest = files.iter().map(|file| file.stamp).max().unwrap_or(0);
    tick(store, configuration, moment(newest + 3 * 3_600)).await
}

async fn deliver<S: Store>(
    store: &S,
    configuration: &Configuration,
    file: &File,
) -> Result<(), ExecuteError> {
    let executor = Executor::new(store, configuration);
    let mut of_account = BTreeMap::new();
    for ((account, day), tally) in tally(file).into_account_days() {
        assert_eq!(account, ACCOUNT);
        of_account.insert(day, tally);
    }
    executor.absorb(ACCOUNT, of_account).await.map(|_| ())
}

async fn tick<S: Store>(
    store: &S,
    configuration: &Configuration,
    clock: keytrail_event::EventTime,
) -> Result<(), ExecuteError> {
    let executor = Executor::new(store, configuration).days_a_tick(2);
    while executor.tick(ACCOUNT, clock).await?.is_unfinished {}
    Ok(())
}

/// What stands, in the form that does not tell how it came about.
async fn standing<S: Store>(store: &S, configuration: &Configuration) -> Vec<Finding> {
    let executor = Executor::new(store, configuration);
    let findings = executor.findings(ACCOUNT).await.unwrap().into_values();
    let standing = findings.filter(|finding| finding.state != FindingState::Withdrawn);
    let mut standing: Vec<Finding> = standing
        .map(|finding| Finding {
            revision: 1,
            ..finding
        })
        .collect();
    standing.sort_by(|a, b| (&a.episode, &a.id).cmp(&(&b.episode, &b.id)));
    standing
}

fn eventful_life() -> Vec<File> {
    let mut files = normal_life(19);
    files.push(burst(15, "role/job", "job-key", 150));
    files.push(burst(16, "user/ana", "job-key", 1_500));
    for day in [3, 5, 17] {
        let second = day * 86_400 + 5_000;
        files.push(file(
            second,
            vec![change(
                second,
                "DisableKey",
                "job-key",
                &format!("disable-{day}"),
            )],
        ));
    }
    // Late by far: an outage of the delivery.
    let outage = change(4 * 86_400 + 60, "DisableKey", "team-key", "late");
    files.push(File {
        stamp: 12 * 86_400,
        records: vec![outage],
    });
    files.sort_by_key(|file| file.stamp);
    files
}

#[test]
fn a_stream_in_order_finds_what_a_replay_finds() {
    let files = eventful_life();
    let configuration = Configuration::default();
    let expected = replayed(&files, &configuration);
    let rules: Vec<&str> = expected
        .iter()
        .map(|finding| finding.rule.as_str())
        .collect();
    assert!(
        rules.contains(&"key-disabled")
            && rules
                .iter()
                .any(|rule| keytrail_detect::behaviour::find(rule).is_some()),
        "{rules:?}"
    );
    let store = MemoryStore::default();
    pollster::block_on(async {
        stream(&store, &configuration, &files).await;
        assert_eq!(standing(&store, &configuration).await, expected);
        // And again, all of it: nothing changes, not even a revision.
        let executor = Executor::new(&store, &configuration);
        let before = executor.findings(ACCOUNT).await.unwrap();
        stream(&store, &configuration, &files).await;
        assert_eq!(executor.findings(ACCOUNT).await.unwrap(), before);
    });
}

#[test]
fn another_configuration_folds_everything_again() {
    let files = eventful_life();
    let first = Configuration::default();
    let mut second = Configuration::default();
    second.rules.separation_hours = 1;
    let store = MemoryStore::default();
    pollster::block_on(async {
        stream(&store, &first, &files).await;
        let clock = moment(0);
        let ticked = Executor::new(&store, &second)
            .tick(ACCOUNT, clock)
            .await
            .unwrap();
        assert_eq!(ticked.refolded, Some(Refolded::Configuration));
        assert_eq!(standing(&store, &second).await, replayed(&files, &second));
        assert_ne!(replayed(&files, &first), replayed(&files, &second));
    });
}

/// Makes every step again until it works, as a function does whose invocation is retried.
async fn stream_with_retries<S: Store>(store: &S, configuration: &Configuration, files: &[File]) {
    for file in files {
        while deliver(store, configuration, file).await.is_err() {}
        while tick(store, configuration, moment(file.stamp))
            .await
            .is_err()
        {}
    }
    while finish(store, configuration, files).await.is_err() {}
}

#[test]
fn a_fault_at_any_call_changes_nothing() {
    let mut files = eventful_life();
    // A few days suffice, with one that comes when its day was folded long before.
    files.retain(|file| file.stamp < 13 * 86_400 && file.stamp % 86_400 < 7_300);
    let configuration = Configuration::default();
    let expected = replayed(&files, &configuration);
    assert!(!expected.is_empty());
    pollster::block_on(async {
        for commits in [Commits::AsTheStore, Commits::InOrder] {
            let sound = Faulty::new(MemoryStore::default(), commits, None);
            stream_with_retries(&sound, &configuration, &files).await;
            assert_eq!(standing(&sound, &configuration).await, expected);
            // A prime stride visits calls of every kind.
            for call in (1..=sound.calls()).step_by(7) {
                for moment in [Moment::Before, Moment::After] {
                    let fault = Fault {
                        call,
                        moment,
                        ending: Ending::Error,
                    };
                    let store = Faulty::new(MemoryStore::default(), commits, Some(fault));
                    stream_with_retries(&store, &configuration, &files).await;
                    let standing = standing(store.inner(), &configuration).await;
                    assert_eq!(standing, expected, "{commits:?} {fault:?}");
                }
            }
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]
    #[test]
    fn order_repetition_and_division_change_nothing(seed in any::<u64>()) {
        let files = eventful_life();
        let configuration = Configuration::default();
        let expected = replayed(&files, &configuration);
        let mut mixed = Vec::new();
        for (n, file) in files.iter().enumerate() {
            let turn = seed.rotate_left(n as u32 % 64);
            let mut records = file.records.clone();
            if turn & 1 == 1 {
                records.reverse();
            }
            let cut = (turn >> 1) as usize % (records.len() + 1);
            let (a, b) = records.split_at(cut);
            mixed.push(File { stamp: file.stamp, records: b.to_vec() });
            mixed.push(File { stamp: file.stamp, records: a.to_vec() });
            if turn & 6 == 6 {
                mixed.push(file.clone());
            }
        }
        // Deliveries overtake one another by any number of days.
        let places = mixed.len();
        for n in 0..places {
            let turn = seed.wrapping_mul(n as u64 | 1).rotate_left(17) as usize;
            if turn.is_multiple_of(5) {
                mixed.swap(n, turn % places);
            }
        }
        let store = MemoryStore::default();
        pollster::block_on(async {
            stream(&store, &configuration, &mixed).await;
            prop_assert_eq!(standing(&store, &configuration).await, expected);
            Ok(())
        })?;
    }
}

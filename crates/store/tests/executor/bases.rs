//! Bases that cannot be kept, and bases that cannot be read.

use keytrail_detect::base::FORM;
use keytrail_detect::configuration::Configuration;
use keytrail_store::executor::{ExecuteError, Executor, Refolded};
use keytrail_store::{BaseShard, MemoryStore, Pointer, Store, StoreError};
use pollster::block_on;

use super::world::{ACCOUNT, File, moment, replayed};
use super::{deliver, eventful_life, standing, stream};

/// A base that was written and could never be read again had every tick fold all days anew, and say that another version
/// had judged them.
#[test]
fn a_base_that_is_too_large_is_told_and_nothing_is_lost() {
    let files = short_life();
    let configuration = Configuration::default();
    let expected = replayed(&files, &configuration);
    assert!(!expected.is_empty());
    let store = MemoryStore::default();
    block_on(async {
        let newest = take_in(&store, &configuration, &files).await;
        for _ in 0..2 {
            let executor = Executor::new(&store, &configuration).base_bytes_max(100);
            let ticked = executor.tick(ACCOUNT, newest).await.unwrap();
            assert!(ticked.unkept_base_bytes.is_some_and(|bytes| bytes > 100));
            assert_eq!(ticked.refolded, None);
            assert!(!ticked.closed.is_empty());
            assert_eq!(store.pointer(ACCOUNT).await.unwrap(), None);
            assert_eq!(standing(&store, &configuration).await, expected);
        }
        // Where days are folded in steps, none would get on.
        let executor = Executor::new(&store, &configuration).base_bytes_max(100);
        let stuck = executor.days_a_tick(2).tick(ACCOUNT, newest).await;
        let Err(ExecuteError::Store(error @ StoreError::TooLarge { .. })) = stuck else {
            panic!("{stuck:?}");
        };
        assert!(error.to_string().contains("the base of account"), "{error}");
        // A version that has room closes all of them.
        let executor = Executor::new(&store, &configuration);
        let ticked = executor.tick(ACCOUNT, newest).await.unwrap();
        assert_eq!((ticked.unkept_base_bytes, ticked.revised), (None, 0));
        assert!(store.pointer(ACCOUNT).await.unwrap().is_some());
    });
}

/// A few hours of each of a few days.
fn short_life() -> Vec<File> {
    let mut files = eventful_life();
    files.retain(|file| file.stamp < 9 * 86_400 && file.stamp % 86_400 < 7_300);
    files
}

/// Takes files in, and tells when all their days are due.
async fn take_in(
    store: &MemoryStore,
    configuration: &Configuration,
    files: &[File],
) -> keytrail_event::EventTime {
    for file in files {
        deliver(store, configuration, file).await.unwrap();
    }
    let newest = files.iter().map(|file| file.stamp).max().unwrap();
    moment(newest + 3 * 3_600)
}

#[test]
fn a_base_that_cannot_be_read_is_told_from_another_version() {
    let files = short_life();
    let configuration = Configuration::default();
    let expected = replayed(&files, &configuration);
    assert!(!expected.is_empty());
    let of_form = |form: u8, text: &[u8]| [&[form], text].concat();
    for (bytes, cause) in [
        (None, "it is not there"),
        (Some(of_form(FORM, b"damaged")), "Semantic"),
        (Some(Vec::new()), "failed to fill whole buffer"),
        (Some(of_form(FORM - 1, b"an earlier form")), ""),
    ] {
        let store = MemoryStore::default();
        block_on(async {
            stream(&store, &configuration, &files).await;
            let pointer = store.pointer(ACCOUNT).await.unwrap().unwrap();
            let damaged = Pointer {
                day: pointer.day.plus_days(1),
                ..pointer
            };
            if let Some(bytes) = bytes {
                let shard = BaseShard::only(ACCOUNT, damaged.generation, damaged.day);
                store.write_base(&shard, &bytes).await.unwrap();
            }
            let flipping = store.flip(ACCOUNT, Some(&pointer), &damaged);
            flipping.await.unwrap();
            let executor = Executor::new(&store, &configuration);
            let ticked = executor.tick(ACCOUNT, moment(0)).await.unwrap();
            match ticked.refolded {
                Some(Refolded::Damaged(why)) if !cause.is_empty() => {
                    assert!(why.contains(cause), "{why}");
                }
                refolded => {
                    assert_eq!((refolded, cause), (Some(Refolded::Mathematics), ""));
                }
            }
            assert_eq!(standing(&store, &configuration).await, expected);
            // It is whole again.
            let ticked = executor.tick(ACCOUNT, moment(0)).await.unwrap();
            assert_eq!(ticked.refolded, None);
        });
    }
}

//! What was pruned is not judged again, and what it taught is not lost.

use keytrail_detect::configuration::Configuration;
use keytrail_event::Day;
use keytrail_store::executor::{Executor, Refolded};
use keytrail_store::faulty::{Commits, Ending, Fault, Faulty, Moment};
use keytrail_store::{MemoryStore, SqliteOptions, SqliteStore, Store};

use super::world::{ACCOUNT, File, burst, change, file, moment, tally};
use super::{deliver, eventful_life, finish, standing, stream};

fn day(number: i64) -> Day {
    moment(number * 86_400).day()
}

/// A record of this day that comes when the day was closed long ago.
fn late(number: i64) -> File {
    let second = number * 86_400 + 4_000;
    let record = change(second, "DisableKey", "job-key", &format!("late-{number}"));
    File {
        stamp: 20 * 86_400,
        records: vec![record],
    }
}

async fn prune<S: Store>(store: &S, configuration: &Configuration, before: i64) -> u64 {
    let executor = Executor::new(store, configuration);
    executor.prune(ACCOUNT, day(before)).await.unwrap()
}

async fn a_late_file_is_judged_as_if_nothing_was_pruned<S: Store>(whole: &S, pruned: &S) {
    let configuration = Configuration::default();
    for store in [whole, pruned] {
        stream(store, &configuration, &eventful_life()).await;
    }
    assert_eq!(prune(pruned, &configuration, 10).await, 10);
    assert_eq!(prune(pruned, &configuration, 10).await, 0);
    assert_eq!(pruned.days(ACCOUNT).await.unwrap()[0], day(10));
    let mut before = standing(pruned, &configuration).await;
    // Bases are tended at each close, and what stands for the pruned days stays.
    for (turn, number) in [13, 11, 10, 16].into_iter().enumerate() {
        if turn == 2 {
            assert_eq!(prune(pruned, &configuration, 9).await, 0);
        }
        for store in [whole, pruned] {
            deliver(store, &configuration, &late(number)).await.unwrap();
            let more = file((20 + turn as i64) * 86_400, vec![]);
            finish(store, &configuration, &[more]).await.unwrap();
        }
        let expected = standing(whole, &configuration).await;
        assert_ne!(expected, before, "{number}");
        before.clone_from(&expected);
        assert_eq!(standing(pruned, &configuration).await, expected, "{number}");
    }
    // Pruned again, further on: from the ground, not from nothing.
    assert_eq!(prune(pruned, &configuration, 14).await, 4);
    for store in [whole, pruned] {
        deliver(store, &configuration, &late(15)).await.unwrap();
        deliver(
            store,
            &configuration,
            &burst(18, "user/ana", "job-key", 900),
        )
        .await
        .unwrap();
        let more = file(30 * 86_400, vec![]);
        finish(store, &configuration, &[more]).await.unwrap();
    }
    let expected = standing(whole, &configuration).await;
    assert_eq!(standing(pruned, &configuration).await, expected);
}

#[test]
fn a_late_file_is_judged_as_if_nothing_was_pruned_in_every_store() {
    pollster::block_on(async {
        let memory = MemoryStore::default;
        a_late_file_is_judged_as_if_nothing_was_pruned(&memory(), &memory()).await;
        let folder = tempfile::tempdir().unwrap();
        let sqlite = |name: &str| {
            SqliteStore::open(&folder.path().join(name), &SqliteOptions::default()).unwrap()
        };
        a_late_file_is_judged_as_if_nothing_was_pruned(&sqlite("whole"), &sqlite("pruned")).await;
    });
}

#[test]
fn another_configuration_and_a_rebuild_go_on_from_what_was_learnt() {
    let first = Configuration::default();
    let mut second = Configuration::default();
    second.rules.separation_hours = 1;
    pollster::block_on(async {
        let store = MemoryStore::default();
        stream(&store, &first, &eventful_life()).await;
        let before = standing(&store, &first).await;
        prune(&store, &first, 10).await;
        Executor::new(&store, &first)
            .rebuild(ACCOUNT)
            .await
            .unwrap();
        let ticked = Executor::new(&store, &first)
            .tick(ACCOUNT, moment(0))
            .await
            .unwrap();
        assert!(ticked.refolded.is_some() && !ticked.is_learning);
        assert_eq!(standing(&store, &first).await, before);
        let ticked = Executor::new(&store, &second)
            .tick(ACCOUNT, moment(0))
            .await
            .unwrap();
        assert!(ticked.refolded.is_some() && !ticked.is_learning);
    });
}

#[test]
fn a_record_of_a_pruned_day_is_not_judged_alone() {
    let configuration = Configuration::default();
    pollster::block_on(async {
        let store = MemoryStore::default();
        stream(&store, &configuration, &eventful_life()).await;
        prune(&store, &configuration, 10).await;
        let before = standing(&store, &configuration).await;
        deliver(&store, &configuration, &late(6)).await.unwrap();
        let more = file(20 * 86_400, vec![]);
        finish(&store, &configuration, &[more]).await.unwrap();
        assert_eq!(standing(&store, &configuration).await, before);
    });
}

#[test]
fn what_waits_to_be_judged_is_not_pruned() {
    let configuration = Configuration::default();
    pollster::block_on(async {
        let store = MemoryStore::default();
        stream(&store, &configuration, &eventful_life()).await;
        deliver(&store, &configuration, &late(6)).await.unwrap();
        let executor = Executor::new(&store, &configuration);
        assert!(executor.prune(ACCOUNT, day(10)).await.is_err());
        assert!(executor.prune(ACCOUNT, day(30)).await.is_err());
        assert_eq!(store.days(ACCOUNT).await.unwrap()[0], day(0));
    });
}

/// Input that overlapped had every pruned day stored again as new, and every day since folded again.
#[test]
fn what_comes_again_for_pruned_days_is_counted_and_left_out() {
    let configuration = Configuration::default();
    pollster::block_on(async {
        let store = MemoryStore::default();
        stream(&store, &configuration, &eventful_life()).await;
        prune(&store, &configuration, 10).await;
        let executor = Executor::new(&store, &configuration);
        let tallies = tally(&late(6)).into_account_days();
        let of_days = tallies.into_iter().map(|((_, day), tally)| (day, tally));
        let absorbed = executor.absorb(ACCOUNT, of_days.collect()).await.unwrap();
        let counted = (absorbed.pruned_records, absorbed.new_records);
        assert_eq!(counted, (1, 0));
        assert_eq!((absorbed.changed_days, absorbed.stale_days), (0, 0));
        assert_eq!(store.days(ACCOUNT).await.unwrap()[0], day(10));
        let ticked = executor.tick(ACCOUNT, moment(0)).await.unwrap();
        assert_eq!(ticked.refolded, None);
        let tallies = tally(&late(10)).into_account_days();
        let of_days = tallies.into_iter().map(|((_, day), tally)| (day, tally));
        let absorbed = executor.absorb(ACCOUNT, of_days.collect()).await.unwrap();
        assert_eq!((absorbed.pruned_records, absorbed.stale_days), (0, 1));
    });
}

/// The ground was replaced before its note: stopped in between, the days from the one to the other were judged no more.
#[test]
fn a_prune_that_is_stopped_loses_no_days() {
    let configuration = Configuration::default();
    let mut life = eventful_life();
    // A few files of each day suffice.
    life.retain(|file| file.stamp % 86_400 < 7_300);
    pollster::block_on(async {
        let whole = MemoryStore::default();
        stream(&whole, &configuration, &life).await;
        let more = [file(22 * 86_400, vec![])];
        let mut before = standing(&whole, &configuration).await;
        deliver(&whole, &configuration, &late(11)).await.unwrap();
        finish(&whole, &configuration, &more).await.unwrap();
        let after = standing(&whole, &configuration).await;
        assert_ne!(before, after);
        let mut stopped = 0;
        for call in 1.. {
            let store = Faulty::new(MemoryStore::default(), Commits::InOrder, None);
            stream(&store, &configuration, &life).await;
            prune(&store, &configuration, 10).await;
            store.arm(Some(Fault {
                call,
                moment: Moment::After,
                ending: Ending::Error,
            }));
            let executor = Executor::new(&store, &configuration);
            let pruned = executor.prune(ACCOUNT, day(14)).await;
            store.arm(None);
            let note = executor.pruned(ACCOUNT).await.unwrap().unwrap();
            if note.before == day(10) {
                stopped += 1;
                deliver(&store, &configuration, &late(11)).await.unwrap();
                finish(&store, &configuration, &more).await.unwrap();
                assert_eq!(standing(&store, &configuration).await, after, "{call}");
            } else {
                executor.rebuild(ACCOUNT).await.unwrap();
                finish(&store, &configuration, &more).await.unwrap();
                before = standing(&store, &configuration).await;
                executor.prune(ACCOUNT, day(14)).await.unwrap();
                assert_eq!(store.days(ACCOUNT).await.unwrap()[0], day(14));
                assert_eq!(standing(&store, &configuration).await, before, "{call}");
            }
            if pruned.is_ok() {
                break;
            }
        }
        assert!(stopped > 3);
    });
}

/// One byte of a base, or of what pruned days taught, kept an account from being judged for good.
#[test]
fn a_damaged_base_or_ground_blocks_no_account() {
    let configuration = Configuration::default();
    pollster::block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let store = SqliteStore::open(&path, &SqliteOptions::default()).unwrap();
        stream(&store, &configuration, &eventful_life()).await;
        prune(&store, &configuration, 10).await;
        let executor = Executor::new(&store, &configuration);
        let damage = |generations: &str| {
            let connection = rusqlite::Connection::open(&path).unwrap();
            let sql =
                format!("UPDATE base SET value = zeroblob(20) WHERE generation {generations}");
            assert!(connection.execute(&sql, []).unwrap() > 0);
        };
        damage("< 1000");
        let ticked = executor.tick(ACCOUNT, moment(0)).await.unwrap();
        assert!(matches!(ticked.refolded, Some(Refolded::Damaged(_))));
        assert!(!ticked.is_learning);
        damage("> 1000");
        assert!(!store.verify().unwrap().is_empty());
        executor.rebuild(ACCOUNT).await.unwrap();
        let ticked = executor.tick(ACCOUNT, moment(0)).await.unwrap();
        assert!(ticked.refolded.is_some());
        let pruned = executor.pruned(ACCOUNT).await.unwrap().unwrap();
        assert_eq!((pruned.is_known(), pruned.is_lost()), (false, true));
        // It is learnt from the days since, and can be pruned again.
        prune(&store, &configuration, 14).await;
        let pruned = executor.pruned(ACCOUNT).await.unwrap().unwrap();
        assert_eq!((pruned.is_known(), pruned.before), (true, day(14)));
        let ticked = executor.tick(ACCOUNT, moment(0)).await.unwrap();
        assert_eq!(ticked.refolded, None);
        // That it is lost is said once, before more is forgotten.
        damage("> 1000");
        assert!(executor.prune(ACCOUNT, day(16)).await.is_err());
        assert_eq!(store.days(ACCOUNT).await.unwrap()[0], day(14));
        assert_eq!(prune(&store, &configuration, 16).await, 2);
    });
}

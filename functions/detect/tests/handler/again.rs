//! What fails for a passing reason: tried again within the invocation, and soon by the queue.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use keytrail_aws::metrics::Dimension;
use keytrail_delivery::hand_over::Load;
use keytrail_event::EventTime;
use keytrail_store::Store;
use keytrail_store::faulty::{Ending, Fault, Moment};

use crate::world::{ACCOUNT, World, batch, deletion, hand_over, standing};

/// A message whose account met a fault of a moment was hidden for half an hour.
#[tokio::test]
async fn a_store_that_fails_for_a_moment_is_asked_again_at_once() {
    let world = World::default();
    let (ours, theirs) = (ACCOUNT, "444455556666");
    world.store.go_out(1);
    let payload = batch(&[deletion(ours, 1), deletion(theirs, 2)], 1);
    assert!(world.handle(&payload).await.is_empty());
    let published = world.published.lock().unwrap().clone();
    let accounts: Vec<&str> = published.iter().map(|it| it.account.as_str()).collect();
    // Others do not wait for who failed.
    assert_eq!(accounts, [theirs, ours]);
    assert_eq!(world.waits.lock().unwrap().len(), 1);
    assert_eq!(*world.shown_again.lock().unwrap(), []);
    assert_eq!(world.measured("NewRecords", Dimension::None), 2.0);
    assert_eq!(world.measured("RecordsDuplicate", Dimension::None), 0.0);
}

/// Whichever call fails, and whether it did what it was asked: no message comes again, nothing is counted twice.
#[tokio::test]
async fn no_call_that_fails_once_has_a_message_come_again() {
    let payload = batch(&[deletion(ACCOUNT, 1), deletion(ACCOUNT, 2)], 1);
    let sound = World::default();
    sound.handle(&payload).await;
    let calls = sound.store.calls();
    assert!(calls > 5);
    let tick = Load::Tick(EventTime::parse("2024-01-31T10:15:00Z").unwrap());
    let tick = batch(&[hand_over(ACCOUNT, tick)], 1);
    sound.handle(&tick).await;
    for call in 1..=calls {
        for moment in [Moment::Before, Moment::After] {
            let world = World::default();
            world.store.arm(Some(Fault {
                call,
                moment,
                ending: Ending::Error,
            }));
            assert!(world.handle(&payload).await.is_empty(), "{call} {moment:?}");
            world.handle(&tick).await;
            assert_eq!(standing(&world).await, standing(&sound).await);
            assert!(world.store.pending(None, 10).await.unwrap().is_empty());
            // Sent twice, it is the same alert.
            assert_eq!(names(&world), names(&sound), "{call} {moment:?}");
            for counted in ["NewRecords", "RecordsDuplicate"] {
                let of = |world: &World| world.measured(counted, Dimension::None);
                // A write whose answer was lost is found done: its records are no longer new.
                let is_right = of(&world) == of(&sound) || moment == Moment::After;
                assert!(is_right, "{counted}, {call} {moment:?}");
            }
        }
    }
}

/// Id and revision of what was published.
fn names(world: &World) -> BTreeSet<(String, u32)> {
    let published = world.published.lock().unwrap();
    let names = published.iter();
    names
        .map(|it| (it.id.as_str().to_owned(), it.revision))
        .collect()
}

#[tokio::test]
async fn what_an_outage_stops_comes_again_soon_and_then_later_and_later() {
    let world = World::default();
    world.store.go_out(1_000_000);
    let bodies = [deletion(ACCOUNT, 1), deletion("444455556666", 2)];
    for (receive_count, seconds) in [(1, 60..76), (3, 300..376), (7, 1_800..2_251)] {
        let failed = world.handle(&batch(&bodies, receive_count)).await;
        assert_eq!(failed, ["m-0", "m-1"]);
        let shown = std::mem::take(&mut *world.shown_again.lock().unwrap());
        let receipts: Vec<&str> = shown.iter().map(|it| it.receipt.as_str()).collect();
        assert_eq!(receipts, ["r-0", "r-1"]);
        assert!(
            shown.iter().all(|it| seconds.contains(&it.seconds)),
            "{shown:?}"
        );
        let waits = std::mem::take(&mut *world.waits.lock().unwrap());
        let waited: Duration = waits.iter().sum();
        assert_eq!(waits.len(), 5);
        assert!(waited < Duration::from_secs(63), "{waits:?}");
    }
    // Nothing was set aside, and nothing is lost.
    assert!(world.objects.lock().unwrap().is_empty());
    world.store.go_out(0);
    assert!(world.handle(&batch(&bodies, 8)).await.is_empty());
    assert_eq!(world.published().len(), 2);
}

/// An invocation that is ended has its whole batch come again, also what was done.
#[tokio::test]
async fn nothing_is_begun_that_may_not_come_to_its_end() {
    let bodies = [deletion(ACCOUNT, 1), deletion("444455556666", 2)];
    for (seconds, calls) in [(140, 2), (80, 1), (15, 0)] {
        let world = World {
            time: Some(Duration::from_secs(seconds)),
            ..World::default()
        };
        world.store.go_out(1_000_000);
        let failed = world.handle(&batch(&bodies, 1)).await;
        assert_eq!(failed, ["m-0", "m-1"]);
        assert!(world.waits.lock().unwrap().is_empty());
        assert_eq!(world.store.calls(), calls, "{seconds}");
        assert_eq!(world.shown_again.lock().unwrap().len(), 2);
    }
}

/// Each invocation failed as a whole, and hid what it was handed for half an hour.
#[tokio::test]
async fn without_a_configuration_all_messages_come_again_soon() {
    let world = World {
        wrong: Some("cannot fetch the configuration: slow down".to_owned()),
        ..World::default()
    };
    let bodies = [deletion(ACCOUNT, 1), deletion("444455556666", 2)];
    let failed = world.handle(&batch(&bodies, 1)).await;
    assert_eq!(failed, ["m-0", "m-1"]);
    let shown = world.shown_again.lock().unwrap().clone();
    assert_eq!(shown.len(), 2);
    assert!(shown.iter().all(|it| it.seconds < 76), "{shown:?}");
    assert_eq!(world.measured("TalliesFailed", Dimension::None), 2.0);
    assert_eq!(world.store.calls(), 0);
}

/// An invocation that is ended while it waits for the queue has its whole batch come again.
#[tokio::test]
async fn a_queue_that_hangs_is_answered_in_time() {
    let world = World {
        time: Some(Duration::from_secs(5)),
        ..World::default()
    };
    world.queue_hangs.store(true, Ordering::Relaxed);
    let failed = world.handle(&batch(&[deletion(ACCOUNT, 1)], 1)).await;
    assert_eq!(failed, ["m-0"]);
}

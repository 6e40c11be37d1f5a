//! The handler with the world in memory: ticks for every account, held back by what waits.
#![allow(clippy::unwrap_used, clippy::panic)]

mod triage;

use std::sync::Mutex;

use keytrail_aws::metrics::{Dimension, Measure};
use keytrail_delivery::hand_over::{HandOver, Load};
use keytrail_detect::configuration::Configuration;
use keytrail_detect::finding::Finding;
use keytrail_event::EventTime;
use keytrail_function_sweep::{Services, Waiting, handle};
use keytrail_lambda::Invocation;
use keytrail_lambda::audience::Audience;
use keytrail_lambda::outbox::Publisher;
use keytrail_store::{MemoryStore, Quarantined, Store};

#[derive(Default)]
struct World {
    store: MemoryStore,
    waiting: Waiting,
    handed_over: Mutex<Vec<HandOver>>,
    measures: Mutex<Vec<Measure>>,
}

impl Publisher for World {
    async fn publish(&self, _: &Finding, _: Audience) -> Result<(), String> {
        Ok(())
    }
}

impl Services for World {
    type Store = MemoryStore;

    fn store(&self) -> &MemoryStore {
        &self.store
    }

    fn parked(&self) -> String {
        "s3://state/parked/".to_owned()
    }

    async fn waiting(&self) -> Result<Waiting, String> {
        Ok(self.waiting)
    }

    async fn hand_over(&self, hand_overs: Vec<HandOver>) -> Result<(), String> {
        self.handed_over.lock().unwrap().extend(hand_overs);
        Ok(())
    }

    async fn measure(&self, measures: &[Measure]) {
        self.measures.lock().unwrap().extend(measures);
    }
}

fn at(time: &str) -> EventTime {
    EventTime::parse(time).unwrap()
}

async fn sweep(world: &World, now: &str) -> Vec<(String, Load)> {
    let invocation = Invocation::at(at(now), "{}".to_owned());
    handle(world, &Configuration::default(), &invocation)
        .await
        .unwrap();
    let handed_over = std::mem::take(&mut *world.handed_over.lock().unwrap());
    handed_over
        .into_iter()
        .map(|it| (it.account, it.load))
        .collect()
}

#[tokio::test]
async fn every_account_gets_a_tick_held_back_by_the_oldest_delivery() {
    let mut world = World::default();
    for account in ["111122223333", "444455556666"] {
        world
            .store
            .write_document(account, "clock", b"x")
            .await
            .unwrap();
    }
    let tick = |account: &str, time: &str| (account.to_owned(), Load::Tick(at(time)));
    let ticks = sweep(&world, "2024-01-31T10:00:00Z").await;
    let now = "2024-01-31T10:00:00Z";
    assert_eq!(
        ticks,
        [tick("111122223333", now), tick("444455556666", now)]
    );
    world.waiting = Waiting {
        messages: 12,
        oldest_seconds: Some(600),
    };
    let ticks = sweep(&world, "2024-01-31T10:00:00Z").await;
    assert_eq!(ticks[0], tick("111122223333", "2024-01-31T09:45:00Z"));
}

/// An alarm takes their absence for sweeps that are missing, so they are zero rather than left out.
#[tokio::test]
async fn a_sweep_over_nobody_says_that_it_was() {
    let world = World::default();
    sweep(&world, "2024-01-31T10:00:00Z").await;
    let measures = world.measures.lock().unwrap();
    for name in ["Accounts", "Quarantined"] {
        let nothing = Measure::count(name, Dimension::None, 0);
        assert!(measures.contains(&nothing), "{name}");
    }
}

#[tokio::test]
async fn a_parked_tally_is_tried_again_each_hour_and_five_times() {
    let world = World::default();
    let parked = |name: &str, account: Option<&str>| Quarantined {
        name: name.to_owned(),
        account: account.map(str::to_owned),
        reason: "tally-cannot-be-taken-in: busy".to_owned(),
        tries: 1,
        first_at: at("2024-01-31T08:00:00Z"),
        last_at: at("2024-01-31T09:00:00Z"),
    };
    let account = Some("111122223333");
    for record in [
        parked("s3://state/parked/1.zst", account),
        parked("s3://trail/damaged.json.gz", None),
        parked("message m-1", None),
    ] {
        world.store.quarantine(&record).await.unwrap();
    }
    assert!(sweep(&world, "2024-01-31T09:30:00Z").await.is_empty());
    let mut tries = 0;
    for hour in 10..24 {
        let sent = sweep(&world, &format!("2024-01-31T{hour}:30:00Z")).await;
        let expected = Load::Stored {
            bucket: "state".to_owned(),
            key: "parked/1.zst".to_owned(),
        };
        for (to, load) in sent {
            assert_eq!((to.as_str(), load), ("111122223333", expected.clone()));
            tries += 1;
        }
    }
    assert_eq!(tries, 4);
}

/// Tallies stood behind thousands of messages and files of a backfill, and were never tried again.
#[tokio::test]
async fn a_parked_tally_is_found_behind_everything_else() {
    let world = World::default();
    let names = (0..20_100).map(|n| format!("message {n:05}"));
    let others = [
        "s3://state/hand-over/1.zst",
        "s3://state/parked-too/1.zst",
        "s3://trail/parked/1.zst",
    ];
    let others = others.map(str::to_owned).into_iter();
    for name in names
        .chain(others)
        .chain(["s3://state/parked/1.zst".to_owned()])
    {
        let parked = Quarantined {
            name,
            account: Some("111122223333".to_owned()),
            reason: "tally-cannot-be-taken-in: busy".to_owned(),
            tries: 1,
            first_at: at("2024-01-31T08:00:00Z"),
            last_at: at("2024-01-31T08:00:00Z"),
        };
        world.store.quarantine(&parked).await.unwrap();
    }
    let sent = sweep(&world, "2024-01-31T10:00:00Z").await;
    let expected = Load::Stored {
        bucket: "state".to_owned(),
        key: "parked/1.zst".to_owned(),
    };
    assert_eq!(sent, [("111122223333".to_owned(), expected)]);
    // The count ends where it did.
    let counted = Measure::count("Quarantined", Dimension::None, 20_000);
    assert!(world.measures.lock().unwrap().contains(&counted));
}

/// Those that had been tried often enough stand before the others, and a sweep tries only some.
#[tokio::test]
async fn every_parked_tally_has_its_turn() {
    let world = World::default();
    for number in 0..2_050 {
        let parked = Quarantined {
            name: format!("s3://state/parked/{number:04}.zst"),
            account: Some("111122223333".to_owned()),
            reason: "tally-cannot-be-taken-in: busy".to_owned(),
            tries: if number < 2_000 { 5 } else { 1 },
            first_at: at("2024-01-31T08:00:00Z"),
            last_at: at("2024-01-31T08:00:00Z"),
        };
        world.store.quarantine(&parked).await.unwrap();
    }
    let mut tried = Vec::new();
    for minute in [0, 5, 10, 15] {
        let sent = sweep(&world, &format!("2024-01-31T10:{minute:02}:00Z")).await;
        tried.push(sent.len());
    }
    assert_eq!(tried, [20, 20, 10, 0]);
}

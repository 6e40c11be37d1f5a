//! The outbox under publishers that stop anywhere: never lost, perhaps twice, one content a revision.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, VecDeque};
use std::slice::from_ref;

use keytrail_event::EventTime;
use keytrail_store::{FindingKey, FindingRecord, MemoryStore, Store};
use pollster::block_on;
use proptest::prelude::*;

const PUBLISHERS: usize = 2;

/// One thing that happens. Publishers work at the same time.
#[derive(Debug, Clone)]
enum Happening {
    Record { id: u8, revision: u32, content: u8 },
    Fetch { publisher: usize, limit: usize },
    Send { publisher: usize },
    Mark { publisher: usize },
    Stop { publisher: usize },
}

fn happening() -> impl Strategy<Value = Happening> {
    let publisher = 0..PUBLISHERS;
    prop_oneof![
        3 => (0_u8..3, 1_u32..5, 0_u8..3)
            .prop_map(|(id, revision, content)| Happening::Record { id, revision, content }),
        2 => (publisher.clone(), 1_usize..4)
            .prop_map(|(publisher, limit)| Happening::Fetch { publisher, limit }),
        3 => publisher.clone().prop_map(|publisher| Happening::Send { publisher }),
        3 => publisher.clone().prop_map(|publisher| Happening::Mark { publisher }),
        1 => publisher.prop_map(|publisher| Happening::Stop { publisher }),
    ]
}

/// What a publisher has in hand; a stop loses it.
#[derive(Debug, Default)]
struct Publisher {
    fetched: VecDeque<FindingRecord>,
    sent: VecDeque<FindingRecord>,
}

#[derive(Debug, Default)]
struct World {
    store: MemoryStore,
    publishers: [Publisher; PUBLISHERS],
    /// What arrived, in order.
    arrived: Vec<FindingRecord>,
    /// The first content of the latest revision that was recorded.
    latest: BTreeMap<FindingKey, FindingRecord>,
}

fn record(id: u8, revision: u32, content: u8) -> FindingRecord {
    let time = EventTime::from_unix_seconds(0);
    FindingRecord {
        key: FindingKey {
            id: format!("rule-{id}"),
            episode: format!("rule-{id}@2025-03-01"),
        },
        revision,
        state: "final".to_owned(),
        severity: "low".to_owned(),
        rule: "rule".to_owned(),
        account: "111122223333".to_owned(),
        principal: None,
        kms_key: None,
        first_seen: time,
        last_seen: time,
        score: 6.0,
        json: format!("{{\"content\":{content}}}"),
    }
}

impl World {
    async fn happen(&mut self, happening: &Happening) {
        match *happening {
            Happening::Record {
                id,
                revision,
                content,
            } => {
                let record = record(id, revision, content);
                let recorded = self.store.record_findings(from_ref(&record)).await.unwrap();
                let known = self.latest.get(&record.key);
                let is_new = known.is_none_or(|known| known.revision < revision);
                assert_eq!(recorded.new == 1, is_new);
                if is_new {
                    self.latest.insert(record.key.clone(), record);
                }
            }
            Happening::Fetch { publisher, limit } => {
                let pending = self.store.pending(None, limit).await.unwrap();
                let records = pending.into_iter().map(|pending| pending.record);
                self.publishers[publisher].fetched = records.collect();
            }
            Happening::Send { publisher } => {
                let publisher = &mut self.publishers[publisher];
                if let Some(record) = publisher.fetched.pop_front() {
                    self.arrived.push(record.clone());
                    publisher.sent.push_back(record);
                }
            }
            Happening::Mark { publisher } => {
                if let Some(record) = self.publishers[publisher].sent.pop_front() {
                    let at = EventTime::from_unix_seconds(0);
                    let mark = self.store.mark_sent(&record.key, record.revision, at, None);
                    mark.await.unwrap();
                }
            }
            Happening::Stop { publisher } => self.publishers[publisher] = Publisher::default(),
        }
    }

    /// What is not pending has arrived in its latest revision, at every moment.
    async fn assert_nothing_is_lost(&self) {
        let pending = self.store.pending(None, 100).await.unwrap();
        for (key, latest) in &self.latest {
            let is_pending = pending.iter().any(|pending| pending.record.key == *key);
            assert!(
                is_pending || self.arrived.contains(latest),
                "{key} is neither pending nor sent"
            );
        }
        for one in &self.arrived {
            let other = self
                .arrived
                .iter()
                .find(|other| (&other.key, other.revision) == (&one.key, one.revision));
            assert_eq!(other, Some(one), "one revision, two contents");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn never_lost_and_one_content_a_revision(
        happenings in proptest::collection::vec(happening(), 0..60),
    ) {
        block_on(async {
            let mut world = World::default();
            for happening in &happenings {
                world.happen(happening).await;
                world.assert_nothing_is_lost().await;
            }
            // The publishers stop, a new one comes, and everything has arrived.
            world.publishers = Default::default();
            while !world.store.pending(None, 1).await.unwrap().is_empty() {
                for happening in [
                    Happening::Fetch { publisher: 0, limit: 1 },
                    Happening::Send { publisher: 0 },
                    Happening::Mark { publisher: 0 },
                ] {
                    world.happen(&happening).await;
                }
            }
            for latest in world.latest.values() {
                assert!(world.arrived.contains(latest));
            }
        });
    }
}

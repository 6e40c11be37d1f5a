//! The handler with the world in memory: what is read, what comes again, what is set aside.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Mutex;

use keytrail_aws::metrics::{Dimension, Measure};
use keytrail_delivery::hand_over::{HandOver, Load};
use keytrail_delivery::notification::{Lane, Object};
use keytrail_detect::tally::Tally;
use keytrail_event::{EventTime, OperationClass};
use keytrail_function_ingest::{Services, Settings, Unread, handle};
use keytrail_lambda::Invocation;
use keytrail_store::{MemoryStore, Store};
use serde_json::{Value, json};

const KEY: &str = "AWSLogs/111122223333/CloudTrail/eu-west-1/2024/01/31/111122223333_CloudTrail_eu-west-1_20240131T1005Z_a.json.gz";

#[derive(Default)]
struct World {
    objects: BTreeMap<String, Vec<u8>>,
    later: Vec<String>,
    never: Vec<String>,
    queue_is_down: bool,
    handed_over: Mutex<Vec<HandOver>>,
    measures: Mutex<Vec<Measure>>,
    store: MemoryStore,
}

impl Services for World {
    type Store = MemoryStore;

    async fn object(&self, object: &Object, _: usize) -> Result<Vec<u8>, Unread> {
        if self.later.contains(&object.key) {
            return Err(Unread::Later("slow down".to_owned()));
        }
        if self.never.contains(&object.key) {
            return Err(Unread::Never("in an archive class".to_owned()));
        }
        let bytes = self.objects.get(&object.key).cloned();
        bytes.ok_or_else(|| Unread::Later("not found".to_owned()))
    }

    async fn hand_over(&self, hand_overs: Vec<HandOver>) -> Result<(), String> {
        if self.queue_is_down {
            return Err("the queue is down".to_owned());
        }
        self.handed_over.lock().unwrap().extend(hand_overs);
        Ok(())
    }

    async fn measure(&self, measures: &[Measure]) {
        self.measures.lock().unwrap().extend(measures);
    }

    fn store(&self) -> &MemoryStore {
        &self.store
    }
}

impl World {
    fn with(objects: &[(&str, Vec<u8>)]) -> Self {
        let objects = objects
            .iter()
            .map(|(key, bytes)| ((*key).to_owned(), bytes.clone()));
        Self {
            objects: objects.collect(),
            ..Self::default()
        }
    }

    async fn handle(&self, payload: &Value) -> Result<Value, String> {
        self.handle_as(&Settings::default(), payload).await
    }

    async fn handle_as(&self, settings: &Settings, payload: &Value) -> Result<Value, String> {
        let now = EventTime::parse("2024-01-31T10:10:00Z").unwrap();
        let invocation = Invocation::at(now, payload.to_string());
        let answer = handle(self, settings, &invocation).await;
        answer
            .map(|answer| serde_json::to_value(answer).unwrap())
            .map_err(|failed| failed.0)
    }

    /// What was handed over, merged: what its one writer sees.
    fn tallies(&self) -> BTreeMap<String, Tally> {
        let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
        for hand_over in self.handed_over.lock().unwrap().iter() {
            let Load::Tally(packed) = &hand_over.load else {
                panic!("{hand_over:?}");
            };
            let tally = Tally::decode(&packed.unpack().unwrap()).unwrap();
            tallies
                .entry(hand_over.account.clone())
                .or_default()
                .merge(tally);
        }
        tallies
    }

    fn measured(&self, name: &str, dimension: Dimension) -> f64 {
        let measures = self.measures.lock().unwrap();
        let of = measures
            .iter()
            .filter(|it| it.name == name && it.dimension == dimension);
        of.map(|it| it.value).sum()
    }
}

fn record(id: u32, account: &str) -> Value {
    json!({
        "eventVersion": "1.11", "eventTime": "2024-01-31T10:00:00Z",
        "eventSource": "kms.amazonaws.com", "eventName": "Decrypt", "awsRegion": "eu-west-1",
        "eventID": format!("8ddd3ba9-9a7e-4b3b-b1ec-{id:012}"), "recipientAccountId": account,
        "userIdentity": { "type": "IAMUser", "arn": format!("arn:aws:iam::{account}:user/rose"), "accountId": account },
    })
}

fn file(records: &[Value]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let text = json!({ "Records": records }).to_string();
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn notified(key: &str) -> Value {
    json!({ "Records": [{
        "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
        "s3": { "bucket": { "name": "trail" }, "object": { "key": key } },
    }] })
}

fn queued(bodies: &[Value]) -> Value {
    let record = |(number, body): (usize, &Value)| json!({ "eventSource": "aws:sqs", "messageId": format!("m-{number}"), "body": body.to_string() });
    json!({ "Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>() })
}

fn failures(ids: &[&str]) -> Value {
    let failures = ids.iter().map(|id| json!({ "itemIdentifier": id }));
    json!({ "batchItemFailures": failures.collect::<Vec<_>>() })
}

#[tokio::test]
async fn a_delivery_becomes_a_tally_of_each_account() {
    let records = [
        record(1, "111122223333"),
        record(2, "444455556666"),
        record(3, "111122223333"),
    ];
    let world = World::with(&[(KEY, file(&records))]);
    let answer = world.handle(&queued(&[notified(KEY)])).await.unwrap();
    assert_eq!(answer, failures(&[]));
    let distinct = world
        .tallies()
        .into_iter()
        .map(|(account, tally)| (account, tally.distinct()));
    let expected = [
        ("111122223333".to_owned(), 2),
        ("444455556666".to_owned(), 1),
    ];
    assert_eq!(distinct.collect::<Vec<_>>(), expected);
    assert_eq!(world.measured("Deliveries", Dimension::None), 1.0);
    assert_eq!(world.measured("KmsRecords", Dimension::None), 3.0);
    assert_eq!(world.measured("DeliveryLag", Dimension::None), 300.0);
    let time = world.measured("ProcessingTime", Dimension::Function("ingest"));
    assert!(time > 0.0);
}

#[tokio::test]
async fn what_was_called_and_failed_is_measured_once() {
    let mut refused = record(3, "111122223333");
    refused["errorCode"] = "AccessDenied".into();
    let mut listed = record(4, "111122223333");
    listed["eventName"] = "ListKeys".into();
    let records = [
        record(1, "111122223333"),
        record(1, "111122223333"),
        record(2, "111122223333"),
        refused,
        listed,
    ];
    let world = World::with(&[(KEY, file(&records))]);
    world.handle(&queued(&[notified(KEY)])).await.unwrap();
    for (name, dimension, expected) in [
        ("RecordsKept", Dimension::None, 5.0),
        ("RecordsDuplicate", Dimension::None, 1.0),
        (
            "KmsCalls",
            Dimension::Class(OperationClass::Cryptographic),
            3.0,
        ),
        (
            "KmsErrors",
            Dimension::Class(OperationClass::Cryptographic),
            1.0,
        ),
        ("KmsCalls", Dimension::Class(OperationClass::Discovery), 1.0),
        (
            "KmsErrors",
            Dimension::Class(OperationClass::Discovery),
            0.0,
        ),
        ("ConservationViolations", Dimension::None, 0.0),
    ] {
        assert_eq!(world.measured(name, dimension), expected, "{name}");
    }
}

#[tokio::test]
async fn one_bad_object_never_fails_its_batch() {
    let mut cut = file(
        &(0..500)
            .map(|id| record(id, "111122223333"))
            .collect::<Vec<_>>(),
    );
    cut.truncate(cut.len() / 2);
    let world = World {
        later: vec!["later.json".to_owned()],
        never: vec!["never.json".to_owned()],
        ..World::with(&[
            (KEY, file(&[record(1_000, "111122223333")])),
            ("cut.json.gz", cut),
        ])
    };
    let test = json!({ "Service": "Amazon S3", "Event": "s3:TestEvent" });
    let bodies = [
        test,
        notified("later.json"),
        notified("cut.json.gz"),
        notified("never.json"),
        json!("not a notification"),
        notified(KEY),
    ];
    let answer = world.handle(&queued(&bodies)).await.unwrap();
    assert_eq!(answer, failures(&["m-1"]));
    // What came before the damage counts, as it does in a replay.
    let distinct = world.tallies()["111122223333"].distinct();
    assert!(distinct > 1 && distinct < 501, "{distinct}");
    let parked = world.store.quarantined(None, 10).await.unwrap();
    let parked: Vec<_> = parked
        .iter()
        .map(|it| (it.name.as_str(), it.tries))
        .collect();
    let expected = [
        ("message m-4", 1),
        ("s3://trail/cut.json.gz", 1),
        ("s3://trail/never.json", 1),
    ];
    assert_eq!(parked, expected);
    assert_eq!(
        world.measured("PartsParked", Dimension::Reason("cannot-be-read")),
        1.0
    );
    // What the alarm watches is all of them, whatever the reason.
    assert_eq!(world.measured("PartsParked", Dimension::None), 3.0);
    assert_eq!(
        world.measured("PartsIgnored", Dimension::Reason("test-event")),
        1.0
    );
}

/// A marker written before the work would turn the retry of a failed file into a duplicate.
#[tokio::test]
async fn what_failed_once_is_read_when_it_comes_again() {
    let mut world = World::with(&[(KEY, file(&[record(1, "111122223333")]))]);
    world.queue_is_down = true;
    let payload = queued(&[notified(KEY)]);
    assert!(world.handle(&payload).await.is_err());
    world.queue_is_down = false;
    world.later = vec![KEY.to_owned()];
    assert_eq!(world.handle(&payload).await.unwrap(), failures(&["m-0"]));
    world.later.clear();
    assert_eq!(world.handle(&payload).await.unwrap(), failures(&[]));
    assert_eq!(world.handle(&payload).await.unwrap(), failures(&[]));
    assert_eq!(world.tallies()["111122223333"].distinct(), 1);
}

#[tokio::test]
async fn without_ids_the_whole_invocation_fails() {
    let world = World::default();
    let failed = world.handle(&notified(KEY)).await.unwrap_err();
    assert!(failed.contains("without an id"), "{failed}");
}

#[tokio::test]
async fn a_notable_record_ahead_of_its_file_feeds_rules_and_no_cell() {
    let mut change = record(7, "111122223333");
    change["eventName"] = json!("DisableKey");
    let event = json!({ "detail-type": "AWS API Call via CloudTrail", "source": "aws.kms", "detail": change });
    let world = World::with(&[(KEY, file(&[change]))]);
    world.handle(&queued(&[event])).await.unwrap();
    let tally = &world.tallies()["111122223333"];
    assert_eq!(tally.notables.len(), 1);
    assert_eq!(tally.distinct(), 0);
    world.handle(&queued(&[notified(KEY)])).await.unwrap();
    let tally = &world.tallies()["111122223333"];
    assert_eq!((tally.notables.len(), tally.distinct()), (1, 1));
}

/// One grant an hour, ahead of a file that never came, kept the alarm on missing deliveries silent.
#[tokio::test]
async fn a_notable_record_ahead_of_its_file_is_no_delivery() {
    let event = json!({ "detail-type": "AWS API Call via CloudTrail", "source": "aws.kms", "detail": record(7, "111122223333") });
    let world = World::with(&[(KEY, file(&[record(7, "111122223333")]))]);
    let measured = |name| world.measured(name, Dimension::None);
    world.handle(&queued(&[event])).await.unwrap();
    let counted = ["Deliveries", "DeliveryBytes", "DeliveriesAhead"].map(measured);
    assert_eq!(counted, [0.0, 0.0, 1.0]);
    world.handle(&queued(&[notified(KEY)])).await.unwrap();
    let counted = ["Deliveries", "DeliveriesAhead"].map(measured);
    assert_eq!(counted, [1.0, 1.0]);
}

#[tokio::test]
async fn only_one_lane_counts() {
    let world = World::with(&[(KEY, file(&[record(1, "111122223333")]))]);
    let inline = record(2, "111122223333");
    let payload = queued(&[notified(KEY), inline]);
    let logs = Settings {
        counting_lane: Lane::Logs,
        ..Settings::default()
    };
    world.handle_as(&logs, &payload).await.unwrap();
    assert_eq!(world.tallies()["111122223333"].distinct(), 1);
    world.handle(&payload).await.unwrap();
    assert_eq!(world.tallies()["111122223333"].distinct(), 2);
    assert_eq!(
        world.measured("PartsIgnored", Dimension::Reason("other-lane")),
        2.0
    );
}

/// What of the queue is in memory at once is bounded, and every object of a long batch is read.
#[tokio::test]
async fn a_batch_of_a_backfill_is_read_in_order_and_whole() {
    let keys: Vec<String> = (0..40)
        .map(|number| format!("x/{number}.json.gz"))
        .collect();
    let objects: Vec<_> = keys
        .iter()
        .enumerate()
        .map(|(number, key)| (key.as_str(), file(&[record(number as u32, "111122223333")])))
        .collect();
    let world = World::with(&objects);
    let items: Vec<_> = keys
        .iter()
        .map(|key| json!({ "Key": key, "Size": 1 }))
        .collect();
    let payload = json!({ "BatchInput": { "bucket": "trail" }, "Items": items });
    assert_eq!(world.handle(&payload).await.unwrap(), failures(&[]));
    assert_eq!(world.tallies()["111122223333"].distinct(), 40);
}

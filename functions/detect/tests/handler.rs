//! The handler with the world in memory: tallies in, findings out, nothing lost.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use keytrail_aws::metrics::{Dimension, Measure};
use keytrail_delivery::hand_over::{HandOver, Load, Packed};
use keytrail_detect::configuration::Configuration;
use keytrail_detect::finding::{Finding, FindingId, FindingState, Severity};
use keytrail_detect::tally::Tally;
use keytrail_event::{EventTime, Issue, Reader, Record, Sink};
use keytrail_function_detect::{Services, Unread, handle};
use keytrail_lambda::Invocation;
use keytrail_lambda::audience::Audience;
use keytrail_lambda::outbox::Publisher;
use keytrail_lambda::told::Told;
use keytrail_store::{FindingKey, FindingRecord, MemoryStore, Store};
use serde_json::{Value, json};

const ACCOUNT: &str = "111122223333";

#[derive(Default)]
struct World {
    store: MemoryStore,
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    published: Mutex<Vec<Finding>>,
    alerts: Mutex<Vec<(u32, FindingState)>>,
    measures: Mutex<Vec<Measure>>,
    topic_is_down: AtomicBool,
    configuration: Configuration,
}

impl Publisher for World {
    async fn publish(&self, finding: &Finding, audience: Audience) -> Result<(), String> {
        if self.topic_is_down.load(Ordering::Relaxed) {
            return Err("throttled".to_owned());
        }
        self.published.lock().unwrap().push(finding.clone());
        if audience == Audience::Everybody {
            let alert = (finding.revision, finding.state);
            self.alerts.lock().unwrap().push(alert);
        }
        Ok(())
    }
}

impl Services for World {
    type Store = MemoryStore;

    fn store(&self) -> &MemoryStore {
        &self.store
    }

    async fn stored(&self, bucket: &str, key: &str) -> Result<Vec<u8>, Unread> {
        if key.contains("later") {
            return Err(Unread::Later("slow down".to_owned()));
        }
        let name = format!("s3://{bucket}/{key}");
        let found = self.objects.lock().unwrap().get(&name).cloned();
        found.ok_or_else(|| Unread::Never("not found".to_owned()))
    }

    async fn park(&self, bytes: Vec<u8>) -> Result<String, String> {
        let mut objects = self.objects.lock().unwrap();
        let name = format!("s3://state/parked/{}.zst", objects.len());
        objects.insert(name.clone(), bytes);
        Ok(name)
    }

    async fn measure(&self, measures: &[Measure]) {
        self.measures.lock().unwrap().extend(measures);
    }
}

impl World {
    async fn handle(&self, payload: &Value) -> Vec<String> {
        let now = EventTime::parse("2024-01-31T10:10:00Z").unwrap();
        let invocation = Invocation::at(now, payload.to_string());
        let answer = handle(self, &self.configuration, &invocation).await;
        let answer = answer.unwrap().batch_item_failures.into_iter();
        answer.map(|failure| failure.item_identifier).collect()
    }

    fn published(&self) -> Vec<(String, u32)> {
        let published = self.published.lock().unwrap();
        published
            .iter()
            .map(|it| (it.rule.clone(), it.revision))
            .collect()
    }

    fn measured(&self, name: &str, dimension: Dimension) -> f64 {
        let measures = self.measures.lock().unwrap();
        let of = measures
            .iter()
            .filter(|it| it.name == name && it.dimension == dimension);
        of.map(|it| it.value).sum()
    }
}

/// A tally of one record: somebody schedules the deletion of a key.
fn tally(account: &str, id: u32) -> Tally {
    tally_of(account, id, id)
}

/// The same, of this key by the event of this number.
fn tally_of(account: &str, key: u32, event: u32) -> Tally {
    struct Into<'t>(&'t mut Tally);
    impl Sink for Into<'_> {
        fn record(&mut self, record: &Record<'_>) {
            self.0.add(record, EventTime::parse("2024-01-31T10:05:00Z"));
        }
        fn issue(&mut self, issue: Issue) {
            panic!("{issue:?}");
        }
    }
    let key = format!("arn:aws:kms:eu-west-1:{account}:key/1234abcd-12ab-34cd-56ef-{key:012}");
    let record = json!({
        "eventVersion": "1.11", "eventTime": "2024-01-31T10:00:00Z",
        "eventSource": "kms.amazonaws.com", "eventName": "ScheduleKeyDeletion", "awsRegion": "eu-west-1",
        "eventID": format!("8ddd3ba9-9a7e-4b3b-b1ec-{event:012}"), "recipientAccountId": account,
        "userIdentity": { "type": "IAMUser", "arn": format!("arn:aws:iam::{account}:user/rose"), "accountId": account },
        "requestParameters": { "keyId": key, "pendingWindowInDays": 7 },
        "responseElements": { "keyId": key, "deletionDate": "Feb 7, 2024, 10:00:00 AM" },
        "resources": [{ "ARN": key, "type": "AWS::KMS::Key", "accountId": account }],
    });
    let mut tally = Tally::default();
    Reader::default().read(record.to_string().as_bytes(), &mut Into(&mut tally));
    tally
}

fn packed(tally: &Tally) -> Packed {
    Packed::pack(&tally.encode()).unwrap()
}

fn hand_over(account: &str, load: Load) -> String {
    let account = account.to_owned();
    HandOver { account, load }.write()
}

fn batch(bodies: &[String], receive_count: u32) -> Value {
    let record = |(number, body): (usize, &String)| {
        json!({
            "messageId": format!("m-{number}"), "body": body, "eventSource": "aws:sqs",
            "attributes": { "ApproximateReceiveCount": receive_count.to_string() },
        })
    };
    json!({ "Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>() })
}

fn deletion(account: &str, id: u32) -> String {
    hand_over(account, Load::Tally(packed(&tally(account, id))))
}

/// One of several calls that schedule the deletion of one key.
fn deletion_again(event: u32) -> String {
    let tally = tally_of(ACCOUNT, 1, event);
    hand_over(ACCOUNT, Load::Tally(packed(&tally)))
}

#[tokio::test]
async fn a_tally_becomes_an_alert_at_once_and_only_once() {
    let world = World::default();
    let payload = batch(&[deletion(ACCOUNT, 1)], 1);
    assert!(world.handle(&payload).await.is_empty());
    let published = world.published();
    assert_eq!(published, [("key-deletion-scheduled".to_owned(), 1)]);
    let severity = world.published.lock().unwrap()[0].severity;
    assert_eq!(
        world.measured("Findings", Dimension::Severity(severity)),
        1.0
    );
    assert!(severity >= Severity::Medium);
    let of_rule = Dimension::Rule("key-deletion-scheduled");
    assert_eq!(world.measured("Findings", of_rule), 1.0);
    assert_eq!(world.measured("RecordsDuplicate", Dimension::None), 0.0);
    // The same message again, as queues do.
    assert!(world.handle(&payload).await.is_empty());
    assert_eq!(world.published().len(), 1);
    assert_eq!(world.measured("RecordsDuplicate", Dimension::None), 1.0);
    assert_eq!(world.measured("Findings", of_rule), 1.0);
}

/// An attack that went on once woke people with each delivery.
#[tokio::test]
async fn what_goes_on_is_told_to_people_once() {
    let world = World::default();
    for id in 1..=3 {
        let payload = batch(&[deletion_again(id)], 1);
        assert!(world.handle(&payload).await.is_empty());
    }
    let seal = Load::Tick(EventTime::parse("2024-02-01T12:00:00Z").unwrap());
    world.handle(&batch(&[hand_over(ACCOUNT, seal)], 1)).await;
    let published = world.published();
    let revisions: Vec<u32> = published.iter().map(|(_, revision)| *revision).collect();
    assert_eq!(revisions, [1, 2, 3, 4]);
    let alerts = world.alerts.lock().unwrap().clone();
    assert_eq!(alerts, [(1, FindingState::Provisional)]);
}

/// Who was told nothing while a suppression held hears of it when that has ended, whatever the revision.
#[tokio::test]
async fn what_nobody_was_told_of_is_news_in_any_revision() {
    let suppress =
        r#"{ "rule": "key-*", "until": "2024-03-01", "reason": "closing down", "owner": "ann" }"#;
    let mut world = World::default();
    world.configuration.suppress = vec![serde_json::from_str(suppress).unwrap()];
    world.handle(&batch(&[deletion_again(1)], 1)).await;
    assert_eq!(*world.alerts.lock().unwrap(), []);
    world.configuration.suppress.clear();
    world.handle(&batch(&[deletion_again(2)], 1)).await;
    assert_eq!(
        *world.alerts.lock().unwrap(),
        [(2, FindingState::Provisional)]
    );
}

/// A suppression in the configuration of a deployment once let the alert go out all the same.
#[tokio::test]
async fn what_is_suppressed_or_on_trial_wakes_nobody() {
    let suppress =
        r#"{ "rule": "key-*", "until": "2024-03-01", "reason": "closing down", "owner": "ann" }"#;
    let suppressed = Configuration {
        suppress: vec![serde_json::from_str(suppress).unwrap()],
        ..Configuration::default()
    };
    let on_trial = Configuration {
        shadow: ["key-deletion-scheduled".to_owned()].into(),
        ..Configuration::default()
    };
    for configuration in [suppressed, on_trial] {
        let world = World {
            configuration,
            ..World::default()
        };
        let payload = batch(&[deletion(ACCOUNT, 1)], 1);
        assert!(world.handle(&payload).await.is_empty());
        assert_eq!(world.published(), []);
        assert_eq!(world.measured("FindingsKeptQuiet", Dimension::None), 1.0);
        assert!(world.store.pending(None, 10).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn what_could_not_be_published_waits_and_goes_later() {
    let world = World::default();
    world.topic_is_down.store(true, Ordering::Relaxed);
    let payload = batch(&[deletion(ACCOUNT, 1)], 1);
    assert!(world.handle(&payload).await.is_empty());
    assert!(world.published().is_empty());
    assert_eq!(world.store.pending(None, 10).await.unwrap().len(), 1);
    world.topic_is_down.store(false, Ordering::Relaxed);
    let tick = Load::Tick(EventTime::parse("2024-01-31T10:15:00Z").unwrap());
    world.handle(&batch(&[hand_over(ACCOUNT, tick)], 1)).await;
    assert_eq!(world.published().len(), 1);
    assert!(world.store.pending(None, 10).await.unwrap().is_empty());
}

/// Every process sent what all had found, so that an alert went out as often as processes ran.
#[tokio::test]
async fn findings_of_other_accounts_are_left_to_those_who_judge_them() {
    let world = World::default();
    world.topic_is_down.store(true, Ordering::Relaxed);
    let (ours, theirs) = (ACCOUNT, "444455556666");
    world.handle(&batch(&[deletion(theirs, 1)], 1)).await;
    world.topic_is_down.store(false, Ordering::Relaxed);
    world.handle(&batch(&[deletion(ours, 2)], 1)).await;
    let published = world.published.lock().unwrap().clone();
    let accounts: Vec<&str> = published.iter().map(|it| it.account.as_str()).collect();
    assert_eq!(accounts, [ours]);
    let pending = world.store.pending(None, 10).await.unwrap();
    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0].record.account, theirs);
}

/// An earlier event that comes late begins an episode anew under an earlier day: people heard that what they knew of was
/// withdrawn, and nothing of what had taken its place, since that was long past.
#[tokio::test]
async fn what_takes_the_place_of_a_told_episode_is_told_however_old_it_is() {
    let world = World::default();
    let long_ago = EventTime::parse("2023-06-01T10:00:00Z").unwrap();
    let finding = |episode: &str| Finding {
        account: ACCOUNT.to_owned(),
        episode: episode.to_owned(),
        ..Finding::sample("key-disabled", long_ago)
    };
    let record = |finding: &Finding| FindingRecord {
        key: FindingKey {
            id: finding.id.as_str().to_owned(),
            episode: finding.episode.clone(),
        },
        revision: 1,
        state: "final".to_owned(),
        severity: "high".to_owned(),
        rule: finding.rule.clone(),
        account: ACCOUNT.to_owned(),
        principal: None,
        kms_key: None,
        first_seen: finding.first_seen,
        last_seen: finding.last_seen,
        score: 14.0,
        json: serde_json::to_string(finding).unwrap(),
    };
    let tick = |time: &str| hand_over(ACCOUNT, Load::Tick(EventTime::parse(time).unwrap()));
    let (told, heir) = (finding("later"), finding("earlier"));
    world.store.record_findings(&[record(&told)]).await.unwrap();
    let words = serde_json::to_string(&Told::of(&told, long_ago)).unwrap();
    let key = record(&told).key;
    let marked = world.store.mark_sent(&key, 1, long_ago, Some(&words));
    marked.await.unwrap();
    world.store.record_findings(&[record(&heir)]).await.unwrap();
    world
        .handle(&batch(&[tick("2024-01-31T10:00:00Z")], 1))
        .await;
    assert_eq!(world.alerts.lock().unwrap().len(), 1);
    // What nobody knew anything of is history.
    let stranger = Finding {
        id: FindingId::new("key-disabled", &["another"]),
        ..finding("stranger")
    };
    let stranger = record(&stranger);
    world.store.record_findings(&[stranger]).await.unwrap();
    world
        .handle(&batch(&[tick("2024-01-31T10:05:00Z")], 1))
        .await;
    assert_eq!(world.alerts.lock().unwrap().len(), 1);
    assert_eq!(world.measured("FindingsOfThePast", Dimension::None), 1.0);
}

#[tokio::test]
async fn a_damaged_tally_is_set_aside_and_blocks_nobody() {
    let world = World::default();
    let damaged = Load::Tally(Packed::pack(b"\x01no tally").unwrap());
    let bodies = [
        hand_over(ACCOUNT, damaged),
        "not a hand-over".to_owned(),
        deletion(ACCOUNT, 1),
    ];
    assert!(world.handle(&batch(&bodies, 1)).await.is_empty());
    assert_eq!(world.published().len(), 1);
    let parked = world.store.quarantined(None, 10).await.unwrap();
    let parked: Vec<_> = parked
        .iter()
        .map(|it| (it.name.as_str(), it.account.as_deref()))
        .collect();
    let expected = [
        ("message m-1", None),
        ("s3://state/parked/0.zst", Some(ACCOUNT)),
    ];
    assert_eq!(parked, expected);
    assert_eq!(world.objects.lock().unwrap().len(), 1);
    assert_eq!(world.measured("TalliesParked", Dimension::None), 2.0);
}

#[tokio::test]
async fn where_one_fails_the_later_ones_of_its_account_come_again_too() {
    let world = World::default();
    let later = Load::Stored {
        bucket: "state".to_owned(),
        key: "hand-over/later.zst".to_owned(),
    };
    let bodies = [
        deletion(ACCOUNT, 1),
        hand_over(ACCOUNT, later),
        deletion(ACCOUNT, 2),
        deletion("444455556666", 3),
    ];
    assert_eq!(world.handle(&batch(&bodies, 1)).await, ["m-1", "m-2"]);
    assert_eq!(world.published().len(), 2);
}

#[tokio::test]
async fn a_large_hand_over_is_fetched_and_a_parked_one_leaves_quarantine() {
    let world = World::default();
    let address = "s3://state/parked/7.zst";
    let bytes = packed(&tally(ACCOUNT, 1)).into_bytes();
    world
        .objects
        .lock()
        .unwrap()
        .insert(address.to_owned(), bytes);
    let time = EventTime::parse("2024-01-31T09:00:00Z").unwrap();
    let record = keytrail_store::Quarantined {
        name: address.to_owned(),
        account: Some(ACCOUNT.to_owned()),
        reason: "tally-cannot-be-taken-in: another version".to_owned(),
        tries: 1,
        first_at: time,
        last_at: time,
    };
    world.store.quarantine(&record).await.unwrap();
    let stored = Load::Stored {
        bucket: "state".to_owned(),
        key: "parked/7.zst".to_owned(),
    };
    assert!(
        world
            .handle(&batch(&[hand_over(ACCOUNT, stored)], 1))
            .await
            .is_empty()
    );
    assert_eq!(world.published().len(), 1);
    assert!(world.store.quarantined(None, 10).await.unwrap().is_empty());
}

/// A day's records in one tally or in many, in any order, with ticks between: the same findings stand.
#[tokio::test]
async fn order_and_division_change_nothing() {
    let tick = |time: &str| {
        let time = EventTime::parse(time).unwrap();
        hand_over(ACCOUNT, Load::Tick(time))
    };
    let close = || tick("2024-02-01T12:00:00Z");
    let mut merged = tally(ACCOUNT, 1);
    merged.merge(tally(ACCOUNT, 2));
    merged.merge(tally(ACCOUNT, 3));
    let whole = World::default();
    let one = hand_over(ACCOUNT, Load::Tally(packed(&merged)));
    whole.handle(&batch(&[one, close()], 1)).await;
    let pieces = World::default();
    for bodies in [
        vec![deletion(ACCOUNT, 3), tick("2024-01-31T10:10:00Z")],
        vec![deletion(ACCOUNT, 1), deletion(ACCOUNT, 3)],
        vec![tick("2024-01-31T14:00:00Z"), deletion(ACCOUNT, 2)],
        vec![close()],
        vec![deletion(ACCOUNT, 1), close()],
    ] {
        assert!(pieces.handle(&batch(&bodies, 1)).await.is_empty());
    }
    assert_eq!(standing(&pieces).await, standing(&whole).await);
}

/// The findings that stand, without what depends on when they were told.
async fn standing(world: &World) -> Vec<String> {
    let findings = world.store.findings(ACCOUNT, None, 100).await.unwrap();
    assert!(!findings.is_empty());
    let texts = findings.iter().map(|stored| {
        let mut finding: Value = serde_json::from_str(&stored.record.json).unwrap();
        for told in ["revision", "published_at", "generation"] {
            finding[told] = Value::Null;
        }
        finding.to_string()
    });
    texts.collect()
}

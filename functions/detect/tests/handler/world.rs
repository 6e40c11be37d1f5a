//! The world in memory, and what it sends.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use keytrail_aws::metrics::{Dimension, Measure};
use keytrail_aws::redelivery::Later;
use keytrail_delivery::hand_over::{HandOver, Load, Packed};
use keytrail_detect::configuration::Configuration;
use keytrail_detect::finding::{Finding, FindingState};
use keytrail_detect::tally::Tally;
use keytrail_event::{EventTime, Issue, Reader, Record, Sink};
use keytrail_function_detect::{Kind, Services, Unread, handle};
use keytrail_lambda::audience::Audience;
use keytrail_lambda::outbox::Publisher;
use keytrail_lambda::{Failed, Invocation};
use keytrail_store::faulty::Faulty;
use keytrail_store::{MemoryStore, Store};
use serde_json::{Value, json};

pub const ACCOUNT: &str = "111122223333";

#[derive(Default)]
pub struct World {
    pub store: Faulty<MemoryStore>,
    pub objects: Mutex<BTreeMap<String, Vec<u8>>>,
    pub published: Mutex<Vec<Finding>>,
    pub alerts: Mutex<Vec<(u32, FindingState)>>,
    pub measures: Mutex<Vec<Measure>>,
    pub topic_is_down: AtomicBool,
    pub waits: Mutex<Vec<Duration>>,
    pub shown_again: Mutex<Vec<Later>>,
    /// The time that an invocation has, where it is short.
    pub time: Option<Duration>,
    pub configuration: Configuration,
    /// Why there is no configuration.
    pub wrong: Option<String>,
    /// Whether the queue does not answer.
    pub queue_hangs: AtomicBool,
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
    type Store = Faulty<MemoryStore>;

    fn store(&self) -> &Self::Store {
        &self.store
    }

    async fn stored(&self, bucket: &str, key: &str) -> Result<Vec<u8>, Unread> {
        let name = format!("s3://{bucket}/{key}");
        let mut objects = self.objects.lock().unwrap();
        let found = if key.contains("once") {
            objects.remove(&name)
        } else {
            objects.get(&name).cloned()
        };
        found.ok_or_else(|| {
            if key.contains("later") {
                Unread::Later("slow down".to_owned())
            } else {
                Unread::Never("not found".to_owned())
            }
        })
    }

    async fn park(&self, bytes: Vec<u8>, kind: Kind) -> Result<String, String> {
        let mut objects = self.objects.lock().unwrap();
        let name = format!("s3://state/parked/{}.{}", objects.len(), kind.ending());
        objects.insert(name.clone(), bytes);
        Ok(name)
    }

    async fn wait(&self, time: Duration) {
        self.waits.lock().unwrap().push(time);
    }

    async fn show_again(&self, messages: &[Later]) -> Result<(), String> {
        if self.queue_hangs.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        self.shown_again.lock().unwrap().extend_from_slice(messages);
        Ok(())
    }

    async fn measure(&self, measures: &[Measure]) {
        self.measures.lock().unwrap().extend(measures);
    }
}

impl World {
    pub async fn handle(&self, payload: &Value) -> Vec<String> {
        let now = EventTime::parse("2024-01-31T10:10:00Z").unwrap();
        let mut invocation = Invocation::at(now, payload.to_string());
        if let Some(time) = self.time {
            invocation = invocation.ended_after(time);
        }
        let configuration = match &self.wrong {
            None => Ok(&self.configuration),
            Some(why) => Err(Failed(why.clone())),
        };
        let answer = handle(self, configuration, &invocation).await;
        let answer = answer.unwrap().batch_item_failures.into_iter();
        answer.map(|failure| failure.item_identifier).collect()
    }

    pub fn published(&self) -> Vec<(String, u32)> {
        let published = self.published.lock().unwrap();
        published
            .iter()
            .map(|it| (it.rule.clone(), it.revision))
            .collect()
    }

    pub fn measured(&self, name: &str, dimension: Dimension) -> f64 {
        let measures = self.measures.lock().unwrap();
        let of = measures
            .iter()
            .filter(|it| it.name == name && it.dimension == dimension);
        of.map(|it| it.value).sum()
    }
}

/// A tally of one record: somebody schedules the deletion of a key.
pub fn tally(account: &str, id: u32) -> Tally {
    tally_of(account, id, id)
}

/// The same, of this key by the event of this number.
pub fn tally_of(account: &str, key: u32, event: u32) -> Tally {
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

pub fn packed(tally: &Tally) -> Packed {
    Packed::pack(&tally.encode()).unwrap()
}

pub fn hand_over(account: &str, load: Load) -> String {
    let account = account.to_owned();
    HandOver { account, load }.write()
}

pub fn batch(bodies: &[String], receive_count: u32) -> Value {
    let record = |(number, body): (usize, &String)| {
        json!({
            "messageId": format!("m-{number}"), "body": body, "eventSource": "aws:sqs",
            "receiptHandle": format!("r-{number}"),
            "attributes": { "ApproximateReceiveCount": receive_count.to_string() },
        })
    };
    json!({ "Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>() })
}

pub fn deletion(account: &str, id: u32) -> String {
    hand_over(account, Load::Tally(packed(&tally(account, id))))
}

/// One of several calls that schedule the deletion of one key.
pub fn deletion_again(event: u32) -> String {
    let tally = tally_of(ACCOUNT, 1, event);
    hand_over(ACCOUNT, Load::Tally(packed(&tally)))
}

/// The findings that stand, without what depends on when they were told.
pub async fn standing(world: &World) -> Vec<String> {
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

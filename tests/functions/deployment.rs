//! A deployment in memory: the three handlers between a bucket, a queue, a store and a topic, any of which can
//! fail, and each of which can be killed at any call.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use keytrail_aws::metrics::Measure;
use keytrail_aws::redelivery::Later;
use keytrail_delivery::hand_over::{HandOver, Load, Packed};
use keytrail_delivery::notification::{BatchAnswer, Object};
use keytrail_detect::configuration::Configuration;
use keytrail_detect::finding::{Finding, FindingState, Severity};
use keytrail_event::EventTime;
use keytrail_function_detect as detect;
use keytrail_function_ingest as ingest;
use keytrail_function_sweep as sweep;
use keytrail_lambda::Invocation;
use keytrail_lambda::audience::Audience;
use keytrail_lambda::outbox::Publisher;
use keytrail_store::executor::Executor;
use keytrail_store::faulty::{Commits, Ending, Fault, Faulty, Moment};
use keytrail_store::{MemoryStore, Store};
use keytrail_tests::world::Chance;
use pollster::block_on;
use serde_json::{Value, json};

/// Hand-overs larger than this go through the bucket, in bytes.
const LOAD_BYTES_MAX: usize = 4 << 10;
/// Messages that detect gets at once.
const BATCH_MESSAGES: usize = 10;
/// Deliveries of a message after which something is wrong with the test.
const RECEIVES_MAX: u32 = 50;

/// Everything between the functions.
pub struct Deployment {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    queue: Mutex<VecDeque<HandOver>>,
    store: Faulty<MemoryStore>,
    configuration: Configuration,
    /// What was published, by id, episode and revision.
    published: Mutex<BTreeMap<(String, String, u32), Finding>>,
    /// The highest severity and the last state that people were told of, by id and episode.
    alerts: Mutex<BTreeMap<(String, String), (Severity, FindingState)>>,
    contradictions: Mutex<Vec<String>>,
    /// Calls of services other than the store, and the one that fails.
    calls: AtomicU64,
    fault: Mutex<Option<Fault>>,
    chance: Chance,
    /// Whether nothing fails any more.
    is_calm: bool,
    /// How invocations ended.
    pub endings: Endings,
}

/// How invocations ended, other than well.
#[derive(Debug, Default)]
pub struct Endings {
    /// In an error: everything comes again.
    pub failed: u64,
    /// By a kill: everything comes again.
    pub killed: u64,
    /// With some messages to be delivered again.
    pub in_part: u64,
}

impl Deployment {
    pub fn new(seed: u64, objects: BTreeMap<String, Vec<u8>>) -> Self {
        Self {
            objects: Mutex::new(objects),
            queue: Mutex::default(),
            store: Faulty::new(MemoryStore::default(), Commits::InOrder, None),
            configuration: Configuration::default(),
            published: Mutex::default(),
            alerts: Mutex::default(),
            contradictions: Mutex::default(),
            calls: AtomicU64::new(0),
            fault: Mutex::default(),
            chance: Chance::of(seed),
            is_calm: false,
            endings: Endings::default(),
        }
    }

    /// Delivers these bodies of messages to ingest until each was read.
    pub fn ingest(&mut self, bodies: &[String], now: EventTime) {
        let mut waiting: Vec<(usize, u32)> = (0..bodies.len()).map(|index| (index, 0)).collect();
        while !waiting.is_empty() {
            let batch = waiting
                .iter()
                .map(|(index, receives)| (*index, bodies[*index].as_str(), receives + 1));
            let payload = sqs(batch);
            let settings = ingest::Settings::default();
            let answer = self.invoke(async |it: &Self| {
                let invocation = Invocation::at(now, payload.clone());
                ingest::handle(it, &settings, &invocation)
                    .await
                    .map_err(|failed| failed.0)
            });
            self.settle(&mut waiting, answer);
        }
    }

    /// Reads these objects as a batch of the backfill.
    pub fn backfill(&mut self, bucket: &str, keys: &[String], now: EventTime) {
        let items: Vec<Value> = keys
            .iter()
            .map(|key| json!({ "Key": key, "Size": 1 }))
            .collect();
        let payload = json!({ "BatchInput": { "bucket": bucket }, "Items": items }).to_string();
        for _ in 0..RECEIVES_MAX {
            let settings = ingest::Settings::default();
            let answer = self.invoke(async |it: &Self| {
                let invocation = Invocation::at(now, payload.clone());
                ingest::handle(it, &settings, &invocation)
                    .await
                    .map_err(|failed| failed.0)
            });
            if answer.is_some() {
                return;
            }
        }
        panic!("a batch of the backfill is never read");
    }

    /// Lets detect take everything from the queue.
    pub fn detect(&mut self, now: EventTime) {
        let mut waiting: Vec<(String, u32)> = Vec::new();
        loop {
            let mut queue = self.queue.lock().unwrap();
            let room = BATCH_MESSAGES - waiting.len().min(BATCH_MESSAGES);
            let fresh = queue.len().min(room);
            waiting.extend(queue.drain(..fresh).map(|it| (it.write(), 0)));
            drop(queue);
            if waiting.is_empty() {
                return;
            }
            let batch = waiting.iter().enumerate();
            let payload =
                sqs(batch.map(|(index, (body, receives))| (index, body.as_str(), receives + 1)));
            let configuration = self.configuration.clone();
            let answer = self.invoke(async |it: &Self| {
                let invocation = Invocation::at(now, payload.clone());
                detect::handle(it, Ok(&configuration), &invocation)
                    .await
                    .map_err(|failed| failed.0)
            });
            let mut numbered: Vec<(usize, u32)> = waiting
                .iter()
                .enumerate()
                .map(|(index, (_, receives))| (index, *receives))
                .collect();
            self.settle(&mut numbered, answer);
            waiting = numbered
                .into_iter()
                .map(|(index, receives)| (waiting[index].0.clone(), receives))
                .collect();
        }
    }

    /// Sweeps, which sends ticks, and lets detect take them.
    pub fn sweep(&mut self, now: EventTime) {
        for _ in 0..RECEIVES_MAX {
            let configuration = self.configuration.clone();
            let swept = self.invoke(async |it: &Self| {
                let invocation = Invocation::at(now, "{}".to_owned());
                sweep::handle(it, &configuration, &invocation)
                    .await
                    .map_err(|failed| failed.0)
            });
            if swept.is_some() {
                return self.detect(now);
            }
        }
        panic!("no sweep comes to its end");
    }

    /// The same, in which nothing fails.
    pub fn calm(self) -> Self {
        Self {
            is_calm: true,
            ..self
        }
    }

    /// Damages what is stored of the accounts in the queue in the days before this time: nothing can be added to it.
    pub fn damage_accounts(&self, now: EventTime) {
        let store = self.store.inner();
        for hand_over in self.queue.lock().unwrap().iter() {
            for day in (0..60).map(|days| now.day().plus_days(-days)) {
                let damaged = store.write_tally(&hand_over.account, day, b"damaged", None);
                block_on(damaged).unwrap();
            }
        }
    }

    /// How often the first of what is in quarantine was tried.
    pub fn tries(&self) -> u32 {
        let quarantined = block_on(self.store.inner().quarantined(None, 1)).unwrap();
        quarantined.first().unwrap().tries
    }

    /// Sweeps without faults until nothing is parked and nothing waits.
    pub fn come_to_rest(&mut self, clock: EventTime) {
        self.is_calm = true;
        for _ in 0..10 {
            self.sweep(clock);
            if block_on(self.store.quarantined(None, 1))
                .unwrap()
                .is_empty()
            {
                return;
            }
        }
        panic!(
            "something stays in quarantine: {:?}",
            block_on(self.store.quarantined(None, 3))
        );
    }

    /// The findings that stand, and were published as they stand.
    pub fn standing(&self) -> Vec<Finding> {
        let contradictions = self.contradictions.lock().unwrap();
        assert!(contradictions.is_empty(), "{contradictions:?}");
        let executor = Executor::new(self.store.inner(), &self.configuration);
        let published = self.published.lock().unwrap();
        let alerts = self.alerts.lock().unwrap();
        let mut standing = Vec::new();
        for account in block_on(self.store.inner().accounts()).unwrap() {
            for finding in block_on(executor.findings(&account)).unwrap().into_values() {
                let name = |revision| {
                    (
                        finding.id.as_str().to_owned(),
                        finding.episode.clone(),
                        revision,
                    )
                };
                let sent = published.contains_key(&name(finding.revision));
                let told = (finding.id.as_str().to_owned(), finding.episode.clone());
                let told = alerts.get(&told).copied();
                let was_told =
                    (1..=finding.revision).any(|revision| published.contains_key(&name(revision)));
                if finding.state == FindingState::Withdrawn {
                    assert!(
                        sent || !was_told,
                        "nobody was told that {} no longer stands",
                        finding.episode
                    );
                    assert!(
                        told.is_none_or(|(_, state)| state == FindingState::Withdrawn),
                        "people still take {} for standing",
                        finding.episode
                    );
                } else {
                    assert!(
                        sent,
                        "revision {} of {} was never published",
                        finding.revision, finding.episode
                    );
                    assert!(
                        told.is_some_and(|(severity, state)| severity >= finding.severity
                            && state != FindingState::Withdrawn),
                        "people were not told how bad {} is: {told:?}",
                        finding.episode
                    );
                    standing.push(finding);
                }
            }
        }
        standing
    }

    /// Runs a handler, with a fault now and then. `None` when all of it is to be done again.
    fn invoke<A>(&mut self, handler: impl AsyncFnOnce(&Self) -> Result<A, String>) -> Option<A> {
        let mut fault = |percent: usize, calls: usize| {
            let fires = self.chance.percent(percent) && !self.is_calm;
            let fault = Fault {
                call: 1 + self.chance.below(calls) as u64,
                moment: *self.chance.one_of(&[Moment::Before, Moment::After]),
                ending: *self.chance.one_of(&[Ending::Error, Ending::Killed]),
            };
            fires.then_some(fault)
        };
        let (of_store, of_service) = (fault(10, 30), fault(10, 12));
        self.store.arm(of_store);
        let made = self.calls.load(Ordering::SeqCst);
        *self.fault.lock().unwrap() = of_service.map(|fault| Fault {
            call: made + fault.call,
            ..fault
        });
        let outcome = run_or_die(handler(self));
        match outcome {
            Some(Ok(answer)) => Some(answer),
            Some(Err(_)) => {
                self.endings.failed += 1;
                None
            }
            None => {
                self.endings.killed += 1;
                None
            }
        }
    }

    /// What a batch leaves to be delivered again; a message that is done comes again now and then, too.
    fn settle(&mut self, waiting: &mut Vec<(usize, u32)>, answer: Option<BatchAnswer>) {
        for (index, receives) in waiting.iter_mut() {
            *receives += 1;
            assert!(*receives < RECEIVES_MAX, "message {index} is never done");
        }
        let Some(answer) = answer else { return };
        let failures: Vec<String> = answer
            .batch_item_failures
            .into_iter()
            .map(|failure| failure.item_identifier)
            .collect();
        self.endings.in_part += u64::from(!failures.is_empty());
        let chance = &mut self.chance;
        waiting.retain(|(index, _)| failures.contains(&format!("m-{index}")) || chance.percent(3));
    }

    /// A call of a service that may fail or never return.
    async fn call<T>(&self, work: impl FnOnce() -> T) -> Result<T, String> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let fault = *self.fault.lock().unwrap();
        let Some(fault) = fault.filter(|fault| fault.call == number) else {
            return Ok(work());
        };
        if fault.moment == Moment::After {
            work();
        }
        if fault.ending == Ending::Killed {
            return std::future::pending().await;
        }
        Err("made to fail".to_owned())
    }

    fn read(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        self.objects
            .lock()
            .unwrap()
            .get(&format!("{bucket}/{key}"))
            .cloned()
    }

    fn write(&self, prefix: &str, bytes: Vec<u8>) -> String {
        let mut objects = self.objects.lock().unwrap();
        let key = format!("{prefix}{:06}.zst", objects.len());
        objects.insert(format!("state/{key}"), bytes);
        key
    }

    async fn send(&self, hand_overs: Vec<HandOver>) -> Result<(), String> {
        for hand_over in hand_overs {
            // Message by message: a queue that fails may have taken some.
            self.call(|| {
                let load = match hand_over.load {
                    Load::Tally(packed) if packed.len() > LOAD_BYTES_MAX => Load::Stored {
                        bucket: "state".to_owned(),
                        key: self.write("large/", Packed::into_bytes(packed)),
                    },
                    load => load,
                };
                self.queue.lock().unwrap().push_back(HandOver {
                    account: hand_over.account,
                    load,
                });
            })
            .await?;
        }
        Ok(())
    }
}

impl Publisher for Deployment {
    async fn publish(&self, finding: &Finding, audience: Audience) -> Result<(), String> {
        self.call(|| {
            if audience == Audience::Everybody {
                let name = (finding.id.as_str().to_owned(), finding.episode.clone());
                let mut alerts = self.alerts.lock().unwrap();
                let told = alerts.entry(name);
                let told = told.or_insert((finding.severity, finding.state));
                *told = (told.0.max(finding.severity), finding.state);
            }
            let finding = Finding {
                published_at: None,
                ..finding.clone()
            };
            let name = (
                finding.id.as_str().to_owned(),
                finding.episode.clone(),
                finding.revision,
            );
            let known = self.published.lock().unwrap().insert(name, finding.clone());
            if known.is_some_and(|known| known != finding) {
                let what = format!(
                    "revision {} of {} was published with two contents",
                    finding.revision, finding.episode
                );
                self.contradictions.lock().unwrap().push(what);
            }
        })
        .await
    }
}

impl ingest::Services for Deployment {
    type Store = Faulty<MemoryStore>;

    async fn object(&self, object: &Object, _: usize) -> Result<Vec<u8>, ingest::Unread> {
        let read = self.call(|| self.read(&object.bucket, &object.key)).await;
        let read = read.map_err(ingest::Unread::Later)?;
        read.ok_or_else(|| ingest::Unread::Later("not found".to_owned()))
    }

    async fn hand_over(&self, hand_overs: Vec<HandOver>) -> Result<(), String> {
        self.send(hand_overs).await
    }

    async fn measure(&self, _: &[Measure]) {}

    fn store(&self) -> &Self::Store {
        &self.store
    }
}

impl detect::Services for Deployment {
    type Store = Faulty<MemoryStore>;

    fn store(&self) -> &Self::Store {
        &self.store
    }

    async fn stored(&self, bucket: &str, key: &str) -> Result<Vec<u8>, detect::Unread> {
        let read = self.call(|| self.read(bucket, key)).await;
        let read = read.map_err(detect::Unread::Later)?;
        read.ok_or_else(|| detect::Unread::Never("not found".to_owned()))
    }

    async fn park(&self, bytes: Vec<u8>, _: detect::Kind) -> Result<String, String> {
        let key = self.call(|| self.write("parked/", bytes)).await?;
        Ok(format!("s3://state/{key}"))
    }

    async fn wait(&self, _: Duration) {}

    async fn show_again(&self, _: &[Later]) -> Result<(), String> {
        Ok(())
    }

    async fn measure(&self, _: &[Measure]) {}
}

impl sweep::Services for Deployment {
    type Store = Faulty<MemoryStore>;

    fn store(&self) -> &Self::Store {
        &self.store
    }

    fn parked(&self) -> String {
        "s3://state/parked/".to_owned()
    }

    async fn waiting(&self) -> Result<sweep::Waiting, String> {
        self.call(sweep::Waiting::default).await
    }

    async fn hand_over(&self, hand_overs: Vec<HandOver>) -> Result<(), String> {
        self.send(hand_overs).await
    }

    async fn measure(&self, _: &[Measure]) {}
}

/// The payload of a batch of messages: (number, body, how often it was received).
fn sqs<'m>(messages: impl Iterator<Item = (usize, &'m str, u32)>) -> String {
    let record = |(number, body, receives): (usize, &str, u32)| {
        json!({
            "messageId": format!("m-{number}"), "body": body, "eventSource": "aws:sqs",
            "attributes": { "ApproximateReceiveCount": receives.to_string() },
        })
    };
    json!({ "Records": messages.map(record).collect::<Vec<_>>() }).to_string()
}

/// Runs a future to its end. `None` when it waits for something that never comes: its process was killed there.
fn run_or_die<F: Future>(future: F) -> Option<F::Output> {
    struct Woken(AtomicBool);
    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let woken = Arc::new(Woken(AtomicBool::new(true)));
    let waker = Waker::from(Arc::clone(&woken));
    let mut future = pin!(future);
    while woken.0.swap(false, Ordering::SeqCst) {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(output);
        }
    }
    None
}

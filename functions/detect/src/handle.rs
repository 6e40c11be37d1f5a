//! The handler: a batch of messages in, those to be delivered again out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use keytrail_aws::metrics::{Dimension, Measure};
use keytrail_delivery::hand_over::{self, QueueMessage};
use keytrail_delivery::notification::{BatchAnswer, BatchItemFailure};
use keytrail_detect::configuration::Configuration;
use keytrail_event::EventTime;
use keytrail_lambda::{Failed, Invocation, Level, log, outbox};
use keytrail_store::executor::ExecuteError;
use keytrail_store::{Quarantined, Store};
use serde_json::Value;

use crate::services::Services;
use crate::steps::{Done, step};
use crate::take::{Handed, Opened, Parcel, open};

/// With less time than this, findings wait for the next invocation.
const TIME_TO_PUBLISH: Duration = Duration::from_secs(10);
/// How often a step may fail for a reason of its own before its tallies are set aside.
const RECEIVES_MAX: u32 = 2;

/// Takes a batch in, judges its accounts, and publishes. The answer names the messages to be
/// delivered again: where one fails, so do the later ones of its account, whose order is the queue's.
///
/// # Errors
/// When the payload is none of the queue.
pub async fn handle(
    services: &impl Services,
    configuration: &Configuration,
    invocation: &Invocation,
) -> Result<BatchAnswer, Failed> {
    let messages = hand_over::messages(&invocation.payload);
    let messages = messages.map_err(|error| Failed(error.to_string()))?;
    let mut batch = Batch {
        services,
        now: invocation.now,
        failed: BTreeSet::new(),
        parked: 0,
    };
    let accounts = batch.open_all(&messages).await;
    let mut done = Done::default();
    for (account, handed) in &accounts {
        let store = services.store();
        let (stepped, result) = step(store, configuration, invocation, account, handed).await;
        done.add(&stepped);
        match result {
            Ok(()) => batch.release(handed).await,
            Err(error) => batch.fail(account, handed, &messages, &error).await,
        }
    }
    let time_left = || invocation.time_left();
    let judged: BTreeSet<&str> = accounts.keys().map(String::as_str).collect();
    let sent = outbox::send_pending(
        services.store(),
        services,
        configuration,
        Some(&judged),
        invocation.now,
        time_left,
        TIME_TO_PUBLISH,
    );
    let sent = sent.await.unwrap_or_else(|error| {
        // What waits is published by the next invocation or by sweep.
        log(
            Level::Error,
            "the outbox cannot be read",
            [("why", Value::from(error.to_string()))],
        );
        outbox::Sent::default()
    });
    let mut measures = sent.measures();
    let counts = [
        ("NewRecords", done.new_records),
        ("RecordsDuplicate", done.known_records),
        ("AccountsLearning", done.learning_accounts),
        ("StaleDays", done.stale_days),
        ("DaysClosed", done.closed_days),
        ("FindingsRevised", done.revised),
        ("StateConflicts", done.conflicts),
        ("TalliesParked", batch.parked),
        ("TalliesFailed", batch.failed.len() as u64),
    ];
    let counts = counts.into_iter().filter(|(_, count)| *count > 0);
    measures.extend(counts.map(|(name, count)| Measure::count(name, Dimension::None, count)));
    measures.push(invocation.processing_time("detect"));
    services.measure(&measures).await;
    let fields = [
        ("messages", Value::from(messages.len())),
        ("accounts", Value::from(accounts.len())),
        ("records", Value::from(done.new_records)),
        ("published", Value::from(sent.published)),
        ("failed", Value::from(batch.failed.len())),
    ];
    log(Level::Info, "judged", fields);
    Ok(batch.answer(&messages))
}

/// A batch on its way.
struct Batch<'b, V> {
    services: &'b V,
    now: EventTime,
    /// Messages to be delivered again.
    failed: BTreeSet<String>,
    parked: u64,
}

impl<V: Services> Batch<'_, V> {
    async fn open_all(&mut self, messages: &[QueueMessage]) -> BTreeMap<String, Handed> {
        let mut accounts: BTreeMap<String, Handed> = BTreeMap::new();
        let mut blocked: BTreeSet<String> = BTreeSet::new();
        for message in messages {
            match open(self.services, message).await {
                Opened::For(account, _) if blocked.contains(&account) => {
                    self.failed.insert(message.message_id.clone());
                }
                Opened::For(account, part) => {
                    let handed = accounts.entry(account.clone()).or_default();
                    handed.add(message, &account, part);
                }
                Opened::Later(account, why) => {
                    log(
                        Level::Warning,
                        "to be delivered again",
                        [("why", Value::from(why))],
                    );
                    self.failed.insert(message.message_id.clone());
                    blocked.extend(account);
                }
                Opened::Never { account, what, why } => {
                    self.set_aside(message, account.as_deref(), what, &why)
                        .await;
                }
            }
        }
        accounts
    }

    /// Sets aside what a message held. Only when that worked is the message done.
    async fn set_aside(
        &mut self,
        message: &QueueMessage,
        account: Option<&str>,
        what: Parcel,
        why: &str,
    ) {
        let name = match what {
            Parcel::Object(address) => Ok(address),
            Parcel::Message(id) => Ok(format!("message {id}")),
            Parcel::Bytes(bytes) => self.services.park(bytes).await,
        };
        let parked = match name {
            Ok(name) => self.quarantine(&name, account, why).await,
            Err(why) => Err(why),
        };
        match parked {
            Ok(()) => self.parked += 1,
            Err(why) => {
                log(
                    Level::Error,
                    "cannot set a tally aside",
                    [("why", Value::from(why))],
                );
                self.failed.insert(message.message_id.clone());
            }
        }
    }

    async fn quarantine(&self, name: &str, account: Option<&str>, why: &str) -> Result<(), String> {
        let store = self.services.store();
        let known = store.read_quarantine(name).await;
        let known = known.map_err(|error| error.to_string())?;
        let mut reason = format!("tally-cannot-be-taken-in: {why}");
        reason.truncate(reason.floor_char_boundary(keytrail_store::bounds::NOTE_BYTES_MAX));
        let tries = known.as_ref().map_or(0, |known| known.tries);
        let record = Quarantined {
            name: name.to_owned(),
            account: account.map(str::to_owned),
            reason: reason.clone(),
            tries: tries.saturating_add(1),
            first_at: known.map_or(self.now, |known| known.first_at),
            last_at: self.now,
        };
        let fields = [
            ("name", Value::from(name.to_owned())),
            ("reason", Value::from(reason)),
        ];
        log(Level::Warning, "set aside", fields);
        let quarantined = store.quarantine(&record).await;
        quarantined.map_err(|error| error.to_string())
    }

    /// Parked tallies that were taken in after all leave quarantine.
    async fn release(&self, handed: &Handed) {
        for name in &handed.parked {
            if let Err(error) = self.services.store().release(name).await {
                let why = [("why", Value::from(error.to_string()))];
                log(Level::Error, "cannot release from quarantine", why);
            }
        }
    }

    /// A step failed: its messages come again, or, after that, their tallies are set aside.
    async fn fail(
        &mut self,
        account: &str,
        handed: &Handed,
        messages: &[QueueMessage],
        error: &ExecuteError,
    ) {
        let is_worth_a_retry = match error {
            ExecuteError::Store(error) => error.is_worth_a_retry(),
            _ => false,
        };
        let fields = [
            ("account", Value::from(account.to_owned())),
            ("why", Value::from(error.to_string())),
        ];
        log(Level::Error, "an account could not be judged", fields);
        let of_account = messages
            .iter()
            .filter(|it| handed.messages.contains(&it.message_id));
        if is_worth_a_retry || handed.receive_count < RECEIVES_MAX {
            self.failed
                .extend(of_account.map(|it| it.message_id.clone()));
            return;
        }
        for message in of_account {
            let what = match open(self.services, message).await {
                Opened::For(_, crate::take::Part::Tally(tally, None)) => {
                    match keytrail_delivery::hand_over::Packed::pack(&tally.encode()) {
                        Ok(packed) => Parcel::Bytes(packed.into_bytes()),
                        Err(_) => Parcel::Message(message.message_id.clone()),
                    }
                }
                Opened::For(_, crate::take::Part::Tally(_, Some(address))) => {
                    Parcel::Object(address)
                }
                // A tick comes again by itself.
                _ => continue,
            };
            let why = error.to_string();
            self.set_aside(message, Some(account), what, &why).await;
        }
    }

    fn answer(&self, messages: &[QueueMessage]) -> BatchAnswer {
        let failed = messages
            .iter()
            .filter(|it| self.failed.contains(&it.message_id));
        let failures = failed.map(|it| BatchItemFailure {
            item_identifier: it.message_id.clone(),
        });
        BatchAnswer {
            batch_item_failures: failures.collect(),
        }
    }
}

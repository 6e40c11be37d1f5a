//! A batch of messages: what became of each, and which come again.

use std::collections::{BTreeMap, BTreeSet};

use keytrail_aws::redelivery::Later;
use keytrail_delivery::hand_over::QueueMessage;
use keytrail_delivery::notification::{BatchAnswer, BatchItemFailure};
use keytrail_event::EventTime;
use keytrail_lambda::{Level, log};
use keytrail_store::executor::ExecuteError;
use keytrail_store::{Quarantined, Store};
use serde_json::Value;

use crate::again;
use crate::services::Services;
use crate::take::{Handed, Opened, Parcel, open};

/// How often a step may fail for a reason of its own before its tallies are set aside.
const RECEIVES_MAX: u32 = 2;

/// A batch on its way.
pub struct Batch<'b, V> {
    services: &'b V,
    now: EventTime,
    /// Messages to be delivered again.
    failed: BTreeSet<String>,
    /// How many tallies were set aside.
    pub parked: u64,
}

impl<'b, V: Services> Batch<'b, V> {
    /// A batch of which nothing was done.
    pub const fn new(services: &'b V, now: EventTime) -> Self {
        Self {
            services,
            now,
            failed: BTreeSet::new(),
            parked: 0,
        }
    }

    /// How many messages are to be delivered again.
    pub fn failed(&self) -> u64 {
        self.failed.len() as u64
    }

    /// Opens all messages: what each account was handed.
    pub async fn open_all(&mut self, messages: &[QueueMessage]) -> BTreeMap<String, Handed> {
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
    pub async fn release(&self, handed: &Handed) {
        for name in &handed.parked {
            if let Err(error) = self.services.store().release(name).await {
                let why = [("why", Value::from(error.to_string()))];
                log(Level::Error, "cannot release from quarantine", why);
            }
        }
    }

    /// There was no time for a step: its messages come again.
    pub fn put_off(&mut self, handed: &Handed) {
        self.failed.extend(handed.messages.iter().cloned());
    }

    /// A step failed: its messages come again, or, after that, their tallies are set aside.
    pub async fn fail(
        &mut self,
        account: &str,
        handed: &Handed,
        messages: &[QueueMessage],
        error: &ExecuteError,
    ) {
        let fields = [
            ("account", Value::from(account.to_owned())),
            ("why", Value::from(error.to_string())),
        ];
        log(Level::Error, "an account could not be judged", fields);
        if is_passing(error) || handed.receive_count < RECEIVES_MAX {
            return self.put_off(handed);
        }
        let of_account = messages
            .iter()
            .filter(|it| handed.messages.contains(&it.message_id));
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

    /// Has what failed come again sooner than the queue would show it by itself.
    pub async fn hurry(&self, messages: &[QueueMessage]) {
        let failed = messages
            .iter()
            .filter(|it| self.failed.contains(&it.message_id));
        let later = failed.filter_map(|message| {
            Some(Later {
                receipt: message.receipt_handle.clone()?,
                seconds: again::seconds(message.receive_count(), &message.message_id),
            })
        });
        let later: Vec<Later> = later.collect();
        if later.is_empty() {
            return;
        }
        if let Err(why) = self.services.show_again(&later).await {
            let why = [("why", Value::from(why))];
            log(Level::Warning, "what failed comes again only late", why);
        }
    }

    /// The answer to the queue.
    pub fn answer(&self, messages: &[QueueMessage]) -> BatchAnswer {
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

/// Whether a step that failed so may work when it is made again.
pub const fn is_passing(error: &ExecuteError) -> bool {
    match error {
        ExecuteError::Store(error) => error.is_worth_a_retry(),
        _ => false,
    }
}

//! A batch of messages: what became of each, and which come again.

use std::collections::{BTreeMap, BTreeSet};

use keytrail_aws::redelivery::Later;
use keytrail_delivery::hand_over::{Packed, QueueMessage};
use keytrail_delivery::notification::{BatchAnswer, BatchItemFailure};
use keytrail_event::EventTime;
use keytrail_lambda::quarantine::{failed_again, set_aside};
use keytrail_lambda::{Invocation, Level, log};
use keytrail_store::Store;
use keytrail_store::executor::ExecuteError;
use serde_json::Value;

use crate::again::{self, TIME_TO_ANSWER};
use crate::services::Services;
use crate::take::{Handed, Kind, Opened, Parcel, Part, open};

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
                    self.again(message, &why);
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
        match self.quarantine(account, what, why).await {
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

    async fn quarantine(
        &self,
        account: Option<&str>,
        what: Parcel,
        why: &str,
    ) -> Result<(), String> {
        let reason = format!("tally-cannot-be-taken-in: {why}");
        let store = self.services.store();
        let noted = match what {
            // Sweep handed it over again, and counted that.
            Parcel::Parked(name) => failed_again(store, &name, account, &reason, self.now).await,
            Parcel::Object(name) => set_aside(store, &name, account, &reason, self.now).await,
            Parcel::Bytes(bytes, kind) => {
                let name = self.services.park(bytes, kind).await?;
                set_aside(store, &name, account, &reason, self.now).await
            }
        };
        noted.map_err(|error| error.to_string())
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

    /// Nothing can be done: all of it comes again.
    pub fn put_off_all(&mut self, messages: &[QueueMessage]) {
        let names = messages.iter().map(|message| message.message_id.clone());
        self.failed.extend(names);
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
            let own = error.to_string();
            let (what, why) = match open(self.services, message).await {
                // A tick comes again by itself.
                Opened::For(_, Part::Tick(_)) => continue,
                Opened::For(_, Part::Tally(_, Some(address))) => (Parcel::Parked(address), own),
                Opened::For(_, Part::Tally(tally, None)) => match Packed::pack(&tally.encode()) {
                    Ok(packed) => (Parcel::Bytes(packed.into_bytes(), Kind::Tally), own),
                    // There is no memory, for now.
                    Err(why) => {
                        self.again(message, &why.to_string());
                        continue;
                    }
                },
                // It was there a moment ago, and is not done before it is set aside.
                Opened::Later(_, why) => {
                    self.again(message, &why);
                    continue;
                }
                Opened::Never { what, why, .. } => (what, why),
            };
            self.set_aside(message, Some(account), what, &why).await;
        }
    }

    /// A message is to be delivered again.
    fn again(&mut self, message: &QueueMessage, why: &str) {
        let why = [("why", Value::from(why))];
        log(Level::Warning, "to be delivered again", why);
        self.failed.insert(message.message_id.clone());
    }

    /// Has what failed come again sooner than the queue would show it by itself; as long as there is time, since an
    /// invocation that is ended has all of its batch come again.
    pub async fn hurry(&self, messages: &[QueueMessage], invocation: &Invocation) {
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
        let time = invocation.time_left().saturating_sub(TIME_TO_ANSWER);
        let shown = tokio::time::timeout(time, self.services.show_again(&later)).await;
        let shown = shown.unwrap_or_else(|_| Err("there is no time".to_owned()));
        if let Err(why) = shown {
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

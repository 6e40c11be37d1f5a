//! The handler: a batch of messages in, those to be delivered again out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use keytrail_aws::metrics::{Dimension, Measure};
use keytrail_delivery::hand_over::{self, QueueMessage};
use keytrail_delivery::notification::BatchAnswer;
use keytrail_detect::configuration::Configuration;
use keytrail_lambda::outbox::{self, Sent};
use keytrail_lambda::{Failed, Invocation, Level, log};
use keytrail_store::executor::ExecuteError;
use serde_json::Value;

use crate::again::{ROUNDS_MAX, TIME_TO_FAIL, TIME_TO_RETRY, TIME_TO_STEP, wait};
use crate::batch::{Batch, is_passing};
use crate::services::Services;
use crate::steps::{Done, step};
use crate::take::Handed;

/// With less time than this, findings wait for the next invocation.
const TIME_TO_PUBLISH: Duration = Duration::from_secs(10);

/// Takes a batch in, judges its accounts, and publishes. The answer names the messages to be
/// delivered again: where one fails, so do the later ones of its account, whose order is the queue's. Without a
/// configuration all of them do, and soon: an invocation that failed as a whole would have them hidden for half an hour.
///
/// # Errors
/// When the payload is none of the queue.
pub async fn handle(
    services: &impl Services,
    configuration: Result<&Configuration, Failed>,
    invocation: &Invocation,
) -> Result<BatchAnswer, Failed> {
    let messages = hand_over::messages(&invocation.payload);
    let messages = messages.map_err(|error| Failed(error.to_string()))?;
    let mut batch = Batch::new(services, invocation.now);
    let configuration = match configuration {
        Ok(configuration) => configuration,
        Err(Failed(why)) => {
            log(
                Level::Error,
                "nothing is judged without a configuration",
                [("why", Value::from(why))],
            );
            batch.put_off_all(&messages);
            batch.hurry(&messages, invocation).await;
            let failed = Measure::count("TalliesFailed", Dimension::None, batch.failed());
            services
                .measure(&[failed, invocation.processing_time("detect")])
                .await;
            return Ok(batch.answer(&messages));
        }
    };
    let accounts = batch.open_all(&messages).await;
    let judging = Judging {
        services,
        configuration,
        invocation,
        messages: &messages,
    };
    let count = accounts.len();
    let (done, sent) = judging.in_rounds(&mut batch, accounts).await;
    let mut measures = sent.measures();
    let counts = [
        ("NewRecords", done.new_records),
        ("RecordsDuplicate", done.known_records),
        ("AccountsLearning", done.learning_accounts),
        ("StaleDays", done.stale_days),
        ("DaysClosed", done.closed_days),
        ("FindingsRevised", done.revised),
        ("BasesUnkept", done.unkept_bases),
        ("StateConflicts", done.conflicts),
        ("TalliesParked", batch.parked),
        ("TalliesFailed", batch.failed()),
    ];
    let counts = counts.into_iter().filter(|(_, count)| *count > 0);
    measures.extend(counts.map(|(name, count)| Measure::count(name, Dimension::None, count)));
    measures.push(invocation.processing_time("detect"));
    services.measure(&measures).await;
    let fields = [
        ("messages", Value::from(messages.len())),
        ("accounts", Value::from(count)),
        ("records", Value::from(done.new_records)),
        ("published", Value::from(sent.published)),
        ("failed", Value::from(batch.failed())),
    ];
    log(Level::Info, "judged", fields);
    batch.hurry(&messages, invocation).await;
    Ok(batch.answer(&messages))
}

/// An account on its way: what it was handed, and what was done so far.
#[derive(Default)]
struct Account {
    handed: Handed,
    done: Done,
}

/// What one round came to.
struct Round {
    /// Accounts whose findings are to be published now.
    judged: Vec<String>,
    /// Those that failed for a passing reason, and why.
    failed: Vec<(String, Account, ExecuteError)>,
}

/// The accounts of a batch, judged one after the other.
struct Judging<'j, V> {
    services: &'j V,
    configuration: &'j Configuration,
    invocation: &'j Invocation,
    messages: &'j [QueueMessage],
}

impl<V: Services> Judging<'_, V> {
    /// Judges accounts and publishes what was found of them. Those that fail for a passing reason are judged again once
    /// all others were, as long as there is time.
    async fn in_rounds(
        &self,
        batch: &mut Batch<'_, V>,
        accounts: BTreeMap<String, Handed>,
    ) -> (Done, Sent) {
        let waiting = accounts.into_iter().map(|(account, handed)| {
            let done = Done::default();
            (account, Account { handed, done })
        });
        let mut waiting: BTreeMap<String, Account> = waiting.collect();
        let (mut done, mut sent) = (Done::default(), Sent::default());
        for round in 1.. {
            let Round { judged, failed } = self.round(batch, waiting, &mut done).await;
            sent.add(self.publish(&judged).await);
            let Some((name, first, _)) = failed.first() else {
                break;
            };
            let wait = wait(round, first.handed.messages.first().unwrap_or(name));
            let has_time = self.invocation.time_left() >= wait + TIME_TO_RETRY;
            if round > ROUNDS_MAX || !has_time {
                for (name, account, error) in &failed {
                    done.add(&account.done);
                    batch
                        .fail(name, &account.handed, self.messages, error)
                        .await;
                }
                break;
            }
            for (name, _, error) in &failed {
                let fields = [
                    ("account", Value::from(name.clone())),
                    ("why", Value::from(error.to_string())),
                ];
                log(Level::Warning, "an account is judged again", fields);
            }
            self.services.wait(wait).await;
            let again = failed.into_iter();
            waiting = again.map(|(name, account, _)| (name, account)).collect();
        }
        (done, sent)
    }

    /// Judges accounts once.
    async fn round(
        &self,
        batch: &mut Batch<'_, V>,
        accounts: BTreeMap<String, Account>,
        done: &mut Done,
    ) -> Round {
        let mut judged = Vec::new();
        let mut failed = Vec::new();
        for (name, mut account) in accounts {
            let Account { handed, done: own } = &mut account;
            let reserved = if failed.is_empty() {
                TIME_TO_STEP
            } else {
                TIME_TO_FAIL
            };
            if self.invocation.time_left() < reserved {
                let account = [("account", Value::from(name))];
                log(Level::Warning, "an account is put off", account);
                batch.put_off(handed);
                done.add(own);
                continue;
            }
            let store = self.services.store();
            let stepped = step(
                store,
                self.configuration,
                self.invocation,
                &name,
                handed,
                own,
            );
            match stepped.await {
                Ok(()) => batch.release(handed).await,
                Err(error) if is_passing(&error) => {
                    failed.push((name, account, error));
                    continue;
                }
                Err(error) => batch.fail(&name, handed, self.messages, &error).await,
            }
            done.add(own);
            judged.push(name);
        }
        Round { judged, failed }
    }

    /// Publishes what was found of these accounts.
    async fn publish(&self, accounts: &[String]) -> Sent {
        let judged: BTreeSet<&str> = accounts.iter().map(String::as_str).collect();
        let sent = outbox::send_pending(
            self.services.store(),
            self.services,
            self.configuration,
            Some(&judged),
            self.invocation.now,
            || self.invocation.time_left(),
            TIME_TO_PUBLISH,
        );
        sent.await.unwrap_or_else(|error| {
            // What waits is published by the next invocation or by sweep.
            log(
                Level::Error,
                "the outbox cannot be read",
                [("why", Value::from(error.to_string()))],
            );
            Sent::default()
        })
    }
}

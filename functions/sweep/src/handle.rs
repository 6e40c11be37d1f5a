//! The handler: what one sweep does.

use std::time::Duration;

use keytrail_aws::metrics::{Dimension, Measure, Unit};
use keytrail_delivery::hand_over::{HandOver, Load};
use keytrail_detect::configuration::Configuration;
use keytrail_lambda::{Failed, Invocation, Level, log, outbox};
use keytrail_store::bounds::PAGE_ENTRIES_MAX;
use keytrail_store::{Quarantined, Store};
use serde::Serialize;
use serde_json::Value;

use crate::clock::age_of;
use crate::services::Services;

/// With less time than this, findings wait for the next sweep.
const TIME_TO_PUBLISH: Duration = Duration::from_secs(20);
/// How often a parked tally is tried again.
const TRIES_MAX: u32 = 5;
/// Parked tallies that one sweep tries again.
const PARKED_MAX: usize = 20;
/// Pages of the quarantine that one sweep reads: tallies stand behind the files and messages that were set aside.
const PAGES_MAX: usize = 20;
/// Time between two tries of a parked tally, in seconds.
const TRY_SECONDS: i64 = 3_600;

/// What a sweep came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Accounts that were sent a tick.
    pub accounts: u64,
    /// Seconds that the clock was held back.
    pub held_back_seconds: u64,
    /// Findings published.
    pub published: u64,
    /// Parked tallies that were sent again.
    pub tried_again: u64,
    /// What stands in quarantine, as far as one sweep reads.
    pub quarantined: u64,
}

/// Sweeps.
///
/// # Errors
/// When ticks could not be sent: the next sweep sends them.
pub async fn handle(
    services: &impl Services,
    configuration: &Configuration,
    invocation: &Invocation,
) -> Result<Swept, Failed> {
    let failed = |error: &dyn std::fmt::Display| Failed(error.to_string());
    let store = services.store();
    let waiting = services.waiting().await.map_err(Failed)?;
    let age = age_of(waiting);
    let clock = invocation
        .now
        .plus_seconds(-i64::try_from(age).unwrap_or(i64::MAX));
    let accounts = store.accounts().await.map_err(|error| failed(&error))?;
    let mut swept = Swept {
        accounts: accounts.len() as u64,
        held_back_seconds: age,
        ..Swept::default()
    };
    let ticks = accounts.into_iter().map(|account| HandOver {
        account,
        load: Load::Tick(clock),
    });
    services.hand_over(ticks.collect()).await.map_err(Failed)?;
    // What stands in quarantine must not keep accounts from being judged.
    match parked(store, invocation).await {
        Ok(parked) => {
            swept.quarantined = parked.quarantined;
            swept.tried_again = parked.again.len() as u64;
            if !parked.again.is_empty() {
                services.hand_over(parked.again).await.map_err(Failed)?;
            }
        }
        Err(error) => {
            let why = [("why", Value::from(error.to_string()))];
            log(Level::Error, "the quarantine cannot be read", why);
        }
    }
    let time_left = || invocation.time_left();
    let sent = outbox::send_pending(
        store,
        services,
        configuration,
        None,
        invocation.now,
        time_left,
        TIME_TO_PUBLISH,
    );
    let sent = sent.await.map_err(|error| failed(&error))?;
    swept.published = sent.published;
    let mut measures = sent.measures();
    measures.extend([
        Measure::count("Accounts", Dimension::None, swept.accounts),
        Measure::count("Quarantined", Dimension::None, swept.quarantined),
        Measure {
            name: "ClockHeldBack",
            unit: Unit::Seconds,
            dimension: Dimension::None,
            value: age as f64,
        },
        invocation.processing_time("sweep"),
    ]);
    services.measure(&measures).await;
    let fields = [
        ("accounts", Value::from(swept.accounts)),
        ("held_back_seconds", Value::from(age)),
        ("published", Value::from(swept.published)),
        ("tried_again", Value::from(swept.tried_again)),
    ];
    log(Level::Info, "swept", fields);
    Ok(swept)
}

/// What stands in quarantine.
struct Parked {
    quarantined: u64,
    again: Vec<HandOver>,
}

/// Parked tallies that are to be tried again; that they are is noted before it is done.
async fn parked(
    store: &impl Store,
    invocation: &Invocation,
) -> Result<Parked, keytrail_store::StoreError> {
    let mut parked = Parked {
        quarantined: 0,
        again: Vec::new(),
    };
    let mut after: Option<String> = None;
    for _ in 0..PAGES_MAX {
        let page = store
            .quarantined(after.as_deref(), PAGE_ENTRIES_MAX)
            .await?;
        let Some(last) = page.last() else { break };
        after = Some(last.name.clone());
        parked.quarantined += page.len() as u64;
        for record in &page {
            let Some(hand_over) = to_try_again(record, invocation) else {
                continue;
            };
            if parked.again.len() == PARKED_MAX {
                break;
            }
            let tried = Quarantined {
                tries: record.tries + 1,
                last_at: invocation.now,
                ..record.clone()
            };
            store.quarantine(&tried).await?;
            parked.again.push(hand_over);
        }
    }
    Ok(parked)
}

/// What hands a parked tally over again, where it is one and the time has come.
fn to_try_again(record: &Quarantined, invocation: &Invocation) -> Option<HandOver> {
    let (bucket, key) = tally_address(&record.name)?;
    let account = record.account.clone()?;
    let is_due = invocation.now.seconds_since(record.last_at) >= TRY_SECONDS;
    (is_due && record.tries < TRIES_MAX).then(|| HandOver {
        account,
        load: Load::Stored {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
        },
    })
}

/// Bucket and key of a parked tally.
fn tally_address(name: &str) -> Option<(&str, &str)> {
    let (bucket, key) = name.strip_prefix("s3://")?.split_once('/')?;
    key.starts_with("parked/").then_some((bucket, key))
}

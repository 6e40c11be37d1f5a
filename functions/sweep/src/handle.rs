//! The handler: what one sweep does, or what somebody asked for.

use std::time::Duration;

use keytrail_aws::metrics::{Dimension, Measure, Unit};
use keytrail_delivery::hand_over::{HandOver, Load};
use keytrail_detect::configuration::Configuration;
use keytrail_lambda::{Failed, Invocation, Level, log, outbox};
use keytrail_store::{Store, StoreError};
use serde::Serialize;
use serde_json::Value;

use crate::clock::age_of;
use crate::parked;
use crate::services::Services;
use crate::triage::{self, Answer, asked};

/// With less time than this, findings wait for the next sweep.
const TIME_TO_PUBLISH: Duration = Duration::from_secs(20);

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

/// What an invocation came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Done {
    /// The schedule asked for a sweep.
    Swept(Swept),
    /// Somebody asked to note what was done about a finding.
    Asked(Answer),
}

/// Sweeps, or notes what somebody asks to note.
///
/// # Errors
/// When ticks could not be sent: the next sweep sends them. When a note could not be written.
pub async fn handle(
    services: &impl Services,
    configuration: &Configuration,
    invocation: &Invocation,
) -> Result<Done, Failed> {
    let answer = match asked(&invocation.payload) {
        None => {
            let swept = sweep(services, configuration, invocation).await?;
            return Ok(Done::Swept(swept));
        }
        Some(Ok(asked)) => triage::triage(services.store(), &asked, invocation).await?,
        Some(Err(why)) => Answer::Refused(why),
    };
    if let Answer::Refused(why) = &answer {
        let fields = [
            ("why", Value::from(why.clone())),
            ("request", Value::from(invocation.request_id.clone())),
        ];
        log(Level::Warning, "nothing was noted", fields);
    }
    Ok(Done::Asked(answer))
}

/// Sweeps.
///
/// # Errors
/// When ticks could not be sent: the next sweep sends them.
pub async fn sweep(
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
    swept.quarantined = parked::count(store).await.unwrap_or_else(|error| {
        unread(&error);
        0
    });
    let (again, stopped) = parked::due(store, &services.parked(), invocation).await;
    if let Err(error) = stopped {
        unread(&error);
    }
    swept.tried_again = again.len() as u64;
    if !again.is_empty() {
        services.hand_over(again).await.map_err(Failed)?;
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

fn unread(error: &StoreError) {
    let why = [("why", Value::from(error.to_string()))];
    log(Level::Error, "the quarantine cannot be read", why);
}

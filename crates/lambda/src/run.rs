//! The loop of a function: one invocation after the other, each with its deadline.

use std::fmt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use keytrail_aws::metrics::Measure;
use keytrail_event::EventTime;
use lambda_runtime::{LambdaEvent, service_fn};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::log::{Level, log};

/// One invocation.
#[derive(Debug)]
pub struct Invocation {
    /// Its payload, as it came.
    pub payload: String,
    /// Now.
    pub now: EventTime,
    /// Its id, under which CloudTrail knows who asked.
    pub request_id: String,
    /// When it is ended, in milliseconds since 1970.
    deadline_ms: u64,
    begun: Instant,
}

/// An invocation that failed as a whole, to be delivered again.
#[derive(Debug)]
pub struct Failed(pub String);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failed {}

impl Invocation {
    /// An invocation of tests, with time enough.
    #[must_use]
    pub fn at(now: EventTime, payload: String) -> Self {
        Self {
            payload,
            now,
            request_id: String::new(),
            deadline_ms: u64::MAX,
            begun: Instant::now(),
        }
    }

    /// The same, ended after so long.
    #[must_use]
    pub fn ended_after(self, time: Duration) -> Self {
        let deadline = since_1970().saturating_add(time);
        Self {
            deadline_ms: deadline.as_millis() as u64,
            ..self
        }
    }

    /// How long this function has been at it.
    #[must_use]
    pub fn processing_time(&self, function: &'static str) -> Measure {
        Measure::processing_time(function, self.begun.elapsed().as_secs_f64())
    }

    /// The time that is left.
    #[must_use]
    pub fn time_left(&self) -> Duration {
        Duration::from_millis(
            self.deadline_ms
                .saturating_sub(since_1970().as_millis() as u64),
        )
    }
}

/// Hands invocations to the handler, one at a time, until the process is ended.
///
/// # Errors
/// When the runtime's interface does not answer.
pub async fn run<A: Serialize>(
    handler: impl AsyncFn(Invocation) -> Result<A, Failed>,
) -> Result<(), lambda_runtime::Error> {
    let handler = &handler;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Box<RawValue>>| async move {
        let invocation = Invocation {
            payload: event.payload.get().to_owned(),
            now: EventTime::from_unix_seconds(
                i64::try_from(since_1970().as_secs()).unwrap_or(i64::MAX),
            ),
            request_id: event.context.request_id,
            deadline_ms: event.context.deadline,
            begun: Instant::now(),
        };
        let answer = handler(invocation).await;
        if let Err(failed) = &answer {
            log(Level::Error, &failed.0, []);
        }
        // The service shows the text to whoever invoked the function.
        answer.map_err(|failed| failed.0)
    }))
    .await
}

fn since_1970() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

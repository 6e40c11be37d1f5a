//! The configuration, `keytrail.toml` in the state bucket. Without one the defaults are in force.

use std::time::Duration;

use keytrail_aws::objects::Objects;
use keytrail_aws::{CallFault, FaultKind};
use keytrail_detect::configuration::{Configuration, wrong_values};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::log::{Level, log};
use crate::run::{Failed, Invocation, run};
use crate::state::State;

/// The object's key.
const KEY: &str = "keytrail.toml";
/// Longest file that is read, in bytes.
const BYTES_MAX: usize = 1 << 20;
/// Most times that it is read again within one invocation.
const AGAIN_MAX: u32 = 3;
/// With less time than this it is not read again: a call that hangs takes a minute to say so, and the handler wants to
/// have what it was handed shown again.
const TIME_TO_READ: Duration = Duration::from_secs(90);

/// Hands invocations to the handler, as [`run`] does, with the configuration that stands in the bucket. It is read for
/// each of them: a process that held on to an older one would judge accounts by turns with those that have the new
/// one, and each turn folds all of an account's days again. Where there is none to work with, the handler is handed why,
/// since it knows best what is to come again.
///
/// # Errors
/// When the runtime's interface does not answer.
pub async fn run_configured<A: Serialize>(
    state: &State,
    handler: impl AsyncFn(Result<&Configuration, Failed>, Invocation) -> Result<A, Failed>,
) -> Result<(), lambda_runtime::Error> {
    let known = Mutex::new(Known::default());
    run(async |invocation| {
        // Invocations come one at a time.
        let mut known = known.lock().await;
        let read = in_tries(
            async || read(&state.objects, &state.bucket).await,
            || invocation.time_left(),
        );
        let read = Box::pin(read).await;
        let read = read.and_then(|bytes| known.take_in(bytes));
        let configuration = match read {
            Ok(()) => Ok(&known.configuration),
            Err(error) => Err(Failed(error.to_string())),
        };
        Box::pin(handler(configuration, invocation)).await
    })
    .await
}

/// What this reads; read again some times where the fault may pass.
async fn in_tries(
    read: impl AsyncFn() -> Result<Vec<u8>, ConfigurationError>,
    time_left: impl Fn() -> Duration,
) -> Result<Vec<u8>, ConfigurationError> {
    for again in 0..AGAIN_MAX {
        let wait = Duration::from_millis(500 << again);
        match read().await {
            Err(ConfigurationError::Unread(fault))
                if fault.kind.is_worth_a_retry() && time_left() >= wait + TIME_TO_READ =>
            {
                let why = [("why", Value::from(fault.to_string()))];
                log(Level::Warning, "the configuration is read again", why);
                tokio::time::sleep(wait).await;
            }
            done => return done,
        }
    }
    read().await
}

/// The configuration that was read last, and the bytes it was read from.
#[derive(Debug, Default)]
struct Known {
    /// Those of a missing file are none, which says the same.
    bytes: Vec<u8>,
    configuration: Configuration,
}

impl Known {
    fn take_in(&mut self, bytes: Vec<u8>) -> Result<(), ConfigurationError> {
        if bytes != self.bytes {
            self.configuration = parse(&bytes)?;
            self.bytes = bytes;
        }
        Ok(())
    }
}

/// Why there is no configuration to work with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum ConfigurationError {
    /// It could not be fetched.
    #[error("cannot fetch the configuration: {0}")]
    Unread(#[from] CallFault),
    /// It cannot be understood.
    #[error("bad configuration in keytrail.toml: {0}")]
    Bad(String),
}

/// The bytes of the configuration; none where there is no file.
async fn read(objects: &Objects, bucket: &str) -> Result<Vec<u8>, ConfigurationError> {
    match objects.read(bucket, KEY, BYTES_MAX).await {
        Err(fault) if fault.kind == FaultKind::Missing => Ok(Vec::new()),
        read => Ok(read?),
    }
}

fn parse(bytes: &[u8]) -> Result<Configuration, ConfigurationError> {
    let bad = |why: &dyn std::fmt::Display| ConfigurationError::Bad(why.to_string());
    let text = std::str::from_utf8(bytes).map_err(|error| bad(&error))?;
    let configuration = toml::from_str(text).map_err(|error| bad(&error.to_string().trim_end()))?;
    match wrong_values(&configuration).first() {
        Some(wrong) => Err(bad(&format_args!("{wrong}; {}", wrong.hint))),
        None => Ok(configuration),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn what_is_left_out_is_as_by_default() {
        assert_eq!(parse(b""), Ok(Configuration::default()));
        let parsed = parse(b"[organisation]\naccounts = [\"111122223333\"]\n").unwrap();
        assert!(parsed.organisation.accounts.contains("111122223333"));
        assert_eq!(parsed.behaviour, Configuration::default().behaviour);
    }

    /// A suppression without a pattern hid every finding of every account.
    #[test]
    fn what_the_command_line_refuses_is_refused() {
        let text = "[[suppress]]\nuntil = \"2026-12-31\"\nreason = \"a\"\nowner = \"b\"\n";
        let error = parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("suppress[0].until"), "{error}");
        assert!(parse(b"shadow = [\"no-such-rule\"]").is_err());
    }

    #[test]
    fn another_file_is_another_configuration_and_a_bad_one_changes_nothing() {
        let mut known = Known::default();
        let accounts = |known: &Known| known.configuration.organisation.accounts.len();
        let file = b"[organisation]\naccounts = [\"111122223333\"]\n".to_vec();
        assert_eq!(known.take_in(file.clone()), Ok(()));
        assert_eq!(accounts(&known), 1);
        assert!(known.take_in(b"[".to_vec()).is_err());
        assert_eq!((known.bytes == file, accounts(&known)), (true, 1));
        // The file was deleted: the defaults are in force again.
        assert_eq!(known.take_in(Vec::new()), Ok(()));
        assert_eq!(accounts(&known), 0);
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let error = parse(b"[organisation]\nacounts = []\n")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("line 2") && error.contains("acounts"),
            "{error}"
        );
    }

    /// One throttled read had every message of the batch hidden for half an hour.
    #[tokio::test]
    async fn what_may_pass_is_read_again_while_there_is_time() {
        let tries = |kind, faults: u32, seconds| async move {
            let calls = Cell::new(0);
            let read = async || {
                calls.set(calls.get() + 1);
                if calls.get() > faults {
                    return Ok(Vec::new());
                }
                let fault = CallFault {
                    call: "s3:GetObject",
                    kind,
                    detail: "busy".to_owned(),
                };
                Err(fault.into())
            };
            let done = in_tries(read, || Duration::from_secs(seconds)).await;
            (calls.get(), done.is_ok())
        };
        assert_eq!(tries(FaultKind::Unavailable, 1, 300).await, (2, true));
        assert_eq!(tries(FaultKind::Unavailable, 9, 60).await, (1, false));
        assert_eq!(tries(FaultKind::Refused, 9, 300).await, (1, false));
    }
}

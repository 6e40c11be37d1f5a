//! The configuration, `keytrail.toml` in the state bucket. Without one the defaults are in force.

use keytrail_aws::objects::Objects;
use keytrail_aws::{CallFault, FaultKind};
use keytrail_detect::configuration::{Configuration, wrong_values};
use serde::Serialize;
use tokio::sync::Mutex;

use crate::run::{Failed, Invocation, run};
use crate::state::State;

/// The object's key.
const KEY: &str = "keytrail.toml";
/// Longest file that is read, in bytes.
const BYTES_MAX: usize = 1 << 20;

/// Hands invocations to the handler, as [`run`] does, with the configuration that stands in the bucket. It is read for
/// each of them: a process that held on to an older one would judge accounts by turns with those that have the new
/// one, and each turn folds all of an account's days again.
///
/// # Errors
/// When the runtime's interface does not answer.
pub async fn run_configured<A: Serialize>(
    state: &State,
    handler: impl AsyncFn(&Configuration, Invocation) -> Result<A, Failed>,
) -> Result<(), lambda_runtime::Error> {
    let known = Mutex::new(Known::default());
    run(async |invocation| {
        // Invocations come one at a time.
        let mut known = known.lock().await;
        let read = Box::pin(read(&state.objects, &state.bucket)).await;
        let read = read.and_then(|bytes| known.take_in(bytes));
        read.map_err(|error| Failed(error.to_string()))?;
        Box::pin(handler(&known.configuration, invocation)).await
    })
    .await
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
}

//! The configuration, `keytrail.toml` in the state bucket. Without one the defaults are in force.

use keytrail_aws::objects::Objects;
use keytrail_aws::{CallFault, FaultKind};
use keytrail_detect::configuration::Configuration;
use serde::Serialize;
use tokio::sync::OnceCell;

use crate::run::{Failed, Invocation, run};

/// The object's key.
const KEY: &str = "keytrail.toml";
/// Longest file that is read, in bytes.
const BYTES_MAX: usize = 1 << 20;

/// Hands invocations to the handler, as [`run`] does, with the configuration. It is read by the first
/// invocation, so that a start waits for nobody; a failure is tried again by the next.
///
/// # Errors
/// When the runtime's interface does not answer.
pub async fn run_configured<A: Serialize>(
    objects: &Objects,
    bucket: &str,
    handler: impl AsyncFn(&Configuration, Invocation) -> Result<A, Failed>,
) -> Result<(), lambda_runtime::Error> {
    let read = OnceCell::new();
    run(async |invocation| {
        let configuration = read
            .get_or_try_init(|| Box::pin(configuration(objects, bucket)))
            .await
            .map_err(|error| Failed(error.to_string()))?;
        Box::pin(handler(configuration, invocation)).await
    })
    .await
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

/// Fetches and reads the configuration.
///
/// # Errors
/// When it cannot be fetched or understood. That there is none is no error.
async fn configuration(
    objects: &Objects,
    bucket: &str,
) -> Result<Configuration, ConfigurationError> {
    match objects.read(bucket, KEY, BYTES_MAX).await {
        Ok(bytes) => parse(&bytes),
        Err(fault) if fault.kind == FaultKind::Missing => Ok(Configuration::default()),
        Err(fault) => Err(fault.into()),
    }
}

fn parse(bytes: &[u8]) -> Result<Configuration, ConfigurationError> {
    let bad = |why: &dyn std::fmt::Display| ConfigurationError::Bad(why.to_string());
    let text = std::str::from_utf8(bytes).map_err(|error| bad(&error))?;
    toml::from_str(text).map_err(|error| bad(&error.to_string().trim_end()))
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

//! Clients of one process: one connection pool, bounded retries and timeouts.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::provider::ProvideCredentials as _;
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};

use crate::fault::chain;

/// Most attempts of one call, the first included.
const ATTEMPTS_MAX: u32 = 4;
/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest wait between two pieces of an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time of one attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);
/// Longest time of one call with all its attempts.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// What all clients share.
#[derive(Debug, Clone)]
pub struct Connection {
    config: SdkConfig,
    is_elsewhere: bool,
}

/// What no call can do without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// No credentials; why, where something was to provide them and could not.
    Credentials(Option<String>),
    /// No Region is set.
    Region,
}

impl Connection {
    /// Connects as the environment says: Region, credentials, and `AWS_ENDPOINT_URL` where the
    /// services are not AWS's own.
    pub async fn from_environment() -> Self {
        let tls = tls::Provider::Rustls(CryptoMode::Ring);
        let http = aws_smithy_http_client::Builder::new().tls_provider(tls);
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(CALL_TIMEOUT)
            .build();
        let config = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(http.build_https())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS_MAX))
            .timeout_config(timeouts)
            .load()
            .await;
        Self::with(config)
    }

    /// Connects by a configuration that was made elsewhere.
    #[must_use]
    pub fn with(config: SdkConfig) -> Self {
        let is_elsewhere = config.endpoint_url().is_some();
        Self {
            config,
            is_elsewhere,
        }
    }

    /// Looks for what every call needs, so that its absence is told before the first.
    ///
    /// # Errors
    /// What is missing.
    pub async fn check(&self) -> Result<(), Missing> {
        if let Some(provider) = self.config.credentials_provider() {
            let provided = provider.provide_credentials().await;
            provided.map_err(|error| {
                let is_nobody = matches!(error, CredentialsError::CredentialsNotLoaded(_));
                Missing::Credentials((!is_nobody).then(|| chain(&error)))
            })?;
        }
        match self.config.region() {
            Some(_) => Ok(()),
            None => Err(Missing::Region),
        }
    }

    /// A client of S3. Endpoints that are not AWS's own have no name for each bucket.
    #[must_use]
    pub fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.config);
        aws_sdk_s3::Client::from_conf(config.force_path_style(self.is_elsewhere).build())
    }

    /// A client of SQS.
    #[cfg(feature = "deployment")]
    #[must_use]
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.config)
    }

    /// A client of SNS.
    #[cfg(feature = "deployment")]
    #[must_use]
    pub fn sns(&self) -> aws_sdk_sns::Client {
        aws_sdk_sns::Client::new(&self.config)
    }

    /// A client of CloudWatch.
    #[cfg(feature = "deployment")]
    #[must_use]
    pub fn cloudwatch(&self) -> aws_sdk_cloudwatch::Client {
        aws_sdk_cloudwatch::Client::new(&self.config)
    }

    /// A client of EventBridge.
    #[cfg(feature = "deployment")]
    #[must_use]
    pub fn eventbridge(&self) -> aws_sdk_eventbridge::Client {
        aws_sdk_eventbridge::Client::new(&self.config)
    }

    /// A client of DynamoDB.
    #[cfg(feature = "deployment")]
    #[must_use]
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.config)
    }
}

//! The services on this machine, and calls to them that fail on purpose.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{
    HttpClient as _, HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use keytrail_aws::Connection;

/// Where the services answer.
pub struct Endpoint(String);

/// A bucket and a table for stores.
pub struct Place {
    pub bucket: String,
    pub table: String,
}

/// Which calls fail.
#[derive(Debug, Clone, Copy)]
pub enum Faults {
    None,
    /// Every nth request is answered with 503 and not done.
    RefuseEvery(u64),
    /// Every nth request is done, and its answer is lost.
    LoseAnswerOfEvery(u64),
}

impl Endpoint {
    pub fn from_environment() -> Option<Self> {
        let named = std::env::var("KEYTRAIL_AWS_ENDPOINT").ok();
        if named.is_none() {
            eprintln!(
                "skipped: this needs AWS services on this machine (cargo xtask test starts them)"
            );
        }
        named.map(Self)
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        self.0.trim_start_matches("http://")
    }

    pub fn connection(&self, faults: Faults) -> Connection {
        let inner = aws_smithy_http_client::Builder::new().build_http();
        let calls = Arc::new(AtomicU64::new(0));
        let http = http_client_fn(move |settings, components| {
            SharedHttpConnector::new(Failing {
                inner: inner.http_connector(settings, components),
                faults,
                calls: calls.clone(),
            })
        });
        let credentials = Credentials::new("111122223333", "secret", None, None, "test");
        let retries = RetryConfig::standard()
            .with_max_attempts(5)
            .with_initial_backoff(Duration::from_millis(1));
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(retries)
            .endpoint_url(&self.0)
            .http_client(http)
            .build();
        Connection::with(config)
    }

    /// A new bucket and a new table.
    pub async fn state(&self, connection: &Connection) -> Place {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("state-{}-{number}", std::process::id());
        let bucket = connection.s3().create_bucket().bucket(&name);
        bucket.send().await.unwrap();
        let key = |name: &str, kind| {
            let element = KeySchemaElement::builder()
                .attribute_name(name)
                .key_type(kind);
            element.build().unwrap()
        };
        let attribute = |name: &str| {
            AttributeDefinition::builder()
                .attribute_name(name)
                .attribute_type(ScalarAttributeType::S)
                .build()
                .unwrap()
        };
        let table = connection.dynamodb().create_table().table_name(&name);
        table
            .billing_mode(BillingMode::PayPerRequest)
            .key_schema(key("pk", KeyType::Hash))
            .key_schema(key("sk", KeyType::Range))
            .attribute_definitions(attribute("pk"))
            .attribute_definitions(attribute("sk"))
            .send()
            .await
            .unwrap();
        Place {
            bucket: name.clone(),
            table: name,
        }
    }
}

struct Failing {
    inner: SharedHttpConnector,
    faults: Faults,
    calls: Arc<AtomicU64>,
}

impl fmt::Debug for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Failing")
    }
}

impl HttpConnector for Failing {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let refused = || {
            let status = StatusCode::try_from(503).unwrap();
            HttpResponse::new(status, SdkBody::from("busy"))
        };
        match self.faults {
            Faults::RefuseEvery(every) if number.is_multiple_of(every) => {
                HttpConnectorFuture::ready(Ok(refused()))
            }
            Faults::LoseAnswerOfEvery(every) if number.is_multiple_of(every) => {
                let answer = self.inner.call(request);
                HttpConnectorFuture::new(async move {
                    answer.await?;
                    Ok(refused())
                })
            }
            _ => self.inner.call(request),
        }
    }
}

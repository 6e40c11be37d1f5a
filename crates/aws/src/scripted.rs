//! A connection whose answers are written by the test, at the level of HTTP: retries, timeouts and the
//! parsing of errors are the SDK's own.

use std::fmt;
use std::sync::{Arc, Mutex};

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;

use crate::Connection;

/// What one request is answered with.
pub struct Answer {
    pub status: u16,
    pub body: String,
}

/// A request as it was sent.
#[derive(Debug, Clone)]
pub struct Sent {
    pub method: String,
    pub uri: String,
    pub body: String,
}

/// What the request of a number is answered with; `None` breaks the connection.
type AnswerOf = dyn Fn(usize, &Sent) -> Option<Answer> + Send + Sync;

/// Answers requests by a function of their number, and keeps them.
#[derive(Clone)]
pub struct Script {
    answer: Arc<AnswerOf>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Script")
    }
}

impl Script {
    /// `None` breaks the connection.
    pub fn new(answer: impl Fn(usize, &Sent) -> Option<Answer> + Send + Sync + 'static) -> Self {
        Self {
            answer: Arc::new(answer),
            sent: Arc::default(),
        }
    }

    pub fn connection(&self) -> Connection {
        let script = self.clone();
        let client = http_client_fn(move |_, _| SharedHttpConnector::new(script.clone()));
        let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
        let retries = RetryConfig::standard()
            .with_max_attempts(3)
            .with_initial_backoff(std::time::Duration::from_millis(1));
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(retries)
            .endpoint_url("http://127.0.0.1:1")
            .http_client(client)
            .build();
        Connection::with(config)
    }

    /// The requests so far.
    pub fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }
}

impl HttpConnector for Script {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = request.body().bytes().unwrap_or_default();
        let sent = Sent {
            method: request.method().to_owned(),
            uri: request.uri().to_owned(),
            body: String::from_utf8_lossy(body).into_owned(),
        };
        let number = {
            let mut all = self.sent.lock().unwrap();
            all.push(sent.clone());
            all.len() - 1
        };
        let result = match (self.answer)(number, &sent) {
            None => Err(ConnectorError::io("connection reset".into())),
            Some(answer) => {
                let status = StatusCode::try_from(answer.status).unwrap();
                Ok(HttpResponse::new(status, SdkBody::from(answer.body)))
            }
        };
        HttpConnectorFuture::ready(result)
    }
}

//! The services of AWS.

use std::time::Duration;

use keytrail_aws::metrics::{Measure, Metrics};
use keytrail_aws::redelivery::{Later, Redelivery};
use keytrail_aws::store::AwsStore;
use keytrail_aws::{Connection, FaultKind};
use keytrail_delivery::hand_over::PARKED;
use keytrail_detect::finding::Finding;
use keytrail_lambda::audience::Audience;
use keytrail_lambda::outbox::{AwsPublisher, Publisher};
use keytrail_lambda::{SettingError, State, metrics, setting};

use crate::services::{Services, Unread};
use crate::take::Kind;

/// Longest hand-over that is fetched, in bytes, packed.
const HAND_OVER_BYTES_MAX: usize = 128 << 20;

/// The services of AWS, as the function's environment names them.
#[derive(Debug)]
pub struct AwsServices {
    state: State,
    redelivery: Option<Redelivery>,
    publisher: AwsPublisher,
    metrics: Metrics,
}

impl AwsServices {
    /// Reads the names of queue, topic, bucket and table from the environment. Without the queue, what fails comes again
    /// when that shows it by itself.
    ///
    /// # Errors
    /// When one is missing.
    pub fn from_environment(connection: &Connection) -> Result<Self, SettingError> {
        let state = State::from_environment(connection)?;
        let queue = setting("KEYTRAIL_TALLY_QUEUE_URL");
        Ok(Self {
            redelivery: queue.map(|url| Redelivery::new(connection, &url)),
            publisher: AwsPublisher::from_environment(connection)?,
            metrics: Metrics::new(connection),
            state,
        })
    }

    /// The state, where the configuration stands.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }
}

impl Publisher for AwsServices {
    async fn publish(&self, finding: &Finding, audience: Audience) -> Result<(), String> {
        self.publisher.publish(finding, audience).await
    }
}

impl Services for AwsServices {
    type Store = AwsStore;

    fn store(&self) -> &AwsStore {
        &self.state.store
    }

    async fn stored(&self, bucket: &str, key: &str) -> Result<Vec<u8>, Unread> {
        let read = self
            .state
            .objects
            .read(bucket, key, HAND_OVER_BYTES_MAX)
            .await;
        read.map_err(|fault| match fault.kind {
            FaultKind::Refused | FaultKind::Missing => Unread::Never(fault.to_string()),
            _ => Unread::Later(fault.to_string()),
        })
    }

    async fn park(&self, bytes: Vec<u8>, kind: Kind) -> Result<String, String> {
        let name = keytrail_aws::queue::fresh_name();
        let key = format!("{PARKED}{name}.{}", kind.ending());
        let written = self
            .state
            .objects
            .write(&self.state.bucket, &key, bytes)
            .await;
        written.map_err(|fault| fault.to_string())?;
        Ok(format!("s3://{}/{key}", self.state.bucket))
    }

    async fn wait(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    async fn show_again(&self, messages: &[Later]) -> Result<(), String> {
        let Some(redelivery) = &self.redelivery else {
            return Ok(());
        };
        let shown = redelivery.show(messages).await;
        shown.map_err(|fault| fault.to_string())
    }

    async fn measure(&self, measures: &[Measure]) {
        metrics::send(&self.metrics, measures).await;
    }
}

//! The services of AWS.

use keytrail_aws::metrics::{Measure, Metrics};
use keytrail_aws::queue::Queue;
use keytrail_aws::queue_age::QueueAges;
use keytrail_aws::store::AwsStore;
use keytrail_aws::{CallFault, Connection};
use keytrail_delivery::hand_over::{HandOver, PARKED};
use keytrail_detect::finding::Finding;
use keytrail_lambda::audience::Audience;
use keytrail_lambda::outbox::{AwsPublisher, Publisher};
use keytrail_lambda::{SettingError, State, metrics, required};

use crate::clock::Waiting;
use crate::services::Services;

/// The services of AWS, as the function's environment names them.
#[derive(Debug)]
pub struct AwsServices {
    state: State,
    queue: Queue,
    deliveries: QueueAges,
    publisher: AwsPublisher,
    metrics: Metrics,
}

impl AwsServices {
    /// Reads the names of queues, topic, bucket and table from the environment.
    ///
    /// # Errors
    /// When one is missing.
    pub fn from_environment(connection: &Connection) -> Result<Self, SettingError> {
        let state = State::from_environment(connection)?;
        let tallies = required("KEYTRAIL_TALLY_QUEUE_URL")?;
        let deliveries = required("KEYTRAIL_DELIVERY_QUEUE_URL")?;
        Ok(Self {
            queue: Queue::new(connection, &tallies, &state.bucket, "hand-over/"),
            deliveries: QueueAges::new(connection, &deliveries),
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

    fn parked(&self) -> String {
        format!("s3://{}/{PARKED}", self.state.bucket)
    }

    async fn waiting(&self) -> Result<Waiting, String> {
        let said = |fault: CallFault| fault.to_string();
        let messages = self.deliveries.messages().await.map_err(said)?;
        let oldest_seconds = match messages {
            0 => None,
            _ => self.deliveries.oldest_seconds().await.map_err(said)?,
        };
        Ok(Waiting {
            messages,
            oldest_seconds,
        })
    }

    async fn hand_over(&self, hand_overs: Vec<HandOver>) -> Result<(), String> {
        let sent = self.queue.send(hand_overs).await;
        sent.map_err(|fault| fault.to_string())
    }

    async fn measure(&self, measures: &[Measure]) {
        metrics::send(&self.metrics, measures).await;
    }
}

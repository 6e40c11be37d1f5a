//! The services of AWS.

use keytrail_aws::metrics::{Measure, Metrics};
use keytrail_aws::queue::Queue;
use keytrail_aws::store::AwsStore;
use keytrail_aws::{Connection, FaultKind};
use keytrail_delivery::hand_over::HandOver;
use keytrail_delivery::notification::Object;
use keytrail_lambda::{SettingError, State, metrics, required};

use crate::services::{Services, Unread};

/// The services of AWS, as the function's environment names them.
#[derive(Debug)]
pub struct AwsServices {
    state: State,
    queue: Queue,
    metrics: Metrics,
}

impl AwsServices {
    /// Reads the names of queue, bucket and table from the environment.
    ///
    /// # Errors
    /// When one is missing.
    pub fn from_environment(connection: &Connection) -> Result<Self, SettingError> {
        let queue = required("KEYTRAIL_TALLY_QUEUE_URL")?;
        let state = State::from_environment(connection)?;
        Ok(Self {
            queue: Queue::new(connection, &queue, &state.bucket, "hand-over/"),
            metrics: Metrics::new(connection),
            state,
        })
    }
}

impl Services for AwsServices {
    type Store = AwsStore;

    async fn object(&self, object: &Object, bytes_max: usize) -> Result<Vec<u8>, Unread> {
        let read = self
            .state
            .objects
            .read(&object.bucket, &object.key, bytes_max);
        read.await.map_err(|fault| match fault.kind {
            FaultKind::Refused => Unread::Never(fault.to_string()),
            // Not allowed is what a missing object looks like, and a policy can be mended.
            _ => Unread::Later(fault.to_string()),
        })
    }

    async fn hand_over(&self, hand_overs: Vec<HandOver>) -> Result<(), String> {
        let sent = self.queue.send(hand_overs).await;
        sent.map_err(|fault| fault.to_string())
    }

    async fn measure(&self, measures: &[Measure]) {
        metrics::send(&self.metrics, measures).await;
    }

    fn store(&self) -> &AwsStore {
        &self.state.store
    }
}

//! What waits in a queue, and for how long.

use std::time::{Duration, SystemTime};

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Statistic};
use aws_sdk_sqs::types::QueueAttributeName;

use crate::{CallFault, Connection};

/// How far back the age is looked for: the service measures about once a minute, and is late.
const LOOK_BACK: Duration = Duration::from_secs(600);

/// Asks how much waits in a queue, and how old it is.
#[derive(Debug, Clone)]
pub struct QueueAges {
    sqs: aws_sdk_sqs::Client,
    cloudwatch: aws_sdk_cloudwatch::Client,
    url: String,
}

impl QueueAges {
    /// The queue at this URL.
    #[must_use]
    pub fn new(connection: &Connection, url: &str) -> Self {
        Self {
            sqs: connection.sqs(),
            cloudwatch: connection.cloudwatch(),
            url: url.to_owned(),
        }
    }

    /// Messages that wait or are being read, about.
    ///
    /// # Errors
    /// When the call failed after its retries.
    pub async fn messages(&self) -> Result<u64, CallFault> {
        let request = self.sqs.get_queue_attributes().queue_url(&self.url);
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        let answer = request.set_attribute_names(Some(names.to_vec())).send();
        let answer = answer.await;
        let answer = answer.map_err(|error| CallFault::of("sqs:GetQueueAttributes", error))?;
        let counts = answer.attributes.unwrap_or_default();
        let counts = counts
            .values()
            .filter_map(|count| count.parse::<u64>().ok());
        Ok(counts.sum())
    }

    /// The age of the oldest message in seconds, as last measured; `None` when it was not.
    ///
    /// # Errors
    /// When the call failed after its retries.
    pub async fn oldest_seconds(&self) -> Result<Option<u64>, CallFault> {
        let name = self.url.rsplit('/').next().unwrap_or_default();
        let now = SystemTime::now();
        let queue = Dimension::builder().name("QueueName").value(name).build();
        let request = self
            .cloudwatch
            .get_metric_statistics()
            .namespace("AWS/SQS")
            .metric_name("ApproximateAgeOfOldestMessage")
            .dimensions(queue)
            .start_time(DateTime::from(now - LOOK_BACK))
            .end_time(DateTime::from(now))
            .period(60)
            .statistics(Statistic::Maximum);
        let answer = request.send().await;
        let answer =
            answer.map_err(|error| CallFault::of("cloudwatch:GetMetricStatistics", error))?;
        let ages = answer
            .datapoints()
            .iter()
            .filter_map(|point| point.maximum());
        let oldest = ages.fold(None, |oldest: Option<f64>, age| {
            Some(oldest.map_or(age, |oldest| oldest.max(age)))
        });
        Ok(oldest.map(|seconds| seconds.max(0.0) as u64))
    }
}

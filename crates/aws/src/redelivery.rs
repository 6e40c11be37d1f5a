//! Messages that are shown again at a time of the reader's choice, not when the queue's own timeout is over.

use aws_sdk_sqs::types::ChangeMessageVisibilityBatchRequestEntry as Entry;

use crate::{CallFault, Connection, FaultKind};

/// Most messages of one call: the service's own limit.
const BATCH_MESSAGES_MAX: usize = 10;
/// Longest time that the service hides a message for, in seconds.
const SECONDS_MAX: u32 = 43_200;
const CHANGE: &str = "sqs:ChangeMessageVisibilityBatch";

/// A message that was received, and when it is to be shown again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Later {
    /// What the queue knows its delivery by.
    pub receipt: String,
    /// Seconds from now.
    pub seconds: u32,
}

/// Says when messages of a queue are shown again.
#[derive(Debug, Clone)]
pub struct Redelivery {
    client: aws_sdk_sqs::Client,
    url: String,
}

impl Redelivery {
    /// That of the queue at this URL.
    #[must_use]
    pub fn new(connection: &Connection, url: &str) -> Self {
        Self {
            client: connection.sqs(),
            url: url.to_owned(),
        }
    }

    /// Has messages shown again. Those for which it failed are shown when the queue's own timeout is over.
    ///
    /// # Errors
    /// The last fault, after all were asked for.
    pub async fn show(&self, messages: &[Later]) -> Result<(), CallFault> {
        let mut result = Ok(());
        for batch in messages.chunks(BATCH_MESSAGES_MAX) {
            if let Err(fault) = self.show_batch(batch).await {
                result = Err(fault);
            }
        }
        result
    }

    async fn show_batch(&self, batch: &[Later]) -> Result<(), CallFault> {
        let refused = |why: &str| CallFault::new(CHANGE, FaultKind::Refused, why);
        let mut request = self
            .client
            .change_message_visibility_batch()
            .queue_url(&self.url);
        for (number, later) in batch.iter().enumerate() {
            let seconds = i32::try_from(later.seconds.min(SECONDS_MAX)).unwrap_or(i32::MAX);
            let entry = Entry::builder()
                .id(number.to_string())
                .receipt_handle(&later.receipt)
                .visibility_timeout(seconds);
            let entry = entry.build().map_err(|error| refused(&error.to_string()))?;
            request = request.entries(entry);
        }
        let answer = request.send().await;
        let answer = answer.map_err(|error| CallFault::of(CHANGE, error))?;
        match answer.failed().first() {
            None => Ok(()),
            Some(failed) => Err(refused(failed.code())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::{Answer, Script};

    fn later(count: u32) -> Vec<Later> {
        let later = |seconds: u32| Later {
            receipt: format!("receipt {seconds}"),
            seconds,
        };
        (0..count).map(later).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn each_message_gets_its_time_and_no_fault_keeps_the_others() {
        let script = Script::new(|number, _| {
            let body = if number == 0 {
                "{\"Successful\":[],\"Failed\":[{\"Id\":\"3\",\"SenderFault\":true,\"Code\":\"ReceiptHandleIsInvalid\"}]}"
            } else {
                "{\"Successful\":[],\"Failed\":[]}"
            };
            let body = body.to_owned();
            Some(Answer { status: 200, body })
        });
        let redelivery = Redelivery::new(&script.connection(), "http://127.0.0.1:1/q.fifo");
        let fault = redelivery.show(&later(12)).await.unwrap_err();
        assert_eq!(fault.detail, "ReceiptHandleIsInvalid");
        let sent = script.sent();
        let entries = |number: usize| {
            let body: serde_json::Value = serde_json::from_str(&sent[number].body).unwrap();
            body["Entries"].as_array().unwrap().clone()
        };
        assert_eq!((sent.len(), entries(0).len(), entries(1).len()), (2, 10, 2));
        let last = &entries(1)[1];
        assert_eq!(
            (&last["ReceiptHandle"], &last["VisibilityTimeout"]),
            (&"receipt 11".into(), &11.into())
        );
    }
}

//! What the payload of an invocation asks to be read: objects, records that came along, or
//! nothing, with the reason.
//!
//! Deliveries are announced in many wrappings: S3 notifications, straight or through SQS and SNS,
//! EventBridge events, CloudTrail's own SNS message, CloudWatch Logs subscriptions, Kinesis, and
//! the batches of a backfill. [`read`] takes any of them, nested as they come.

mod body;
mod logs;
mod object;
mod reason;
mod wire;

use serde::Serialize;

pub use object::Object;
pub use reason::{Fault, Ignored};

/// One invocation, as its messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Invocation {
    /// What came, in order. A payload that is no batch is one message without id.
    pub messages: Vec<Message>,
}

/// One message: what is to be done again as a whole when a part of it fails.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// By what the event source names it: an SQS message id or a Kinesis sequence number.
    pub id: Option<String>,
    /// What it asks for.
    pub parts: Vec<Part>,
}

/// One thing that a message asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// An object to read.
    Object(Object),
    /// Records that came along.
    Records(Records),
    /// Nothing to read, as it should be.
    Ignored(Ignored),
    /// Something that cannot be understood: to be set aside and looked at, never retried.
    Fault(Fault),
}

/// Records inside a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records {
    /// The lane they came by.
    pub lane: Lane,
    /// JSON, for the reader of deliveries.
    pub text: Vec<u8>,
}

/// How records reached Keytrail; only one lane counts in a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Delivered files.
    Files,
    /// CloudWatch Logs, by subscription or Kinesis.
    Logs,
    /// EventBridge: notable records ahead of their file. They feed rules, never cells.
    Events,
}

/// The answer to an event source that takes failures message by message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchAnswer {
    /// The messages to deliver again; none when all are done.
    pub batch_item_failures: Vec<BatchItemFailure>,
}

/// A message to deliver again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItemFailure {
    /// Its id.
    pub item_identifier: String,
}

impl BatchAnswer {
    /// The answer that has these messages delivered again. `None` when one of them has no id: then
    /// the whole invocation must fail.
    #[must_use]
    pub fn failing<'m>(messages: impl IntoIterator<Item = &'m Message>) -> Option<Self> {
        let failures = messages.into_iter().map(|message| {
            let item_identifier = message.id.clone()?;
            Some(BatchItemFailure { item_identifier })
        });
        let batch_item_failures = failures.collect::<Option<_>>()?;
        Some(Self {
            batch_item_failures,
        })
    }
}

/// Reads the payload of an invocation. It never fails: what is not understood is a [`Part::Fault`].
#[must_use]
pub fn read(payload: &[u8]) -> Invocation {
    let mut budget = logs::Budget::default();
    let messages = match std::str::from_utf8(payload) {
        Err(_) => vec![Message::of(Part::Fault(Fault::NotUtf8))],
        Ok(text) => match wire::batch(text) {
            Some(records) => records
                .into_iter()
                .map(|record| body::message(record, &mut budget))
                .collect(),
            None => vec![Message {
                id: None,
                parts: body::parts(text, &mut budget),
            }],
        },
    };
    Invocation { messages }
}

impl Message {
    fn of(part: Part) -> Self {
        Self {
            id: None,
            parts: vec![part],
        }
    }
}

#[cfg(test)]
mod tests;

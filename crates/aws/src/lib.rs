//! Everything of Keytrail that touches an AWS SDK: objects in S3, the queue between functions,
//! alerts, metrics, events, and the store on S3 and DynamoDB.
//!
//! *Absent*: detection, and decisions. What is sent is decided by the engine; here it is cut to the
//! limits of each service and sent, with bounded retries.

#[cfg(feature = "deployment")]
pub mod alerts;
pub mod connection;
#[cfg(feature = "deployment")]
pub mod events;
mod fault;
pub mod listing;
#[cfg(feature = "deployment")]
pub mod metrics;
pub mod objects;
#[cfg(feature = "deployment")]
pub mod queue;
#[cfg(feature = "deployment")]
pub mod queue_age;
#[cfg(feature = "deployment")]
pub mod redelivery;
#[cfg(test)]
mod scripted;
#[cfg(feature = "deployment")]
pub mod store;
#[cfg(feature = "deployment")]
pub mod triage_command;

pub use connection::Connection;
pub use fault::{CallFault, FaultKind};

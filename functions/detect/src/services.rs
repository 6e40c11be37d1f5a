//! What the handler asks of the world, so that tests can answer instead of AWS.

use std::future::Future;
use std::time::Duration;

use keytrail_aws::metrics::Measure;
use keytrail_aws::redelivery::Later;
use keytrail_lambda::outbox::Publisher;
use keytrail_store::Store;

use crate::take::Kind;

/// What the handler asks of the world.
pub trait Services: Publisher {
    /// The store.
    type Store: Store;

    /// The store.
    fn store(&self) -> &Self::Store;

    /// The bytes of a hand-over that was too large for its message.
    fn stored(
        &self,
        bucket: &str,
        key: &str,
    ) -> impl Future<Output = Result<Vec<u8>, Unread>> + Send;

    /// Keeps bytes that cannot be taken in, for people and for `sweep`; returns their address.
    fn park(
        &self,
        bytes: Vec<u8>,
        kind: Kind,
    ) -> impl Future<Output = Result<String, String>> + Send;

    /// Waits.
    fn wait(&self, time: Duration) -> impl Future<Output = ()> + Send;

    /// Has messages that failed shown again; those for which that fails come when the queue's own timeout is over.
    fn show_again(&self, messages: &[Later]) -> impl Future<Output = Result<(), String>> + Send;

    /// Publishes measurements; that they were lost is no reason to do anything again.
    fn measure(&self, measures: &[Measure]) -> impl Future<Output = ()> + Send;
}

/// Why a hand-over could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// It may work later.
    Later(String),
    /// It never will.
    Never(String),
}

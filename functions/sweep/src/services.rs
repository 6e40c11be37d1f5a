//! What the handler asks of the world, so that tests can answer instead of AWS.

use std::future::Future;

use keytrail_aws::metrics::Measure;
use keytrail_delivery::hand_over::HandOver;
use keytrail_lambda::outbox::Publisher;
use keytrail_store::Store;

use crate::clock::Waiting;

/// What the handler asks of the world.
pub trait Services: Publisher {
    /// The store.
    type Store: Store;

    /// The store.
    fn store(&self) -> &Self::Store;

    /// The address that those of parked tallies begin with.
    fn parked(&self) -> String;

    /// What is known of the deliveries that wait.
    fn waiting(&self) -> impl Future<Output = Result<Waiting, String>> + Send;

    /// Hands over all of it, or fails.
    fn hand_over(
        &self,
        hand_overs: Vec<HandOver>,
    ) -> impl Future<Output = Result<(), String>> + Send;

    /// Publishes measurements; that they were lost is no reason to do anything again.
    fn measure(&self, measures: &[Measure]) -> impl Future<Output = ()> + Send;
}

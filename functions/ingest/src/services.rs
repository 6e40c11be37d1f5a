//! What the handler asks of the world, so that tests can answer instead of AWS.

use std::future::Future;

use keytrail_aws::metrics::Measure;
use keytrail_delivery::hand_over::HandOver;
use keytrail_delivery::notification::Object;
use keytrail_store::Store;

/// What the handler asks of the world.
pub trait Services: Sync {
    /// Where what cannot be read is set aside.
    type Store: Store;

    /// The bytes of an object, packed as they stand.
    fn object(
        &self,
        object: &Object,
        bytes_max: usize,
    ) -> impl Future<Output = Result<Vec<u8>, Unread>> + Send;

    /// Hands over all of it, or fails.
    fn hand_over(
        &self,
        hand_overs: Vec<HandOver>,
    ) -> impl Future<Output = Result<(), String>> + Send;

    /// Publishes measurements; that they were lost is no reason to read a delivery again.
    fn measure(&self, measures: &[Measure]) -> impl Future<Output = ()> + Send;

    /// The store.
    fn store(&self) -> &Self::Store;
}

/// Why an object could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// It may work later: not there yet, too many calls, no answer.
    Later(String),
    /// It never will.
    Never(String),
}

//! The executor: takes deliveries into a store, and carries out what the engine decides.
//!
//! Tallies are the truth and everything else follows from them: an account's findings are a function
//! of its stored tallies, the configuration and the clock. So every step can be stopped anywhere and
//! made again, deliveries can come in any order and any number of times, and a delivery for a day
//! that was folded already, another configuration or another version of the mathematics are all
//! the same case: the days are folded again, into a new generation.

mod absorb;
mod error;
mod fold;
mod form;
mod gaps;
mod notes;
mod prune;
mod publish;
mod reopen;
mod seen;
mod start;
mod tick;

use keytrail_detect::configuration::Configuration;

pub use absorb::Absorbed;
pub use error::ExecuteError;
pub use form::{base_of, tally_of};
pub use prune::Pruned;
pub use publish::finding_of;
pub use reopen::REOPENED_BY;
pub use start::Refolded;
pub use tick::Ticked;

use crate::Store;
use crate::bounds::VALUE_BYTES_MAX;

/// Carries plans out on a store, for one account at a time.
#[derive(Debug)]
pub struct Executor<'e, S> {
    store: &'e S,
    configuration: &'e Configuration,
    fingerprint: u64,
    days_a_tick: usize,
    base_bytes_max: usize,
}

impl<'e, S: Store> Executor<'e, S> {
    /// An executor that folds as many days as are due in one tick.
    #[must_use]
    pub fn new(store: &'e S, configuration: &'e Configuration) -> Self {
        Self {
            store,
            configuration,
            fingerprint: configuration.fingerprint(),
            days_a_tick: usize::MAX,
            base_bytes_max: VALUE_BYTES_MAX,
        }
    }

    /// The same, with at most so many days folded in one tick: for functions whose time is limited.
    #[must_use]
    pub fn days_a_tick(mut self, days: usize) -> Self {
        self.days_a_tick = days.max(1);
        self
    }

    /// The same, with smaller bases than a store could keep: for tests.
    #[cfg(any(test, feature = "conformance"))]
    #[must_use]
    pub fn base_bytes_max(mut self, bytes: usize) -> Self {
        self.base_bytes_max = bytes;
        self
    }

    /// The store.
    #[must_use]
    pub const fn store(&self) -> &'e S {
        self.store
    }
}

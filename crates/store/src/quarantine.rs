//! What could not be read, kept apart so that it blocks nothing.

use keytrail_event::EventTime;

use crate::StoreError;
use crate::bounds::{NOTE_BYTES_MAX, check_bytes, check_name};

/// A delivery or a tally that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// What it is: an object's address, or a tally's. It names the record.
    pub name: String,
    /// The account, where it is known.
    pub account: Option<String>,
    /// Why it could not be read.
    pub reason: String,
    /// How often that was tried.
    pub tries: u32,
    /// The first try.
    pub first_at: EventTime,
    /// The last try.
    pub last_at: EventTime,
}

impl Quarantined {
    /// Refuses what is over a bound. Every store asks this before it writes.
    pub fn check(&self) -> Result<(), StoreError> {
        check_name("a name in quarantine", &self.name)?;
        check_name(
            "an account in quarantine",
            self.account.as_deref().unwrap_or_default(),
        )?;
        check_bytes(
            "the reason of a quarantine",
            self.reason.len(),
            NOTE_BYTES_MAX,
        )
    }
}

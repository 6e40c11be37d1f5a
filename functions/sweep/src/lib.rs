//! Moves the clock of every account, publishes findings that wait, and tries parked tallies again.
//!
//! It also takes notes of what people did about findings, for whoever may invoke it.
//!
//! A tick is not done here: it is handed to the account's one writer. Its time is now, less the age of
//! the oldest delivery that waits, so that a backlog holds the close of a day.

mod aws;
mod clock;
mod handle;
mod parked;
mod services;
mod triage;

pub use aws::AwsServices;
pub use clock::{Waiting, age_of};
pub use handle::{Done, Swept, handle, sweep};
pub use services::Services;
pub use triage::{Answer, Triaged};

//! Moves the clock of every account, publishes findings that wait, and tries parked tallies again.
//!
//! A tick is not done here: it is handed to the account's one writer. Its time is now, less the age of
//! the oldest delivery that waits, so that a backlog holds the close of a day.

mod aws;
mod clock;
mod handle;
mod services;

pub use aws::AwsServices;
pub use clock::{Waiting, age_of};
pub use handle::{Swept, handle};
pub use services::Services;

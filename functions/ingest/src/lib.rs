//! Reads deliveries, and hands a tally of each account and day to its one writer.
//!
//! The function is stateless and runs as often at once as Lambda likes: tallies are sets, so what is
//! read twice counts once. A message is done when everything in it was read, set aside with its
//! reason, or ignored with its reason; a message that can work later is delivered again by itself.

mod aws;
mod counts;
mod handle;
mod read;
mod services;

pub use aws::AwsServices;
pub use counts::Counts;
pub use handle::{Settings, handle};
pub use services::{Services, Unread};

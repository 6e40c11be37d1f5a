//! Takes tallies in, judges their accounts, and publishes what was found.
//!
//! The queue gives each account one consumer, so this is the account's one writer. Every step can be
//! made again: tallies are sets, plans are functions of what is stored, findings leave through an
//! outbox. What cannot be read is set aside, so that no account ever blocks.

mod again;
mod aws;
mod batch;
mod handle;
mod services;
mod steps;
mod take;

pub use aws::AwsServices;
pub use handle::handle;
pub use services::{Services, Unread};
pub use take::Kind;

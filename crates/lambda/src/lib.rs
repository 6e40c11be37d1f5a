//! What every function begins with: settings from its environment, lines for its log, and the loop
//! that hands invocations to its handler.
//!
//! The handlers themselves know nothing of this crate's loop: they take a payload, services behind
//! traits, and the time, so that tests call them as they are.

mod log;
mod run;
mod settings;

pub use log::{Level, log};
pub use run::{Failed, Invocation, run};
pub use settings::{SettingError, required, setting};

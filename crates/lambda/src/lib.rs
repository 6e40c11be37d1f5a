//! What every function begins with: settings from its environment, the configuration, lines for its
//! log, the loop that hands invocations to its handler, metrics, and the outbox of findings.
//!
//! The handlers themselves know nothing of this crate's loop: they take a payload, services behind
//! traits, and the time, so that tests call them as they are.

pub mod audience;
mod configuration;
mod log;
pub mod metrics;
pub mod outbox;
pub mod quarantine;
mod run;
mod settings;
mod state;
pub mod told;

pub use configuration::run_configured;
pub use log::{Level, log};
pub use run::{Failed, Invocation, run};
pub use settings::{SettingError, required, setting};
pub use state::State;

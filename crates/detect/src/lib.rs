//! Tally, judge, explain: normalised records in, findings with the numbers that prove them out.
//!
//! Records are counted into [`tally::Tally`]s, which merge by union; the [`engine`] judges a
//! [`state::State`] at a tick and returns a [`plan::Plan`] that leaves whoever executes it no
//! choice. This crate knows no file, clock, network, AWS SDK or async runtime.

pub mod account_day;
mod attestation;
pub mod base;
pub mod baseline;
pub mod behaviour;
pub mod bounds;
pub mod carried;
pub mod cell;
mod cell_order;
pub mod cells;
mod closed;
pub mod configuration;
pub mod cut;
pub mod digest_chain;
pub mod disposition;
pub mod distinct;
mod divide;
pub mod encoding;
pub mod engine;
mod episode;
pub mod event_id;
pub mod finding;
pub mod glob_pattern;
mod items;
pub mod judge;
mod known_name;
mod known_template;
pub mod moment;
pub mod notable;
pub mod packed_finding;
pub mod plan;
pub mod policy;
mod recent;
pub mod rules;
#[cfg(test)]
mod sample;
pub mod state;
pub mod symbol;
pub mod tally;
pub mod timing;
mod uses;
pub mod values;

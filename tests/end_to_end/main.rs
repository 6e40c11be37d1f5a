//! Whole commands, as a user runs them: exit code, standard output, standard error.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bucket;
mod configuration;
mod damage;
mod deliveries;
mod documents;
mod drill;
mod evaluate;
mod events;
mod example;
mod exit_codes;
mod explain;
mod flood;
mod help;
mod memory;
mod order;
mod organisation;
mod provisional;
mod real_data;
mod replay;
mod rules;
mod s3;
mod sandbox;
mod sigma;
mod simulate;
mod state;
mod verify;

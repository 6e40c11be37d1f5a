//! The whole deployment on this machine: the template as it stands, the functions as they are built, and what
//! comes of the files that are put to the trail's bucket.
//!
//! It proves no permissions, quotas or limits: those are tests of the template and of each part.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::print_stderr
)]

mod alert;
mod day;
#[path = "../local/mod.rs"]
mod local;
mod stack;
#[path = "../../../../tests/infra/template.rs"]
#[allow(dead_code, reason = "the policies of the template use more of it")]
mod template;

//! From what arrives to records: what an invocation's payload asks to be read ([`notification`]),
//! unpacking within bounds ([`unpack`]), and what functions hand each other ([`hand_over`]).
//!
//! This crate knows no AWS SDK, clock, network or async runtime. It opens nothing: bytes and
//! sources of bytes are handed to it. Input never fails: what cannot be read has a reason.

pub mod hand_over;
pub mod notification;
pub mod unpack;

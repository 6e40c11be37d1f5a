//! Keytrail's `event` crate.

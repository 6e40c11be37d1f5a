//! Keytrail's `detect` crate.

//! Keytrail's `sim` crate.

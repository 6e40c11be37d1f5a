//! Keytrail's `report` crate.

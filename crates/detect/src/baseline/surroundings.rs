//! What is known of a day beside its cells: grants, other names of keys, and when keys were created.

use keytrail_event::{EventTime, Record};

use crate::bounds::CELL_VALUE_BYTES_MAX;

/// A grant that was made, from the records carried whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// When.
    pub time: EventTime,
    /// By whom, canonically.
    pub principal: String,
    /// The grantee as the record names it.
    pub grantee: String,
}

impl Grant {
    /// The grant a record tells of, if it does.
    #[must_use]
    pub fn of(record: &Record<'_>) -> Option<Self> {
        if record.operation.name() != "CreateGrant" || !record.outcome.is_success() {
            return None;
        }
        let body = record.body();
        let grantee = body["requestParameters"]["granteePrincipal"].as_str()?;
        Some(Self {
            time: record.time,
            principal: record.principal().to_owned(),
            grantee: grantee[..grantee.floor_char_boundary(CELL_VALUE_BYTES_MAX)].to_owned(),
        })
    }
}

/// What is known beside the cells.
pub trait Surroundings {
    /// The key that a name in a record stands for.
    fn resolve<'a>(&'a self, name: &'a str) -> &'a str;
    /// When a key's CreateKey was seen.
    fn created(&self, key: &str) -> Option<EventTime>;
}

/// Nothing is known beside the cells.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSurroundings;

impl Surroundings for NoSurroundings {
    fn resolve<'a>(&'a self, name: &'a str) -> &'a str {
        name
    }
    fn created(&self, _: &str) -> Option<EventTime> {
        None
    }
}

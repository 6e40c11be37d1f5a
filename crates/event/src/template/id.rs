//! Records that differ only in when they happened, to what and by whom: the same call is made over and
//! over.

use std::num::NonZeroU64;

/// Most templates a reader remembers at a time.
pub const TEMPLATES_MAX: usize = 4_096;

/// Says that a record is like others before it.
///
/// Two records of one [`crate::Reader`] with equal ids are equal in everything but `time`,
/// `event_id`, `shared_event_id`, `identity`, `source`, `user_agent`, `vpc_endpoint_id`, the *values* of `context` (its keys are
/// equal, in equal order), `additional_event_data` and `raw`: equal are account, Region, event source, operation, both keys,
/// outcome, error message, whether TLS details and a shared event id are there. Whether a source address, a user agent and a VPC
/// endpoint are there is equal too. Records without an id may be equal all the same.
///
/// An id is never given twice while its reader lives. Ids of different readers say nothing of each
/// other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TemplateId(NonZeroU64);

impl TemplateId {
    /// The id of this serial number, which counts from 1, at this place of the reader's table.
    pub(crate) const fn new(serial: u64, slot: usize) -> Option<Self> {
        let number = serial * TEMPLATES_MAX as u64 + (slot % TEMPLATES_MAX) as u64;
        match NonZeroU64::new(number) {
            Some(number) if serial > 0 => Some(Self(number)),
            _ => None,
        }
    }

    /// Where something learnt of the template may be kept: less than [`TEMPLATES_MAX`]. Of all ids a
    /// reader gives, only the latest with this slot comes again.
    #[must_use]
    pub const fn slot(self) -> usize {
        (self.0.get() % TEMPLATES_MAX as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_apart_and_keep_their_slots() {
        let first = TemplateId::new(1, 7);
        assert_eq!(first.map(TemplateId::slot), Some(7));
        assert_ne!(first, TemplateId::new(2, 7));
        assert_ne!(first, TemplateId::new(1, 8));
        assert_eq!(TemplateId::new(0, 7), None);
    }
}

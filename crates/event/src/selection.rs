//! Which records Keytrail keeps: all of KMS, and of other services those that a rule reads.

/// The event source of KMS.
pub const KMS: &str = "kms.amazonaws.com";
/// The event source of CloudTrail.
pub const CLOUDTRAIL: &str = "cloudtrail.amazonaws.com";

/// Records of other services that rules need, as (`eventSource`, `eventName`), sorted.
pub const OTHER_SERVICES: [(&str, &str); 7] = [
    (CLOUDTRAIL, "CreateEventDataStore"),
    (CLOUDTRAIL, "DeleteEventDataStore"),
    (CLOUDTRAIL, "DeleteTrail"),
    (CLOUDTRAIL, "PutEventSelectors"),
    (CLOUDTRAIL, "StopEventDataStoreIngestion"),
    (CLOUDTRAIL, "StopLogging"),
    (CLOUDTRAIL, "UpdateEventDataStore"),
];

/// What becomes of a record, by its source and name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// A KMS record.
    Kms,
    /// A record of another service that a rule reads.
    OtherService,
    /// A record that nobody reads.
    Skip,
}

/// Decides what becomes of a record.
#[must_use]
pub fn select(event_source: &str, event_name: &str) -> Selection {
    select_bytes(event_source.as_bytes(), event_name.as_bytes())
}

/// One bit for each length that the source of a record to keep can have: most records are told
/// apart by this alone.
const SOURCE_LENGTHS: u64 = {
    let mut lengths = 1 << KMS.len();
    let mut index = 0;
    while index < OTHER_SERVICES.len() {
        lengths |= 1 << OTHER_SERVICES[index].0.len();
        index += 1;
    }
    lengths
};

/// [`select`] for texts that may be anything.
#[inline]
pub(crate) fn select_bytes(event_source: &[u8], event_name: &[u8]) -> Selection {
    if event_source.len() >= 64 || SOURCE_LENGTHS >> event_source.len() & 1 == 0 {
        return Selection::Skip;
    }
    if event_source == KMS.as_bytes() {
        Selection::Kms
    } else if OTHER_SERVICES
        .binary_search_by(|(source, name)| {
            (source.as_bytes(), name.as_bytes()).cmp(&(event_source, event_name))
        })
        .is_ok()
    {
        Selection::OtherService
    } else {
        Selection::Skip
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(OTHER_SERVICES.is_sorted());
    }

    #[test]
    fn records_are_selected_by_source_and_name() {
        assert_eq!(select(KMS, "AnythingNew"), Selection::Kms);
        assert_eq!(select(CLOUDTRAIL, "StopLogging"), Selection::OtherService);
        assert_eq!(select(CLOUDTRAIL, "LookupEvents"), Selection::Skip);
        assert_eq!(select("s3.amazonaws.com", "StopLogging"), Selection::Skip);
    }
}

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
    if event_source == KMS {
        Selection::Kms
    } else if OTHER_SERVICES
        .binary_search(&(event_source, event_name))
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

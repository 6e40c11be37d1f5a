//! `trail-stopped`: somebody switched the audit trail off.

use keytrail_event::Record;
use keytrail_event::selection::CLOUDTRAIL;

use super::{About, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct TrailStopped;

const ABOUT: About = About {
    id: "trail-stopped",
    title: "An audit trail was stopped or deleted",
    severities: &[Severity::Medium, Severity::High],
    attack: &[("TA0005", "T1562.008", "T1685.002")],
    practice: "an audit trail for compliance",
    side: Side::Owner,
    fires_when: "StopLogging, DeleteTrail, DeleteEventDataStore or StopEventDataStoreIngestion. A refused call fires one severity lower.",
    reads: &[
        "eventSource",
        "eventName",
        "errorCode",
        "requestParameters.name",
        "requestParameters.eventDataStore",
    ],
};

impl Rule for TrailStopped {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn judge(&self, record: &Record<'_>, _: &Light<'_>) -> Option<Hit> {
        let stops = matches!(
            record.operation.name(),
            "StopLogging" | "DeleteTrail" | "DeleteEventDataStore" | "StopEventDataStoreIngestion"
        );
        if record.event_source != CLOUDTRAIL || !stops {
            return None;
        }
        let body = record.body();
        let trail = ["name", "eventDataStore", "trailName"]
            .iter()
            .find_map(|field| body["requestParameters"][field].as_str())
            .unwrap_or("a trail that the record does not name");
        let operation = record.operation.name();
        let hit = Hit::of(record, Severity::High, format!("{operation} on {trail}"))
            .class(trail)
            .because(Evidence::new("operation", format!("{operation} ends or deletes what this trail records")).observed(operation))
            .next("If nobody planned this, start logging again (StartLogging) and read what the principal did before and after.");
        Some(hit.lower_if_refused(record))
    }
}

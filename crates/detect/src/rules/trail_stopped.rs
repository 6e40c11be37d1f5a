//! `trail-stopped`: somebody switched the audit trail off.

use keytrail_event::Record;
use keytrail_event::selection::CLOUDTRAIL;

use super::support::{OTHER_TRAILS, argument, cut, events_of_principal};
use super::trail_settings::trail_in_message;
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
    fires_when: "StopLogging, DeleteTrail, DeleteEventDataStore or StopEventDataStoreIngestion. A failed call fires one severity lower.",
    reads: &[
        "eventSource",
        "eventName",
        "errorCode",
        "requestParameters.name",
        "requestParameters.eventDataStore",
        "errorMessage",
    ],
};

impl Rule for TrailStopped {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
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
            .or_else(|| trail_in_message(body["errorMessage"].as_str()?))
            .map_or("a trail that the record does not name", cut);
        let operation = record.operation.name();
        let mut hit = Hit::of(record, Severity::High, format!("{operation} on {trail}"))
            .class(match record.outcome.is_success() {
                true => format!("{operation} {trail}"),
                // Whoever is refused chooses the names: one finding tells of them all.
                false => operation.to_owned(),
            })
            .because(
                Evidence::new(
                    "operation",
                    format!("{operation} ends or deletes what this trail records"),
                )
                .observed(operation),
            );
        if record.outcome.is_success() {
            hit = hit
                .next(remedy(operation, trail, &record.region))
                .next(OTHER_TRAILS);
        } else {
            let text = format!("The call was about {trail}");
            hit = hit.because(Evidence::new("trail", text).observed(trail));
        }
        let hit = hit.next(events_of_principal(record, 24));
        Some(hit.lower_if_refused(record, light))
    }
}

fn remedy(operation: &str, trail: &str, region: &str) -> String {
    let region = argument(region, "region");
    let name = argument(trail, "trail");
    match operation {
        "StopLogging" => format!(
            "If nobody planned this: aws cloudtrail start-logging --name {name} --region {region}"
        ),
        "StopEventDataStoreIngestion" => format!(
            "If nobody planned this: aws cloudtrail start-event-data-store-ingestion --event-data-store {name} --region {region}"
        ),
        "DeleteEventDataStore" => format!(
            "If nobody planned this, within 7 days: aws cloudtrail restore-event-data-store --event-data-store {name} --region {region}"
        ),
        _ => format!(
            "If nobody planned this, create the trail again (aws cloudtrail create-trail, then start-logging, --region {region}); files it delivered are still in its bucket"
        ),
    }
}

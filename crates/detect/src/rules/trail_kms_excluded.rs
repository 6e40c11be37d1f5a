//! `trail-kms-excluded`: a trail or event data store no longer records what happens to keys.

use keytrail_event::Record;
use keytrail_event::selection::CLOUDTRAIL;

use super::event_selectors::{Dark, asks_for_management_events};
use super::support::{OTHER_TRAILS, argument, events_of_principal};
use super::trail_settings::{refused_change, trail_arn};
use super::{About, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct TrailKmsExcluded;

const ABOUT: About = About {
    id: "trail-kms-excluded",
    title: "An audit trail no longer records KMS events",
    severities: &[
        Severity::Low,
        Severity::Medium,
        Severity::High,
        Severity::Critical,
    ],
    attack: &[("TA0005", "T1562.008", "T1685.002")],
    practice: "an audit trail for compliance",
    side: Side::Owner,
    fires_when: "PutEventSelectors or UpdateEventDataStore after which no selector records some KMS event that was recorded before, as far as is known: critical for use of keys, changes and permissions, high for the calls of some callers only, medium for discovery or AWS's own events only. CreateEventDataStore that takes management events but leaves KMS out, or the first selectors of a trail made within the hour before: medium. A failed call fires one severity lower; a refused PutEventSelectors without its selectors is medium.",
    reads: &[
        "eventSource",
        "eventName",
        "errorCode",
        "requestParameters.trailName",
        "requestParameters.eventDataStore",
        "requestParameters.name",
        "requestParameters.eventSelectors[].readWriteType",
        "requestParameters.eventSelectors[].includeManagementEvents",
        "requestParameters.eventSelectors[].excludeManagementEventSources",
        "requestParameters.advancedEventSelectors[].fieldSelectors[]",
        "responseElements.trailARN",
        "responseElements.eventDataStoreArn",
        "errorMessage",
        "userIdentity",
    ],
};

/// Seconds within which the first selectors of a trail are how it was made.
const NEW_TRAIL_SECONDS: i64 = 3_600;

impl Rule for TrailKmsExcluded {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        if !sets_selectors(record) {
            return None;
        }
        let body = record.body();
        let request = &body["requestParameters"];
        let operation = record.operation.name();
        // Of a refused change of an event data store `trail-narrowed` tells.
        if operation == "PutEventSelectors"
            && let Some(attempt) = refused_change(record, light)
        {
            return Some(attempt);
        }
        let creates = operation == "CreateEventDataStore";
        let now = Dark::of(request)?;
        if creates && !asks_for_management_events(request) {
            // A store for data events never recorded keys: nothing goes dark.
            return None;
        }
        let trail = trail_arn(record, body)
            .unwrap_or_else(|| "a trail that the record does not name".to_owned());
        let before = light.past.trail(&trail);
        let dark = before.map_or_else(|| now.clone(), |before| now.beyond(before));
        if dark.is_empty() {
            return None;
        }
        // A trail that is made without KMS never recorded keys; who takes one away for it is told of that.
        let is_made_so = |before: &Dark| {
            let age = before.since.map(|since| record.time.seconds_since(since));
            before.is_new && age.is_some_and(|age| (0..NEW_TRAIL_SECONDS).contains(&age))
        };
        let creates = creates || before.is_some_and(is_made_so);
        let severity = match () {
            () if creates => Severity::Medium,
            () if dark.hides_use_or_change() => Severity::Critical,
            () if dark.hides_callers() => Severity::High,
            () => Severity::Medium,
        };
        let words = dark.words();
        let title = format!("{trail} leaves out {words}");
        let known = match before {
            Some(_) if creates => "the trail was just made",
            Some(before) if before.is_empty() => "it recorded every KMS event before",
            Some(_) => "it recorded these before",
            None if creates => "the event data store is new",
            None => {
                "its selectors before are in no record read so far; by default a trail records every KMS event"
            }
        };
        let mut hit = Hit::of(record, severity, title).class(&*trail).because(
            Evidence::new(
                "dark_events",
                format!("Recorded by no selector: {words}; {known}"),
            )
            .observed(&words)
            .expected("every KMS event recorded"),
        );
        if record.outcome.is_success() {
            hit = hit
                .next(look(operation, &trail, &record.region))
                .next(OTHER_TRAILS);
        }
        let hit = hit.next(events_of_principal(record, 24));
        Some(hit.lower_if_refused(record, light))
    }
}

/// Whether the record is of a call that can set selectors.
pub fn sets_selectors(record: &Record<'_>) -> bool {
    record.event_source == CLOUDTRAIL
        && matches!(
            record.operation.name(),
            "PutEventSelectors" | "CreateEventDataStore" | "UpdateEventDataStore"
        )
}

fn look(operation: &str, trail: &str, region: &str) -> String {
    let region = argument(region, "region");
    if operation == "PutEventSelectors" {
        let trail = argument(trail, "trail");
        return format!(
            "Look at the selectors, and put KMS back: aws cloudtrail get-event-selectors --trail-name {trail} --region {region}, then put-event-selectors with all of them"
        );
    }
    let store = argument(trail, "event-data-store");
    format!(
        "Look at the selectors, and put KMS back: aws cloudtrail get-event-data-store --event-data-store {store} --region {region}, then update-event-data-store"
    )
}

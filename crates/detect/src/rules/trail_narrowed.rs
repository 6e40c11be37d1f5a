//! `trail-narrowed`: a trail was changed so that it records less, or elsewhere.

use keytrail_event::Record;
use keytrail_event::selection::S3;

use super::services_past::{SOON_DAYS, expires_soon};
use super::support::{OTHER_TRAILS, argument, cut, events_of_principal};
use super::trail_settings::{Narrowing, TrailSettings, refused_change, sets_trail, trail_arn};
use super::{About, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct TrailNarrowed;

const ABOUT: About = About {
    id: "trail-narrowed",
    title: "An audit trail was changed to record less, or elsewhere",
    severities: &[Severity::Medium, Severity::High],
    attack: &[("TA0005", "T1562.008", "T1685.002")],
    practice: "an audit trail for compliance",
    side: Side::Owner,
    fires_when: "UpdateTrail takes away what the trail had: multi-Region recording, global service events, log file validation or the organisation's accounts, or gives it another bucket or another key; UpdateEventDataStore likewise; PutBucketLifecycle makes files expire within 7 days in a bucket that a trail was seen to deliver to. Only a change against the earlier call that set it counts; of a trail not seen before, a request that sets one or two things only, or switches two or more off and names no bucket. A failed call fires one severity lower, whatever it asked for where its record does not tell.",
    reads: &[
        "eventSource",
        "eventName",
        "errorCode",
        "awsRegion",
        "recipientAccountId",
        "errorMessage",
        "requestParameters.name",
        "requestParameters.isMultiRegionTrail",
        "requestParameters.includeGlobalServiceEvents",
        "requestParameters.enableLogFileValidation",
        "requestParameters.isOrganizationTrail",
        "requestParameters.eventDataStore",
        "requestParameters.multiRegionEnabled",
        "requestParameters.organizationEnabled",
        "requestParameters.s3BucketName",
        "requestParameters.kmsKeyId",
        "responseElements.trailARN",
        "responseElements.isMultiRegionTrail",
        "responseElements.includeGlobalServiceEvents",
        "responseElements.logFileValidationEnabled",
        "responseElements.isOrganizationTrail",
        "responseElements.eventDataStoreArn",
        "responseElements.multiRegionEnabled",
        "responseElements.organizationEnabled",
        "responseElements.s3BucketName",
        "responseElements.kmsKeyId",
        "requestParameters.bucketName",
        "requestParameters.LifecycleConfiguration.Rule",
        "sessionCredentialFromConsole",
        "userIdentity",
    ],
};

impl Rule for TrailNarrowed {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        if record.event_source == S3 {
            return expiring(record, light);
        }
        let is_store = match record.operation.name() {
            "UpdateTrail" => false,
            "UpdateEventDataStore" => true,
            _ => return None,
        };
        if !sets_trail(record) {
            return None;
        }
        if let Some(attempt) = refused_change(record, light) {
            return Some(attempt);
        }
        let body = record.body();
        let trail = trail_arn(record, body)?;
        let before = light.past.services.trail(&trail);
        let narrowings = match before {
            Some(before) => TrailSettings::after(record, body, Some(before)).narrowed(before),
            None => {
                let requested = TrailSettings::requested(body);
                if !requested.is_pointed(record) {
                    return None;
                }
                requested.narrowed_unknown()
            }
        };
        if narrowings.is_empty() {
            return None;
        }
        let settings: Vec<&str> = narrowings
            .iter()
            .map(|narrowing| narrowing.setting)
            .collect();
        let name = trail.rsplit('/').next().unwrap_or(&trail).to_owned();
        let title = format!("{name} was narrowed: {}", settings.join(", "));
        let mut hit = Hit::of(record, Severity::High, title).class(&*trail);
        hit.evidence.extend(narrowings.iter().map(evidence));
        if record.outcome.is_success() {
            let (trail, region) = (
                argument(&trail, "trail"),
                argument(&record.region, "region"),
            );
            let look = if is_store {
                format!(
                    "Look at the event data store, and put it back: aws cloudtrail get-event-data-store --event-data-store {trail} --region {region}, then update-event-data-store"
                )
            } else {
                format!(
                    "Look at the trail, and put it back: aws cloudtrail get-trail --name {trail} --region {region}, then update-trail"
                )
            };
            hit = hit.next(look).next(OTHER_TRAILS);
        }
        let hit = hit.next(events_of_principal(record, 24));
        Some(hit.lower_if_refused(record, light))
    }
}

/// A lifecycle that soon removes the files of a trail, which was seen to deliver to the bucket.
fn expiring(record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
    if record.operation.name() != "PutBucketLifecycle" {
        return None;
    }
    let request = &record.body()["requestParameters"];
    let bucket = request["bucketName"].as_str().map(cut)?;
    let trail = light.past.services.trail_of_bucket(bucket)?;
    if !expires_soon(&request["LifecycleConfiguration"]["Rule"], record.time) {
        return None;
    }
    let name = trail.rsplit('/').next().unwrap_or(trail);
    let title = format!("{name} was narrowed: its files are soon removed");
    let text = format!(
        "A lifecycle rule of bucket {bucket} removes files within {SOON_DAYS} days; the trail delivers there"
    );
    let mut hit = Hit::of(record, Severity::High, title)
        .key(None)
        .class(format!("{trail} lifecycle"))
        .because(Evidence::new("bucket_lifecycle", text).observed(bucket));
    if record.outcome.is_success() {
        hit = hit
            .next(format!(
                "Look at the rules, and take them away before they run: aws s3api get-bucket-lifecycle-configuration --bucket {0}, then delete-bucket-lifecycle --bucket {0}",
                argument(bucket, "bucket")
            ))
            .next("Copy the files that are still there.");
    }
    let hit = hit.next(events_of_principal(record, 24));
    Some(hit.lower_if_refused(record, light))
}

fn evidence(narrowing: &Narrowing) -> Evidence {
    let Narrowing {
        setting,
        meaning,
        before,
        after,
    } = narrowing;
    let after = cut(after);
    let feature = setting.to_lowercase().replace([' ', '-'], "_");
    let evidence = match before {
        Some(before) => Evidence::new(
            &feature,
            format!("{setting}: {} before, {after} now; {meaning}", cut(before)),
        )
        .expected(cut(before)),
        None => Evidence::new(
            &feature,
            format!(
                "{setting}: {after} now; {meaning}. What it was before is in no record read so far; the request does not send every setting, as the console does"
            ),
        ),
    };
    evidence.observed(after)
}

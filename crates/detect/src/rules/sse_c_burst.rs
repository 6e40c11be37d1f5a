//! `sse-c-burst`: objects are written under keys that the caller brings along and keeps.

use keytrail_event::Record;
use keytrail_event::time::DAY_SECONDS;

use super::foreign_key_object::bucket;
use super::foreign_keys::{names_customer_key, writes_object};
use super::support::{argument, cut, duration, events_of_principal, is_made_or_refused};
use super::{About, BURST_SECONDS, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct SseCBurst;

/// Days after which writing to a bucket with keys of one's own is a principal's habit.
pub const CUSTOMER_KEYS_KNOWN_DAYS: i64 = 7;

const ABOUT: About = About {
    id: "sse-c-burst",
    title: "Objects are written under keys that the caller brings along",
    severities: &[Severity::Medium, Severity::High],
    attack: &[("TA0040", "T1486", "T1486")],
    practice: "data is encrypted under keys of its owner",
    side: Side::Owner,
    fires_when: "A principal writes to a bucket with a customer-provided key (SSE-C) for the first time, or, within seven days of that, at least rules.sse_c_burst_calls times in ten minutes. A refused call fires one severity lower.",
    reads: &[
        "eventSource",
        "eventName",
        "eventTime",
        "errorCode",
        "recipientAccountId",
        "requestParameters.bucketName",
        "requestParameters.x-amz-server-side-encryption-customer-algorithm",
        "responseElements.x-amz-server-side-encryption-customer-algorithm",
        "userIdentity",
    ],
};

impl Rule for SseCBurst {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn selects(&self, record: &Record<'_>) -> bool {
        writes_object(record) && names_customer_key(record)
    }

    fn aspect(&self, record: &Record<'_>) -> String {
        bucket(record.body()).to_owned()
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        if !brings_key(record) {
            return None;
        }
        let body = record.body();
        let bucket = cut(bucket(body));
        let first = light
            .past
            .services
            .first_customer_key(record.principal(), bucket)
            .filter(|first| *first < record.time);
        let age = first.map(|first| record.time.seconds_since(first));
        let burst_calls_min = light.configuration.rules.sse_c_burst_calls;
        let is_burst = light.burst_calls >= burst_calls_min;
        let is_known = |age| age >= CUSTOMER_KEYS_KNOWN_DAYS * DAY_SECONDS;
        if age.is_some_and(|age| is_known(age) || !is_burst) {
            return None;
        }
        let title = format!("Objects of {bucket} are written under the caller's own keys");
        let history = match age {
            None => "the principal was not seen to do so before".to_owned(),
            Some(age) => format!("the principal began to do so {} before", duration(age)),
        };
        let mut hit = Hit::of(record, Severity::High, title)
            .key(None)
            .class(bucket)
            .because(
                Evidence::new(
                    "customer_keys",
                    format!("S3 forgets a customer-provided key once the object is written: only the caller can read it. In {bucket} {history}"),
                )
                .observed(cut(record.operation.name())),
            );
        if light.count > 1 {
            let text = format!(
                "{} such writes within the hour, {} within {} minutes",
                light.count,
                light.burst_calls,
                BURST_SECONDS / 60
            );
            hit = hit.because(
                Evidence::new("calls", text)
                    .observed(light.burst_calls)
                    .expected(format!("fewer than {burst_calls_min}")),
            );
        }
        if record.outcome.is_success() {
            hit = hit
                .next(format!(
                    "Keep the old versions of the objects: aws s3api list-object-versions --bucket {}; see that no lifecycle rule removes them",
                    argument(bucket, "bucket")
                ))
                .next("If nobody needs customer-provided keys, deny them: a bucket policy on s3:x-amz-server-side-encryption-customer-algorithm.");
        }
        let hit = hit.next(events_of_principal(record, 24));
        Some(hit.lower_if_refused(record, light))
    }
}

/// Whether the call writes an object under a key that the caller brings along.
pub fn brings_key(record: &Record<'_>) -> bool {
    writes_object(record) && is_made_or_refused(record) && names_customer_key(record)
}

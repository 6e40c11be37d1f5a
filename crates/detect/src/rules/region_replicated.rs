//! `region-replicated`: a multi-Region key was copied into another Region.

use keytrail_event::time::DAY_SECONDS;
use keytrail_event::{KeyName, Record};

use super::caller::{is_by_cloudformation, is_of_new_key};
use super::support::{
    argument, cut, events_of_key, is_owners_call, is_refused_at_owner, key_in_title, key_of, listed,
};
use super::{About, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct RegionReplicated;

const OPERATION: &str = "ReplicateKey";

const ABOUT: About = About {
    id: "region-replicated",
    title: "A key was replicated into another Region",
    severities: &[Severity::Low, Severity::Medium, Severity::High],
    attack: &[("TA0010", "T1537", "T1537")],
    practice: "keys stay in the Regions that were chosen for them",
    side: Side::Owner,
    fires_when: "ReplicateKey succeeds: high when organisation.allowed_regions is set and does not hold the replica's Region. Into other Regions it is low when CloudFormation does it, silent when the key is then less than a day old, or when the caller created the key within the hour before. A refused call fires one severity lower.",
    reads: &[
        "eventName",
        "eventTime",
        "errorCode",
        "recipientAccountId",
        "requestParameters.keyId",
        "requestParameters.replicaRegion",
        "responseElements.replicaKeyMetadata.arn",
        "resources[].ARN",
        "userIdentity",
        "userIdentity.invokedBy",
        "sourceIPAddress",
    ],
};

impl Rule for RegionReplicated {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn selects(&self, record: &Record<'_>) -> bool {
        is_refused_at_owner(record, OPERATION)
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        if !is_owners_call(record, OPERATION) {
            return None;
        }
        let key = key_of(record, light);
        let replica = replica_region(record);
        let allowed = &light.configuration.organisation.allowed_regions;
        let is_outside = replica
            .as_ref()
            .is_some_and(|region| !allowed.is_empty() && !allowed.contains(region));
        let is_by_stack = is_by_cloudformation(record);
        let is_deploy =
            (is_by_stack && is_young(record, key, light)) || is_of_new_key(record, key, light.past);
        if !is_outside && is_deploy {
            return None;
        }
        let severity = match (is_outside, is_by_stack) {
            (true, _) => Severity::High,
            (false, true) => Severity::Low,
            (false, false) => Severity::Medium,
        };
        let region = replica
            .as_deref()
            .map_or("a Region that the record does not name", cut);
        let title = format!("{} was replicated into {region}", key_in_title(key));
        let mut reason = Evidence::new(
            "replica_region",
            where_to(region, is_outside, allowed.is_empty()),
        )
        .observed(region);
        if !allowed.is_empty() {
            reason = reason.expected(listed(allowed.iter().map(String::as_str)));
        }
        let mut hit = Hit::of(record, severity, title)
            .key(key)
            .class(region)
            .because(reason)
            .because(Evidence::new(
                "replica",
                "The replica decrypts whatever its primary encrypts, under a key policy, grants and a trail of its own",
            ));
        if is_by_stack {
            hit = hit.because(Evidence::new(
                "service_path",
                "CloudFormation called: somebody added the replica to a stack",
            ));
        }
        if record.outcome.is_success()
            && let (Some(key), Some(region)) = (key, &replica)
        {
            let id = key.rsplit('/').next().unwrap_or(key);
            hit = hit
                .next(format!(
                    "See who may use the replica: aws kms get-key-policy --policy-name default --key-id {} --region {}",
                    argument(id, "key"),
                    argument(region, "region")
                ))
                .next(format!(
                    "If nobody planned this: aws kms schedule-key-deletion --key-id {} --region {}. The primary stays.",
                    argument(id, "key"),
                    argument(region, "region")
                ))
                .next(format!(
                    "See whether a trail records KMS in {}, and read what the replica was used for there.",
                    argument(region, "region")
                ));
        }
        let hit = hit.next(events_of_key(key, record, 24));
        Some(hit.lower_if_refused(record, light))
    }
}

/// Whether the key was seen to be created in the day before: stacks of several Regions are made one after another.
fn is_young(record: &Record<'_>, key: Option<&str>, light: &Light<'_>) -> bool {
    let created = key.and_then(|key| light.past.key(key)?.created);
    let age = created.map(|created| record.time.seconds_since(created));
    age.is_some_and(|age| (0..=DAY_SECONDS).contains(&age))
}

/// The replica's Region, as the request or the answer names it.
pub fn replica_region(record: &Record<'_>) -> Option<String> {
    let body = record.body();
    let requested = body["requestParameters"]["replicaRegion"].as_str();
    let answered = || {
        let arn = body["responseElements"]["replicaKeyMetadata"]["arn"].as_str()?;
        Some(KeyName::from_key_arn(arn)?.region().to_owned())
    };
    requested
        .map(|region| cut(region).to_owned())
        .or_else(answered)
}

fn where_to(region: &str, is_outside: bool, none_configured: bool) -> String {
    match (is_outside, none_configured) {
        (true, _) => format!("{region} is none of organisation.allowed_regions"),
        (false, true) => {
            format!("The replica is in {region}; organisation.allowed_regions is not set")
        }
        (false, false) => format!("The replica is in {region}"),
    }
}

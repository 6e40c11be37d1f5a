//! `primary-moved`: the primary of a multi-Region key moved, or KMS keeps a replica in step that nobody was seen to make.

use keytrail_event::Record;

use super::support::{
    argument, cut, events_of_key, is_made_or_refused, is_owners_copy, is_refused_at_owner,
    key_argument, key_in_title, key_of,
};
use super::{About, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct PrimaryMoved;

const MOVES: &str = "UpdatePrimaryRegion";
const SYNCHRONIZES: &str = "SynchronizeMultiRegionKey";

const ABOUT: About = About {
    id: "primary-moved",
    title: "The primary of a multi-Region key moved, or has a replica that nobody was seen to make",
    severities: &[Severity::Low, Severity::Medium],
    attack: &[("TA0010", "T1537", "T1537")],
    practice: "keys stay in the Regions that were chosen for them",
    side: Side::Owner,
    fires_when: "UpdatePrimaryRegion succeeds. SynchronizeMultiRegionKey on a key whose creation was seen, while no replica of it was. A refused UpdatePrimaryRegion fires one severity lower.",
    reads: &[
        "eventName",
        "eventTime",
        "errorCode",
        "recipientAccountId",
        "awsRegion",
        "requestParameters.keyId",
        "requestParameters.primaryRegion",
        "resources[].ARN",
        "userIdentity",
    ],
};

impl Rule for PrimaryMoved {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn selects(&self, record: &Record<'_>) -> bool {
        is_refused_at_owner(record, MOVES)
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        if !is_owners_copy(record) || !is_made_or_refused(record) {
            return None;
        }
        match record.operation.name() {
            MOVES => Some(moved(record, light)),
            SYNCHRONIZES if record.outcome.is_success() => synchronized(record, light),
            _ => None,
        }
    }
}

fn moved(record: &Record<'_>, light: &Light<'_>) -> Hit {
    let body = record.body();
    let region = body["requestParameters"]["primaryRegion"].as_str().map(cut);
    let key = key_of(record, light);
    // KMS writes the call in both Regions; under the ARN in the new one they are one finding.
    let at_home =
        key.map(|key| region.map_or_else(|| key.to_owned(), |region| in_region(key, region)));
    let home = region.unwrap_or("a Region that the record does not name");
    let title = format!("The primary of {} moved to {home}", key_in_title(key));
    let mut hit = Hit::of(record, Severity::Medium, title)
        .key(at_home.as_deref())
        .because(
            Evidence::new(
                "primary_region",
                format!("{home} is to hold the primary, which alone can be replicated and whose rotation and material count for all replicas"),
            )
            .observed(home),
        );
    if record.outcome.is_success()
        && let (Some(key), Some(region)) = (at_home.as_deref(), region)
    {
        hit = hit.next(format!(
            "See where the primary and its replicas are: aws kms describe-key --key-id {}",
            key_argument(key)
        ));
        let id = key.rsplit('/').next().unwrap_or(key);
        hit = hit.next(format!(
            "If nobody planned this, move it back: aws kms update-primary-region --key-id {} --primary-region <region> --region {}",
            argument(id, "key"),
            argument(region, "region")
        ));
    }
    hit.next(events_of_key(key, record, 24))
        .lower_if_refused(record, light)
}

fn synchronized(record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
    let key = key_of(record, light)?;
    // Of a key that is older than what was read, replicas may be as old.
    let created = light.past.key(key)?.created?;
    if light.past.has_replica(key) {
        return None;
    }
    let title = format!(
        "{} has a replica that nobody was seen to make",
        key_in_title(Some(key))
    );
    let hit = Hit::of(record, Severity::Medium, title)
        .key(Some(key))
        .class("unseen-replica")
        .because(
            Evidence::new(
                "replicas",
                format!("KMS keeps replicas of the key in step, yet no ReplicateKey was seen since the key was created at {created}"),
            )
            .observed("at least 1")
            .expected("0"),
        )
        .next(format!(
            "See where the replicas are: aws kms describe-key --key-id {}",
            key_argument(key)
        ))
        .next("Find out why the trail does not show ReplicateKey: a Region without a trail, selectors that leave KMS out, or missing files.");
    Some(hit.next(events_of_key(Some(key), record, 24)))
}

/// The ARN of a multi-Region key in another Region.
fn in_region(arn: &str, region: &str) -> String {
    let mut parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts.get_mut(3) {
        Some(place) if arn.starts_with("arn:") => *place = region,
        _ => {}
    }
    parts.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_in_another_region() {
        let arn = "arn:aws:kms:us-west-2:111122223333:key/mrk-1";
        let moved = "arn:aws:kms:eu-west-1:111122223333:key/mrk-1";
        assert_eq!(in_region(arn, "eu-west-1"), moved);
        assert_eq!(in_region("alias:1:r:x", "eu-west-1"), "alias:1:r:x");
        assert_eq!(in_region("", "eu-west-1"), "");
    }
}

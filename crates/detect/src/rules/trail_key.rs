//! Whether CloudTrail encrypts its logs with a key: whoever takes the key away ends the trail's deliveries.

use keytrail_event::EventTime;
use keytrail_event::selection::CLOUDTRAIL;
use keytrail_event::time::HOUR_SECONDS;

use super::Light;
use super::day::KeyUse;
use crate::finding::Evidence;

/// Hours before, within which CloudTrail used the key that still encrypts its logs. It does so every few minutes.
const TRAIL_HOURS: i64 = 6;

/// CloudTrail's use of the key in the hours before.
pub fn use_by_trail(key: &str, at: EventTime, light: &Light<'_>) -> Option<KeyUse> {
    let is_trail = |principal: &str| principal == CLOUDTRAIL;
    let span = (at.plus_seconds(-TRAIL_HOURS * HOUR_SECONDS), at);
    light.uses.first_use_by(key, &is_trail, span, light.past)
}

/// When CloudTrail last used the key, as evidence.
pub fn use_evidence(used: &KeyUse) -> Evidence {
    let last = format!("CloudTrail used the key at {}", used.last);
    Evidence::new("last_use", last).observed(used.last)
}

//! `rotation-burst`: a key is rotated on demand again and again.

use keytrail_event::time::DAY_SECONDS;

use super::day::{DayHit, DayLight};
use super::key_changes::{KeyChange, new_spells};
use super::support::{argument, key_argument, key_in_title, listed};
use super::{About, Hit, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct RotationBurst;

const OPERATION: &str = "RotateKeyOnDemand";

const ABOUT: About = About {
    id: "rotation-burst",
    title: "A key was rotated on demand again and again",
    severities: &[Severity::Low],
    attack: &[("TA0005", "T1600", "T1600")],
    practice: "keys rotate on a schedule that nobody uses up",
    side: Side::Owner,
    fires_when: "RotateKeyOnDemand succeeds more than twice (rules.rotations_a_day) within 24 hours on one key, whoever calls. KMS allows a limited number in a key's life. Rotations by AWS (RotateKey) do not count.",
    reads: &[
        "eventName",
        "eventTime",
        "eventID",
        "errorCode",
        "recipientAccountId",
        "awsRegion",
        "requestParameters.keyId",
        "resources[].ARN",
        "userIdentity",
    ],
};

impl Rule for RotationBurst {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn judge_day(&self, light: &DayLight<'_>) -> Vec<DayHit> {
        let of_key = light.past.changes.grouped(
            |change| change.is_made && change.operation == OPERATION,
            |change| &change.key,
        );
        let usual = light.configuration.rules.rotations_a_day;
        let is_burst = |window: &[&KeyChange]| window.len() as u64 > usual;
        new_spells(of_key, DAY_SECONDS, is_burst, light)
            .into_iter()
            .filter_map(|(key, spell)| DayHit::over_changes(hit(key, &spell, usual), &spell, light))
            .collect()
    }
}

fn hit(key: &str, spell: &[&KeyChange], usual: u64) -> Hit {
    let title = format!(
        "{} was rotated on demand {} times",
        key_in_title(Some(key)),
        spell.len()
    );
    let mut callers: Vec<&str> = spell.iter().map(|change| &*change.principal).collect();
    callers.sort_unstable();
    callers.dedup();
    let (first, last) = (spell[0].at, spell[spell.len() - 1].at);
    let text = format!(
        "{} rotations between {first} and {last} by {}; a key has a limited number of them in its life",
        spell.len(),
        listed(callers)
    );
    Hit::about(None, Some(key), Severity::Low, title)
        .because(
            Evidence::new("rotations", text)
                .observed(spell.len())
                .expected(usual),
        )
        .next(format!(
            "See how many are left: aws kms list-key-rotations --key-id {}",
            key_argument(key)
        ))
        .next(format!(
            "Read what happened around it: keytrail events ARCHIVE --key {} --since {}",
            argument(key, "key"),
            first.plus_seconds(-DAY_SECONDS)
        ))
}

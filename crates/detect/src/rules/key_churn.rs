//! `key-churn`: a key is taken away and given back, again and again.

use keytrail_event::time::DAY_SECONDS;

use super::day::{DayHit, DayLight};
use super::key_changes::{KeyChange, new_spells};
use super::support::{argument, cut, key_in_title};
use super::{About, Hit, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct KeyChurn;

/// What takes a key away, and what gives it back.
const LOOPS: [(&str, &str); 2] = [
    ("DisableKey", "EnableKey"),
    ("ScheduleKeyDeletion", "CancelKeyDeletion"),
];
/// Loops that evidence spells out.
const SHOWN_MAX: usize = 5;

const ABOUT: About = About {
    id: "key-churn",
    title: "A key was taken away and given back repeatedly",
    severities: &[Severity::Medium],
    attack: &[("TA0040", "T1485", "T1485")],
    practice: "no key is taken away while data depends on it",
    side: Side::Owner,
    fires_when: "Within 24 hours a key goes at least twice (rules.churn_loops) through DisableKey then EnableKey, or ScheduleKeyDeletion then CancelKeyDeletion, whoever calls. Refused calls do not count.",
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

impl Rule for KeyChurn {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn judge_day(&self, light: &DayLight<'_>) -> Vec<DayHit> {
        let of_key = light.past.changes.grouped(
            |change| {
                let is_half =
                    |(away, back): &(&str, &str)| [*away, *back].contains(&&*change.operation);
                change.is_made && LOOPS.iter().any(is_half)
            },
            |change| &change.key,
        );
        let enough = light.configuration.rules.churn_loops.max(1);
        let is_churn = |window: &[&KeyChange]| loops(window).len() as u64 >= enough;
        new_spells(of_key, DAY_SECONDS, is_churn, light)
            .into_iter()
            .filter_map(|(key, spell)| DayHit::over_changes(hit(key, &spell), &spell, light))
            .collect()
    }
}

/// The loops in a list of one key's changes, each as what took the key away and what gave it back.
fn loops<'c>(changes: &[&'c KeyChange]) -> Vec<(&'c KeyChange, &'c KeyChange)> {
    let mut found = Vec::new();
    for (away, back) in LOOPS {
        let mut taken: Option<&KeyChange> = None;
        for change in changes {
            if change.operation == away {
                taken.get_or_insert(change);
            } else if change.operation == back
                && let Some(taken) = taken.take()
            {
                found.push((taken, *change));
            }
        }
    }
    found
}

fn hit(key: &str, spell: &[&KeyChange]) -> Hit {
    let loops = loops(spell);
    let title = format!(
        "{} was taken away and given back {} times",
        key_in_title(Some(key)),
        loops.len()
    );
    let mut hit = Hit::about(None, Some(key), Severity::Medium, title);
    for (away, back) in loops.iter().take(SHOWN_MAX) {
        let text = format!(
            "{} by {} at {}, {} by {} at {}",
            away.operation,
            cut(&away.principal),
            away.at,
            back.operation,
            cut(&back.principal),
            back.at
        );
        hit = hit.because(Evidence::new("loop", text).observed(&away.operation));
    }
    hit.next("Ask both callers: a test of what depends on the key is one loop. Several are a quarrel, a broken automation, or somebody who practises.")
        .next(format!(
            "See what failed in between: keytrail events ARCHIVE --key {} --outcome failed --since {}",
            argument(key, "key"),
            spell[0].at
        ))
}

//! `grant-sprawl`: a key has far more open grants than it ever had, or than anybody oversees.

use super::day::{DayHit, DayLight};
use super::grant_ledger::{GrantDay, KeyGrants};
use super::support::{argument, key_argument, key_in_title};
use super::{About, Hit, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct GrantSprawl;

/// Days of a key's grants that must be known before its own history is a measure.
const HISTORY_DAYS_MIN: i64 = 7;

const ABOUT: About = About {
    id: "grant-sprawl",
    title: "A key has far more open grants than before",
    severities: &[Severity::Medium],
    attack: &[("TA0003", "T1098", "T1098")],
    practice: "a grant allows one thing for one purpose",
    side: Side::Owner,
    fires_when: "The open grants of a key (made, and neither retired nor revoked, as far as records tell) exceed on one day 10,000 (rules.grants_open_limit) for the first time in the days remembered, or are at least 100 (rules.grants_open_floor) and 4 times (rules.grants_times_peak) the most that were open on any day before, once the key's grants are known for 7 days. The new level is then the key's own.",
    reads: &[
        "eventName",
        "eventTime",
        "eventID",
        "errorCode",
        "recipientAccountId",
        "responseElements.grantId",
        "requestParameters.grantId",
        "additionalEventData.grantId",
        "resources[].ARN",
    ],
};

impl Rule for GrantSprawl {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn judge_day(&self, light: &DayLight<'_>) -> Vec<DayHit> {
        let keys = light.past.grants.keys();
        let hits = keys.filter_map(|(key, grants)| {
            let of = grants.day(light.day)?;
            let hit = judge_key(key, grants, of, light)?;
            let ends = [&of.first, &of.last];
            let events = ends.map(|(at, id)| (*at, id.as_str(), true));
            let mut found = DayHit::over(hit, None, events)?;
            (found.count, found.new) = (of.made, of.made);
            Some(found)
        });
        hits.collect()
    }
}

fn judge_key(key: &str, grants: &KeyGrants, of: &GrantDay, light: &DayLight<'_>) -> Option<Hit> {
    let rules = &light.configuration.rules;
    let before = grants.peak_before(light.day);
    let known_days = grants.known_since.map_or(0, |since| {
        light.day.days_since_1970() - since.days_since_1970()
    });
    let exceeds_limit = of.peak > rules.grants_open_limit && before <= rules.grants_open_limit;
    let exceeds_history = known_days >= HISTORY_DAYS_MIN
        && of.peak >= rules.grants_open_floor
        && of.peak as f64 >= rules.grants_times_peak * before.max(1) as f64;
    let (class, expected) = match (exceeds_limit, exceeds_history) {
        (true, _) => ("limit", format!("at most {}", rules.grants_open_limit)),
        (false, true) => (
            "history",
            format!("at most {before}, as on any day remembered"),
        ),
        (false, false) => return None,
    };
    let title = format!("{} open grants on {}", of.peak, key_in_title(Some(key)));
    let text = format!(
        "{} grants were open at once, {} of them made on this day; on the days before at most {before}",
        of.peak, of.made
    );
    Some(
        Hit::about(None, Some(key), Severity::Medium, title)
            .class(class)
            .because(
                Evidence::new("open_grants", text)
                    .observed(of.peak)
                    .expected(expected),
            )
            .next(format!(
                "See who has them: aws kms list-grants --key-id {}",
                key_argument(key)
            ))
            .next(format!(
                "See who makes them: keytrail events ARCHIVE --key {} --operation CreateGrant --since {}",
                argument(key, "key"),
                of.first.0
            )),
    )
}

//! `log-silence`: a Region that always has KMS records has none for far longer than ever.

use keytrail_event::EventTime;
use keytrail_event::time::{DAY_SECONDS, HOUR_SECONDS};

use super::customs::{RegionCustoms, silences};
use super::day::{DayHit, DayLight};
use super::gathered::RegionDay;
use super::support::{OTHER_TRAILS, argument, cut, duration};
use super::{About, Hit, Rule, Side};
use crate::bounds::CLOSE_LAG_SECONDS;
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct LogSilence;

/// Days in a row with records after which a Region "always" has some.
const ALWAYS_DAYS: usize = 14;
/// Seconds of silence below which nothing is said.
const SILENCE_SECONDS_MIN: i64 = 6 * HOUR_SECONDS;
/// How many times its longest silence so far a Region must be silent.
const TIMES_LONGEST: i64 = 4;
/// Days after which a Region that stays silent is no longer told of: it was given up, or everybody knows.
const TOLD_DAYS: i64 = 7;

const ABOUT: About = About {
    id: "log-silence",
    title: "A Region that always has KMS records has none",
    severities: &[Severity::High],
    attack: &[("TA0005", "T1562.008", "T1685.002")],
    practice: "an audit trail for compliance",
    side: Side::Owner,
    fires_when: "An account's Region that had KMS records on each of the last 14 days has none for at least six hours and four times its longest silence of the last 28 days. It is told by the next records, of this or another Region.",
    reads: &[
        "eventTime",
        "eventSource",
        "awsRegion",
        "recipientAccountId",
    ],
};

impl Rule for LogSilence {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn judge_day(&self, light: &DayLight<'_>) -> Vec<DayHit> {
        let hits = light
            .customs
            .regions()
            .filter_map(|(region, customs)| judge_region(light, region, customs));
        hits.collect()
    }
}

fn judge_region(light: &DayLight<'_>, region: &str, customs: &RegionCustoms) -> Option<DayHit> {
    let longest = longest_silence(customs)?;
    let enough = SILENCE_SECONDS_MIN.max(TIMES_LONGEST * longest);
    let none = RegionDay::default();
    let today = light.gathered.regions.get(region).unwrap_or(&none);
    let between = silences(customs.last, today);
    let last = today
        .hours
        .values()
        .map(|(_, last)| *last)
        .max()
        .max(customs.last)?;
    // Of a day that has not ended, files may still be on their way.
    let until = if light.until < light.day.end() {
        light.until.plus_seconds(-CLOSE_LAG_SECONDS)
    } else {
        light.until
    };
    let is_told =
        |from: EventTime| light.day.start().seconds_since(from) <= TOLD_DAYS * DAY_SECONDS;
    let silence = between
        .chain([(last, until)])
        .filter(|(from, to)| to.seconds_since(*from) >= enough && is_told(*from))
        .max_by_key(|(from, to)| to.seconds_since(*from))?;
    let (from, to) = silence;
    let goes_on = to == until && from == last;
    let region = cut(region);
    let length = duration(to.seconds_since(from));
    let title = if goes_on {
        format!("No KMS record in {region} for {length}")
    } else {
        format!("No KMS record in {region} for {length}, then they resumed")
    };
    let hit = Hit::about(None, None, Severity::High, title)
        .class(region)
        .because(
            Evidence::new(
                "silence",
                format!(
                    "Silent from {from} to {to}; in the {} days before, none of which was without records, the longest silence was {}",
                    customs.days.len(),
                    duration(longest)
                ),
            )
            .observed(length)
            .expected(format!("less than {}", duration(enough))),
        )
        .next(format!(
            "See whether the trail records and delivers: aws cloudtrail get-trail-status --name <trail> --region {}, then get-event-selectors",
            argument(region, "region")
        ))
        .next("See whether files are missing here: compare the archive with the bucket, and verify the digests.")
        .next(OTHER_TRAILS);
    Some(DayHit {
        hit,
        region: Some(region.to_owned()),
        first_seen: from,
        last_seen: to,
        count: 1,
        // A silence that goes on is one silence.
        new: u64::from(from >= light.day.start()),
        event_ids: Vec::new(),
        is_told_once: false,
        tells: Vec::new(),
    })
}

/// The longest silence of a Region that had records on each of the last days.
fn longest_silence(customs: &RegionCustoms) -> Option<i64> {
    let before = customs.days.len().checked_sub(ALWAYS_DAYS)?;
    let (first, last) = (customs.days.get(before)?.0, customs.days.back()?.0);
    let days_between = last.start().seconds_since(first.start()) / DAY_SECONDS;
    if days_between as usize >= ALWAYS_DAYS {
        return None;
    }
    customs.days.iter().map(|(_, silence)| *silence).max()
}

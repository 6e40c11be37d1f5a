//! Times on the command line: RFC 3339, a date, or a span before now.

use std::str::FromStr;

use keytrail_event::time::{DAY_SECONDS, HOUR_SECONDS};
use keytrail_event::{Day, EventTime};

use crate::failure::UsageError;

/// A time as the user wrote it; [`TimeArgument::resolve`] makes a moment of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeArgument {
    /// A moment, or a date's first second (UTC).
    At(EventTime),
    /// That many seconds before now.
    Before(i64),
}

/// Longest span before now, in seconds: a hundred years.
const SPAN_SECONDS_MAX: i64 = 36_525 * DAY_SECONDS;

impl TimeArgument {
    /// The moment meant, given what "now" is.
    pub fn resolve(self, now: EventTime) -> EventTime {
        match self {
            Self::At(time) => time,
            Self::Before(seconds) => now.plus_seconds(-seconds),
        }
    }
}

/// Why a text is no time.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a time; write RFC 3339 (2024-01-31T10:00:00Z), a date (2024-01-31, UTC) or a span before now (7d, 12h, 30m, 2w)"
)]
pub struct NotATime;

impl FromStr for TimeArgument {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        if let Some(span) = parse_span(text) {
            return Ok(Self::Before(span));
        }
        if let Some(day) = Day::parse(text) {
            return Ok(Self::At(day.start()));
        }
        // A time of day without an offset is refused: a user may mean the clock on the wall.
        text.parse::<jiff::Timestamp>().map_err(|_| NotATime)?;
        EventTime::parse(text).map(Self::At).ok_or(NotATime)
    }
}

/// `7d` and its kin, in seconds.
fn parse_span(text: &str) -> Option<i64> {
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => HOUR_SECONDS,
        'd' => DAY_SECONDS,
        'w' => 7 * DAY_SECONDS,
        _ => return None,
    };
    let digits = &text[..text.len() - 1];
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = digits.parse::<i64>().ok()?.checked_mul(unit)?;
    (seconds <= SPAN_SECONDS_MAX).then_some(seconds)
}

/// The span of time to keep: from `since` on, up to but not including `until`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeSpan {
    /// First moment kept.
    pub since: Option<EventTime>,
    /// First moment not kept.
    pub until: Option<EventTime>,
}

impl TimeSpan {
    /// The span of the two arguments.
    ///
    /// # Errors
    /// When it could hold nothing.
    pub fn resolve(
        since: Option<TimeArgument>,
        until: Option<TimeArgument>,
        now: EventTime,
    ) -> Result<Self, UsageError> {
        Self::of(["--since", "--until"], since, until, now)
    }

    /// The span of two arguments with other names.
    ///
    /// # Errors
    /// When it could hold nothing.
    pub fn of(
        [first, last]: [&str; 2],
        since: Option<TimeArgument>,
        until: Option<TimeArgument>,
        now: EventTime,
    ) -> Result<Self, UsageError> {
        let span = Self {
            since: since.map(|time| time.resolve(now)),
            until: until.map(|time| time.resolve(now)),
        };
        match span {
            Self {
                since: Some(since),
                until: Some(until),
            } if since >= until => Err(UsageError::new(format_args!(
                "{first} {since} is not before {last} {until}: no record could match"
            ))
            .hint(format_args!(
                "{first} is the first moment kept, {last} the first one not kept; both are UTC"
            ))),
            span => Ok(span),
        }
    }

    /// Whether the moment lies in the span.
    pub fn contains(&self, time: EventTime) -> bool {
        self.overlaps(time, time)
    }

    /// Whether any of the time from `first` to `last` lies in the span.
    pub fn overlaps(&self, first: EventTime, last: EventTime) -> bool {
        self.since.is_none_or(|since| since <= last) && self.until.is_none_or(|until| first < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000;

    fn check(text: &str, expected: Option<&str>) {
        let now = EventTime::from_unix_seconds(NOW);
        let time = text.parse::<TimeArgument>().ok();
        let time = time.map(|time| time.resolve(now).to_string());
        assert_eq!(time.as_deref(), expected, "{text}");
    }

    #[test]
    fn times_as_users_write_them() {
        check("2024-01-31T10:00:00Z", Some("2024-01-31T10:00:00Z"));
        check("2024-01-31T10:00:00+02:00", Some("2024-01-31T08:00:00Z"));
        check("2024-01-31", Some("2024-01-31T00:00:00Z"));
        check("7d", Some("2023-11-07T22:13:20Z"));
        check("12h", Some("2023-11-14T10:13:20Z"));
        check("0s", Some("2023-11-14T22:13:20Z"));
        check("2w", Some("2023-10-31T22:13:20Z"));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "d",
            "-7d",
            "7",
            "7 d",
            "7x",
            "٣d",
            "7é",
            "é",
            "yesterday",
            "2024-02-30",
            "2024-1-1",
            "2024-01-31T10:00:00",
            "99999999999999999999d",
            "9223372036854775807w",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn a_span_that_holds_nothing_is_refused() {
        let at = |text: &str| text.parse::<TimeArgument>().ok();
        let now = EventTime::from_unix_seconds(NOW);
        assert!(TimeSpan::resolve(at("1d"), at("2d"), now).is_err());
        assert!(TimeSpan::resolve(at("1d"), at("1d"), now).is_err());
        let span = TimeSpan::resolve(at("2d"), at("1d"), now).unwrap();
        assert!(span.contains(now.plus_seconds(-2 * DAY_SECONDS)));
        assert!(!span.contains(now.plus_seconds(-DAY_SECONDS)));
        assert!(TimeSpan::default().contains(now));
    }
}

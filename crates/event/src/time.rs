//! Times as CloudTrail writes them: whole seconds, UTC.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Seconds in an hour.
pub const HOUR_SECONDS: i64 = 3_600;
/// Seconds in a UTC day.
pub const DAY_SECONDS: i64 = 86_400;

/// A moment in whole seconds since 1970-01-01T00:00:00Z, between the years 0001 and 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventTime(i64);

/// First second of the year 1.
const SECONDS_MIN: i64 = -62_135_596_800;
/// Last second of the year 9999.
const SECONDS_MAX: i64 = 253_402_300_799;

impl EventTime {
    /// The moment that many seconds after 1970; what lies outside the years 1 to 9999 is moved to their edge.
    #[must_use]
    pub fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds.clamp(SECONDS_MIN, SECONDS_MAX))
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn unix_seconds(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339. CloudTrail's own `2023-07-10T11:42:18Z` takes a short way; fractions of a
    /// second are cut off, offsets are applied. What passed through a table has a space for the `T`
    /// and no offset (`2023-07-10 11:42:18.000`): that is UTC too.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        parse_cloudtrail(text.as_bytes()).or_else(|| {
            let timestamp = text.parse::<jiff::Timestamp>().ok();
            let nanoseconds = timestamp.or_else(|| parse_of_table(text))?.as_nanosecond();
            let seconds = nanoseconds.div_euclid(1_000_000_000).try_into().ok()?;
            (SECONDS_MIN..=SECONDS_MAX)
                .contains(&seconds)
                .then_some(Self(seconds))
        })
    }

    /// The moment `seconds` later (or earlier, when negative).
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self::from_unix_seconds(self.0.saturating_add(seconds))
    }

    /// Seconds from `earlier` to here; negative when it is later.
    #[must_use]
    pub const fn seconds_since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }

    /// The hour this moment lies in.
    #[must_use]
    pub const fn hour(self) -> Hour {
        Hour(self.0.div_euclid(HOUR_SECONDS))
    }

    /// The UTC day this moment lies in.
    #[must_use]
    pub const fn day(self) -> Day {
        Day(self.0.div_euclid(DAY_SECONDS))
    }
}

impl fmt::Display for EventTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.0.div_euclid(DAY_SECONDS));
        let second = self.0.rem_euclid(DAY_SECONDS);
        // Times are written by the million, and the machinery of formats takes its time.
        let mut text = *b"0000-00-00T00:00:00Z";
        let pairs = [
            (0, year / 100),
            (2, year % 100),
            (5, month),
            (8, day),
            (11, second / 3_600),
            (14, second / 60 % 60),
            (17, second % 60),
        ];
        for (at, number) in pairs {
            text[at] += (number / 10) as u8;
            text[at + 1] += (number % 10) as u8;
        }
        f.write_str(str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

/// Text where people read it, seconds since 1970 elsewhere.
impl Serialize for EventTime {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for EventTime {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return i64::deserialize(deserializer).map(Self::from_unix_seconds);
        }
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not an RFC 3339 time"))
    }
}

/// An hour of UTC: hours since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(i64);

impl Hour {
    /// The first moment of the hour.
    #[must_use]
    pub fn start(self) -> EventTime {
        EventTime::from_unix_seconds(self.0 * HOUR_SECONDS)
    }

    /// The first moment after the hour.
    #[must_use]
    pub fn end(self) -> EventTime {
        EventTime::from_unix_seconds((self.0 + 1) * HOUR_SECONDS)
    }

    /// The UTC day this hour lies in.
    #[must_use]
    pub const fn day(self) -> Day {
        Day(self.0.div_euclid(24))
    }

    /// The hour of the day, 0 to 23.
    #[must_use]
    pub const fn of_day(self) -> u8 {
        self.0.rem_euclid(24) as u8
    }
}

/// A UTC day: days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

impl Day {
    /// The day that many days after 1970-01-01.
    #[must_use]
    pub const fn from_days_since_1970(days: i64) -> Self {
        Self(days)
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub const fn days_since_1970(self) -> i64 {
        self.0
    }

    /// The first moment of the day.
    #[must_use]
    pub fn start(self) -> EventTime {
        EventTime::from_unix_seconds(self.0.saturating_mul(DAY_SECONDS))
    }

    /// The first moment after the day.
    #[must_use]
    pub fn end(self) -> EventTime {
        EventTime::from_unix_seconds(self.0.saturating_add(1).saturating_mul(DAY_SECONDS))
    }

    /// The day `days` later (or earlier, when negative).
    #[must_use]
    pub const fn plus_days(self, days: i64) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// Reads `2023-07-10`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return None;
        }
        let (year, month, day) = (
            number(&bytes[..4])?,
            number(&bytes[5..7])?,
            number(&bytes[8..])?,
        );
        days_from_civil(year, month, day).map(Self)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.0);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// Text where people read it, days since 1970 elsewhere.
impl Serialize for Day {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return i64::deserialize(deserializer).map(Self);
        }
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a day such as 2025-03-01"))
    }
}

/// Eight bytes of a time, and what may stand in them.
#[derive(Clone, Copy)]
struct TimeWord {
    from: usize,
    /// In each place, a zero for any digit, or what stands there.
    form: u64,
    /// What must be added to the greatest byte allowed in a place so that its highest bit stays
    /// clear, after the form is taken away: a digit's value is at most 9, and the others must not
    /// differ.
    room: u64,
}

impl TimeWord {
    const fn at(from: usize) -> Self {
        const FORM: &[u8; 20] = b"0000-00-00T00:00:00Z";
        let (mut form, mut room) = ([0; 8], [0; 8]);
        let mut at = 0;
        while at < 8 {
            form[at] = FORM[from + at];
            room[at] = if FORM[from + at] == b'0' { 0x76 } else { 0x7f };
            at += 1;
        }
        Self {
            from,
            form: u64::from_le_bytes(form),
            room: u64::from_le_bytes(room),
        }
    }
}

/// Exactly `YYYY-MM-DDTHH:MM:SSZ`.
#[inline]
fn parse_cloudtrail(text: &[u8]) -> Option<EventTime> {
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    // The last word overlaps the second.
    const WORDS: [TimeWord; 3] = [TimeWord::at(0), TimeWord::at(8), TimeWord::at(12)];
    let text: &[u8; 20] = text.try_into().ok()?;
    let mut wrong = 0;
    for word in WORDS {
        let bytes = text.get(word.from..)?.first_chunk()?;
        let value = u64::from_le_bytes(*bytes) ^ word.form;
        wrong |= ((value & !HIGH_BITS) + word.room) | value;
    }
    if wrong & HIGH_BITS != 0 {
        return None;
    }
    let two = |at: usize| i64::from(text[at] & 15) * 10 + i64::from(text[at + 1] & 15);
    let (hour, minute, second) = (two(11), two(14), two(17));
    if hour >= 24 || minute >= 60 || second >= 60 {
        return None;
    }
    let days = days_from_civil(two(0) * 100 + two(2), two(5), two(8))?;
    Some(EventTime(
        days * DAY_SECONDS + hour * 3_600 + minute * 60 + second,
    ))
}

/// A date and a time of day without offset.
fn parse_of_table(text: &str) -> Option<jiff::Timestamp> {
    let is_plain = |byte: u8| byte.is_ascii_digit() || b"-: T.".contains(&byte);
    if text.len() < 19 || !text.bytes().all(is_plain) {
        return None;
    }
    let time: jiff::civil::DateTime = text.parse().ok()?;
    jiff::tz::TimeZone::UTC.to_timestamp(time).ok()
}

/// Seconds into the day of two-digit hour, minute and second.
pub(crate) fn clock_seconds(hour: &[u8], minute: &[u8], second: &[u8]) -> Option<i64> {
    let (hour, minute, second) = (number(hour)?, number(minute)?, number(second)?);
    (hour < 24 && minute < 60 && second < 60).then_some(hour * 3_600 + minute * 60 + second)
}

/// A number of ASCII digits only.
pub(crate) fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0_i64, |sum, digit| {
        digit
            .is_ascii_digit()
            .then(|| sum * 10 + i64::from(digit - b'0'))
    })
}

/// Days since 1970 of a date of the proleptic Gregorian calendar, years 1 to 9999
/// (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
pub(crate) fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    if !(1..=9_999).contains(&year) || !(1..=length).contains(&day) {
        return None;
    }
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_shifted + 2) / 5 + 1;
    let month = if month_shifted < 10 {
        month_shifted + 3
    } else {
        month_shifted - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: Option<i64>) {
        assert_eq!(
            EventTime::parse(text).map(EventTime::unix_seconds),
            expected,
            "{text}"
        );
    }

    #[test]
    fn times_of_records() {
        check("2023-07-10T11:42:18Z", Some(1_688_989_338));
        check("2023-07-10T11:42:18.999Z", Some(1_688_989_338));
        check("2023-07-10T13:42:18+02:00", Some(1_688_989_338));
        check("1969-12-31T23:59:59Z", Some(-1));
        check("2023-07-10 11:42:18", Some(1_688_989_338));
        check("2023-07-10 11:42:18.999000000", Some(1_688_989_338));
        check("2023-07-10 11:42", None);
        check("0001-01-01T00:00:00Z", Some(SECONDS_MIN));
        check("2024-02-29T00:00:00Z", Some(1_709_164_800));
        check("2023-02-29T00:00:00Z", None);
        check("2023-07-10T24:00:00Z", None);
        check("2023-07-10", None);
        check("2023-07-10T11:42:1é", None);
        check("", None);
    }

    #[test]
    fn every_place_of_a_time_is_checked() {
        let good = b"2023-07-10T11:42:18Z";
        for at in 0..good.len() {
            for byte in 0..=u8::MAX {
                let mut text = *good;
                text[at] = byte;
                let digits = |range: std::ops::Range<usize>| number(&text[range]);
                let expected = [
                    (4, b'-'),
                    (7, b'-'),
                    (10, b'T'),
                    (13, b':'),
                    (16, b':'),
                    (19, b'Z'),
                ]
                .into_iter()
                .all(|(at, byte)| text[at] == byte)
                .then(|| {
                    let days = days_from_civil(digits(0..4)?, digits(5..7)?, digits(8..10)?)?;
                    let clock = clock_seconds(&text[11..13], &text[14..16], &text[17..19])?;
                    Some(days * DAY_SECONDS + clock)
                })
                .flatten();
                let found = parse_cloudtrail(&text).map(EventTime::unix_seconds);
                assert_eq!(found, expected, "{}", text.escape_ascii());
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(seconds in SECONDS_MIN..=SECONDS_MAX) {
            let time = EventTime::from_unix_seconds(seconds);
            prop_assert_eq!(EventTime::parse(&time.to_string()), Some(time));
            prop_assert_eq!(Day::parse(&time.day().to_string()), Some(time.day()));
        }

        #[test]
        fn our_calendar_is_jiffs(seconds in 0_i64..253_402_300_799) {
            let theirs = jiff::Timestamp::from_second(seconds).map(|time| time.to_string());
            prop_assert_eq!(theirs.ok(), Some(EventTime::from_unix_seconds(seconds).to_string()));
        }

        #[test]
        fn any_text_is_answered(text in ".{0,40}") {
            let _ = EventTime::parse(&text);
            let _ = Day::parse(&text);
        }
    }
}

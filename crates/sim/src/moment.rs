//! Whole seconds of UTC, and the ways CloudTrail writes them.

use std::fmt;
use std::ops::Add;

use jiff::civil::Date;

/// Seconds in a minute.
pub(crate) const MINUTE: i64 = 60;
/// Seconds in an hour.
pub(crate) const HOUR: i64 = 3_600;
/// Seconds in a day.
pub(crate) const DAY: i64 = 86_400;

/// Seconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) i64);

/// A moment taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) year: i64,
    pub(crate) month: i64,
    pub(crate) day: i64,
    pub(crate) hour: i64,
    pub(crate) minute: i64,
    pub(crate) second: i64,
}

impl Moment {
    /// The first second of a day.
    pub(crate) fn midnight(date: Date) -> Self {
        // Days from civil, after Howard Hinnant: years begin in March, eras have 400 of them.
        let (year, month, day) = (
            i64::from(date.year()),
            i64::from(date.month()),
            i64::from(date.day()),
        );
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let year_of_era = year - era * 400;
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Self((era * 146_097 + day_of_era - 719_468) * DAY)
    }

    pub(crate) fn parts(self) -> Parts {
        let days = self.0.div_euclid(DAY) + 719_468;
        let second_of_day = self.0.rem_euclid(DAY);
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let month = if shifted < 10 {
            shifted + 3
        } else {
            shifted - 9
        };
        Parts {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * shifted + 2) / 5 + 1,
            hour: second_of_day / HOUR,
            minute: second_of_day % HOUR / MINUTE,
            second: second_of_day % MINUTE,
        }
    }

    /// RFC 3339 as bytes, for the years that have four digits.
    pub(crate) fn bytes(self) -> [u8; 20] {
        let p = self.parts();
        let mut text = *b"0000-00-00T00:00:00Z";
        let mut put = |at: usize, value: i64| {
            text[at] = b'0' + (value / 10 % 10) as u8;
            text[at + 1] = b'0' + (value % 10) as u8;
        };
        put(0, p.year / 100);
        put(2, p.year % 100);
        put(5, p.month);
        put(8, p.day);
        put(11, p.hour);
        put(14, p.minute);
        put(17, p.second);
        text
    }

    /// The last whole multiple of `seconds` that is not after this moment.
    pub(crate) fn floor(self, seconds: i64) -> Self {
        Self(self.0.div_euclid(seconds) * seconds)
    }

    /// The first whole multiple of `seconds` that is not before this moment.
    pub(crate) fn ceil(self, seconds: i64) -> Self {
        Self((self.0 + seconds - 1).div_euclid(seconds) * seconds)
    }

    /// The first second after this moment's UTC hour.
    pub(crate) fn hour_end(self) -> Self {
        self.floor(HOUR) + HOUR
    }

    pub(crate) fn is_weekend(self) -> bool {
        // 1970-01-01 was a Thursday: Saturdays are two days on.
        matches!(self.0.div_euclid(DAY).rem_euclid(7), 2 | 3)
    }

    /// `20240802T0830Z`, as in a delivered file's name.
    pub(crate) fn stamp(self) -> String {
        let p = self.parts();
        format!(
            "{:04}{:02}{:02}T{:02}{:02}Z",
            p.year, p.month, p.day, p.hour, p.minute
        )
    }

    /// `2024/08/02`, the folders of a day.
    pub(crate) fn folders(self) -> String {
        let p = self.parts();
        format!("{:04}/{:02}/{:02}", p.year, p.month, p.day)
    }

    /// `Aug 2, 2024, 8:45:00 AM`, as in response elements.
    pub(crate) fn java_date(self) -> String {
        const MONTHS: [&str; 12] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        let p = self.parts();
        let month = MONTHS.get(p.month as usize - 1).copied().unwrap_or("Jan");
        let (hour, half) = match p.hour {
            0 => (12, "AM"),
            1..=11 => (p.hour, "AM"),
            12 => (12, "PM"),
            _ => (p.hour - 12, "PM"),
        };
        format!(
            "{month} {}, {}, {hour}:{:02}:{:02} {half}",
            p.day, p.year, p.minute, p.second
        )
    }
}

impl Add<i64> for Moment {
    type Output = Self;

    fn add(self, seconds: i64) -> Self {
        Self(self.0 + seconds)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let p = self.parts();
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            p.year, p.month, p.day, p.hour, p.minute, p.second
        )
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::{DAY, HOUR, Moment};

    #[test]
    fn the_calendar_agrees_with_jiff() {
        let mut day = date(1999, 12, 25);
        for _ in 0..2_000 {
            let moment = Moment::midnight(day);
            let expected = day
                .to_zoned(jiff::tz::TimeZone::UTC)
                .unwrap()
                .timestamp()
                .as_second();
            assert_eq!(moment.0, expected);
            assert_eq!(moment.to_string(), format!("{day}T00:00:00Z"));
            let weekend = matches!(
                day.weekday(),
                jiff::civil::Weekday::Saturday | jiff::civil::Weekday::Sunday
            );
            assert_eq!(moment.is_weekend(), weekend);
            day = day.tomorrow().unwrap().tomorrow().unwrap();
        }
    }

    #[test]
    fn every_written_form() {
        let moment = Moment::midnight(date(2024, 8, 2)) + 8 * HOUR + 45 * 60 + 7;
        assert_eq!(moment.to_string(), "2024-08-02T08:45:07Z");
        assert_eq!(&moment.bytes(), b"2024-08-02T08:45:07Z");
        assert_eq!(moment.stamp(), "20240802T0845Z");
        assert_eq!(moment.folders(), "2024/08/02");
        assert_eq!(moment.java_date(), "Aug 2, 2024, 8:45:07 AM");
        assert_eq!(moment.hour_end().to_string(), "2024-08-02T09:00:00Z");
        assert_eq!(moment.floor(DAY).java_date(), "Aug 2, 2024, 12:00:00 AM");
        assert_eq!(moment.ceil(300).stamp(), "20240802T0850Z");
    }
}

//! Days as people and jobs know them: weekends, holidays, month ends, and clocks in several zones.

use crate::moment::{DAY, HOUR, Moment};

/// Holidays of every year, month and day: when offices are empty everywhere.
const HOLIDAYS: [(i64, i64); 7] = [(1, 1), (1, 6), (4, 3), (5, 1), (10, 3), (12, 25), (12, 26)];

/// One UTC day of the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Day {
    /// From 0.
    pub(crate) index: i64,
    pub(crate) midnight: Moment,
}

impl Day {
    pub(crate) fn end(self) -> Moment {
        self.midnight + DAY
    }

    pub(crate) fn has(self, moment: Moment) -> bool {
        (self.midnight..self.end()).contains(&moment)
    }

    /// The first seconds of its hours.
    pub(crate) fn hours(self) -> impl Iterator<Item = Moment> {
        (0..24).map(move |hour| self.midnight + hour * HOUR)
    }

    /// Whether books are closed now: the last two days of a month and the first.
    pub(crate) fn is_month_end(self) -> bool {
        (self.midnight + 2 * DAY).parts().day <= 3
    }
}

/// A wall clock: a moment shifted by its zone's distance from UTC.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Local(Moment);

impl Local {
    /// What clocks show that are `zone` hours ahead of UTC.
    pub(crate) fn new(moment: Moment, zone: i64) -> Self {
        Self(moment + zone * HOUR)
    }

    pub(crate) fn hour(self) -> i64 {
        self.0.parts().hour
    }

    /// Counts local days; stays the same from local midnight to local midnight.
    pub(crate) fn day(self) -> i64 {
        self.0.0.div_euclid(DAY)
    }

    /// 0 is Monday.
    pub(crate) fn weekday(self) -> i64 {
        (self.day() + 3).rem_euclid(7)
    }

    pub(crate) fn is_free(self) -> bool {
        let parts = self.0.parts();
        self.0.is_weekend() || HOLIDAYS.contains(&(parts.month, parts.day))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::{Day, Local};
    use crate::moment::{DAY, HOUR, Moment};

    #[test]
    fn clocks_in_zones() {
        let monday = Moment::midnight(date(2026, 1, 5));
        assert_eq!(Local::new(monday, 0).weekday(), 0);
        assert!(!Local::new(monday, 0).is_free());
        let still_sunday = Local::new(monday, -5);
        assert_eq!((still_sunday.weekday(), still_sunday.hour()), (6, 19));
        assert!(still_sunday.is_free());
        assert!(Local::new(monday + DAY + HOUR, 0).is_free(), "Epiphany");
    }

    #[test]
    fn months_end() {
        let day = |day| Day {
            index: 0,
            midnight: Moment::midnight(date(2026, 1, day)),
        };
        let ends = (1..=31).filter(|number| day(*number).is_month_end());
        assert_eq!(ends.collect::<Vec<_>>(), [1, 30, 31]);
    }
}

//! The span of an archive, and when things happen in it.

use crate::moment::{DAY, HOUR, MINUTE, Moment};
use crate::random::Random;

/// The archive's first midnight and its number of days.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Calendar {
    pub(crate) start: Moment,
    pub(crate) days: i64,
}

impl Calendar {
    /// The midnight that begins the day with this index; the last day's when the archive is shorter.
    pub(crate) fn day(self, index: i64) -> Moment {
        self.start + index.clamp(0, self.days - 1) * DAY
    }

    /// The midnights of all days.
    pub(crate) fn midnights(self) -> impl Iterator<Item = Moment> {
        (0..self.days).map(move |index| self.start + index * DAY)
    }

    /// The first seconds of all hours.
    pub(crate) fn hours(self) -> impl Iterator<Item = Moment> {
        (0..self.days * 24).map(move |index| self.start + index * HOUR)
    }

    /// Random moments at a rate per hour, which may change with the time: one chance a minute.
    pub(crate) fn moments(
        self,
        random: &mut Random,
        per_hour: impl Fn(Moment) -> f64,
    ) -> Vec<Moment> {
        (0..self.days * DAY / MINUTE)
            .map(|index| self.start + index * MINUTE)
            .filter_map(|minute| {
                let happens = random.chance(per_hour(minute) / 60.0);
                let second = random.between(0, 59);
                happens.then_some(minute + second)
            })
            .collect()
    }
}

/// Between nine and five in the middle of Europe (UTC + 1), lunch left out, from Monday to Friday.
pub(crate) fn is_office_time(time: Moment) -> bool {
    let hour = time.parts().hour;
    !time.is_weekend() && (8..16).contains(&hour) && hour != 11
}

/// When customers of the shop are awake; evenings are busiest.
pub(crate) fn shop_rate(time: Moment, busy: f64, quiet: f64) -> f64 {
    match time.parts().hour {
        0..5 => quiet,
        5..15 => (busy + quiet) / 2.0,
        15..21 => busy,
        _ => (busy + quiet) / 2.0,
    }
}

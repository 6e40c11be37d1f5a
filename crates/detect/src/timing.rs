//! Late, in time, or from the future: what a record's time says beside the stamp of its file.

use keytrail_event::EventTime;

use crate::bounds::{FUTURE_SECONDS, LATE_SECONDS};

/// How a record's time relates to the stamp of its file: a property of (record, file), never of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    /// The stamp is at most two hours after the end of the event's hour.
    InTime,
    /// It is later: the record goes to rules only.
    Late,
    /// The event lies more than 15 minutes after the stamp: rules only.
    Future,
}

impl Timing {
    /// The timing of an event in a file with this stamp. A file without one counts as delivered on time.
    #[must_use]
    pub fn of(time: EventTime, stamp: Option<EventTime>) -> Self {
        match stamp {
            Some(stamp) if stamp.seconds_since(time.hour().end()) > LATE_SECONDS => Self::Late,
            Some(stamp) if time.seconds_since(stamp) > FUTURE_SECONDS => Self::Future,
            _ => Self::InTime,
        }
    }
}

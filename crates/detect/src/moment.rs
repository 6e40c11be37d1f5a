//! Moments as users write them in a configuration.

use std::fmt;

use keytrail_event::{Day, EventTime};
use schemars::JsonSchema;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// A moment as the user wrote it: RFC 3339, or a date, which is its first second in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(into = "String")]
#[schemars(with = "String")]
pub struct Moment {
    text: String,
    time: EventTime,
}

impl Moment {
    /// The moment.
    #[must_use]
    pub const fn time(&self) -> EventTime {
        self.time
    }
}

/// Why a text is no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a time: write a date (\"2026-03-31\", its first second in UTC) or RFC 3339 (\"2026-03-31T18:00:00Z\")"
)]
pub struct NotAMoment;

impl TryFrom<String> for Moment {
    type Error = NotAMoment;

    fn try_from(text: String) -> Result<Self, NotAMoment> {
        let day = Day::parse(&text).map(Day::start);
        let time = day.or_else(|| EventTime::parse(&text)).ok_or(NotAMoment)?;
        Ok(Self { text, time })
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MomentVisitor)
    }
}

struct MomentVisitor;

impl<'de> Visitor<'de> for MomentVisitor {
    type Value = Moment;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a date or time")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Moment, E> {
        Moment::try_from(text.to_owned()).map_err(E::custom)
    }

    /// A date of TOML, which stands without quotes: its reader hands it over as a map of one text.
    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Moment, M::Error> {
        match map.next_entry::<String, String>()? {
            Some((key, text)) if key == TOML_DATE => self.visit_str(&text),
            _ => Err(de::Error::custom(NotAMoment)),
        }
    }
}

/// The key under which the reader of TOML hands over a date.
const TOML_DATE: &str = "$__toml_private_datetime";

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        moment.text
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

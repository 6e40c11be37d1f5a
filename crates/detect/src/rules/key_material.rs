//! Imported key material: when it came, when it expires, and the times in which KMS writes that.

use keytrail_event::{EventTime, Record};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is known of a key's imported material.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyMaterial {
    /// When somebody last asked for the parameters of an import.
    pub asked: Option<EventTime>,
    /// The last import.
    pub imported: Option<Import>,
}

/// An import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// When.
    pub at: EventTime,
    /// By whom.
    pub by: String,
    /// The event's id.
    pub event_id: String,
    /// When the material expires, if it does and the record tells.
    pub expires: Option<EventTime>,
    /// Whether the parameters were asked for before, as far as records tell.
    pub was_asked_for: bool,
    /// When the material was deleted or expired, if it did.
    pub gone: Option<EventTime>,
    /// The Region.
    pub region: String,
}

impl KeyMaterial {
    /// Learns a call on the key's material. An import that is older than the known one changes nothing.
    pub fn learn(&mut self, record: &Record<'_>) {
        match record.operation.name() {
            "GetParametersForImport" => self.asked = self.asked.max(Some(record.time)),
            "ImportKeyMaterial" => {
                if self
                    .imported
                    .as_ref()
                    .is_some_and(|known| known.at > record.time)
                {
                    return;
                }
                self.imported = Some(Import {
                    at: record.time,
                    by: record.principal().to_owned(),
                    event_id: record.event_id.as_deref().unwrap_or_default().to_owned(),
                    expires: expiry(record.body()),
                    was_asked_for: self.asked.is_some_and(|asked| asked <= record.time),
                    gone: None,
                    region: record.region.clone().into_owned(),
                });
            }
            "DeleteImportedKeyMaterial" | "DeleteExpiredKeyMaterial" => {
                if let Some(import) = &mut self.imported
                    && import.at <= record.time
                {
                    import.gone = Some(
                        import
                            .gone
                            .map_or(record.time, |gone| gone.min(record.time)),
                    );
                }
            }
            _ => {}
        }
    }
}

/// When the material of an ImportKeyMaterial expires; `None` where it does not, or the record does not tell.
#[must_use]
pub fn expiry(body: &Value) -> Option<EventTime> {
    let request = &body["requestParameters"];
    if request["expirationModel"].as_str() == Some("KEY_MATERIAL_DOES_NOT_EXPIRE") {
        return None;
    }
    match &request["validTo"] {
        Value::String(text) => written_time(text),
        Value::Number(seconds) => seconds
            .as_f64()
            .map(|seconds| EventTime::from_unix_seconds(seconds as i64)),
        _ => None,
    }
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// A time as KMS writes it into records: `May 21, 2025, 5:47:45 AM`, `Jan 1, 2021 8:00:00 PM`, `Apr 12, 2018 18:58:30 PM`
/// (AWS KMS Developer Guide, the samples of ImportKeyMaterial and ScheduleKeyDeletion), in UTC; or RFC 3339.
#[must_use]
pub fn written_time(text: &str) -> Option<EventTime> {
    if let Some(time) = EventTime::parse(text) {
        return Some(time);
    }
    if text.len() > 64 {
        return None;
    }
    // Newer producers put a narrow no-break space before AM and PM.
    let mut words = text
        .split(|c: char| c.is_whitespace() || c == ',')
        .filter(|word| !word.is_empty());
    let month = words.next()?.to_ascii_lowercase();
    let month = MONTHS.iter().position(|known| month.starts_with(known))? + 1;
    let day: u8 = words.next()?.parse().ok()?;
    let year: u16 = words.next()?.parse().ok()?;
    let mut clock = words.next()?.split(':');
    let hour: u8 = clock.next()?.parse().ok()?;
    let minute: u8 = clock.next()?.parse().ok()?;
    let second: u8 = clock.next().unwrap_or("0").parse().ok()?;
    let half = words.next().map(str::to_ascii_lowercase);
    let hour = match (half.as_deref(), hour) {
        (Some("am"), 12) => 0,
        (Some("pm"), 1..=11) => hour + 12,
        _ => hour,
    };
    EventTime::parse(&format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_as_kms_writes_them() {
        for (text, time) in [
            ("May 21, 2025, 5:47:45 AM", Some("2025-05-21T05:47:45Z")),
            (
                "May 21, 2025, 5:47:45\u{202f}AM",
                Some("2025-05-21T05:47:45Z"),
            ),
            ("Jan 1, 2021 8:00:00 PM", Some("2021-01-01T20:00:00Z")),
            ("Apr 12, 2018 18:58:30 PM", Some("2018-04-12T18:58:30Z")),
            ("Dec 31, 2024, 12:00:00 AM", Some("2024-12-31T00:00:00Z")),
            ("Dec 31, 2024, 12:00:00 PM", Some("2024-12-31T12:00:00Z")),
            ("2024-12-31T12:00:00Z", Some("2024-12-31T12:00:00Z")),
            ("Feb 30, 2024, 1:00:00 AM", None),
            ("Smarch 1, 2024, 1:00:00 AM", None),
            ("tomorrow", None),
            ("", None),
        ] {
            let expected = time.map(|time| EventTime::parse(time).unwrap());
            assert_eq!(written_time(text), expected, "{text}");
        }
    }

    #[test]
    fn material_that_does_not_expire_has_no_date() {
        let body = |model: &str, valid: Value| json!({"requestParameters": {"expirationModel": model, "validTo": valid}});
        let date = || json!("Jan 1, 2021 8:00:00 PM");
        assert!(expiry(&body("KEY_MATERIAL_EXPIRES", date())).is_some());
        assert!(expiry(&body("KEY_MATERIAL_DOES_NOT_EXPIRE", date())).is_none());
        assert!(expiry(&body("KEY_MATERIAL_EXPIRES", Value::Null)).is_none());
        assert_eq!(
            expiry(&body("KEY_MATERIAL_EXPIRES", json!(1_609_531_200))),
            EventTime::parse("2021-01-01T20:00:00Z")
        );
        assert!(expiry(&Value::Null).is_none());
    }
}

//! Lines for the function's log: one JSON object each, on standard error, where Lambda collects them.

use std::io::Write as _;

use serde_json::{Map, Value};

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// What was done.
    Info,
    /// What was left aside, and why.
    Warning,
    /// What failed.
    Error,
}

impl Level {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Writes a line. Values are JSON strings, so nothing in them can begin another line, and no character in it acts on the
/// terminal of who reads the log.
pub fn log(level: Level, message: &str, fields: impl IntoIterator<Item = (&'static str, Value)>) {
    let line = line(level, message, fields);
    // Nobody to tell when the log is closed.
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}

fn line(
    level: Level,
    message: &str,
    fields: impl IntoIterator<Item = (&'static str, Value)>,
) -> String {
    let mut object = Map::new();
    object.insert("level".to_owned(), level.as_str().into());
    object.insert("message".to_owned(), message.into());
    let fields = fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    object.extend(fields);
    let mut line = String::new();
    for character in Value::Object(object).to_string().chars() {
        if character.is_ascii() || character.is_alphanumeric() {
            line.push(character);
        } else {
            // Outside ASCII there are only strings in JSON.
            let units = character.encode_utf16(&mut [0; 2]).to_vec();
            line.extend(units.iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_value_stays_in_its_line() {
        let line = line(
            Level::Warning,
            "parked",
            [(
                "key",
                Value::from("a\n{\"level\":\"error\"}é\u{9b}2J\u{202e}\u{1f600}"),
            )],
        );
        assert_eq!(line.matches('\n').count(), 1);
        assert!(line.starts_with("{\"key\":\"a\\n"), "{line}");
        assert!(line.contains(r"é\u009b2J\u202e\ud83d\ude00"), "{line}");
        let read: Value = serde_json::from_str(&line).unwrap();
        let key = read["key"].as_str().unwrap();
        assert!(key.ends_with("é\u{9b}2J\u{202e}\u{1f600}"), "{key}");
    }
}

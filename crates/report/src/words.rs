//! Numbers, spans and sizes in words.

use std::fmt;

use keytrail_event::EventTime;

/// A count with its thousands apart: `4,384`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count and its noun: `1 event`, `4,384 events`.
#[must_use]
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), either(number, one, many))
}

/// The word for so many.
pub(crate) const fn either<'w>(number: u64, one: &'w str, many: &'w str) -> &'w str {
    if number == 1 { one } else { many }
}

/// A size in bytes: `512 bytes`, `12.3 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1_024 {
        return counted(bytes, "byte", "bytes");
    }
    let mut size = bytes as f64 / 1_024.0;
    let mut unit = UNITS[0];
    for larger in &UNITS[1..] {
        if size < 1_023.95 {
            break;
        }
        size /= 1_024.0;
        unit = larger;
    }
    format!("{size:.1} {unit}")
}

/// How long it is from the first moment to the last.
pub(crate) fn span(first: EventTime, last: EventTime) -> String {
    let rounded = |seconds: i64, unit: i64| ((seconds + unit / 2) / unit).unsigned_abs();
    match last.seconds_since(first).max(0) {
        seconds @ 0..120 => counted(seconds.unsigned_abs(), "second", "seconds"),
        seconds @ 120..7_200 => counted(rounded(seconds, 60), "minute", "minutes"),
        seconds @ 7_200..172_800 => counted(rounded(seconds, 3_600), "hour", "hours"),
        seconds => counted(rounded(seconds, 86_400), "day", "days"),
    }
}

/// A number without zeros that say nothing: `14`, `0.1`, `2.35`.
pub(crate) struct Short(pub f64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(number) = self;
        if !number.is_finite() {
            return f.write_str("?");
        }
        let text = format!("{number:.2}");
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// A rarity: `300`, `1.5`, `2,400,000`.
pub(crate) fn rarity(one_in: f64) -> String {
    if one_in.is_finite() && (10.0..1e15).contains(&one_in) {
        grouped(one_in.round() as u64)
    } else {
        Short(one_in).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
        for (number, text) in [
            (14.0, "14"),
            (0.1, "0.1"),
            (2.345, "2.35"),
            (100.0, "100"),
            (f64::NAN, "?"),
        ] {
            assert_eq!(Short(number).to_string(), text);
        }
        for (number, text) in [
            (1.5, "1.5"),
            (300.4, "300"),
            (2.4e6, "2,400,000"),
            (f64::INFINITY, "?"),
        ] {
            assert_eq!(rarity(number), text);
        }
    }

    #[test]
    fn sizes() {
        for (bytes, text) in [
            (1, "1 byte"),
            (1_023, "1,023 bytes"),
            (1_024, "1.0 KiB"),
            (12_900_000, "12.3 MiB"),
            (1_048_575, "1.0 MiB"),
            (u64::MAX, "16384.0 PiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn spans() {
        let at = EventTime::from_unix_seconds;
        for (seconds, text) in [
            (-5, "0 seconds"),
            (1, "1 second"),
            (119, "119 seconds"),
            (750, "13 minutes"),
            (7_200, "2 hours"),
            (200_000, "2 days"),
        ] {
            assert_eq!(span(at(0), at(seconds)), text);
        }
    }
}

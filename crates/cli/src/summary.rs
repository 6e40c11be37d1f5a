//! The closing summary: what was read, what became of it, and everything that was not read.

use std::fmt::{self, Write as _};

use crate::coverage::Coverage;
use crate::escape;
use crate::talk::{BAD, HEADING, Loudness, NOTE};

/// Issues that are shown, unless the user wants every detail.
const ISSUES_SHOWN_MAX: usize = 10;

/// The counts of a run, as lines. `kms` is what the command says of the KMS records.
pub fn counts(coverage: &Coverage, kms: &str) -> String {
    let reading = &coverage.reading;
    let mut text = format!(
        "{HEADING}{}{HEADING:#} ({}, {} of text) with {HEADING}{}{HEADING:#}",
        counted(coverage.files, "file"),
        Bytes(coverage.bytes),
        Bytes(coverage.text_bytes),
        counted(reading.records, "record"),
    );
    if let (Some(first), Some(last)) = (coverage.first_event, coverage.last_event) {
        // Writing to a string cannot fail, here and below.
        let _ = write!(text, "; those kept are from {first} to {last}");
    }
    let _ = write!(text, "\n{:>12}  KMS records{kms}", grouped(reading.kms));
    let lines = [
        (
            coverage.without_event_id,
            "of them without an event id, told apart by content",
        ),
        (
            reading.other_services,
            "records of other services that rules read",
        ),
        (
            reading.skipped_other_services,
            "records of other services, skipped",
        ),
        (
            reading.skipped_insights,
            "CloudTrail Insights records, skipped",
        ),
        (
            reading.skipped_not_cloudtrail,
            "messages that are not CloudTrail's, skipped",
        ),
        (reading.digests, "digest files"),
        (
            coverage.files_unstamped,
            "files without a time in their name",
        ),
    ];
    for (count, what) in lines {
        if count > 0 {
            let _ = write!(text, "\n{:>12}  {what}", grouped(count));
        }
    }
    let _ = write!(
        text,
        "\n{:>12}  malformed records",
        grouped(reading.malformed)
    );
    text
}

/// Everything that was not read, as lines: each file, and the first records; `None` when there is nothing.
pub fn problems(coverage: &Coverage, loudness: Loudness) -> Option<String> {
    let mut text = String::new();
    if !coverage.issues.is_empty() {
        issues(&mut text, coverage, loudness);
    }
    if !coverage.unreadable.is_empty() {
        let files = counted(coverage.unreadable.len() as u64, "file");
        let _ = writeln!(
            text,
            "{BAD}{files}{BAD:#} could not be read, or not to their end:"
        );
        for file in &coverage.unreadable {
            let _ = writeln!(text, "  {}: {}", file.file, escape::terminal(&file.reason));
        }
    }
    if coverage.files_with_trailing_bytes > 0 && loudness == Loudness::Verbose {
        let files = counted(coverage.files_with_trailing_bytes, "file");
        let _ = writeln!(
            text,
            "{NOTE}{files}{NOTE:#} with something behind the packed data, which was left alone:"
        );
        for file in &coverage.trailing_bytes {
            let _ = writeln!(text, "  {file}");
        }
    }
    let text = text.trim_end();
    (!text.is_empty()).then(|| text.to_owned())
}

fn issues(text: &mut String, coverage: &Coverage, loudness: Loudness) {
    let shown = match loudness {
        Loudness::Verbose => coverage.issues.len(),
        Loudness::Quiet | Loudness::Normal => coverage.issues.len().min(ISSUES_SHOWN_MAX),
    };
    let _ = writeln!(text, "{NOTE}malformed records{NOTE:#}, left out:");
    for named in &coverage.issues[..shown] {
        let issue = named.issue.to_string();
        let _ = writeln!(text, "  {}: {}", named.file, escape::terminal(&issue));
    }
    let rest = coverage.issues_count.saturating_sub(shown as u64);
    if rest > 0 {
        let _ = writeln!(text, "  and {} more", grouped(rest));
    }
}

/// A number with the thing it counts.
fn counted(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", grouped(number))
}

/// A number with commas between groups of three digits.
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

/// A size with a unit.
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
        if self.0 < 1_024 {
            return write!(f, "{} bytes", self.0);
        }
        let mut size = self.0 as f64 / 1_024.0;
        let mut unit = 0;
        while size >= 1_023.95 && unit + 1 < UNITS.len() {
            size /= 1_024.0;
            unit += 1;
        }
        write!(f, "{size:.1} {}", UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn sizes_have_units() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1_023, "1023 bytes"),
            (1_024, "1.0 KiB"),
            (1 << 20, "1.0 MiB"),
            ((1 << 20) - 1, "1.0 MiB"),
            (u64::MAX, "16384.0 PiB"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
    }
}

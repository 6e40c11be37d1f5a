//! The summary in words, and as JSON.

use std::io::{self, Write};

use keytrail_detect::baseline::constants::LEARNING_DAYS;
use keytrail_detect::finding::Severity;

use crate::escape::terminal;
use crate::json_text;
use crate::page::{self, Page};
use crate::summary::{Coverage, Detail, FindingCounts, Named, Summary};
use crate::words::{counted, either, grouped, size};

/// Malformed records that are shown, unless all are asked for.
const ISSUES_SHOWN_MAX: usize = 10;
/// Columns of a count.
const COUNT_COLUMNS: usize = 12;

/// Writes the summary as indented JSON: the file of `--stats`.
///
/// # Errors
/// When `out` takes no more.
pub fn write_json(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    json_text::write_pretty(out, summary)?;
    out.write_all(b"\n")
}

/// Writes the summary for people: what was read, what was not, and what was found.
///
/// # Errors
/// When `out` takes no more.
pub fn write_summary(
    summary: &Summary,
    detail: Detail,
    page: &Page,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut words = Words { page, out };
    words.read(summary)?;
    write_problems(&summary.coverage, detail, page, words.out)?;
    words.limits(summary)?;
    match &summary.findings {
        Some(findings) => words.findings(summary, findings),
        None => Ok(()),
    }
}

/// Writes everything that was not read: every file, and the first malformed records. Nothing when
/// all was read.
///
/// # Errors
/// When `out` takes no more.
pub fn write_problems(
    coverage: &Coverage,
    detail: Detail,
    page: &Page,
    out: &mut dyn Write,
) -> io::Result<()> {
    let files = coverage.unreadable.len() as u64;
    if files > 0 {
        let files = page.paint(page::BAD, counted(files, "file", "files"));
        writeln!(out, "{files} could not be read, or not to the end:")?;
    }
    for file in &coverage.unreadable {
        writeln!(
            out,
            "  {}: {}",
            terminal(&file.file),
            terminal(&file.reason)
        )?;
    }
    if coverage.issues_count > 0 {
        let records = counted(coverage.issues_count, "record", "records");
        let records = page.paint(page::BAD, records);
        writeln!(out, "{records} could not be read:")?;
    }
    let shown = match detail {
        Detail::Normal => ISSUES_SHOWN_MAX,
        Detail::All => usize::MAX,
    };
    for named in coverage.issues.iter().take(shown) {
        let issue = named.issue.to_string();
        writeln!(out, "  {}: {}", terminal(&named.file), terminal(&issue))?;
    }
    let told = coverage.issues.len().min(shown) as u64;
    if coverage.issues_count > told {
        writeln!(out, "  and {} more", grouped(coverage.issues_count - told))?;
    }
    if coverage.files_with_trailing_bytes > 0 && detail == Detail::All {
        let files = counted(coverage.files_with_trailing_bytes, "file has", "files have");
        let files = page.paint(page::NOTE, files);
        writeln!(
            out,
            "{files} something behind the packed data, which was left alone:"
        )?;
        for file in &coverage.trailing_bytes {
            writeln!(out, "  {}", terminal(file))?;
        }
    }
    Ok(())
}

/// What to say when no finding is shown, and how much that is worth; `None` when one is, or when
/// nobody looked for any.
#[must_use]
pub fn no_findings(summary: &Summary) -> Option<String> {
    let findings = summary.findings.as_ref()?;
    let records = summary.coverage.reading.kms;
    if findings.shown > 0 {
        return None;
    }
    let decided = findings.expected + findings.suppressed + findings.shadow;
    let mut sentence = if decided > 0 {
        format!(
            "No findings but {} that the configuration decided about.",
            grouped(decided)
        )
    } else if findings.filtered_out > 0 {
        let left_out = counted(findings.filtered_out, "finding does", "findings do");
        format!("No finding passes the filters; {left_out} not.")
    } else if records == 0 {
        "No findings, and no KMS records to find them in: see whether the archive is of the right account and time, and whether its trail records KMS events.".to_owned()
    } else {
        format!(
            "No findings in {}.",
            counted(records, "KMS record", "KMS records")
        )
    };
    if summary
        .learning_accounts
        .is_some_and(|accounts| accounts > 0)
    {
        sentence.push_str(
            " Rules saw everything; behaviour is judged in full once an account is known.",
        );
    }
    if summary.coverage.is_incomplete() {
        sentence.push_str(" Some of the input could not be read.");
    }
    Some(sentence)
}

struct Words<'w> {
    page: &'w Page,
    out: &'w mut dyn Write,
}

impl Words<'_> {
    fn read(&mut self, summary: &Summary) -> io::Result<()> {
        let coverage = &summary.coverage;
        let reading = &coverage.reading;
        let paint = |number, one, many| self.page.paint(page::HEADING, counted(number, one, many));
        write!(
            self.out,
            "{} ({}, {} of text) with {}",
            paint(coverage.files, "file", "files"),
            size(coverage.bytes),
            size(coverage.text_bytes),
            paint(reading.records, "record", "records"),
        )?;
        if let (Some(first), Some(last)) = (coverage.first_event, coverage.last_event) {
            write!(self.out, "; those kept are from {first} to {last}")?;
        }
        self.out.write_all(b"\n")?;
        self.count(
            reading.kms,
            either(reading.kms, "KMS record", "KMS records"),
        )?;
        self.several(&[
            same(
                coverage.without_event_id,
                "of them without an event id, told apart by content",
            ),
            (
                reading.other_services,
                "record of another service that rules read",
                "records of other services that rules read",
            ),
        ])?;
        let duplicates = counted(summary.duplicates, "duplicate", "duplicates");
        self.count(
            summary.distinct,
            &format!("distinct among them, and {duplicates}"),
        )?;
        if let Some(matched) = summary.matched {
            self.count(
                matched,
                either(matched, "matches the filters", "match the filters"),
            )?;
        }
        let tally = summary.tally.unwrap_or_default();
        self.several(&[
            (
                reading.skipped_other_services,
                "record of another service, skipped",
                "records of other services, skipped",
            ),
            (
                reading.skipped_insights,
                "CloudTrail Insights record, skipped",
                "CloudTrail Insights records, skipped",
            ),
            (
                reading.skipped_not_cloudtrail,
                "message that is not CloudTrail's, skipped",
                "messages that are not CloudTrail's, skipped",
            ),
            (
                reading.digests,
                "digest file, skipped",
                "digest files, skipped",
            ),
            (
                tally.late,
                "late record: delivered over 2 hours after its hour; for rules only",
                "late records: delivered over 2 hours after their hour; for rules only",
            ),
            (
                tally.future,
                "record from after its file was written; for rules only",
                "records from after their file was written; for rules only",
            ),
            (
                tally.unstamped,
                "unstamped record, taken as delivered in time",
                "unstamped records, taken as delivered in time",
            ),
            (
                coverage.files_unstamped,
                "file without a time in its name",
                "files without a time in their name",
            ),
        ])?;
        let malformed = either(reading.malformed, "malformed record", "malformed records");
        self.count(reading.malformed, malformed)
    }

    /// What limits the answer although all was read.
    fn limits(&mut self, summary: &Summary) -> io::Result<()> {
        for met in &summary.bounds_met {
            let count = self.page.paint(page::NOTE, grouped(met.count));
            let limit = grouped(met.limit);
            writeln!(
                self.out,
                "{count} {} ({} = {limit})",
                met.meaning, met.bound
            )?;
        }
        if let Some(accounts) = summary.learning_accounts.filter(|accounts| *accounts > 0) {
            let accounts = counted(accounts, "account is", "accounts are");
            let accounts = self.page.paint(page::NOTE, accounts);
            writeln!(
                self.out,
                "{accounts} still being learnt: fewer than {LEARNING_DAYS} days of KMS use are known"
            )?;
        }
        Ok(())
    }

    fn findings(&mut self, summary: &Summary, findings: &FindingCounts) -> io::Result<()> {
        if let Some(sentence) = no_findings(summary) {
            writeln!(self.out, "{}", self.page.paint(page::HEADING, sentence))?;
            return self.decided(findings);
        }
        let number = counted(findings.shown, "finding", "findings");
        write!(self.out, "{}", self.page.paint(page::HEADING, number))?;
        let mut before = ": ";
        for severity in Severity::ALL.into_iter().rev() {
            let count = findings.by_severity.get(&severity).copied().unwrap_or(0);
            if count > 0 {
                let words = format!("{} {severity}", grouped(count));
                let style = page::severity_style(severity);
                write!(self.out, "{before}{}", self.page.paint(style, words))?;
                before = ", ";
            }
        }
        if findings.learning > 0 {
            let learning = format!("{} made while learning", grouped(findings.learning));
            write!(self.out, "; {}", self.page.paint(page::NOTE, learning))?;
        }
        if findings.filtered_out > 0 {
            write!(
                self.out,
                "; {} left out by the filters",
                grouped(findings.filtered_out)
            )?;
        }
        self.out.write_all(b"\n")?;
        self.decided(findings)?;
        for rule in &findings.by_rule {
            let what = format!("{} (up to {})", terminal(&rule.rule), rule.severity);
            self.count(rule.findings, &what)?;
        }
        self.named("Principals with the worst findings", &findings.principals)?;
        self.named("Keys with the worst findings", &findings.keys)
    }

    /// What users decided about beforehand.
    fn decided(&mut self, findings: &FindingCounts) -> io::Result<()> {
        self.several(&[
            same(findings.expected, "expected: planned changes"),
            same(
                findings.suppressed,
                "suppressed: in no table unless --show-suppressed is given",
            ),
            same(findings.shadow, "shadow: of rules that only count"),
        ])
    }

    fn named(&mut self, heading: &str, all: &[Named]) -> io::Result<()> {
        if all.is_empty() {
            return Ok(());
        }
        writeln!(self.out, "{}", self.page.paint(page::HEADING, heading))?;
        for named in all {
            let findings = counted(named.findings, "finding", "findings");
            let name = terminal(&named.name);
            let style = page::severity_style(named.severity);
            let severity = self.page.paint(style, named.severity.as_str());
            let fill = COUNT_COLUMNS.saturating_sub(named.severity.as_str().len());
            writeln!(self.out, "{:fill$}{severity}  {name} ({findings})", "")?;
        }
        Ok(())
    }

    /// The counts that say something.
    /// Those that are not zero, each with its words for one and for several.
    fn several(&mut self, counts: &[(u64, &str, &str)]) -> io::Result<()> {
        let mut counts = counts.iter().filter(|(count, ..)| *count > 0);
        counts.try_for_each(|(count, one, many)| self.count(*count, either(*count, one, many)))
    }

    fn count(&mut self, count: u64, what: &str) -> io::Result<()> {
        writeln!(self.out, "{:>COUNT_COLUMNS$}  {what}", grouped(count))
    }
}

/// A count whose words are the same for one.
const fn same(count: u64, words: &str) -> (u64, &str, &str) {
    (count, words, words)
}

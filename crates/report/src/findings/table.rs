//! Findings for people: one block each, the worst first.
//!
//! The first line says what happened, the next ones who, where and when, then the numbers that
//! prove it and the next step. Names and commands are never broken, so that they can be copied.

use std::cmp::Reverse;
use std::io::{self, Write};

use keytrail_detect::finding::{Finding, FindingState, Triage};
use keytrail_detect::packed_finding::PackedFinding;

use crate::escape::{shell_word, terminal};
use crate::findings::{is_estimated, spans_keys, state_name};
use crate::layout::{wrap, wrap_behind};
use crate::page::{self, Page};
use crate::step::{Piece, pieces};
use crate::words::{Short, counted, span};

/// Lines that a title may take.
const TITLE_LINES_MAX: usize = 4;
/// Reasons shown; `keytrail explain` shows all.
const REASONS_MAX: usize = 8;
/// Lines that one reason or step may take.
const TEXT_LINES_MAX: usize = 5;
/// Columns of the labels, with the space around them.
const INDENT: usize = 10;

/// Writes findings for people: by severity, the worst first, then by the first event.
///
/// # Errors
/// When `out` takes no more.
pub fn write_table(findings: &[PackedFinding], page: &Page, out: &mut dyn Write) -> io::Result<()> {
    let mut sorted: Vec<&PackedFinding> = findings.iter().collect();
    sorted.sort_by_key(|finding| {
        (
            Reverse(finding.severity()),
            finding.first_seen(),
            finding.episode(),
        )
    });
    for (index, finding) in sorted.into_iter().enumerate() {
        if index > 0 {
            out.write_all(b"\n")?;
        }
        Block { page, out }.finding(&finding.unpack())?;
    }
    Ok(())
}

/// Writes the lines that say what happened and how much of it is settled.
///
/// # Errors
/// When `out` takes no more.
pub(crate) fn write_headline(
    finding: &Finding,
    lines_max: usize,
    page: &Page,
    out: &mut dyn Write,
) -> io::Result<()> {
    let severity = finding.severity.as_str().to_uppercase();
    let tags = tags(finding);
    let title = terminal(&finding.title);
    let used = severity.len() + tags.iter().map(|tag| tag.len() + 3).sum::<usize>() + 2;
    write!(
        out,
        "{}",
        page.paint(page::severity_style(finding.severity), &severity)
    )?;
    for tag in tags {
        write!(out, " {}", page.paint(page::NOTE, format_args!("[{tag}]")))?;
    }
    // The title goes on behind the tags where there is room, and below them where there is none.
    let room = page.width().saturating_sub(used);
    let lines = if room >= page.width() / 3 {
        out.write_all(b"  ")?;
        wrap_behind(&title, room, page.width() - INDENT, lines_max)
    } else {
        write!(out, "\n{:INDENT$}", "")?;
        wrap(&title, page.width() - INDENT, lines_max)
    };
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            write!(out, "{:INDENT$}", "")?;
        }
        writeln!(out, "{}", page.paint(page::HEADING, line))?;
    }
    Ok(())
}

/// What a reader must know before believing the title.
fn tags(finding: &Finding) -> Vec<&'static str> {
    let learning = finding.is_learning().then_some("learning");
    let state = (finding.state != FindingState::Final).then(|| state_name(finding.state));
    let triage = (finding.triage != Triage::Open).then(|| finding.triage.as_str());
    learning.into_iter().chain(state).chain(triage).collect()
}

struct Block<'b> {
    page: &'b Page,
    out: &'b mut dyn Write,
}

impl Block<'_> {
    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        write_headline(finding, TITLE_LINES_MAX, self.page, self.out)?;
        let principal = finding
            .principal
            .as_deref()
            .unwrap_or("no single principal");
        self.unbroken("who", principal)?;
        if let Some(key) = &finding.key {
            self.unbroken("key", key)?;
        }
        let place = format!(
            "{} {}",
            finding.account,
            finding.region.as_deref().unwrap_or_default()
        );
        self.unbroken("where", place.trim_end())?;
        self.wrapped("when", &when(finding), TEXT_LINES_MAX)?;
        self.reasons(finding)?;
        if let Some(step) = finding.next_steps.first() {
            self.step(finding, step)?;
        }
        self.more(finding)?;
        let id = format!(
            "{} (score {}, confidence {})",
            finding.id,
            Short(finding.score),
            Short(finding.confidence)
        );
        self.unbroken("id", &id)
    }

    fn reasons(&mut self, finding: &Finding) -> io::Result<()> {
        let mut label = "why";
        for evidence in finding.evidence.iter().take(REASONS_MAX) {
            self.wrapped(label, &evidence.text, TEXT_LINES_MAX)?;
            label = "";
        }
        Ok(())
    }

    /// What there is besides, and where to read it.
    fn more(&mut self, finding: &Finding) -> io::Result<()> {
        let reasons = finding.evidence.len().saturating_sub(REASONS_MAX) as u64;
        let steps = finding.next_steps.len().saturating_sub(1) as u64;
        let keys = finding.further_keys.len() as u64;
        let kinds = [
            (reasons, "more reason", "more reasons"),
            (steps, "more step", "more steps"),
            (keys, "key", "keys"),
        ];
        let told = kinds.into_iter().filter(|(number, ..)| *number > 0);
        let told: Vec<String> = told
            .map(|(number, one, many)| counted(number, one, many))
            .collect();
        if told.is_empty() {
            return Ok(());
        }
        self.wrapped("", &format!("and {}:", told.join(", ")), 1)?;
        let id = shell_word(finding.id.as_str());
        self.unbroken("", &format!("keytrail explain {id}"))
    }

    fn step(&mut self, finding: &Finding, step: &str) -> io::Result<()> {
        let mut label = "next";
        for piece in pieces(finding, step) {
            match piece {
                Piece::Words(words) => self.wrapped(label, words, TEXT_LINES_MAX)?,
                Piece::Command(command) => self.unbroken(label, &command)?,
            }
            label = "";
        }
        Ok(())
    }

    fn unbroken(&mut self, label: &str, text: &str) -> io::Result<()> {
        let text = terminal(text);
        self.line(label, &text)
    }

    fn wrapped(&mut self, label: &str, text: &str, lines_max: usize) -> io::Result<()> {
        let mut label = label;
        for line in wrap(&terminal(text), self.page.width() - INDENT, lines_max) {
            self.line(label, &line)?;
            label = "";
        }
        Ok(())
    }

    fn line(&mut self, label: &str, text: &str) -> io::Result<()> {
        if label.is_empty() {
            return writeln!(self.out, "{:INDENT$}{text}", "");
        }
        let fill = INDENT - 2 - label.len();
        let label = self.page.paint(page::LABEL, label);
        writeln!(self.out, "  {label}{:fill$}{text}", "")
    }
}

/// When, for how long, how often.
pub(crate) fn when(finding: &Finding) -> String {
    let (first, last) = (finding.first_seen, finding.last_seen);
    let mark = if is_estimated(finding) { "≈" } else { "" };
    let count = counted(finding.count, "event", "events");
    let of = if spans_keys(finding) && finding.key.is_some() {
        " of the principal"
    } else {
        ""
    };
    let count = format!("{mark}{count}{of}");
    if first == last {
        return format!("{first}, {count}");
    }
    format!("{first} to {last} ({}), {count}", span(first, last))
}

#[cfg(test)]
mod tests {
    use keytrail_detect::behaviour::ESTIMATE;
    use keytrail_detect::finding::Evidence;

    use super::*;
    use crate::layout::width;
    use crate::page::Color;
    use crate::samples;

    fn written(findings: &[Finding], page: &Page) -> String {
        let findings = samples::packed(findings);
        samples::text(|out| write_table(&findings, page, out))
    }

    #[test]
    fn blocks() {
        let findings = samples::findings();
        insta::assert_snapshot!(written(&findings, &Page::default()));
    }

    #[test]
    fn blocks_on_a_narrow_page() {
        let page = Page::new(Some(44), Color::Plain);
        insta::assert_snapshot!(written(&samples::findings(), &page));
    }

    #[test]
    fn blocks_on_a_wide_page_in_colour() {
        let page = Page::new(Some(180), Color::Ansi);
        insta::assert_snapshot!(written(&samples::findings(), &page).replace('\u{1b}', "␛"));
    }

    #[test]
    fn a_title_of_five_thousand_characters_is_cut() {
        let findings = [samples::endless()];
        for columns in [40, 100, 300] {
            let text = written(&findings, &Page::new(Some(columns), Color::Plain));
            assert!(text.lines().count() < 35, "{text}");
            assert!(text.contains('…'));
            for line in text.lines() {
                assert!(width(line) <= columns.max(60), "{line}");
            }
        }
    }

    #[test]
    fn only_colour_escapes() {
        let mut findings = samples::findings();
        findings.push(samples::endless());
        let text = written(&findings, &Page::default());
        let escaped = |c: char| c != '\n' && crate::escape::is_unsafe(c);
        assert!(!text.chars().any(escaped));
    }

    #[test]
    fn an_estimated_count_is_marked() {
        let mut finding = samples::learning();
        finding.count = 1_234;
        assert!(!when(&finding).contains('≈'));
        finding
            .evidence
            .push(Evidence::new(ESTIMATE, "≈ marks estimates."));
        assert!(when(&finding).ends_with("≈1,234 events"));
    }

    #[test]
    fn no_findings_are_no_data() {
        assert_eq!(written(&[], &Page::default()), "");
    }
}

//! The rules themselves: the list of all, and what one of them does.

use std::io::{self, Write};

use keytrail_detect::behaviour::{AboutBehaviour, BEHAVIOURS, least_high, least_medium};
use keytrail_detect::finding::{Attack, Severity};
use keytrail_detect::rules::{About, RULES, Side};
use serde::Serialize;

use crate::attack;
use crate::json_text;
use crate::layout::{cell, wrap};
use crate::page::{self, Page};
use crate::prose::Prose;
use crate::words::Short;

/// A rule or a behaviour, as its JSON shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleEntry {
    /// The stable id.
    pub id: &'static str,
    /// Which of the two.
    pub kind: RuleKind,
    /// One line.
    pub title: &'static str,
    /// The severities it can have, lowest first.
    pub severities: Vec<Severity>,
    /// What fires it.
    pub fires_when: &'static str,
    /// MITRE ATT&CK techniques.
    pub attack: Vec<Attack>,
    /// The practice of key management it protects.
    pub practice: &'static str,
    /// Which copy of a cross-account call it reads; null for a behaviour.
    pub side: Option<&'static str>,
    /// The record's fields it reads; null for a behaviour, which reads counts.
    pub reads: Option<&'static [&'static str]>,
}

/// What a finding comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleKind {
    /// Records that are wrong by themselves.
    Rule,
    /// Counts that are unusual.
    Behaviour,
}

/// All rules and behaviours, sorted by id.
#[must_use]
pub fn all() -> Vec<RuleEntry> {
    let rules = RULES.iter().map(|rule| RuleEntry::from(rule.about()));
    let behaviours = BEHAVIOURS.iter().map(|about| RuleEntry::from(*about));
    let mut entries: Vec<RuleEntry> = rules.chain(behaviours).collect();
    entries.sort_by_key(|entry| entry.id);
    entries
}

/// The rule or behaviour of this id.
#[must_use]
pub fn find(id: &str) -> Option<RuleEntry> {
    all().into_iter().find(|entry| entry.id == id)
}

impl From<&About> for RuleEntry {
    fn from(about: &About) -> Self {
        Self {
            id: about.id,
            kind: RuleKind::Rule,
            title: about.title,
            severities: about.severities.to_vec(),
            fires_when: about.fires_when,
            attack: about.techniques(),
            practice: about.practice,
            side: Some(about.side.as_str()),
            reads: Some(about.reads),
        }
    }
}

impl From<&AboutBehaviour> for RuleEntry {
    fn from(about: &AboutBehaviour) -> Self {
        let (tactic, technique) = about.attack;
        Self {
            id: about.id,
            kind: RuleKind::Behaviour,
            title: about.title,
            severities: Severity::ALL.to_vec(),
            fires_when: about.fires_when,
            attack: vec![Attack {
                version: "v18".to_owned(),
                tactic: tactic.to_owned(),
                technique: technique.to_owned(),
            }],
            practice: about.practice,
            side: None,
            reads: None,
        }
    }
}

impl RuleEntry {
    /// `high`, `medium to critical`.
    fn severity_words(&self) -> String {
        match (self.severities.first(), self.severities.last()) {
            (Some(first), Some(last)) if first == last => first.to_string(),
            (Some(first), Some(last)) => format!("{first} to {last}"),
            _ => String::new(),
        }
    }
}

/// Writes a line of headings and a line for each rule.
///
/// # Errors
/// When `out` takes no more.
pub fn write_list_table(entries: &[RuleEntry], page: &Page, out: &mut dyn Write) -> io::Result<()> {
    const GAP: &str = "  ";
    let ids = entries.iter().map(|entry| entry.id.len());
    let ids = ids.max().unwrap_or(0).max("RULE".len());
    let severities = "medium to critical".len();
    let before = ids + severities + 2 * GAP.len();
    // On a narrow page the title stands below, so that it keeps some room.
    let is_below = page.width() < before + 30;
    let title = if is_below { GAP.len() } else { before };
    let heading = format!(
        "{}{GAP}{}{GAP}TITLE",
        cell("RULE", ids),
        cell("SEVERITY", severities)
    );
    writeln!(out, "{}", page.paint(page::HEADING, heading))?;
    for entry in entries {
        let severity = entry.severity_words();
        write!(out, "{}{GAP}", cell(entry.id, ids))?;
        let lines = wrap(entry.title, page.width() - title, usize::MAX);
        if is_below {
            writeln!(out, "{severity}")?;
        } else {
            write!(out, "{}{GAP}", cell(&severity, severities))?;
        }
        for (index, line) in lines.iter().enumerate() {
            let indent = if index == 0 && !is_below { 0 } else { title };
            writeln!(out, "{:indent$}{line}", "")?;
        }
    }
    Ok(())
}

/// Writes an array of rules.
///
/// # Errors
/// When `out` takes no more.
pub fn write_list_json(entries: &[RuleEntry], out: &mut dyn Write) -> io::Result<()> {
    json_text::write_pretty(out, &entries)?;
    out.write_all(b"\n")
}

/// Writes all there is to know about a rule.
///
/// # Errors
/// When `out` takes no more.
pub fn write_rule(entry: &RuleEntry, page: &Page, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", page.paint(page::HEADING, entry.id))?;
    let mut prose = Prose { page, out };
    prose.text(entry.title)?;
    prose.heading("Fires when")?;
    prose.text(entry.fires_when)?;
    prose.heading("Severity")?;
    match entry.kind {
        RuleKind::Rule => {
            let named = entry
                .severities
                .iter()
                .map(|severity| format!("{severity} (score {})", Short(severity.score())));
            prose.text(&named.collect::<Vec<_>>().join(", "))?;
        }
        RuleKind::Behaviour => prose
            .text(&format!(
                "By its score: how unusual and how large it is. Low from the account's threshold, medium where a fifth of the findings would remain and from {:.1}, high where a twentieth would and from {:.1}; one more where something is destroyed or handed out.",
                least_medium(),
                least_high()
            ))?,
    }
    prose.heading("ATT&CK")?;
    for technique in &entry.attack {
        prose.text(&attack::words(technique))?;
        if let Some(address) = attack::address(technique) {
            prose.unbroken(&address)?;
        }
    }
    prose.heading("Practice of key management")?;
    prose.text(entry.practice)?;
    if let Some(reads) = entry.reads {
        prose.heading("Reads")?;
        for field in reads {
            prose.unbroken(field)?;
        }
    }
    if let Some(side) = entry.side {
        prose.heading("Cross-account calls")?;
        let of = if side == Side::Owner.as_str() {
            "the key's account"
        } else {
            "the caller's account"
        };
        prose.text(&format!("Reads the record in the trail of {of}."))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::Color;
    use crate::samples;

    const RULE: About = About {
        id: "key-goes",
        title: "A key is about to be deleted, and with it whatever only it can decrypt",
        severities: &[Severity::Medium, Severity::High, Severity::Critical],
        attack: &[
            ("TA0040", "T1485", "T1485"),
            ("TA0005", "T1562.008", "T9999"),
        ],
        practice: "deletion protection",
        side: Side::Owner,
        fires_when: "ScheduleKeyDeletion succeeds. Graded by how long ago the key was used. A refused call fires one severity lower.",
        reads: &["eventName", "requestParameters.pendingWindowInDays"],
    };
    const BEHAVIOUR: AboutBehaviour = AboutBehaviour {
        id: "rate-thing",
        title: "Far more often than ever",
        attack: ("TA0006", "T1552"),
        practice: "least privilege",
        fires_when: "An hour reaches four times the busiest one.",
    };

    fn entries() -> Vec<RuleEntry> {
        vec![RuleEntry::from(&RULE), RuleEntry::from(&BEHAVIOUR)]
    }

    fn list(columns: usize) -> String {
        let page = Page::new(Some(columns), Color::Plain);
        samples::text(|out| write_list_table(&entries(), &page, out))
    }

    #[test]
    fn a_list() {
        insta::assert_snapshot!(list(80));
    }

    #[test]
    fn a_list_on_a_narrow_page() {
        insta::assert_snapshot!(list(44));
    }

    #[test]
    fn a_list_in_json() {
        insta::assert_snapshot!(samples::text(|out| write_list_json(&entries(), out)));
    }

    #[test]
    fn one_rule() {
        let text = samples::text(|out| write_rule(&(&RULE).into(), &Page::default(), out));
        insta::assert_snapshot!(text);
    }

    #[test]
    fn one_behaviour() {
        let text = samples::text(|out| write_rule(&(&BEHAVIOUR).into(), &Page::default(), out));
        insta::assert_snapshot!(text);
    }

    #[test]
    fn every_rule_can_be_shown() {
        let all = all();
        assert!(all.is_sorted_by(|a, b| a.id < b.id), "two rules of one id");
        for entry in &all {
            assert_eq!(find(entry.id).as_ref(), Some(entry));
            assert!(
                !entry.severities.is_empty() && entry.severities.is_sorted(),
                "{}",
                entry.id
            );
            let text = samples::text(|out| write_rule(entry, &Page::default(), out));
            assert!(text.starts_with(entry.id));
        }
        assert_eq!(find("no-such-rule"), None);
    }
}

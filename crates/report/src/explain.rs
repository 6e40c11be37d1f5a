//! The whole of one finding, for somebody who has to decide whether to believe it.

use std::io::{self, Write};

use keytrail_detect::behaviour::{least_high, least_medium};
use keytrail_detect::finding::{Evidence, Finding, FindingState, Severity, Triage};
use keytrail_detect::rules;

use crate::attack;
use crate::escape::shell_word;
use crate::findings::{spans_keys, state_name, when, write_headline};
use crate::page::Page;
use crate::prose::Prose;
use crate::step::{Piece, pieces};
use crate::words::{Short, rarity};

/// Stands for the files that the finding came from, where nobody told.
const ARCHIVE: &str = "ARCHIVE";

/// Writes everything a finding holds, in prose. Nothing is cut.
///
/// # Errors
/// When `out` takes no more.
pub fn write_explanation(finding: &Finding, page: &Page, out: &mut dyn Write) -> io::Result<()> {
    write_headline(finding, usize::MAX, page, out)?;
    let mut prose = Explanation(Prose { page, out });
    prose.what(finding)?;
    prose.why(finding)?;
    prose.how_sure(finding)?;
    prose.meaning(finding)?;
    prose.events(finding)?;
    prose.next_steps(finding)?;
    prose.names(finding)
}

/// The command that lists the events of a finding, with every word quoted for a shell.
#[must_use]
pub fn events_command(finding: &Finding) -> String {
    let mut command = format!("keytrail events {ARCHIVE}");
    let account = Some(&finding.account);
    let filters = [
        (
            "--account",
            account.filter(|_| finding.principal.is_none() && finding.key.is_none()),
        ),
        ("--principal", finding.principal.as_ref()),
        (
            "--key",
            finding.key.as_ref().filter(|_| !spans_keys(finding)),
        ),
    ];
    for (flag, value) in filters {
        if let Some(value) = value {
            // With `=`, a value that begins with a hyphen is still a value.
            let word = shell_word(value);
            let is_plain = !value.starts_with('-');
            command.push_str(&format!(
                " {flag}{}{word}",
                if is_plain { ' ' } else { '=' }
            ));
        }
    }
    let until = finding.last_seen.plus_seconds(1);
    command.push_str(&format!(" --since {} --until {until}", finding.first_seen));
    if reads_other_services(finding) {
        command.push_str(" --other-services");
    }
    command
}

/// Whether the finding's events may be records of other services than KMS.
fn reads_other_services(finding: &Finding) -> bool {
    match rules::find(&finding.rule) {
        Some(rule) => rule.about().reads.contains(&"eventSource"),
        None => is_sigma(finding),
    }
}

/// Whether a rule of the community's found it, which may be about any service.
fn is_sigma(finding: &Finding) -> bool {
    finding.rule.starts_with("sigma:")
}

struct Explanation<'p>(Prose<'p>);

impl Explanation<'_> {
    fn what(&mut self, finding: &Finding) -> io::Result<()> {
        self.0.heading("What")?;
        match &finding.principal {
            Some(principal) => self.0.unbroken(&format!("Principal  {principal}"))?,
            None => self
                .0
                .unbroken("Principal  none: this is about the key or the account alone")?,
        }
        if let Some(key) = &finding.key {
            self.0.unbroken(&format!("Key        {key}"))?;
        }
        for (index, key) in finding.further_keys.iter().enumerate() {
            let label = if index == 0 { "Names keys" } else { "" };
            self.0.unbroken(&format!("{label:11}{key}"))?;
        }
        self.0
            .unbroken(&format!("Account    {}", finding.account))?;
        if let Some(region) = &finding.region {
            self.0.unbroken(&format!("Region     {region}"))?;
        }
        self.0.unbroken(&format!("When       {}", when(finding)))
    }

    fn why(&mut self, finding: &Finding) -> io::Result<()> {
        self.0.heading("Why")?;
        if finding.evidence.is_empty() {
            return self.0.text("The finding holds no evidence.");
        }
        for (index, evidence) in finding.evidence.iter().enumerate() {
            self.0.item(index + 1, &evidence.text)?;
            let numbers = numbers(evidence);
            if !numbers.is_empty() {
                self.0.hanging(5, &numbers)?;
            }
        }
        Ok(())
    }

    fn how_sure(&mut self, finding: &Finding) -> io::Result<()> {
        self.0.heading("How sure")?;
        let severity = finding.severity;
        self.0.text(&format!(
            "Score {}, severity {severity}. Behaviour is low from the account's threshold, medium where a fifth of the findings would remain and from {:.1}, high where a twentieth would and from {:.1}, which the evidence `levels` has in numbers; `rarity` gives the reckoning. Rules have the fixed scores {}, {}, {} and {} for low to critical.",
            Short(finding.score),
            least_medium(),
            least_high(),
            Short(Severity::Low.score()),
            Short(Severity::Medium.score()),
            Short(Severity::High.score()),
            Short(Severity::Critical.score()),
        ))?;
        self.0.text(&format!(
            "Confidence {} of 1: how much history the judgement rests on. A rule over records alone has 1.",
            Short(finding.confidence)
        ))?;
        if finding.is_learning() {
            self.0.note("Made while learning: the account's normal use was not known well enough yet, so this may be its normal use.")?;
        }
        let state = match finding.state {
            FindingState::Provisional => {
                "Provisional: its last hour is not sealed yet; its numbers can still grow. A replay seals the hours that were over when its newest file was delivered, a deployment those that were over three hours ago."
            }
            FindingState::Final => {
                "Final: its hours were over when the newest file was delivered. Records that come later can still add to it."
            }
            FindingState::Withdrawn => "Withdrawn: later evidence took it back.",
            FindingState::Expected => "Expected: somebody declared this as normal.",
            FindingState::Suppressed => "Suppressed: somebody does not want to be told.",
            FindingState::Shadow => "Shadow: the rule only counts; nobody is alerted.",
        };
        self.0.text(state)
    }

    fn meaning(&mut self, finding: &Finding) -> io::Result<()> {
        if !finding.attack.is_empty() {
            self.0.heading("ATT&CK")?;
        }
        for technique in &finding.attack {
            self.0.text(&attack::words(technique))?;
            if let Some(address) = attack::address(technique) {
                self.0.unbroken(&address)?;
            }
        }
        if let Some(practice) = &finding.practice {
            self.0.heading("Practice of key management")?;
            self.0.text(practice)?;
        }
        Ok(())
    }

    fn events(&mut self, finding: &Finding) -> io::Result<()> {
        self.0.heading("Events")?;
        let known = finding.event_ids.len() as u64;
        self.0.text(match known {
            0 => "The records have no event ids.",
            1 if finding.count == 1 => "There is one:",
            _ if known < finding.count => "Some of them:",
            _ => "These are all:",
        })?;
        for id in &finding.event_ids {
            self.0.unbroken(&format!("  {id}"))?;
        }
        if is_sigma(finding) {
            self.0.text("Of services other than KMS, only what rules of Keytrail itself read can be listed.")?;
        }
        self.0.text("To see them with who, whence and how, put the files or the folder in place of ARCHIVE:")?;
        self.0.unbroken(&format!("  {}", events_command(finding)))
    }

    fn next_steps(&mut self, finding: &Finding) -> io::Result<()> {
        if finding.next_steps.is_empty() {
            return Ok(());
        }
        self.0.heading("Next steps")?;
        for (index, step) in finding.next_steps.iter().enumerate() {
            for (place, piece) in pieces(finding, step).into_iter().enumerate() {
                match piece {
                    Piece::Words(words) if place == 0 => self.0.item(index + 1, words)?,
                    Piece::Words(words) => self.0.hanging(5, words)?,
                    Piece::Command(command) => self.0.unbroken(&format!("   {command}"))?,
                }
            }
        }
        Ok(())
    }

    fn names(&mut self, finding: &Finding) -> io::Result<()> {
        self.0.heading("Finding")?;
        self.0.unbroken(&format!("Id         {}", finding.id))?;
        let revision = finding.revision;
        self.0.unbroken(&format!(
            "Episode    {}, revision {revision}",
            finding.episode
        ))?;
        let triage = match finding.triage {
            Triage::Open => "open",
            Triage::Acknowledged => "acknowledged",
            Triage::Resolved => "resolved",
        };
        self.0.unbroken(&format!(
            "State      {}, {triage}",
            state_name(finding.state)
        ))?;
        let rule = shell_word(&finding.rule);
        self.0.unbroken(&format!(
            "Rule       {} (keytrail rules show {rule})",
            finding.rule
        ))
    }
}

/// The numbers of a reason, as far as it has them.
fn numbers(evidence: &Evidence) -> String {
    let text =
        |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name}: {value}"));
    let parts = [
        text("seen", &evidence.observed),
        text("expected", &evidence.expected),
        evidence
            .one_in
            .map(|one_in| format!("1 in {}", rarity(one_in))),
        text("history", &evidence.history),
        evidence
            .weight
            .map(|weight| format!("weight: {}", Short(weight))),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() {
        return String::new();
    }
    format!("{}: {}", evidence.feature, parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::Color;
    use crate::samples;

    fn written(finding: &Finding, page: &Page) -> String {
        samples::text(|out| write_explanation(finding, page, out))
    }

    #[test]
    fn behaviour_while_learning() {
        insta::assert_snapshot!(written(&samples::learning(), &Page::default()));
    }

    #[test]
    fn a_rule_on_a_narrow_page() {
        let page = Page::new(Some(44), Color::Plain);
        insta::assert_snapshot!(written(&samples::deletion(), &page));
    }

    #[test]
    fn hostile_strings_in_colour() {
        let page = Page::new(Some(120), Color::Ansi);
        insta::assert_snapshot!(written(&samples::hostile(), &page).replace('\u{1b}', "␛"));
    }

    #[test]
    fn nothing_is_cut() {
        let text = written(&samples::endless(), &Page::default());
        assert_eq!(text.matches('漢').count(), 2_500);
        assert!(!text.contains('…'));
    }

    #[test]
    fn the_command_lists_what_the_finding_counts() {
        let mut finding = samples::deletion();
        let check = |finding: &Finding, key: bool, other_services: bool| {
            let command = events_command(finding);
            assert_eq!(command.contains(" --key "), key, "{command}");
            assert_eq!(
                command.ends_with(" --other-services"),
                other_services,
                "{command}"
            );
        };
        check(&finding, true, false);
        finding.rule = "rate-key".to_owned();
        check(&finding, false, false);
        finding
            .evidence
            .push(Evidence::new("learning", "The account is being learnt."));
        check(&finding, true, false);
        finding.rule = "trail-stopped".to_owned();
        finding.key = None;
        check(&finding, false, true);
        finding.rule = "sigma:1".to_owned();
        check(&finding, false, true);
    }

    #[test]
    fn the_command_can_be_pasted() {
        let mut finding = samples::hostile();
        assert_eq!(
            events_command(&finding),
            "keytrail events ARCHIVE --principal '+x'\\''; rm -rf ~; echo '\\''**[31m' --since 2024-01-31T23:42:18Z --until 2024-01-31T23:42:19Z"
        );
        finding.principal = Some("--output=csv=/etc/passwd".to_owned());
        assert!(events_command(&finding).contains(" --principal='--output=csv=/etc/passwd' "));
        finding.principal = None;
        assert!(events_command(&finding).contains(" --account '@SUM(1+1)' "));
    }
}

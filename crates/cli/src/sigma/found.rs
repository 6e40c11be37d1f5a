//! Matches as findings of the common form, and what the run came to.

use std::collections::BTreeMap;

use keytrail_detect::behaviour::ESTIMATE;
use keytrail_detect::bounds::EXACT_EVENTS_MAX;
use keytrail_detect::finding::{
    Attack, Evidence, Finding, FindingId, FindingState, Severity, Triage,
};
use keytrail_report::summary::{SigmaCounts, SigmaRuleCount};
use rsigma_parser::Level;

use super::FINDINGS_PER_RULE_MAX;
use super::load::{AboutSigmaRule, SigmaRules};
use super::matches::{Matches, Spell, Subject};

/// ATT&CK's tactics as Sigma's tags name them. What v18 calls Defense Evasion v19 divides, and tags follow it.
const TACTICS: [(&str, &str); 16] = [
    ("reconnaissance", "TA0043"),
    ("resource-development", "TA0042"),
    ("initial-access", "TA0001"),
    ("execution", "TA0002"),
    ("persistence", "TA0003"),
    ("privilege-escalation", "TA0004"),
    ("defense-evasion", "TA0005"),
    ("stealth", "TA0005"),
    ("defense-impairment", "TA0112"),
    ("credential-access", "TA0006"),
    ("discovery", "TA0007"),
    ("lateral-movement", "TA0008"),
    ("collection", "TA0009"),
    ("exfiltration", "TA0010"),
    ("command-and-control", "TA0011"),
    ("impact", "TA0040"),
];
/// Benign causes of a rule that a finding repeats.
const CAUSES_MAX: usize = 5;
/// Longest text of a rule that a finding repeats, in bytes.
const WORDS_BYTES_MAX: usize = 512;

/// The findings sorted by (episode, id), and the counts.
pub fn conclude(rules: SigmaRules, matches: Matches) -> (Vec<Finding>, SigmaCounts) {
    let mut counts = SigmaCounts {
        rules: rules.about.len() as u64,
        other_log_sources: rules.other_log_sources,
        records: matches.records,
        timeless: matches.timeless,
        findings_per_rule_max: FINDINGS_PER_RULE_MAX as u64,
        beyond: matches.beyond.values().sum(),
        ..SigmaCounts::default()
    };
    let mut by_rule: BTreeMap<usize, SigmaRuleCount> = BTreeMap::new();
    for (rule, beyond) in &matches.beyond {
        by_rule.entry(*rule).or_default().beyond = *beyond;
    }
    let mut findings = Vec::new();
    for (number, subject, spell) in matches.into_spells() {
        let Some(about) = rules.about.get(number) else {
            continue;
        };
        let count = by_rule.entry(number).or_default();
        count.events += spell.events.count();
        count.findings += 1;
        findings.push(finding(about, subject, spell));
    }
    findings.sort_by(|a, b| (&a.episode, &a.id).cmp(&(&b.episode, &b.id)));
    counts.by_rule = by_rule
        .into_iter()
        .filter_map(|(number, count)| {
            let about = rules.about.get(number)?;
            Some(SigmaRuleCount {
                rule: about.id.clone(),
                title: cut(&about.rule.title).to_owned(),
                ..count
            })
        })
        .collect();
    counts.unsupported = rules.unsupported;
    (findings, counts)
}

fn finding(about: &AboutSigmaRule, subject: Subject, spell: Spell) -> Finding {
    let rule = &about.rule;
    let severity = severity(rule.level);
    let key = subject.key.as_deref().unwrap_or_default();
    let id = FindingId::new(&about.id, &[&subject.account, &subject.principal, key, ""]);
    let first = spell.first.time;
    let last = spell.ends.last().map_or(first, |(time, _)| *time);
    let ids = spell.ends.iter().map(|(_, id)| id.clone());
    Finding {
        episode: format!("{id}@{}", first.day()),
        id,
        revision: 1,
        published_at: None,
        state: FindingState::Final,
        triage: Triage::Open,
        rule: about.id.clone(),
        title: cut(&rule.title).to_owned(),
        severity,
        score: severity.score(),
        confidence: 1.0,
        account: subject.account,
        region: spell.region.clone(),
        principal: Some(subject.principal).filter(|principal| !principal.is_empty()),
        key: subject.key,
        first_seen: first,
        last_seen: last,
        count: spell.events.count(),
        event_ids: ids.filter(|id| !id.is_empty()).collect(),
        evidence: evidence(about, &spell),
        attack: attack(&rule.tags),
        practice: None,
        next_steps: next_steps(about),
        further_keys: Vec::new(),
    }
}

/// What Sigma says of a rule without a level is nothing: it is taken for medium.
const fn severity(level: Option<Level>) -> Severity {
    match level {
        Some(Level::Informational | Level::Low) => Severity::Low,
        Some(Level::Medium) | None => Severity::Medium,
        Some(Level::High) => Severity::High,
        Some(Level::Critical) => Severity::Critical,
    }
}

fn evidence(about: &AboutSigmaRule, spell: &Spell) -> Vec<Evidence> {
    let of_rule = match about.rule.description.as_deref().map(str::trim) {
        Some(description) if !description.is_empty() => {
            format!(
                "The Sigma rule of {} says: {}",
                about.file,
                cut(description)
            )
        }
        _ => format!("The Sigma rule of {} matches", about.file),
    };
    let mut evidence = vec![
        Evidence::new("sigma_rule", of_rule).observed(&about.file),
        Evidence::new(
            "event",
            format!("First: {} at {}", spell.first.operation, spell.first.time),
        )
        .observed(&spell.first.id),
    ];
    evidence.extend(spell.first.fields.iter().map(|(field, value)| {
        Evidence::new("field", format!("{field} is {value}")).observed(value)
    }));
    if !spell.events.is_exact() {
        let text = format!(
            "≈ marks estimates: above {EXACT_EVENTS_MAX} events of one finding, their number has a standard error of 3 %."
        );
        evidence.push(Evidence::new(ESTIMATE, text));
    }
    evidence
}

fn next_steps(about: &AboutSigmaRule) -> Vec<String> {
    let causes = about.rule.falsepositives.iter().take(CAUSES_MAX);
    let causes = causes.map(|cause| cut(cause.trim()));
    let causes: Vec<&str> = causes
        .filter(|cause| !cause.is_empty() && !cause.eq_ignore_ascii_case("unknown"))
        .collect();
    let mut steps = Vec::new();
    if !causes.is_empty() {
        steps.push(format!(
            "The rule knows benign causes: {}",
            causes.join("; ")
        ));
    }
    steps.push(format!("Read the rule: {}", about.file));
    steps
}

/// The techniques that the rule's tags name, with the tactic where they name one. Which version of ATT&CK they are of
/// a rule does not say.
fn attack(tags: &[String]) -> Vec<Attack> {
    let of_attack = || {
        let tags = tags.iter().map(|tag| tag.trim().to_ascii_lowercase());
        tags.filter_map(|tag| tag.strip_prefix("attack.").map(str::to_owned))
    };
    let tactic = of_attack().find_map(|tag| {
        let name = tag.replace('_', "-");
        let mut tactics = TACTICS.iter();
        tactics.find_map(|(known, id)| (*known == name).then_some(*id))
    });
    let techniques = of_attack().filter(|tag| {
        let number = tag.strip_prefix('t').unwrap_or_default();
        !number.is_empty()
            && number
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.')
    });
    techniques
        .map(|technique| Attack {
            version: "sigma".to_owned(),
            tactic: tactic.unwrap_or_default().to_owned(),
            technique: technique.to_ascii_uppercase(),
        })
        .collect()
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(WORDS_BYTES_MAX)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rules that follow v19 named no tactic.
    #[test]
    fn tactics_are_those_of_either_version() {
        for (tag, tactic) in [
            ("attack.defense-evasion", "TA0005"),
            ("attack.defense_evasion", "TA0005"),
            ("attack.stealth", "TA0005"),
            ("attack.defense-impairment", "TA0112"),
            ("attack.g0016", ""),
        ] {
            let tags = [tag.to_owned(), "attack.t1685.002".to_owned()];
            let found = attack(&tags);
            assert_eq!(found.len(), 1, "{tag}");
            assert_eq!(found[0].tactic, tactic, "{tag}");
            assert_eq!(found[0].technique, "T1685.002");
        }
    }
}

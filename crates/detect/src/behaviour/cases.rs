//! From scored hours to candidates: one case per principal and 24 hours, and one campaign where cases of
//! an hour share what is new.

use std::collections::BTreeMap;

use keytrail_event::EventTime;

use super::circumstances::circumstances;
use super::level::{Levels, SensitiveKeys, escalation, sensitive_keys};
use super::{BEHAVIOURS, Day, find, short_principal};
use crate::baseline::{AccountBaseline, DayJudge, Reasons, ScoredHour};
use crate::bounds::{BEHAVIOUR_QUIET_SECONDS, FINDING_EVENT_IDS_MAX};
use crate::cell::Cell;
use crate::cells::CellKey;
use crate::episode::Candidate;
use crate::finding::{Evidence, Finding, FindingId, Severity};
use crate::judge::state_at;
use crate::packed_finding::PackedFinding;
use crate::rules::OnRepeat;
use crate::rules::support::argument;

/// Principals that a campaign names beside the one it is about.
const CAMPAIGN_NAMES_MAX: usize = 10;

/// The candidates of a day, whose hours score above the account's threshold.
pub(super) fn candidates(
    day: &Day<'_>,
    judged: &DayJudge<'_, '_>,
    base: &AccountBaseline,
) -> Vec<Candidate> {
    let levels = Levels::of(base, &day.configuration.behaviour);
    let mut by_principal: BTreeMap<u32, Vec<ScoredHour>> = BTreeMap::new();
    for scored in judged.scored().filter(|hour| hour.score >= levels.low) {
        by_principal
            .entry(scored.principal)
            .or_default()
            .push(scored);
    }
    let cases: Vec<Case<'_>> = by_principal
        .into_values()
        .filter_map(|hours| Case::new(judged, &hours, &levels, day))
        .collect();
    join_campaigns(cases)
        .into_iter()
        .filter_map(|case| case.candidate(day, base))
        .collect()
}

/// A principal's hours of a day above the threshold.
struct Case<'a> {
    principal: &'a str,
    /// The hour that scores most, of equals the first.
    best: ScoredHour,
    /// Ids of events of that hour.
    best_ids: Vec<String>,
    reasons: Reasons,
    severity: Severity,
    /// What that is held against.
    levels: Evidence,
    /// Which of its keys are sensitive.
    sensitive: Option<SensitiveKeys>,
    cells: Vec<(CellKey, &'a Cell)>,
    calls: u64,
    /// The others of a campaign.
    others: Vec<&'a str>,
}

impl<'a> Case<'a> {
    fn new(
        judged: &DayJudge<'_, 'a>,
        hours: &[ScoredHour],
        levels: &Levels,
        day: &Day<'_>,
    ) -> Option<Self> {
        let mut best = *hours.first()?;
        for hour in hours {
            if hour.score > best.score {
                best = *hour;
            }
        }
        let mask = hours.iter().fold(0_u32, |bits, hour| bits | 1 << hour.hour);
        let principal = &judged.facts().principals[best.principal as usize];
        let cells: Vec<(CellKey, &Cell)> = judged.facts().cells[principal.cells.clone()]
            .iter()
            .filter(|(key, _)| mask >> key.hour.of_day() & 1 == 1)
            .copied()
            .collect();
        let reasons = judged.reasons(&best)?;
        let sensitive = sensitive_keys(&cells, day);
        let is_grave = reasons.is_grave || sensitive.is_some();
        Some(Self {
            principal: principal.name,
            best,
            best_ids: judged.event_ids(&best),
            severity: levels.severity(best.score, is_grave),
            levels: levels.evidence(reasons.is_grave),
            reasons,
            sensitive,
            calls: cells.iter().map(|(_, cell)| cell.events.count()).sum(),
            cells,
            others: Vec::new(),
        })
    }

    /// What cases of one hour share when they are one campaign.
    fn shared(&self) -> Option<(u8, &'static str, &str)> {
        let value = self.reasons.value.as_deref()?;
        Some((self.best.hour, self.best.leading.id(), value))
    }

    fn candidate(self, day: &Day<'_>, base: &AccountBaseline) -> Option<Candidate> {
        let ends = self.cells.iter().map(|(key, cell)| cell.ends(key.hour));
        let ends: Vec<_> = ends.collect();
        let first = ends.iter().map(|ends| &ends.first).min()?.time;
        let last = ends.iter().map(|ends| &ends.last).max()?.time;
        let open = open_case(
            day.episodes,
            day.account_day.account(),
            self.principal,
            first,
        );
        let about = match &open {
            Some(finding) => find(&finding.rule)?,
            None => find(self.best.leading.rule())?,
        };
        let key = match &open {
            Some(finding) => finding.key.clone(),
            None => self.reasons.key.clone(),
        };
        let event_ids = self.event_ids();
        let mut evidence = self.reasons.evidence.clone();
        evidence.extend(self.sensitive.as_ref().map(SensitiveKeys::evidence));
        evidence.push(self.levels.clone());
        evidence.extend(self.campaign_evidence());
        let mut severity = self.severity;
        if let Some((worse, why)) = escalation(open.as_ref(), self.best.score, severity) {
            severity = worse;
            evidence.push(why);
        }
        evidence.extend(circumstances(&self.cells, day.account_day));
        let days = f64::from(base.days());
        Some(Candidate {
            rule: about.id,
            class: String::new(),
            title: format!(
                "{}: {}",
                short_principal(self.principal),
                self.reasons.headline
            ),
            severity,
            score: self.best.score,
            confidence: days / (days + 7.0),
            account: day.account_day.account().to_owned(),
            region: self.region(day),
            principal: Some(self.principal.to_owned()),
            next_steps: self.next_steps(first, last),
            further_keys: self.further_keys(),
            key,
            first_seen: first,
            last_seen: last,
            count: self.calls,
            new: self.calls,
            event_ids,
            evidence,
            attack: about.technique(),
            practice: about.practice,
            on_repeat: OnRepeat::Adds,
            state: state_at(last, day.clock),
            quiet_seconds: BEHAVIOUR_QUIET_SECONDS,
        })
    }

    /// The keys that its reasons name: a case that goes on is about the key that it began with.
    fn further_keys(&self) -> Vec<String> {
        let sensitive = self.sensitive.iter().flat_map(|sensitive| &sensitive.0);
        let named = self.reasons.key.iter().chain(sensitive);
        named.cloned().collect()
    }

    fn campaign_evidence(&self) -> Option<Evidence> {
        if self.others.is_empty() {
            return None;
        }
        let named = &self.others[..self.others.len().min(CAMPAIGN_NAMES_MAX)];
        let text = format!(
            "{} more principals showed the same in this hour: {}{}.",
            self.others.len(),
            named.join(", "),
            if named.len() < self.others.len() {
                " and more"
            } else {
                ""
            }
        );
        Some(Evidence::new("campaign", text).observed(self.others.len() + 1))
    }

    fn region(&self, day: &Day<'_>) -> Option<String> {
        let regions = self
            .cells
            .iter()
            .map(|(key, _)| day.account_day.name(key.region));
        regions.min().map(str::to_owned)
    }

    /// The ids of the best hour's events first, then of the others: first and last of each cell.
    fn event_ids(&self) -> Vec<String> {
        let others = self
            .cells
            .iter()
            .filter(|(key, _)| key.hour.of_day() != self.best.hour)
            .map(|(key, cell)| cell.ends(key.hour))
            .flat_map(|ends| [ends.first, ends.last]);
        let mut others: Vec<_> = others.filter(|end| !end.event_id.is_empty()).collect();
        others.sort();
        others.dedup();
        let room = FINDING_EVENT_IDS_MAX.saturating_sub(self.best_ids.len());
        let others = others.into_iter().take(room);
        let others = others.map(|end| end.event_id.text().into_owned());
        self.best_ids.iter().cloned().chain(others).collect()
    }

    /// A case counts the calls with every key, whichever its strongest reason is about.
    fn next_steps(&self, first: EventTime, last: EventTime) -> Vec<String> {
        vec![
            format!(
                "Read every call: keytrail events ARCHIVE --principal {} --since {first} --until {}",
                argument(self.principal, "principal"),
                last.plus_seconds(1)
            ),
            "Ask the owner of the principal whether this was planned; if not, revoke its sessions and keys first, then the data behind the key is to be considered read.".to_owned(),
        ]
    }
}

/// The case of a principal that is open: its latest finding by behaviour, not older than 24 hours.
fn open_case(
    episodes: &BTreeMap<String, PackedFinding>,
    account: &str,
    principal: &str,
    first: EventTime,
) -> Option<Finding> {
    let is_behaviour = |id: &str| {
        let rule = FindingId::rule_of(id);
        BEHAVIOURS.iter().any(|about| about.id == rule)
    };
    let is_open = |finding: &Finding| {
        finding.account == account && finding.principal.as_deref() == Some(principal)
    };
    let cases = episodes.iter().filter(|(id, finding)| {
        is_behaviour(id) && first.seconds_since(finding.last_seen()) < BEHAVIOUR_QUIET_SECONDS
    });
    let open = cases.map(|(_, finding)| finding.unpack()).filter(is_open);
    open.max_by(|a, b| (a.last_seen, &a.id).cmp(&(b.last_seen, &b.id)))
}

/// Cases of one hour that share a value become one, about the principal that scores most.
fn join_campaigns(cases: Vec<Case<'_>>) -> Vec<Case<'_>> {
    let mut joined: Vec<Case<'_>> = Vec::new();
    for mut case in cases {
        let known = joined
            .iter_mut()
            .find(|known| known.shared().is_some() && known.shared() == case.shared());
        let Some(known) = known else {
            joined.push(case);
            continue;
        };
        if case.best.score > known.best.score {
            std::mem::swap(known, &mut case);
            known.others.append(&mut case.others);
        }
        known.others.push(case.principal);
        known.severity = known.severity.max(case.severity);
    }
    joined
}

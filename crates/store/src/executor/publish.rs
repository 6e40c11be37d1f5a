//! Revisions: what was recorded of an account's findings, against what stands now.

use std::collections::BTreeMap;
use std::sync::Arc;

use keytrail_detect::finding::{Finding, FindingState, Triage};
use keytrail_detect::rules::log_gap;
use keytrail_event::EventTime;

use super::{ExecuteError, Executor};
use crate::bounds::PAGE_ENTRIES_MAX;
use crate::{FindingKey, FindingRecord, Store, StoredFinding};

/// The part of an account's time that was judged anew: findings that end in it stand anew, too.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judged {
    pub from: EventTime,
    /// `None` where everything up to the clock was judged.
    pub until: Option<EventTime>,
}

impl Judged {
    /// Whether findings of this rule that end at this time stand anew.
    fn covers(&self, rule: &str, last_seen: EventTime) -> bool {
        // Gaps of log files are looked at each time, whatever days are judged.
        rule == log_gap::ABOUT.id || self.contains(last_seen)
    }

    fn contains(&self, time: EventTime) -> bool {
        time >= self.from && self.until.is_none_or(|until| time < until)
    }
}

/// What is to be recorded so that `standing` is what stands, given what is `known`. `before` are the
/// findings as they stood when the judged time began.
pub(super) fn revise(
    standing: BTreeMap<String, Arc<Finding>>,
    before: &BTreeMap<String, Arc<Finding>>,
    known: &BTreeMap<String, Finding>,
    judged: Judged,
) -> Vec<Finding> {
    let mut revised = Vec::new();
    for (episode, known) in known {
        let is_looked_at = judged.covers(&known.rule, known.last_seen);
        let is_judged = known.state != FindingState::Withdrawn && is_looked_at;
        if standing.contains_key(episode) || !is_judged {
            continue;
        }
        let before = before.get(known.id.as_str());
        match before.filter(|before| before.episode == *episode) {
            // What made it go on is gone; what it was before stands again.
            Some(before) => revised.extend(next_revision(Finding::clone(before), Some(known))),
            None => {
                let withdrawn = Finding {
                    state: FindingState::Withdrawn,
                    ..known.clone()
                };
                revised.extend(next_revision(withdrawn, Some(known)));
            }
        }
    }
    for (episode, finding) in standing {
        let finding = Arc::unwrap_or_clone(finding);
        revised.extend(next_revision(finding, known.get(&episode)));
    }
    revised.sort_by(|a, b| (&a.episode, &a.id).cmp(&(&b.episode, &b.id)));
    revised
}

/// The finding in its next revision; `None` when nothing changed.
fn next_revision(finding: Finding, known: Option<&Finding>) -> Option<Finding> {
    let Some(known) = known else {
        return Some(Finding {
            revision: 1,
            ..finding
        });
    };
    let finding = Finding {
        revision: known.revision,
        published_at: known.published_at,
        triage: known.triage,
        ..finding
    };
    (finding != *known).then(|| Finding {
        revision: known.revision + 1,
        published_at: None,
        ..finding
    })
}

/// A finding as it is recorded.
pub(super) fn record_of(finding: &Finding) -> Result<FindingRecord, ExecuteError> {
    let json = serde_json::to_string(finding).map_err(|error| ExecuteError::Finding {
        episode: finding.episode.clone(),
        why: error.to_string(),
    })?;
    Ok(FindingRecord {
        key: FindingKey {
            id: finding.id.as_str().to_owned(),
            episode: finding.episode.clone(),
        },
        revision: finding.revision,
        state: finding.state.as_str().to_owned(),
        severity: finding.severity.as_str().to_owned(),
        rule: finding.rule.clone(),
        account: finding.account.clone(),
        principal: finding.principal.clone(),
        kms_key: finding.key.clone(),
        first_seen: finding.first_seen,
        last_seen: finding.last_seen,
        score: finding.score,
        json,
    })
}

/// The finding that was recorded, with what people did about it.
///
/// # Errors
/// When its text is no finding.
pub fn finding_of(stored: &StoredFinding) -> Result<Finding, ExecuteError> {
    let finding: Finding =
        serde_json::from_str(&stored.record.json).map_err(|error| ExecuteError::Finding {
            episode: stored.record.key.episode.clone(),
            why: error.to_string(),
        })?;
    let triage = match stored.triage_state() {
        "acknowledged" => Triage::Acknowledged,
        "resolved" => Triage::Resolved,
        _ => Triage::Open,
    };
    Ok(Finding { triage, ..finding })
}

impl<S: Store> Executor<'_, S> {
    /// All findings of an account in their latest revision, by episode.
    ///
    /// # Errors
    /// When the store fails, or what it holds can not be read.
    pub async fn findings(&self, account: &str) -> Result<BTreeMap<String, Finding>, ExecuteError> {
        self.findings_that(account, |_| true).await
    }

    /// Of the findings of an account, those that [`revise`] asks for: the others, of years, stay where they are.
    pub(super) async fn known_findings(
        &self,
        account: &str,
        standing: &BTreeMap<String, Arc<Finding>>,
        judged: Judged,
    ) -> Result<BTreeMap<String, Finding>, ExecuteError> {
        self.findings_that(account, |record| {
            judged.covers(&record.rule, record.last_seen)
                || standing.contains_key(&record.key.episode)
        })
        .await
    }

    async fn findings_that(
        &self,
        account: &str,
        is_wanted: impl Fn(&FindingRecord) -> bool,
    ) -> Result<BTreeMap<String, Finding>, ExecuteError> {
        let mut findings = BTreeMap::new();
        let mut after: Option<FindingKey> = None;
        loop {
            let page = self
                .store
                .findings(account, after.as_ref(), PAGE_ENTRIES_MAX)
                .await?;
            let Some(last) = page.last() else {
                return Ok(findings);
            };
            after = Some(last.record.key.clone());
            for stored in page.iter().filter(|stored| is_wanted(&stored.record)) {
                findings.insert(stored.record.key.episode.clone(), finding_of(stored)?);
            }
        }
    }
}

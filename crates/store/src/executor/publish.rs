//! Revisions: what was recorded of an account's findings, against what stands now.

use std::collections::BTreeMap;
use std::sync::Arc;

use keytrail_detect::finding::{Finding, FindingState, Triage};
use keytrail_detect::packed_finding::PackedFinding;
use keytrail_detect::rules::log_gap;
use keytrail_event::EventTime;

use super::{ExecuteError, Executor};
use crate::bounds::{PAGE_ENTRIES_MAX, STEP_FINDINGS_MAX};
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

/// Findings in a new revision.
#[derive(Default)]
pub(super) struct Revised {
    /// How many there are.
    pub count: u64,
    /// The last of them, which are to be recorded yet.
    pub records: Vec<FindingRecord>,
}

/// What stands and what stood, where an account is judged anew.
pub(super) struct Standing<'f> {
    /// What stands, by episode.
    pub now: BTreeMap<Arc<str>, PackedFinding>,
    /// The findings as they stood when the judged time began, by id.
    pub before: &'f BTreeMap<String, PackedFinding>,
    pub judged: Judged,
}

impl Standing<'_> {
    /// What is to be recorded of an episode that was recorded before; it is done with then.
    fn revise(&mut self, stored: &StoredFinding) -> Result<Option<Next>, ExecuteError> {
        let record = &stored.record;
        let now = self.now.remove(record.key.episode.as_str());
        if now.is_none() && !self.judged.covers(&record.rule, record.last_seen) {
            // It is of a time that nobody looked at: those of years stay where they are.
            return Ok(None);
        }
        let known = finding_of(stored)?;
        if let Some(now) = now {
            let next = next_revision(now.unpack(), Some(&known));
            return Ok(next.map(|next| Next { known, next }));
        }
        if known.state == FindingState::Withdrawn {
            return Ok(None);
        }
        let before = self.before.get(known.id.as_str());
        let stands = match before.filter(|before| **before.episode() == *known.episode) {
            // What made it go on is gone; what it was before stands again.
            Some(before) => before.unpack(),
            None => Finding {
                state: FindingState::Withdrawn,
                ..known.clone()
            },
        };
        let next = next_revision(stands, Some(&known));
        Ok(next.map(|next| Next { known, next }))
    }
}

/// A finding as it was recorded, and what is to be recorded of it next.
struct Next {
    known: Finding,
    next: Finding,
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

pub(super) fn key_of(finding: &Finding) -> FindingKey {
    FindingKey {
        id: finding.id.as_str().to_owned(),
        episode: finding.episode.clone(),
    }
}

/// A finding as it is recorded.
pub(super) fn record_of(finding: &Finding) -> Result<FindingRecord, ExecuteError> {
    let json = serde_json::to_string(finding).map_err(|error| ExecuteError::Finding {
        episode: finding.episode.clone(),
        why: error.to_string(),
    })?;
    Ok(FindingRecord {
        key: key_of(finding),
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
    /// Records what is needed so that what stands now is what is recorded. At most [`STEP_FINDINGS_MAX`] are handed
    /// back, to be recorded with the step that they come of; of more, those before are recorded here. That is safe to be
    /// stopped in: they are true, and who makes the step again finds them recorded.
    pub(super) async fn revise(
        &self,
        account: &str,
        mut standing: Standing<'_>,
        clock: EventTime,
        is_in_steps: bool,
    ) -> Result<Revised, ExecuteError> {
        let mut revised = Revised::default();
        // Findings are kept for a year and more, and an account is judged every few minutes: those that ended before what
        // is judged stay where they are, and are not read.
        let since = standing.judged.from;
        let mut after: Option<FindingKey> = None;
        loop {
            let page = self.store.findings_since(
                account,
                since,
                log_gap::ABOUT.id,
                after.as_ref(),
                PAGE_ENTRIES_MAX,
            );
            let page = page.await?;
            let Some(last) = page.last() else { break };
            after = Some(last.record.key.clone());
            for stored in &page {
                let next = standing.revise(stored)?;
                self.add_next(&mut revised, stored, next, clock, is_in_steps)
                    .await?;
            }
        }
        // What else stands is new, or goes on after it had ended before what is judged.
        while !standing.now.is_empty() {
            let some = standing.now.iter().take(PAGE_ENTRIES_MAX);
            let (episodes, keys): (Vec<Arc<str>>, Vec<FindingKey>) = some
                .map(|(episode, finding)| (Arc::clone(episode), key_of(&finding.unpack())))
                .unzip();
            for stored in &self.store.read_findings(&keys).await? {
                let next = standing.revise(stored)?;
                self.add_next(&mut revised, stored, next, clock, is_in_steps)
                    .await?;
            }
            let new = episodes
                .iter()
                .filter_map(|episode| standing.now.remove(episode));
            let new: Vec<PackedFinding> = new.collect();
            for finding in new {
                if let Some(finding) = next_revision(finding.unpack(), None) {
                    self.add(&mut revised, &finding).await?;
                }
            }
        }
        Ok(revised)
    }

    async fn add_next(
        &self,
        revised: &mut Revised,
        stored: &StoredFinding,
        next: Option<Next>,
        clock: EventTime,
        is_in_steps: bool,
    ) -> Result<(), ExecuteError> {
        if let Some(Next { known, mut next }) = next {
            self.reopen(stored, &known, &mut next, clock, is_in_steps)
                .await?;
            self.add(revised, &next).await?;
        }
        Ok(())
    }

    async fn add(&self, revised: &mut Revised, finding: &Finding) -> Result<(), ExecuteError> {
        if revised.records.len() >= STEP_FINDINGS_MAX {
            let records = std::mem::take(&mut revised.records);
            self.store.record_findings(&records).await?;
        }
        revised.count += 1;
        revised.records.push(record_of(finding)?);
        Ok(())
    }

    /// All findings of an account in their latest revision, by episode.
    ///
    /// # Errors
    /// When the store fails, or what it holds can not be read.
    pub async fn findings(&self, account: &str) -> Result<BTreeMap<String, Finding>, ExecuteError> {
        let mut findings = BTreeMap::new();
        let keep = |finding: Finding| {
            findings.insert(finding.episode.clone(), finding);
        };
        self.each_finding(account, keep).await?;
        Ok(findings)
    }

    /// Hands out the findings of an account in their latest revision, in the order of (id, episode), with no more than
    /// a page of them in memory.
    ///
    /// # Errors
    /// When the store fails, or what it holds can not be read.
    pub async fn each_finding(
        &self,
        account: &str,
        mut take: impl FnMut(Finding),
    ) -> Result<(), ExecuteError> {
        let mut after: Option<FindingKey> = None;
        while let Some(page) = self.page_behind(account, &mut after).await? {
            for stored in &page {
                take(finding_of(stored)?);
            }
        }
        Ok(())
    }

    /// The next findings of an account behind this one, which becomes the last of them; `None` when there are no more.
    async fn page_behind(
        &self,
        account: &str,
        after: &mut Option<FindingKey>,
    ) -> Result<Option<Vec<StoredFinding>>, ExecuteError> {
        let page = self
            .store
            .findings(account, after.as_ref(), PAGE_ENTRIES_MAX)
            .await?;
        let Some(last) = page.last() else {
            return Ok(None);
        };
        *after = Some(last.record.key.clone());
        Ok(Some(page))
    }
}

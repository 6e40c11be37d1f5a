//! Which revisions of a finding are news to people.
//!
//! A finding is revised whenever anything of it changes: each delivery adds to the count of an attack that goes on.
//! Who keeps its own copy wants every revision, and who is woken by it only some.

use keytrail_detect::finding::{Finding, FindingState, Severity};
use serde::{Deserialize, Serialize};

use super::ExecuteError;
use crate::StoredFinding;

/// The last revision of a finding that is news: the first, one that is worse than any before, one that was taken
/// back, and one that stands again. Stored with the finding, since whoever sends it sees the last revision only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// The revision.
    pub revision: u32,
    /// The highest severity of all revisions.
    pub severity: Severity,
}

/// A finding as it is stored, as far as this is concerned.
#[derive(Deserialize)]
struct Told {
    /// Earlier versions did not store it.
    news: Option<News>,
}

impl News {
    /// What this revision is, behind the one before it and what was news till then.
    pub(super) fn of(finding: &Finding, before: Option<(&Finding, Self)>) -> Self {
        let own = Self {
            revision: finding.revision,
            severity: finding.severity,
        };
        let Some((before, news)) = before else {
            return own;
        };
        let is_withdrawn = |finding: &Finding| finding.state == FindingState::Withdrawn;
        let is_news =
            finding.severity > news.severity || is_withdrawn(finding) != is_withdrawn(before);
        Self {
            revision: if is_news { own.revision } else { news.revision },
            severity: own.severity.max(news.severity),
        }
    }

    /// What is stored with this finding; of a version that stored nothing, its last revision.
    ///
    /// # Errors
    /// When its text is no finding.
    pub(super) fn stored_with(
        stored: &StoredFinding,
        finding: &Finding,
    ) -> Result<Self, ExecuteError> {
        let told: Told =
            serde_json::from_str(&stored.record.json).map_err(|error| ExecuteError::Finding {
                episode: stored.record.key.episode.clone(),
                why: error.to_string(),
            })?;
        Ok(told.news.unwrap_or_else(|| Self::of(finding, None)))
    }

    /// Whether somebody is to be woken: by a revision that waits, or since nobody ever was.
    ///
    /// # Errors
    /// When the text of the finding, which is the one stored here, is none.
    pub fn is_due(stored: &StoredFinding, finding: &Finding) -> Result<bool, ExecuteError> {
        let news = Self::stored_with(stored, finding)?;
        Ok(stored.sent_at.is_none() || news.revision > stored.sent_revision)
    }
}

#[cfg(test)]
mod tests {
    use keytrail_event::EventTime;

    use super::*;
    use FindingState::{Final, Provisional, Withdrawn};
    use Severity::{High, Low, Medium};

    /// The revisions of a finding that are news, of these states and severities.
    fn news(revisions: &[(FindingState, Severity)]) -> Vec<u32> {
        let mut before: Option<(Finding, News)> = None;
        let mut told = Vec::new();
        for (index, (state, severity)) in revisions.iter().enumerate() {
            let finding = Finding {
                revision: index as u32 + 1,
                state: *state,
                severity: *severity,
                ..Finding::sample("key-disabled", EventTime::from_unix_seconds(0))
            };
            let known = before.as_ref().map(|(finding, news)| (finding, *news));
            let news = News::of(&finding, known);
            if news.revision == finding.revision {
                told.push(finding.revision);
            }
            before = Some((finding, news));
        }
        told
    }

    #[test]
    fn what_goes_on_is_news_once() {
        let revisions = [
            (Provisional, Medium),
            (Provisional, Medium),
            (Final, Medium),
        ];
        assert_eq!(news(&revisions), [1]);
    }

    #[test]
    fn what_is_worse_than_ever_is_news() {
        let severities = [Low, High, Medium, High, Low].map(|severity| (Final, severity));
        assert_eq!(news(&severities), [1, 2]);
    }

    #[test]
    fn what_is_taken_back_or_stands_again_is_news() {
        let states = [Provisional, Withdrawn, Withdrawn, Final, Final].map(|state| (state, Medium));
        assert_eq!(news(&states), [1, 2, 4]);
    }
}

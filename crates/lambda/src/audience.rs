//! Who hears of a revision.

use keytrail_detect::finding::{Finding, FindingState};
use keytrail_event::EventTime;

use crate::told::Told;

/// Seconds after its last event in which a finding is news to people: longer than a delivery may wait in one queue after
/// the other and among dead letters (14 days each), so that no outage makes an alert late. What a backfill or a rebuild
/// finds in earlier times is history, and wakes nobody.
const NEWS_SECONDS: i64 = 45 * 24 * 3_600;

/// Who is told of a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Nobody: it is of a rule that only counts, suppressed or declared as expected, or taken back before anything was
    /// sent.
    Nobody,
    /// Programs that keep the latest revision of every finding.
    Programs,
    /// People as well: it is news (see [`Told::is_news`]).
    Everybody,
}

impl Audience {
    /// Who is told of this revision, where people were told this before, and it was opened again at `reopened_at`.
    /// `was_sent` says whether an earlier revision was marked as sent, be it kept quiet.
    #[must_use]
    pub fn of(
        finding: &Finding,
        told: Option<&Told>,
        reopened_at: Option<EventTime>,
        now: EventTime,
        was_sent: bool,
    ) -> Self {
        match (finding.state, told) {
            (FindingState::Expected | FindingState::Suppressed | FindingState::Shadow, _) => {
                Self::Nobody
            }
            (FindingState::Withdrawn, None) if was_sent => Self::Programs,
            (FindingState::Withdrawn, None) => Self::Nobody,
            (_, Some(told)) if told.is_news(finding, reopened_at) => Self::Everybody,
            (_, None) if now.seconds_since(finding.last_seen) <= NEWS_SECONDS => Self::Everybody,
            _ => Self::Programs,
        }
    }

    /// The audience as text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Programs => "programs",
            Self::Everybody => "everybody",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000;

    fn audience(state: FindingState, seconds_ago: i64, is_told: bool) -> Audience {
        let was_sent = is_told;
        let at = EventTime::from_unix_seconds;
        let finding = Finding {
            state,
            ..Finding::sample("key-disabled", at(NOW - seconds_ago))
        };
        let told = Told::of(
            &Finding {
                state: FindingState::Final,
                ..finding.clone()
            },
            finding.last_seen,
        );
        Audience::of(&finding, is_told.then_some(&told), None, at(NOW), was_sent)
    }

    /// People were alerted that something was withdrawn of which they had never heard, since a revision that was kept
    /// quiet had been marked as sent.
    #[test]
    fn what_nobody_was_told_of_is_withdrawn_in_silence() {
        assert_eq!(
            audience(FindingState::Withdrawn, 0, false),
            Audience::Nobody
        );
        assert_eq!(
            audience(FindingState::Withdrawn, 0, true),
            Audience::Everybody
        );
        // Programs may have heard of it.
        let at = EventTime::from_unix_seconds;
        let withdrawn = Finding {
            state: FindingState::Withdrawn,
            ..Finding::sample("key-disabled", at(NOW))
        };
        let audience = Audience::of(&withdrawn, None, None, at(NOW), true);
        assert_eq!(audience, Audience::Programs);
    }

    #[test]
    fn history_wakes_nobody() {
        for (seconds_ago, expected) in [
            (0, Audience::Everybody),
            (NEWS_SECONDS, Audience::Everybody),
            (NEWS_SECONDS + 1, Audience::Programs),
        ] {
            assert_eq!(audience(FindingState::Final, seconds_ago, false), expected);
        }
        // Of what they were told of, people hear that it was taken back, however old it is.
        let old = NEWS_SECONDS + 1;
        assert_eq!(
            audience(FindingState::Withdrawn, old, true),
            Audience::Everybody
        );
        assert_eq!(audience(FindingState::Final, old, true), Audience::Programs);
    }
}

//! A finding that somebody resolved and that goes on is open again.

use keytrail_detect::finding::{Finding, Triage};
use keytrail_event::EventTime;

use crate::{Store, StoredFinding, TriageNote};

use super::publish::key_of;
use super::{ExecuteError, Executor};

/// Who reopens findings, among those who triage them.
pub const REOPENED_BY: &str = "keytrail";

/// Seconds between the last event and its resolution within which only events after the resolution are news: records
/// of earlier ones are still on their way. Whoever replays what is long past resolves later than that.
const ON_THE_WAY_SECONDS: i64 = 24 * 3_600;

/// Whether a finding goes on, in its next revision, after what was known of it was resolved at this time.
fn goes_on(known: &Finding, next: &Finding, resolved_at: EventTime, is_in_steps: bool) -> bool {
    if !next.state.is_alerting() {
        return false;
    }
    if is_in_steps {
        // What is folded again in steps shrinks, and grows back without anything new.
        return next.last_seen > resolved_at;
    }
    let is_fresh = resolved_at.seconds_since(known.last_seen) < ON_THE_WAY_SECONDS;
    let since = if is_fresh {
        resolved_at
    } else {
        known.last_seen
    };
    next.severity > known.severity || next.last_seen > since
}

impl<S: Store> Executor<'_, S> {
    /// Notes that a finding is open again, before its next revision is recorded: stopped in between, it is open a moment
    /// too early, and not resolved for ever.
    pub(super) async fn reopen(
        &self,
        stored: &StoredFinding,
        known: &Finding,
        next: &mut Finding,
        clock: EventTime,
        is_in_steps: bool,
    ) -> Result<(), ExecuteError> {
        let Some((_, last)) = stored.triage.last() else {
            return Ok(());
        };
        if known.triage != Triage::Resolved || !goes_on(known, next, last.at, is_in_steps) {
            return Ok(());
        }
        next.triage = Triage::Open;
        let note = TriageNote {
            state: Triage::Open.as_str().to_owned(),
            // The clock is held back where deliveries wait.
            at: clock.max(last.at),
            by: REOPENED_BY.to_owned(),
            note: format!(
                "it goes on after it was resolved: {} events to {}, before {} to {}",
                next.count, next.last_seen, known.count, known.last_seen
            ),
        };
        Ok(self.store.triage(&key_of(known), &note).await?)
    }
}

#[cfg(test)]
mod tests {
    use keytrail_detect::finding::{FindingState, Severity};

    use super::*;

    const DAY: i64 = 24 * 3_600;

    fn finding(last_seen: i64, severity: Severity, state: FindingState) -> Finding {
        let at = EventTime::from_unix_seconds(last_seen);
        Finding {
            severity,
            state,
            ..Finding::sample("key-disabled", at)
        }
    }

    #[test]
    fn only_what_is_new_reopens() {
        use FindingState::{Final, Withdrawn};
        use Severity::{High, Low};
        let known = finding(0, Low, Final);
        for (resolved_at, next, expected) in [
            // Resolved an hour later: events of that hour are still on their way.
            (3_600, (1_800, Low, Final), false),
            (3_600, (3_601, Low, Final), true),
            (3_600, (0, High, Final), true),
            (3_600, (3_601, High, Withdrawn), false),
            // Resolved long after: an archive is replayed.
            (DAY, (0, Low, Final), false),
            (DAY, (1, Low, Final), true),
        ] {
            let at = EventTime::from_unix_seconds(resolved_at);
            let next = finding(next.0, next.1, next.2);
            assert_eq!(
                goes_on(&known, &next, at, false),
                expected,
                "{resolved_at} {next:?}"
            );
            // In steps, what is known may be less than what was resolved.
            let is_later = next.state != Withdrawn && next.last_seen > at;
            assert_eq!(goes_on(&known, &next, at, true), is_later);
        }
    }
}

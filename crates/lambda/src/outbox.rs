//! The outbox: findings that wait are published and then marked, so that none is lost.
//!
//! Stopped in between, a finding is published again with the same id and revision.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;

use keytrail_aws::alerts::{Alert, Topic};
use keytrail_aws::events::Bus;
use keytrail_aws::metrics::{Dimension, Measure};
use keytrail_aws::triage_command::TriageFunction;
use keytrail_aws::{CallFault, Connection};
use keytrail_detect::behaviour::BEHAVIOURS;
use keytrail_detect::configuration::Configuration;
use keytrail_detect::disposition::dispose;
use keytrail_detect::finding::{Finding, FindingState};
use keytrail_detect::rules::RULES;
use keytrail_event::EventTime;
use keytrail_store::executor::finding_of;
use keytrail_store::{FindingKey, Store, StoredFinding};
use serde_json::Value;

use crate::audience::Audience;
use crate::log::{Level, log};
use crate::quarantine::set_aside;
use crate::settings::{SettingError, required, setting};
use crate::told::{Told, reopened_at};

/// Findings of one page of the outbox.
const PAGE_FINDINGS: usize = 100;

/// Tells the world of a finding.
pub trait Publisher: Sync {
    /// Publishes it, or fails; published twice, it is the same alert.
    fn publish(
        &self,
        finding: &Finding,
        audience: Audience,
    ) -> impl Future<Output = Result<(), String>> + Send;
}

/// Publishes every revision as an event on a bus, and what is news as an alert on a topic.
#[derive(Debug, Clone)]
pub struct AwsPublisher {
    topic: Topic,
    bus: Option<Bus>,
    triage: Option<TriageFunction>,
}

impl AwsPublisher {
    /// Reads the names of topic, bus and the function that takes notes from the environment. Only the topic must be there.
    ///
    /// # Errors
    /// When the topic is missing.
    pub fn from_environment(connection: &Connection) -> Result<Self, SettingError> {
        let topic = required("KEYTRAIL_ALERT_TOPIC_ARN")?;
        let bus = setting("KEYTRAIL_EVENT_BUS");
        let triage = setting("KEYTRAIL_TRIAGE_FUNCTION").zip(setting("AWS_REGION"));
        Ok(Self {
            topic: Topic::new(connection, &topic),
            bus: bus.map(|bus| Bus::new(connection, &bus)),
            triage: triage.map(|(name, region)| TriageFunction { name, region }),
        })
    }
}

impl Publisher for AwsPublisher {
    async fn publish(&self, finding: &Finding, audience: Audience) -> Result<(), String> {
        let said = |fault: CallFault| fault.to_string();
        if let Some(bus) = &self.bus {
            bus.send(std::slice::from_ref(finding))
                .await
                .map_err(said)?;
        }
        match audience {
            Audience::Nobody | Audience::Programs => Ok(()),
            Audience::Everybody => {
                let alert = Alert::compose(finding, self.triage.as_ref());
                self.topic.publish(&alert).await.map_err(said)
            }
        }
    }
}

/// What emptying the outbox came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    /// Revisions published and marked.
    pub published: u64,
    /// Revisions that nobody is told of ([`Audience::Nobody`]).
    pub kept_quiet: u64,
    /// Revisions of the past that programs alone are told of, for the first time.
    pub of_the_past: u64,
    /// Revisions that could not be published; they wait.
    pub failed: u64,
    /// Findings published for the first time by severity and by rule, and those that became worse by severity.
    pub findings: BTreeMap<Dimension, u64>,
    /// Whether time ran out first.
    pub is_unfinished: bool,
}

impl Sent {
    /// Counts a revision that was sent to this audience, of which people were told this before.
    fn count(&mut self, finding: &Finding, audience: Audience, told: Option<&Told>) {
        match audience {
            Audience::Nobody => {
                self.kept_quiet += 1;
                return;
            }
            Audience::Programs => {
                self.published += 1;
                return;
            }
            Audience::Everybody => self.published += 1,
        }
        if told.is_none() {
            let rule = Dimension::Rule(known_rule(&finding.rule));
            *self.findings.entry(rule).or_default() += 1;
        }
        if told.is_none_or(|told| finding.severity > told.severity) {
            let severity = Dimension::Severity(finding.severity);
            *self.findings.entry(severity).or_default() += 1;
        }
    }

    /// Adds another time's.
    pub fn add(&mut self, other: Self) {
        self.published += other.published;
        self.kept_quiet += other.kept_quiet;
        self.of_the_past += other.of_the_past;
        self.failed += other.failed;
        for (dimension, count) in other.findings {
            *self.findings.entry(dimension).or_default() += count;
        }
        self.is_unfinished |= other.is_unfinished;
    }

    /// The measurements.
    #[must_use]
    pub fn measures(&self) -> Vec<Measure> {
        let findings = self.findings.iter();
        let findings =
            findings.map(|(dimension, count)| Measure::count("Findings", *dimension, *count));
        let counts = [
            ("FindingsPublished", self.published),
            ("FindingsUnpublished", self.failed),
            ("FindingsKeptQuiet", self.kept_quiet),
            ("FindingsOfThePast", self.of_the_past),
        ];
        let counts = counts.into_iter().filter(|(_, count)| *count > 0);
        let counts = counts.map(|(name, count)| Measure::count(name, Dimension::None, count));
        findings.chain(counts).collect()
    }
}

/// Publishes what waits and what the configuration lets anybody be told of, as long as there is more than `reserved` of
/// the time that `time_left` tells. Of `accounts` alone, where they are given: whoever judges them one at a time sends
/// their findings once, and leaves those of others to those who judge them.
///
/// # Errors
/// When the store fails. What could not be published is no error: it waits.
pub async fn send_pending(
    store: &impl Store,
    publisher: &impl Publisher,
    configuration: &Configuration,
    accounts: Option<&BTreeSet<&str>>,
    now: EventTime,
    time_left: impl Fn() -> Duration,
    reserved: Duration,
) -> Result<Sent, keytrail_store::StoreError> {
    let ways = Ways {
        store,
        publisher,
        configuration,
        now,
    };
    let mut sent = Sent::default();
    let mut after: Option<FindingKey> = None;
    let mut asked: Option<Problem> = None;
    if accounts.is_some_and(BTreeSet::is_empty) {
        return Ok(sent);
    }
    loop {
        if time_left() < reserved {
            sent.is_unfinished = true;
            return Ok(sent);
        }
        let page = store.pending(after.as_ref(), PAGE_FINDINGS).await?;
        let Some(last) = page.last() else {
            return Ok(sent);
        };
        after = Some(last.record.key.clone());
        let is_ours = |account: &str| accounts.is_none_or(|accounts| accounts.contains(account));
        for stored in page.iter().filter(|stored| is_ours(&stored.record.account)) {
            if time_left() < reserved {
                sent.is_unfinished = true;
                return Ok(sent);
            }
            ways.send(stored, &mut asked, &mut sent).await?;
        }
    }
}

/// What findings leave by.
struct Ways<'w, S, P> {
    store: &'w S,
    publisher: &'w P,
    configuration: &'w Configuration,
    now: EventTime,
}

impl<S: Store, P: Publisher> Ways<'_, S, P> {
    /// Publishes one finding and marks it.
    async fn send(
        &self,
        stored: &StoredFinding,
        asked: &mut Option<Problem>,
        sent: &mut Sent,
    ) -> Result<(), keytrail_store::StoreError> {
        let Self {
            store,
            publisher,
            configuration,
            now,
        } = *self;
        let key = &stored.record.key;
        let revision = stored.record.revision;
        let mut finding = match finding_of(stored) {
            Ok(finding) => Finding {
                published_at: Some(now),
                ..finding
            },
            Err(error) => {
                // Nobody can be told of what cannot be read; it must not block the others.
                let reason = format!("finding-cannot-be-read: {error}");
                set_aside(store, &key.to_string(), None, &reason, now).await?;
                store.mark_sent(key, revision, now, None).await?;
                return Ok(());
            }
        };
        dispose(std::slice::from_mut(&mut finding), configuration);
        let told = Told::stored_with(stored);
        let was_sent = stored.sent_revision > 0;
        let mut audience =
            Audience::of(&finding, told.as_ref(), reopened_at(stored), now, was_sent);
        if audience == Audience::Programs && told.is_none() && is_heir(store, key, asked).await? {
            audience = Audience::Everybody;
        }
        let published = match audience {
            Audience::Nobody => Ok(()),
            Audience::Programs | Audience::Everybody => publisher.publish(&finding, audience).await,
        };
        if let Err(why) = published {
            sent.failed += 1;
            let fields = [
                ("episode", Value::from(key.episode.clone())),
                ("why", Value::from(why)),
            ];
            log(Level::Error, "a finding could not be published", fields);
            return Ok(());
        }
        sent.of_the_past += u64::from(audience == Audience::Programs && !was_sent);
        sent.count(&finding, audience, told.as_ref());
        tell(&finding, audience);
        let tells = (audience == Audience::Everybody).then(|| Told::of(&finding, now));
        let tells = tells.and_then(|tells| serde_json::to_string(&tells).ok());
        if let Some(problem) = asked.as_mut().filter(|problem| problem.id == key.id) {
            problem.is_told |= tells.is_some();
        }
        store
            .mark_sent(key, revision, now, tells.as_deref())
            .await?;
        Ok(())
    }
}

/// A problem, and whether people were told of any episode of it. Findings that wait are in the order of their problems,
/// so that each of them is asked about once, however many of its episodes a backfill finds.
struct Problem {
    id: String,
    is_told: bool,
}

/// Whether people were told of another episode of the same problem than this one, of which they were not. An earlier event
/// that comes late begins the episode anew under another name: they hear that the old one is withdrawn, and must hear of
/// the one that takes its place.
async fn is_heir(
    store: &impl Store,
    key: &FindingKey,
    asked: &mut Option<Problem>,
) -> Result<bool, keytrail_store::StoreError> {
    if let Some(problem) = asked.as_ref().filter(|problem| problem.id == key.id) {
        return Ok(problem.is_told);
    }
    let episodes = store.episodes(&key.id).await?;
    let is_told = episodes.iter().any(|episode| episode.told.is_some());
    let id = key.id.clone();
    *asked = Some(Problem { id, is_told });
    Ok(is_told)
}

/// The evidence of who was told what, and of what was kept quiet on whose word.
fn tell(finding: &Finding, audience: Audience) {
    let mut fields = vec![
        ("episode", Value::from(finding.episode.clone())),
        ("revision", Value::from(finding.revision)),
        ("state", Value::from(finding.state.as_str())),
        ("severity", Value::from(finding.severity.as_str())),
        ("told", Value::from(audience.as_str())),
    ];
    // Where users decided so, the last evidence is their decision.
    if audience == Audience::Nobody
        && finding.state != FindingState::Withdrawn
        && let Some(decision) = finding.evidence.last()
    {
        fields.push(("why", Value::from(decision.text.clone())));
    }
    log(Level::Info, "a finding was revised", fields);
}

/// The rule or behaviour of this id; one that an older version knew is another.
fn known_rule(id: &str) -> &'static str {
    let rules = RULES.iter().map(|rule| rule.about().id);
    let behaviours = BEHAVIOURS.iter().map(|about| about.id);
    let mut known = rules.chain(behaviours);
    known.find(|known| *known == id).unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use keytrail_detect::finding::Severity;

    use super::*;

    /// A finding that became critical did not ring the alarm of critical ones.
    #[test]
    fn a_finding_that_became_worse_counts_by_its_severity() {
        let at = EventTime::from_unix_seconds(0);
        let finding = |severity| Finding {
            severity,
            ..Finding::sample("key-disabled", at)
        };
        let mut sent = Sent::default();
        let mut told = None;
        for severity in [Severity::Medium, Severity::Medium, Severity::Critical] {
            sent.count(&finding(severity), Audience::Everybody, told.as_ref());
            told = Some(Told::of(&finding(severity), at));
        }
        let counted = |dimension| sent.findings.get(&dimension).copied();
        assert_eq!(counted(Dimension::Rule("key-disabled")), Some(1));
        assert_eq!(counted(Dimension::Severity(Severity::Medium)), Some(1));
        assert_eq!(counted(Dimension::Severity(Severity::Critical)), Some(1));
    }
}

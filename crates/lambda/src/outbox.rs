//! The outbox: findings that wait are published and then marked, so that none is lost.
//!
//! Stopped in between, a finding is published again with the same id and revision.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use keytrail_aws::alerts::{Alert, Topic};
use keytrail_aws::events::Bus;
use keytrail_aws::metrics::{Dimension, Measure};
use keytrail_aws::{CallFault, Connection};
use keytrail_detect::behaviour::BEHAVIOURS;
use keytrail_detect::configuration::Configuration;
use keytrail_detect::disposition::dispose;
use keytrail_detect::finding::{Finding, FindingState};
use keytrail_detect::rules::RULES;
use keytrail_event::EventTime;
use keytrail_store::executor::finding_of;
use keytrail_store::{FindingKey, Quarantined, Store};
use serde_json::Value;

use crate::log::{Level, log};
use crate::settings::{SettingError, required, setting};
use crate::told::{Told, closed_at};

/// Findings of one page of the outbox.
const PAGE_FINDINGS: usize = 100;

/// Who is told of a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Programs that keep the latest revision of every finding.
    Programs,
    /// People as well: it is news (see [`Told::is_news`]).
    Everybody,
}

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
}

impl AwsPublisher {
    /// Reads the names of topic and bus from the environment. The bus may be left out.
    ///
    /// # Errors
    /// When the topic is missing.
    pub fn from_environment(connection: &Connection) -> Result<Self, SettingError> {
        let topic = required("KEYTRAIL_ALERT_TOPIC_ARN")?;
        let bus = setting("KEYTRAIL_EVENT_BUS");
        Ok(Self {
            topic: Topic::new(connection, &topic),
            bus: bus.map(|bus| Bus::new(connection, &bus)),
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
            Audience::Programs => Ok(()),
            Audience::Everybody => {
                let alert = Alert::compose(finding);
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
    /// Revisions that nobody is told of: from rules that only count, suppressed, declared as expected, or
    /// withdrawn before anybody was told.
    pub kept_quiet: u64,
    /// Revisions that could not be published; they wait.
    pub failed: u64,
    /// Findings published for the first time by severity and by rule, and those that became worse by severity.
    pub findings: BTreeMap<Dimension, u64>,
    /// Whether time ran out first.
    pub is_unfinished: bool,
}

impl Sent {
    /// Counts a finding that was published, of which people were told this before.
    fn count(&mut self, finding: &Finding, told: Option<&Told>) {
        if told.is_none() {
            let rule = Dimension::Rule(known_rule(&finding.rule));
            *self.findings.entry(rule).or_default() += 1;
        }
        if told.is_none_or(|told| finding.severity > told.severity) {
            let severity = Dimension::Severity(finding.severity);
            *self.findings.entry(severity).or_default() += 1;
        }
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
        ];
        let counts = counts.into_iter().filter(|(_, count)| *count > 0);
        let counts = counts.map(|(name, count)| Measure::count(name, Dimension::None, count));
        findings.chain(counts).collect()
    }
}

/// Publishes what waits and what the configuration lets anybody be told of, as long as there is more than `reserved` of the time that `time_left` tells.
///
/// # Errors
/// When the store fails. What could not be published is no error: it waits.
pub async fn send_pending(
    store: &impl Store,
    publisher: &impl Publisher,
    configuration: &Configuration,
    now: EventTime,
    time_left: impl Fn() -> Duration,
    reserved: Duration,
) -> Result<Sent, keytrail_store::StoreError> {
    let mut sent = Sent::default();
    let mut after: Option<FindingKey> = None;
    loop {
        let page = store.pending(after.as_ref(), PAGE_FINDINGS).await?;
        let Some(last) = page.last() else {
            return Ok(sent);
        };
        after = Some(last.record.key.clone());
        for stored in &page {
            if time_left() < reserved {
                sent.is_unfinished = true;
                return Ok(sent);
            }
            let key = &stored.record.key;
            let revision = stored.record.revision;
            let mut finding = match finding_of(stored) {
                Ok(finding) => Finding {
                    published_at: Some(now),
                    ..finding
                },
                Err(error) => {
                    // Nobody can be told of what cannot be read; it must not block the others.
                    set_aside(store, key, &error.to_string(), now).await?;
                    store.mark_sent(key, revision, now, None).await?;
                    continue;
                }
            };
            dispose(std::slice::from_mut(&mut finding), configuration);
            let told = Told::stored_with(stored);
            let is_news = told
                .as_ref()
                .is_none_or(|told| told.is_news(&finding, closed_at(stored)));
            let mut tells = None;
            if is_quiet(finding.state, stored.sent_revision) {
                sent.kept_quiet += 1;
            } else {
                let audience = match is_news {
                    true => Audience::Everybody,
                    false => Audience::Programs,
                };
                if let Err(why) = publisher.publish(&finding, audience).await {
                    sent.failed += 1;
                    let fields = [
                        ("episode", Value::from(key.episode.clone())),
                        ("why", Value::from(why)),
                    ];
                    log(Level::Error, "a finding could not be published", fields);
                    continue;
                }
                sent.published += 1;
                sent.count(&finding, told.as_ref());
                tells = is_news.then(|| Told::of(&finding, now));
            }
            let tells = tells.and_then(|tells| serde_json::to_string(&tells).ok());
            store
                .mark_sent(key, revision, now, tells.as_deref())
                .await?;
        }
    }
}

/// The rule or behaviour of this id; one that an older version knew is another.
fn known_rule(id: &str) -> &'static str {
    let rules = RULES.iter().map(|rule| rule.about().id);
    let behaviours = BEHAVIOURS.iter().map(|about| about.id);
    let mut known = rules.chain(behaviours);
    known.find(|known| *known == id).unwrap_or("other")
}

const fn is_quiet(state: FindingState, sent_revision: u32) -> bool {
    match state {
        FindingState::Expected | FindingState::Suppressed | FindingState::Shadow => true,
        FindingState::Withdrawn => sent_revision == 0,
        FindingState::Provisional | FindingState::Final => false,
    }
}

async fn set_aside(
    store: &impl Store,
    key: &FindingKey,
    why: &str,
    now: EventTime,
) -> Result<(), keytrail_store::StoreError> {
    let mut reason = format!("finding-cannot-be-read: {why}");
    reason.truncate(reason.floor_char_boundary(keytrail_store::bounds::NOTE_BYTES_MAX));
    let mut name = key.to_string();
    name.truncate(name.floor_char_boundary(keytrail_store::bounds::NAME_BYTES_MAX));
    let record = Quarantined {
        name,
        account: None,
        reason,
        tries: 1,
        first_at: now,
        last_at: now,
    };
    store.quarantine(&record).await
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
            sent.count(&finding(severity), told.as_ref());
            told = Some(Told::of(&finding(severity), at));
        }
        let counted = |dimension| sent.findings.get(&dimension).copied();
        assert_eq!(counted(Dimension::Rule("key-disabled")), Some(1));
        assert_eq!(counted(Dimension::Severity(Severity::Medium)), Some(1));
        assert_eq!(counted(Dimension::Severity(Severity::Critical)), Some(1));
    }
}

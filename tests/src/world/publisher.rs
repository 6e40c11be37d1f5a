//! Whoever sends findings: stopped at any moment, it sends again.

use std::collections::BTreeMap;

use keytrail_event::EventTime;
use keytrail_store::executor::Executor;
use keytrail_store::{FindingKey, Store, StoreError};
use pollster::block_on;

use super::life::ACCOUNTS;

/// Everything that was sent.
#[derive(Debug, Default)]
pub(super) struct Publisher {
    sent: BTreeMap<(FindingKey, u32), String>,
    withdrawn: usize,
    /// What was sent twice with two contents.
    contradiction: Option<String>,
}

impl Publisher {
    pub async fn publish<S: Store>(&mut self, store: &S) -> Result<(), StoreError> {
        loop {
            let page = store.pending(None, 50).await?;
            if page.is_empty() {
                return Ok(());
            }
            for stored in page {
                let record = &stored.record;
                let sent = (record.key.clone(), record.revision);
                let known = self.sent.insert(sent, record.json.clone());
                match known {
                    None => self.withdrawn += usize::from(record.state == "withdrawn"),
                    Some(known) if known != record.json => {
                        let revision = record.revision;
                        self.contradiction = Some(format!(
                            "{} was sent with two contents as revision {revision}: {known} and {}",
                            record.key, record.json
                        ));
                    }
                    Some(_) => {}
                }
                let at = EventTime::from_unix_seconds(0);
                store
                    .mark_sent(&record.key, record.revision, at, None)
                    .await?;
            }
        }
    }

    pub const fn withdrawn(&self) -> usize {
        self.withdrawn
    }

    /// Every finding was sent in the revision that stands.
    pub fn everything_was_sent<S: Store>(&self, executor: &Executor<'_, S>) -> Result<(), String> {
        if let Some(contradiction) = &self.contradiction {
            return Err(contradiction.clone());
        }
        for account in ACCOUNTS {
            let findings =
                block_on(executor.findings(account)).map_err(|error| error.to_string())?;
            for finding in findings.into_values() {
                let key = FindingKey {
                    id: finding.id.as_str().to_owned(),
                    episode: finding.episode.clone(),
                };
                let revision = finding.revision;
                if !self.sent.contains_key(&(key, revision)) {
                    return Err(format!(
                        "revision {revision} of {} was never sent",
                        finding.episode
                    ));
                }
            }
        }
        Ok(())
    }
}

//! The attacks a scenario can hold, and the labels they leave.

use std::fmt;
use std::str::FromStr;

use crate::SimulateError;
use crate::actor::Actor;
use crate::key::Key;
use crate::label::Label;
use crate::record::Record;

use super::cast::HOME;

/// An attack that a scenario plays and labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AttackKind {
    /// A service role's stolen credentials: discovery, refusals, then a burst of Decrypt on a key new to the role.
    KeyTheft,
    /// An administrator's session that shares, opens, re-points, disables and deletes keys, then stops the trail.
    Sabotage,
}

impl AttackKind {
    /// Every attack there is.
    pub const ALL: [Self; 2] = [Self::KeyTheft, Self::Sabotage];

    /// Its stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::KeyTheft => "key-theft",
            Self::Sabotage => "sabotage",
        }
    }
}

impl fmt::Display for AttackKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for AttackKind {
    type Err = SimulateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or(SimulateError::Options(
                "the attacks are `key-theft` and `sabotage`",
            ))
    }
}

/// Gathers the steps of attacks while they are played.
#[derive(Debug, Default)]
pub(crate) struct Labels {
    current: Option<(AttackKind, &'static str, String)>,
    labels: Vec<Label>,
}

impl Labels {
    /// What follows belongs to this attack by this intruder.
    pub(crate) fn open(&mut self, kind: AttackKind, intruder: &Actor) {
        self.current = Some((kind, intruder.account, intruder.canonical()));
    }

    /// One step is done.
    pub(crate) fn step(&mut self, step: &'static str, keys: &[&Key], event_ids: Vec<String>) {
        let Some((kind, account, principal)) = &self.current else {
            return;
        };
        self.labels.push(Label {
            attack: format!("{kind}-1"),
            kind: kind.name(),
            step,
            account: (*account).to_owned(),
            region: HOME.to_owned(),
            principal: principal.clone(),
            keys: keys.iter().map(|key| key.arn()).collect(),
            first_seen: String::new(),
            last_seen: String::new(),
            event_ids,
        });
    }

    /// The labels with their times, read off the records they name; `records` are in the order of their times.
    pub(crate) fn finish(mut self, records: &[Record]) -> Vec<Label> {
        for label in &mut self.labels {
            let mut times = Vec::with_capacity(label.event_ids.len());
            let mut ids = Vec::with_capacity(label.event_ids.len());
            for record in records {
                if label.event_ids.contains(&record.id) {
                    times.push(record.time.to_string());
                    ids.push(record.id.clone());
                }
            }
            label.first_seen = times.first().cloned().unwrap_or_default();
            label.last_seen = times.last().cloned().unwrap_or_default();
            label.event_ids = ids;
        }
        self.labels.retain(|label| !label.event_ids.is_empty());
        self.labels
    }
}

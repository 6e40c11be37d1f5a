//! The truth about an archive: which records belong to which attack.

use crate::SimulatedFile;
use crate::json::Object;

/// Where the labels are within an archive: one JSON object a line.
pub const LABELS_PATH: &str = "labels.jsonl";

/// One step of one attack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Names the attack: its kind and a number.
    pub attack: String,
    /// The attack's kind, as [`crate::scenario::AttackKind::name`] has it.
    pub kind: &'static str,
    /// What this step does: `discovery`, `decrypt-burst`, ….
    pub step: &'static str,
    /// The account whose records tell of it.
    pub account: String,
    /// The Region it happens in.
    pub region: String,
    /// The intruder's principal, free of sessions; for a step that harms others, still the intruder's.
    pub principal: String,
    /// ARNs of the keys it is about.
    pub keys: Vec<String>,
    /// Time of its first record, RFC 3339.
    pub first_seen: String,
    /// Time of its last record, RFC 3339.
    pub last_seen: String,
    /// The ids of all its records, in the order of their times.
    pub event_ids: Vec<String>,
}

impl Label {
    /// The label as a line of `labels.jsonl`, without the line's end.
    #[must_use]
    pub fn to_json(&self) -> String {
        Object::new()
            .text("attack", &self.attack)
            .text("kind", self.kind)
            .text("step", self.step)
            .text("account", &self.account)
            .text("region", &self.region)
            .text("principal", &self.principal)
            .list("keys", &self.keys)
            .text("first_seen", &self.first_seen)
            .text("last_seen", &self.last_seen)
            .list("event_ids", &self.event_ids)
            .finish()
    }
}

/// All labels, each as JSON, as the file that an archive carries them in.
pub(crate) fn labels_file(labels: impl Iterator<Item = String>) -> SimulatedFile {
    let mut text = String::new();
    for label in labels {
        text.push_str(&label);
        text.push('\n');
    }
    SimulatedFile {
        path: LABELS_PATH.to_owned(),
        bytes: text.into_bytes(),
    }
}

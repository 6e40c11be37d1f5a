//! The truth about an organisation's archive: which records are an attack, and which a legitimate change.

use crate::json::Object;

/// Whether a label tells of an attack or of a legitimate change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// Somebody does what they must not.
    Attack,
    /// Something new that is as it should be.
    Change,
}

impl Category {
    /// Its name in `labels.jsonl`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Attack => "attack",
            Self::Change => "change",
        }
    }
}

/// One attack, or one change in one principal's life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Unique within the archive: the kind and a number.
    pub id: String,
    /// The kind's name, such as `burst-theft` or `agent-upgrade`.
    pub kind: &'static str,
    /// Attack or change.
    pub category: Category,
    /// `low`, `medium` or `high` for an attack; empty for a change.
    pub strength: &'static str,
    /// The account whose records tell of it.
    pub account: String,
    /// The canonical principal, as findings name it.
    pub principal: String,
    /// ARNs of the keys it is about.
    pub keys: Vec<String>,
    /// Unix seconds of its first record; of a change, when it begins.
    pub first: i64,
    /// Unix seconds of its last record; of a change, when it ends or is no news any more.
    pub last: i64,
    /// The ids of an attack's records, all of them; of a change, the first hundred it altered or added.
    pub event_ids: Vec<String>,
}

impl Label {
    /// The label as a line of `labels.jsonl`, without the line's end.
    #[must_use]
    pub fn to_json(&self) -> String {
        Object::new()
            .text("id", &self.id)
            .text("kind", self.kind)
            .text("category", self.category.name())
            .text("strength", self.strength)
            .text("account", &self.account)
            .text("principal", &self.principal)
            .list("keys", &self.keys)
            .number("first", self.first)
            .number("last", self.last)
            .list("event_ids", &self.event_ids)
            .finish()
    }
}

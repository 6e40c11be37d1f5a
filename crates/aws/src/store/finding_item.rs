//! A finding as an item of the table.

use aws_sdk_dynamodb::types::AttributeValue;
use keytrail_event::EventTime;
use keytrail_store::{FindingKey, FindingRecord, StoreError, StoredFinding, TriageNote};

use super::item::{Attributes, EXPIRES, Item, number, text};
use super::table::Expression;

/// The attribute of the last event's time.
pub const LAST_SEEN: &str = "last_seen";
/// The attribute of the rule.
pub const RULE: &str = "rule";

/// The update that makes an item this revision and keeps what was sent and noted.
pub fn update(record: &FindingRecord, expires: AttributeValue) -> Expression {
    // `state` and some others are words of the table's own language.
    let columns: [(&'static str, &'static str, &'static str, AttributeValue); 12] = [
        ("#id", "id", ":id", text(&record.key.id)),
        ("#episode", "episode", ":episode", text(&record.key.episode)),
        ("#account", "account", ":account", text(&record.account)),
        ("#state", "state", ":state", text(&record.state)),
        ("#severity", "severity", ":severity", text(&record.severity)),
        ("#rule", RULE, ":rule", text(&record.rule)),
        (
            "#first",
            "first_seen",
            ":first",
            number(record.first_seen.unix_seconds()),
        ),
        (
            "#last",
            LAST_SEEN,
            ":last",
            number(record.last_seen.unix_seconds()),
        ),
        ("#score", "score", ":score", text(record.score.to_string())),
        ("#json", "json", ":json", text(&record.json)),
        (
            "#revision",
            "revision",
            ":revision",
            number(record.revision),
        ),
        ("#expires", EXPIRES, ":expires", expires),
    ];
    let mut expression = Expression {
        text: "SET sent_revision = if_not_exists(sent_revision, :none)".to_owned(),
        values: vec![(":none", number(0))],
        names: Vec::new(),
    };
    for (short, name, placeholder, value) in columns {
        expression
            .text
            .push_str(&format!(", {short} = {placeholder}"));
        expression.names.push((short, name));
        expression.values.push((placeholder, value));
    }
    let optional = [
        ("principal", ":principal", &record.principal),
        ("kms_key", ":kms_key", &record.kms_key),
    ];
    let mut absent = Vec::new();
    for (name, placeholder, value) in optional {
        match value {
            Some(value) => {
                expression
                    .text
                    .push_str(&format!(", {name} = {placeholder}"));
                expression.values.push((placeholder, text(value)));
            }
            None => absent.push(name),
        }
    }
    if !absent.is_empty() {
        expression
            .text
            .push_str(&format!(" REMOVE {}", absent.join(", ")));
    }
    expression
}

/// Notes that a revision was sent, and what people were told with it.
pub fn set_sent(revision: u32, at: EventTime, told: Option<&str>) -> Expression {
    let mut set = Expression {
        text: "SET sent_revision = :revision, sent_at = :at".to_owned(),
        values: vec![
            (":revision", number(revision)),
            (":at", number(at.unix_seconds())),
        ],
        names: Vec::new(),
    };
    if let Some(told) = told {
        set.text.push_str(", told = :told");
        set.values.push((":told", text(told)));
    }
    set
}

/// The finding that an item is.
pub fn stored(item: &Item) -> Result<StoredFinding, StoreError> {
    let score = item.text("score")?;
    let score = score.parse().map_err(|_| StoreError::Damaged {
        what: "a finding".to_owned(),
        detail: format!("its score is {score:?}"),
    })?;
    let notes = item.0.get("triage").and_then(|value| value.as_l().ok());
    let notes = notes.into_iter().flatten().map(note_of);
    Ok(StoredFinding {
        record: FindingRecord {
            key: FindingKey {
                id: item.text("id")?,
                episode: item.text("episode")?,
            },
            revision: item.number("revision")?,
            state: item.text("state")?,
            severity: item.text("severity")?,
            rule: item.text(RULE)?,
            account: item.text("account")?,
            principal: item.text_if("principal"),
            kms_key: item.text_if("kms_key"),
            first_seen: item.time("first_seen")?,
            last_seen: item.time(LAST_SEEN)?,
            score,
            json: item.text("json")?,
        },
        sent_revision: item.number("sent_revision")?,
        sent_at: item.number_if("sent_at").map(EventTime::from_unix_seconds),
        told: item.text_if("told"),
        triage: notes.collect::<Result<_, _>>()?,
    })
}

/// A note with its number.
pub fn note_item((count, note): &(u32, TriageNote)) -> AttributeValue {
    AttributeValue::M(Attributes::from([
        ("number".to_owned(), number(count)),
        ("state".to_owned(), text(&note.state)),
        ("at".to_owned(), number(note.at.unix_seconds())),
        ("by".to_owned(), text(&note.by)),
        ("note".to_owned(), text(&note.note)),
    ]))
}

fn note_of(value: &AttributeValue) -> Result<(u32, TriageNote), StoreError> {
    let item = Item(value.as_m().cloned().unwrap_or_default());
    let note = TriageNote {
        state: item.text("state")?,
        at: item.time("at")?,
        by: item.text("by")?,
        note: item.text("note")?,
    };
    Ok((item.number("number")?, note))
}

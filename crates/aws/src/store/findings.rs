//! Findings: one item an episode, and its places in the outbox and in its account's list.

use aws_sdk_dynamodb::types::AttributeValue;
use keytrail_event::EventTime;
use keytrail_store::bounds::{PAGE_ENTRIES_MAX, TRIAGE_NOTES_MAX, page_entries};
use keytrail_store::{FindingKey, FindingRecord, StoreError, StoredFinding, TriageNote};

use super::item::{Attributes, EXPIRES, Item, PARTITION, SORT, key, number, text};
use super::names::{ItemKey, at_place, check_account, check_finding, place};
use super::table::{Expression, Write, Written};
use super::{AwsStore, FINDING_DAYS, expiry};

/// Most times that a note is added again because another came in between.
const TRIAGES_MAX: u32 = 5;

impl AwsStore {
    /// Records a revision as pending; whether it was new.
    pub(super) async fn put_finding(&self, record: &FindingRecord) -> Result<bool, StoreError> {
        check_account(&record.account)?;
        check_finding(&record.key)?;
        let expires = number(expiry(FINDING_DAYS));
        let mut of_account = key(&ItemKey {
            partition: self.names.findings_of(&record.account),
            sort: place(&record.key),
        });
        of_account.insert(EXPIRES.to_owned(), expires.clone());
        let mut writes = vec![
            Write::Update(
                self.names.finding(&record.key),
                update(record, expires),
                "attribute_not_exists(revision) OR revision < :revision".to_owned(),
            ),
            Write::Put(key(&self.outbox_place(&record.key)), None),
            Write::Put(of_account, None),
        ];
        writes.extend(self.listing(&record.account));
        let what = record.key.to_string();
        let is_new = self.table.write(&what, &writes).await? == Written::Yes;
        if is_new {
            self.note_listed(&record.account);
        }
        Ok(is_new)
    }

    fn outbox_place(&self, key: &FindingKey) -> ItemKey {
        ItemKey {
            partition: self.names.pending(),
            sort: place(key),
        }
    }

    pub(super) async fn put_sent(
        &self,
        key: &FindingKey,
        revision: u32,
        at: EventTime,
        told: Option<&str>,
    ) -> Result<bool, StoreError> {
        StoredFinding::check_told(key, told)?;
        let what = key.to_string();
        let sent = |condition: &str| {
            Write::Update(
                self.names.finding(key),
                set_sent(revision, at, told),
                condition.to_owned(),
            )
        };
        // The latest revision leaves the outbox; an earlier one is marked, and the latest stays in it.
        let latest = [
            sent("revision = :revision AND sent_revision < :revision"),
            Write::Delete(self.outbox_place(key)),
        ];
        let earlier = [sent("revision > :revision AND sent_revision < :revision")];
        let is_marked = self.table.write(&what, &latest).await? == Written::Yes
            || self.table.write(&what, &earlier).await? == Written::Yes;
        Ok(is_marked)
    }

    /// A page of the findings that a list names.
    pub(super) async fn page_of_findings(
        &self,
        list: String,
        after: Option<&FindingKey>,
        limit: usize,
    ) -> Result<Vec<StoredFinding>, StoreError> {
        let after = after.map(place);
        let limit = page_entries(limit);
        let places = self.table.page(&list, after.as_deref(), limit).await?;
        let mut keys = Vec::with_capacity(places.len());
        for item in &places {
            let place = item.text(SORT)?;
            let key = at_place(&place).ok_or_else(|| StoreError::Damaged {
                what: list.clone(),
                detail: format!("{place:?} names no finding"),
            })?;
            keys.push(self.names.finding(&key));
        }
        let items = self.table.get_all(&keys).await?;
        items.iter().map(stored).collect()
    }

    pub(super) async fn get_episodes(&self, id: &str) -> Result<Vec<StoredFinding>, StoreError> {
        let partition = self.names.episodes(id);
        let mut episodes = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self
                .table
                .page(&partition, after.as_deref(), PAGE_ENTRIES_MAX);
            let page = page.await?;
            for item in &page {
                after = Some(item.text(SORT)?);
                episodes.push(stored(item)?);
            }
            if page.len() < PAGE_ENTRIES_MAX {
                return Ok(episodes);
            }
        }
    }

    pub(super) async fn put_triage(
        &self,
        key: &FindingKey,
        note: &TriageNote,
    ) -> Result<(), StoreError> {
        note.check()?;
        let what = key.to_string();
        let at = self.names.finding(key);
        for _ in 0..TRIAGES_MAX {
            let Some(item) = self.table.get(&at).await? else {
                return Err(StoreError::Unknown { what });
            };
            let mut notes = stored(&item)?.triage;
            let last = notes.last();
            if last.is_some_and(|(_, last)| last == note) {
                return Ok(());
            }
            let last = last.map_or(0, |(number, _)| *number);
            notes.push((last.saturating_add(1), note.clone()));
            if notes.len() > TRIAGE_NOTES_MAX {
                notes.remove(0);
            }
            let update = Expression {
                // The state stands apart, too, for those who ask the table what is open.
                text: "SET triage = :notes, triage_number = :next, triage_state = :state"
                    .to_owned(),
                values: vec![
                    (
                        ":notes",
                        AttributeValue::L(notes.iter().map(note_item).collect()),
                    ),
                    (":next", number(last.saturating_add(1))),
                    (":state", text(&note.state)),
                    (":last", number(last)),
                ],
                names: Vec::new(),
            };
            let condition = format!(
                "attribute_exists({PARTITION}) AND (triage_number = :last OR attribute_not_exists(triage_number))"
            );
            let write = Write::Update(at.clone(), update, condition);
            if self.table.write(&what, &[write]).await? == Written::Yes {
                return Ok(());
            }
        }
        Err(StoreError::Conflict { what })
    }
}

/// The update that makes an item this revision and keeps what was sent and noted.
fn update(record: &FindingRecord, expires: AttributeValue) -> Expression {
    // `state` and some others are words of the table's own language.
    let columns: [(&'static str, &'static str, &'static str, AttributeValue); 12] = [
        ("#id", "id", ":id", text(&record.key.id)),
        ("#episode", "episode", ":episode", text(&record.key.episode)),
        ("#account", "account", ":account", text(&record.account)),
        ("#state", "state", ":state", text(&record.state)),
        ("#severity", "severity", ":severity", text(&record.severity)),
        ("#rule", "rule", ":rule", text(&record.rule)),
        (
            "#first",
            "first_seen",
            ":first",
            number(record.first_seen.unix_seconds()),
        ),
        (
            "#last",
            "last_seen",
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
fn set_sent(revision: u32, at: EventTime, told: Option<&str>) -> Expression {
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

fn stored(item: &Item) -> Result<StoredFinding, StoreError> {
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
            rule: item.text("rule")?,
            account: item.text("account")?,
            principal: item.text_if("principal"),
            kms_key: item.text_if("kms_key"),
            first_seen: item.time("first_seen")?,
            last_seen: item.time("last_seen")?,
            score,
            json: item.text("json")?,
        },
        sent_revision: item.number("sent_revision")?,
        sent_at: item.number_if("sent_at").map(EventTime::from_unix_seconds),
        told: item.text_if("told"),
        triage: notes.collect::<Result<_, _>>()?,
    })
}

fn note_item((count, note): &(u32, TriageNote)) -> AttributeValue {
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

//! Findings: one item an episode, and its places in the outbox and in its account's list.

use aws_sdk_dynamodb::types::AttributeValue;
use keytrail_event::EventTime;
use keytrail_store::bounds::{PAGE_ENTRIES_MAX, TRIAGE_NOTES_MAX, page_entries};
use keytrail_store::{FindingKey, FindingRecord, StoreError, StoredFinding, TriageNote};

use super::finding_item::{LAST_SEEN, RULE, note_item, set_sent, stored, update};
use super::item::{EXPIRES, PARTITION, SORT, key, number, text};
use super::names::{ItemKey, at_place, check_account, check_finding, place};
use super::table::Expression;
use super::transaction::{Write, Written};
use super::{AwsStore, FINDING_DAYS, expiry};

/// Most times that a note is added again because another came in between.
const TRIAGES_MAX: u32 = 5;

impl AwsStore {
    /// Records a revision as pending; whether it was new.
    pub(super) async fn put_finding(&self, record: &FindingRecord) -> Result<bool, StoreError> {
        check_account(&record.account)?;
        check_finding(&record.key)?;
        let expires = number(expiry(FINDING_DAYS));
        // What names a finding goes when it does.
        let naming = |place: &ItemKey| {
            let mut item = key(place);
            item.insert(EXPIRES.to_owned(), expires.clone());
            // By these a list tells what can still change.
            item.insert(RULE.to_owned(), text(&record.rule));
            let last_seen = number(record.last_seen.unix_seconds());
            item.insert(LAST_SEEN.to_owned(), last_seen);
            Write::Put(item, None)
        };
        let of_account = ItemKey {
            partition: self.names.findings_of(&record.account),
            sort: place(&record.key),
        };
        let mut writes = vec![
            Write::Update(
                self.names.finding(&record.key),
                update(record, expires.clone()),
                "attribute_not_exists(revision) OR revision < :revision".to_owned(),
            ),
            naming(&self.outbox_place(&record.key)),
            naming(&of_account),
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

    /// A page of the findings that a list names. Findings that expired may be gone before their places are, so pages of
    /// nothing but such places are passed over: an empty page is the end.
    pub(super) async fn page_of_findings(
        &self,
        list: String,
        after: Option<&FindingKey>,
        limit: usize,
        condition: Option<&Expression>,
    ) -> Result<Vec<StoredFinding>, StoreError> {
        let mut after = after.map(place);
        let limit = page_entries(limit);
        loop {
            let places = self
                .table
                .page_where(&list, after.as_deref(), limit, condition);
            let places = places.await?;
            let mut keys = Vec::with_capacity(places.len());
            for item in &places {
                let place = item.text(SORT)?;
                let key = at_place(&place).ok_or_else(|| StoreError::Damaged {
                    what: list.clone(),
                    detail: format!("{place:?} names no finding"),
                })?;
                keys.push(self.names.finding(&key));
                after = Some(place);
            }
            let items = self.table.get_all(&keys).await?;
            if !items.is_empty() || places.len() < limit {
                return items.iter().map(stored).collect();
            }
        }
    }

    /// A page of an account's findings that end at this time or later, or are of this rule.
    pub(super) async fn page_of_findings_since(
        &self,
        account: &str,
        since: EventTime,
        rule: &str,
        after: Option<&FindingKey>,
        limit: usize,
    ) -> Result<Vec<StoredFinding>, StoreError> {
        let can_change = Expression {
            // Places of earlier versions do not say.
            text: "#last >= :since OR #rule = :rule OR attribute_not_exists(#last)".to_owned(),
            values: vec![
                (":since", number(since.unix_seconds())),
                (":rule", text(rule)),
            ],
            names: vec![("#last", LAST_SEEN), ("#rule", RULE)],
        };
        let list = self.names.findings_of(account);
        self.page_of_findings(list, after, limit, Some(&can_change))
            .await
    }

    pub(super) async fn get_findings(
        &self,
        keys: &[FindingKey],
    ) -> Result<Vec<StoredFinding>, StoreError> {
        let places: Vec<ItemKey> = keys.iter().map(|key| self.names.finding(key)).collect();
        let items = self.table.get_all(&places).await?;
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

#[cfg(test)]
mod tests {
    use keytrail_store::Store as _;
    use serde_json::{Value, json};

    use super::*;
    use crate::scripted::{Answer, Script};

    fn answer(body: &Value) -> Option<Answer> {
        Some(Answer {
            status: 200,
            body: body.to_string(),
        })
    }

    /// Findings behind a page of those that had expired were not seen: never withdrawn, and never sent.
    #[tokio::test]
    async fn a_page_of_findings_that_are_gone_is_not_the_end() {
        let place = |n: u32| json!({"pk": {"S": "pending"}, "sk": {"S": format!("id\0{n}")}});
        let script = Script::new(move |_, sent| {
            let sent: Value = serde_json::from_str(&sent.body).unwrap();
            if sent.get("RequestItems").is_some() {
                let keys = &sent["RequestItems"]["t"]["Keys"];
                let is_there = |key: &&Value| key["sk"]["S"] == "=5";
                let there: Vec<Value> = keys
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter(is_there)
                    .map(|key| {
                        let words = ["state", "severity", "rule", "account", "json"];
                        let numbers = ["revision", "first_seen", "last_seen", "sent_revision"];
                        let mut item = key.clone();
                        for word in words {
                            item[word] = json!({"S": "x"});
                        }
                        for number in numbers {
                            item[number] = json!({"N": "1"});
                        }
                        item["id"] = json!({"S": "id"});
                        item["episode"] = json!({"S": "5"});
                        item["score"] = json!({"S": "1"});
                        item
                    })
                    .collect();
                return answer(&json!({"Responses": {"t": there}}));
            }
            let after = sent["ExpressionAttributeValues"][":after"]["S"].as_str();
            let after = after.map_or(0, |after| after[3..].parse().unwrap());
            let items: Vec<Value> = (after + 1..=5).take(2).map(place).collect();
            answer(&json!({"Items": items}))
        });
        let store = AwsStore::new(&script.connection(), "b", "t", "");
        let page = store.pending(None, 2).await.unwrap();
        assert_eq!(page.len(), 1);
        assert_eq!(page[0].record.key.episode, "5");
        let behind = store.pending(Some(&page[0].record.key), 2).await.unwrap();
        assert!(behind.is_empty());
    }

    /// Places in the outbox stayed for ever, and each sweep asked for what they name.
    #[tokio::test]
    async fn what_names_a_finding_expires_with_it() {
        let script = Script::new(|_, _| answer(&json!({})));
        let store = AwsStore::new(&script.connection(), "b", "t", "");
        let record = FindingRecord {
            key: FindingKey {
                id: "id".to_owned(),
                episode: "5".to_owned(),
            },
            revision: 1,
            state: "active".to_owned(),
            severity: "high".to_owned(),
            rule: "rule".to_owned(),
            account: "1".to_owned(),
            principal: None,
            kms_key: None,
            first_seen: EventTime::from_unix_seconds(1),
            last_seen: EventTime::from_unix_seconds(1),
            score: 1.0,
            json: "{}".to_owned(),
        };
        store.record_findings(&[record]).await.unwrap();
        let sent: Value = serde_json::from_str(&script.sent()[0].body).unwrap();
        let writes = sent["TransactItems"].as_array().unwrap();
        let expires = &writes[0]["Update"]["ExpressionAttributeValues"][":expires"];
        assert!(expires["N"].is_string(), "{sent}");
        for partition in ["pending", "findings#1"] {
            let mut items = writes.iter().map(|write| &write["Put"]["Item"]);
            let item = items.find(|item| item["pk"]["S"] == partition).unwrap();
            assert_eq!(&item["expires"], expires, "{partition}");
        }
    }
}

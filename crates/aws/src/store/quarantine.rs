//! The quarantine: one partition, in the order of names.

use keytrail_event::EventTime;
use keytrail_store::bounds::page_entries;
use keytrail_store::{Quarantined, StoreError};

use super::item::{EXPIRES, Item, key, number, text};
use super::names::ItemKey;
use super::{AwsStore, QUARANTINE_DAYS, expiry};

impl AwsStore {
    fn quarantine_place(&self, name: &str) -> ItemKey {
        ItemKey {
            partition: self.names.quarantine(),
            sort: name.to_owned(),
        }
    }

    pub(super) async fn put_quarantine(&self, record: &Quarantined) -> Result<(), StoreError> {
        record.check()?;
        if record.name.is_empty() {
            return Err(StoreError::Misused {
                what: "quarantine".to_owned(),
                why: "what is put there needs a name".to_owned(),
            });
        }
        let mut item = key(&self.quarantine_place(&record.name));
        let time = |time: EventTime| number(time.unix_seconds());
        item.extend([
            ("name".to_owned(), text(&record.name)),
            ("reason".to_owned(), text(&record.reason)),
            ("tries".to_owned(), number(record.tries)),
            ("first_at".to_owned(), time(record.first_at)),
            ("last_at".to_owned(), time(record.last_at)),
            (EXPIRES.to_owned(), number(expiry(QUARANTINE_DAYS))),
        ]);
        if let Some(account) = &record.account {
            item.insert("account".to_owned(), text(account));
        }
        self.table.put(item).await
    }

    pub(super) async fn get_quarantine(
        &self,
        name: &str,
    ) -> Result<Option<Quarantined>, StoreError> {
        let item = self.table.get(&self.quarantine_place(name)).await?;
        item.map(|item| quarantined(&item)).transpose()
    }

    pub(super) async fn page_of_quarantine(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Quarantined>, StoreError> {
        let partition = self.names.quarantine();
        let items = self.table.page(&partition, after, page_entries(limit));
        items.await?.iter().map(quarantined).collect()
    }

    pub(super) async fn delete_quarantine(&self, name: &str) -> Result<(), StoreError> {
        self.table.delete(&self.quarantine_place(name)).await
    }
}

fn quarantined(item: &Item) -> Result<Quarantined, StoreError> {
    Ok(Quarantined {
        name: item.text("name")?,
        account: item.text_if("account"),
        reason: item.text("reason")?,
        tries: item.number("tries")?,
        first_at: item.time("first_at")?,
        last_at: item.time("last_at")?,
    })
}

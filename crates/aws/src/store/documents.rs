//! Pointers and documents, and the list of the accounts that have one.

use std::collections::BTreeSet;

use keytrail_event::Day;
use keytrail_store::bounds::{DOCUMENT_BYTES_MAX, PAGE_ENTRIES_MAX, check_bytes, check_name};
use keytrail_store::{Pointer, StoreError};

use super::AwsStore;
use super::item::{Item, PARTITION, SORT, bytes, key, number};
use super::names::check_account;
use super::table::Expression;
use super::transaction::{Write, Written};

impl AwsStore {
    /// Accounts with a pointer, a document or a finding.
    pub(super) async fn accounts_with_items(&self) -> Result<BTreeSet<String>, StoreError> {
        let mut accounts = BTreeSet::new();
        let mut after: Option<String> = None;
        loop {
            let partition = self.names.accounts();
            let page = self
                .table
                .page(&partition, after.as_deref(), PAGE_ENTRIES_MAX);
            let page = page.await?;
            for item in &page {
                let place = item.text(SORT)?;
                accounts.insert(place.strip_prefix('=').unwrap_or(&place).to_owned());
                after = Some(place);
            }
            if page.len() < PAGE_ENTRIES_MAX {
                return Ok(accounts);
            }
        }
    }

    /// The write that puts an account into that list, where it may still be missing.
    pub(super) fn listing(&self, account: &str) -> Option<Write> {
        let is_missing = !self.is_listed(account);
        is_missing.then(|| Write::Put(key(&self.names.account(account)), None))
    }

    pub(super) async fn get_pointer(&self, account: &str) -> Result<Option<Pointer>, StoreError> {
        let item = self.table.get(&self.names.pointer(account)).await?;
        item.map(|item| pointer_of(&item)).transpose()
    }

    pub(super) async fn put_pointer(
        &self,
        account: &str,
        expected: Option<&Pointer>,
        new: &Pointer,
    ) -> Result<(), StoreError> {
        check_name("an account", account)?;
        check_account(account)?;
        let what = format!("the pointer of {account}");
        let mut item = key(&self.names.pointer(account));
        for (name, _, value) in columns(new) {
            item.insert(name.to_owned(), value);
        }
        let mut writes = vec![Write::Put(item, Some(stands(expected)))];
        writes.extend(self.listing(account));
        match self.table.write(&what, &writes).await? {
            Written::Yes => {
                self.note_listed(account);
                Ok(())
            }
            // The flip may have worked before, and its answer been lost.
            Written::ConditionFailed if self.get_pointer(account).await?.as_ref() == Some(new) => {
                Ok(())
            }
            Written::ConditionFailed => Err(StoreError::Conflict { what }),
        }
    }

    pub(super) async fn get_document(
        &self,
        account: &str,
        name: &str,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let item = self.table.get(&self.names.document(account, name)).await?;
        item.map(|item| item.bytes("value")).transpose()
    }

    pub(super) async fn put_document(
        &self,
        account: &str,
        name: &str,
        value: &[u8],
    ) -> Result<(), StoreError> {
        check_name("an account", account)?;
        check_account(account)?;
        check_name("the name of a document", name)?;
        let what = format!("document {name} of account {account}");
        check_bytes(&what, value.len(), DOCUMENT_BYTES_MAX)?;
        let mut item = key(&self.names.document(account, name));
        item.insert("value".to_owned(), bytes(value));
        let Some(listing) = self.listing(account) else {
            return self.table.put(item).await;
        };
        let writes = [Write::Put(item, None), listing];
        self.table.write(&what, &writes).await?;
        self.note_listed(account);
        Ok(())
    }
}

type Column = (
    &'static str,
    &'static str,
    aws_sdk_dynamodb::types::AttributeValue,
);

/// A pointer's attributes: name, placeholder in a condition, value.
fn columns(pointer: &Pointer) -> [Column; 6] {
    [
        ("generation", ":generation", number(pointer.generation)),
        ("day", ":day", number(pointer.day.days_since_1970())),
        ("shards", ":shards", number(pointer.shards)),
        ("maths_version", ":maths", number(pointer.maths_version)),
        (
            "configuration_hash",
            ":configuration",
            number(pointer.configuration_hash),
        ),
        (
            "enrichment_hash",
            ":enrichment",
            number(pointer.enrichment_hash),
        ),
    ]
}

/// The condition that exactly this pointer stands there.
fn stands(expected: Option<&Pointer>) -> Expression {
    let Some(expected) = expected else {
        return Expression {
            text: format!("attribute_not_exists({PARTITION})"),
            ..Expression::default()
        };
    };
    // Names such as `day` are words of the table's own language, so none is written as it is.
    const NAMES: [&str; 6] = ["#0", "#1", "#2", "#3", "#4", "#5"];
    let mut expression = Expression::default();
    for ((name, placeholder, value), short) in columns(expected).into_iter().zip(NAMES) {
        if !expression.text.is_empty() {
            expression.text.push_str(" AND ");
        }
        expression
            .text
            .push_str(&format!("{short} = {placeholder}"));
        expression.values.push((placeholder, value));
        expression.names.push((short, name));
    }
    expression
}

fn pointer_of(item: &Item) -> Result<Pointer, StoreError> {
    Ok(Pointer {
        generation: item.number("generation")?,
        day: Day::from_days_since_1970(item.number("day")?),
        shards: item.number("shards")?,
        maths_version: item.number("maths_version")?,
        configuration_hash: item.number("configuration_hash")?,
        enrichment_hash: item.number("enrichment_hash")?,
    })
}

//! Items of the table, attribute by attribute.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use keytrail_event::EventTime;
use keytrail_store::StoreError;

use super::names::ItemKey;

/// The name of the partition key.
pub const PARTITION: &str = "pk";
/// The name of the sort key.
pub const SORT: &str = "sk";
/// The attribute that the table's time to live reads, in Unix seconds.
pub const EXPIRES: &str = "expires";

/// The attributes of an item.
pub type Attributes = HashMap<String, AttributeValue>;

/// A text.
pub fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// A whole number.
pub fn number(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// Bytes.
pub fn bytes(bytes: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(bytes))
}

/// The key attributes.
pub fn key(key: &ItemKey) -> Attributes {
    HashMap::from([
        (PARTITION.to_owned(), text(&key.partition)),
        (SORT.to_owned(), text(&key.sort)),
    ])
}

/// An item that is read.
#[derive(Debug, Clone)]
pub struct Item(pub Attributes);

impl Item {
    /// A text that must be there.
    pub fn text(&self, name: &str) -> Result<String, StoreError> {
        self.text_if(name).ok_or_else(|| self.damaged(name))
    }

    /// A text, where there is one.
    pub fn text_if(&self, name: &str) -> Option<String> {
        self.0.get(name)?.as_s().ok().cloned()
    }

    /// A whole number that must be there.
    pub fn number<N: std::str::FromStr>(&self, name: &str) -> Result<N, StoreError> {
        self.number_if(name).ok_or_else(|| self.damaged(name))
    }

    /// A whole number, where there is one.
    pub fn number_if<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        self.0.get(name)?.as_n().ok()?.parse().ok()
    }

    /// A time that must be there.
    pub fn time(&self, name: &str) -> Result<EventTime, StoreError> {
        self.number(name).map(EventTime::from_unix_seconds)
    }

    /// Bytes that must be there.
    pub fn bytes(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        let value = self.0.get(name).and_then(|value| value.as_b().ok());
        let value = value.ok_or_else(|| self.damaged(name))?;
        Ok(value.as_ref().to_vec())
    }

    fn damaged(&self, name: &str) -> StoreError {
        let part = |name: &str| self.text_if(name).unwrap_or_default();
        StoreError::Damaged {
            what: format!("item {:?} {:?}", part(PARTITION), part(SORT)),
            detail: format!("attribute `{name}` is missing or of another type"),
        }
    }
}

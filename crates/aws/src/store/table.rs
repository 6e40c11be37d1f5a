//! The table: single items read consistently, conditional writes, pages of a partition.

use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    CancellationReason, Delete, KeysAndAttributes, Put, TransactWriteItem, Update,
};
use keytrail_store::StoreError;
use keytrail_store::bounds::PAGE_ENTRIES_MAX;

use super::failed;
use super::item::{Attributes, Item, PARTITION, SORT, key, text};
use super::names::ItemKey;
use crate::{CallFault, FaultKind};

/// Most items of one `BatchGetItem`.
const BATCH_ITEMS_MAX: usize = 100;
/// Most times that a transaction is begun again which met another one.
const TRANSACTIONS_MAX: u32 = 6;
/// Most rounds for items that a batch did not bring.
const ROUNDS_MAX: u32 = 20;
/// Codes of items that are refused each time: too large, or of another form than the table's.
const NEVER: [&str; 2] = ["ValidationError", "ItemCollectionSizeLimitExceeded"];
const TRANSACT: &str = "dynamodb:TransactWriteItems";

/// A table.
#[derive(Debug, Clone)]
pub struct Table {
    client: aws_sdk_dynamodb::Client,
    name: String,
}

/// What a conditional write came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// The condition held.
    Yes,
    /// It did not, and nothing was written.
    ConditionFailed,
}

/// A condition, or an update, with the names and values it refers to.
#[derive(Debug, Clone, Default)]
pub struct Expression {
    /// Its text.
    pub text: String,
    /// What `:names` in it stand for.
    pub values: Vec<(&'static str, aws_sdk_dynamodb::types::AttributeValue)>,
    /// What `#names` in it stand for.
    pub names: Vec<(&'static str, &'static str)>,
}

/// One write of a transaction.
#[derive(Debug, Clone)]
pub enum Write {
    /// Replaces an item; `None` without condition.
    Put(Attributes, Option<Expression>),
    /// Changes an item: the update, and the condition that shares its names and values.
    Update(ItemKey, Expression, String),
    /// Removes an item.
    Delete(ItemKey),
}

impl Table {
    pub const fn new(client: aws_sdk_dynamodb::Client, name: String) -> Self {
        Self { client, name }
    }

    /// An item.
    pub async fn get(&self, at: &ItemKey) -> Result<Option<Item>, StoreError> {
        let request = self.client.get_item().table_name(&self.name);
        let request = request.set_key(Some(key(at))).consistent_read(true);
        let answer = request.send().await;
        let answer = answer.map_err(|error| fault("dynamodb:GetItem", at, error))?;
        Ok(answer.item.map(Item))
    }

    /// Items, without those that are not there, in the order asked for.
    pub async fn get_all(&self, places: &[ItemKey]) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::with_capacity(places.len());
        for places in places.chunks(BATCH_ITEMS_MAX) {
            items.extend(self.get_batch(places).await?);
        }
        Ok(items)
    }

    async fn get_batch(&self, places: &[ItemKey]) -> Result<Vec<Item>, StoreError> {
        let call = "dynamodb:BatchGetItem";
        let mut found = std::collections::HashMap::new();
        let mut wanted: Vec<Attributes> = places.iter().map(key).collect();
        for round in 0.. {
            if wanted.is_empty() {
                break;
            }
            if round == ROUNDS_MAX {
                let detail = format!("{} items were never brought", wanted.len());
                let fault = CallFault::new(call, FaultKind::Unavailable, &detail);
                return Err(failed("items of the table", &fault));
            }
            if round > 0 {
                tokio::time::sleep(Duration::from_millis(20 << round.min(6))).await;
            }
            let keys = KeysAndAttributes::builder()
                .set_keys(Some(std::mem::take(&mut wanted)))
                .consistent_read(true)
                .build()
                .map_err(|error| misused(call, &error))?;
            let request = self.client.batch_get_item().request_items(&self.name, keys);
            let answer = request
                .send()
                .await
                .map_err(|error| failed("items of the table", &CallFault::of(call, error)))?;
            for item in answer
                .responses
                .into_iter()
                .flatten()
                .flat_map(|(_, items)| items)
            {
                let item = Item(item);
                found.insert((item.text(PARTITION)?, item.text(SORT)?), item);
            }
            let rest = answer.unprocessed_keys.into_iter().flatten();
            wanted = rest.flat_map(|(_, keys)| keys.keys).collect();
        }
        let in_order = places
            .iter()
            .filter_map(|at| found.remove(&(at.partition.clone(), at.sort.clone())));
        Ok(in_order.collect())
    }

    /// Up to `limit` items of a partition, in order, after that place.
    pub async fn page(
        &self,
        partition: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Item>, StoreError> {
        self.page_where(partition, after, limit, None).await
    }

    /// Up to `limit` items of a partition for which the condition holds, in order, after that place.
    pub async fn page_where(
        &self,
        partition: &str,
        after: Option<&str>,
        limit: usize,
        filter: Option<&Expression>,
    ) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        let mut start = None;
        while items.len() < limit {
            // The service counts what it reads, before the condition.
            let rest = match filter {
                None => limit - items.len(),
                Some(_) => PAGE_ENTRIES_MAX,
            };
            let mut condition = format!("{PARTITION} = :partition");
            let mut request = self
                .client
                .query()
                .table_name(&self.name)
                .consistent_read(true)
                .expression_attribute_values(":partition", text(partition))
                .set_exclusive_start_key(start)
                .limit(i32::try_from(rest).unwrap_or(i32::MAX));
            if let Some(Expression {
                text,
                values,
                names,
            }) = filter
            {
                request = request.filter_expression(text);
                for (name, value) in values {
                    request = request.expression_attribute_values(*name, value.clone());
                }
                for (name, stands_for) in names {
                    request = request.expression_attribute_names(*name, *stands_for);
                }
            }
            if let Some(after) = after {
                condition.push_str(&format!(" AND {SORT} > :after"));
                request = request.expression_attribute_values(":after", text(after));
            }
            let answer = request.key_condition_expression(condition).send().await;
            let answer = answer
                .map_err(|error| failed(partition, &CallFault::of("dynamodb:Query", error)))?;
            items.extend(answer.items.unwrap_or_default().into_iter().map(Item));
            start = answer.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        items.truncate(limit);
        Ok(items)
    }

    /// Replaces an item.
    pub async fn put(&self, item: Attributes) -> Result<(), StoreError> {
        let request = self.client.put_item().table_name(&self.name);
        let answer = request.set_item(Some(item)).send().await;
        answer.map(|_| ()).map_err(|error| {
            failed(
                "an item of the table",
                &CallFault::of("dynamodb:PutItem", error),
            )
        })
    }

    /// Removes an item; nothing happens if there is none.
    pub async fn delete(&self, at: &ItemKey) -> Result<(), StoreError> {
        let request = self.client.delete_item().table_name(&self.name);
        let answer = request.set_key(Some(key(at))).send().await;
        answer
            .map(|_| ())
            .map_err(|error| fault("dynamodb:DeleteItem", at, error))
    }

    /// Makes all writes or none. A transaction that met another one, or too many, is begun again.
    pub async fn write(&self, what: &str, writes: &[Write]) -> Result<Written, StoreError> {
        let items = writes.iter().map(|write| self.item(write));
        let items = items.collect::<Result<Vec<_>, _>>()?;
        let mut detail = String::new();
        for round in 0..TRANSACTIONS_MAX {
            if round > 0 {
                tokio::time::sleep(Duration::from_millis(20 << round)).await;
            }
            let request = self.client.transact_write_items();
            let answer = request.set_transact_items(Some(items.clone())).send().await;
            let Err(error) = answer else {
                return Ok(Written::Yes);
            };
            let Some(reasons) = cancelled(&error) else {
                return Err(failed(what, &CallFault::of(TRANSACT, error)));
            };
            let is_any = |codes: &[&str]| reasons.iter().any(|(code, _)| codes.contains(&&**code));
            if is_any(&["ConditionalCheckFailed"]) {
                return Ok(Written::ConditionFailed);
            }
            let said = reasons.iter().filter(|(code, _)| code != "None");
            let said = said.map(|(code, message)| format!("{code} {message}"));
            detail = said.collect::<Vec<_>>().join(", ");
            if is_any(&NEVER) {
                let fault = CallFault::new(TRANSACT, FaultKind::Refused, &detail);
                return Err(failed(what, &fault));
            }
        }
        let fault = CallFault::new(TRANSACT, FaultKind::Unavailable, &detail);
        Err(failed(what, &fault))
    }

    fn item(&self, write: &Write) -> Result<TransactWriteItem, StoreError> {
        let item = TransactWriteItem::builder();
        let item = match write {
            Write::Put(attributes, condition) => {
                let mut put = Put::builder()
                    .table_name(&self.name)
                    .set_item(Some(attributes.clone()));
                if let Some(condition) = condition {
                    put = put.condition_expression(&condition.text);
                    for (name, value) in &condition.values {
                        put = put.expression_attribute_values(*name, value.clone());
                    }
                    for (name, stands_for) in &condition.names {
                        put = put.expression_attribute_names(*name, *stands_for);
                    }
                }
                item.put(put.build().map_err(|error| misused(TRANSACT, &error))?)
            }
            Write::Update(at, update, condition) => {
                let mut built = Update::builder()
                    .table_name(&self.name)
                    .set_key(Some(key(at)))
                    .update_expression(&update.text)
                    .condition_expression(condition);
                for (name, value) in &update.values {
                    built = built.expression_attribute_values(*name, value.clone());
                }
                for (name, stands_for) in &update.names {
                    built = built.expression_attribute_names(*name, *stands_for);
                }
                item.update(built.build().map_err(|error| misused(TRANSACT, &error))?)
            }
            Write::Delete(at) => {
                let delete = Delete::builder()
                    .table_name(&self.name)
                    .set_key(Some(key(at)));
                item.delete(delete.build().map_err(|error| misused(TRANSACT, &error))?)
            }
        };
        Ok(item.build())
    }
}

/// Why the items of a cancelled transaction were refused: codes, and what the service says.
fn cancelled<R>(error: &SdkError<TransactWriteItemsError, R>) -> Option<Vec<(String, String)>> {
    match error.as_service_error()? {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => {
            let reasons = cancelled.cancellation_reasons().iter();
            let said = |reason: &CancellationReason| {
                let message = reason.message().unwrap_or_default();
                Some((reason.code()?.to_owned(), message.to_owned()))
            };
            Some(reasons.filter_map(said).collect())
        }
        TransactWriteItemsError::TransactionInProgressException(_) => {
            Some(vec![("TransactionInProgress".to_owned(), String::new())])
        }
        _ => None,
    }
}

fn fault<E>(
    call: &'static str,
    at: &ItemKey,
    error: SdkError<E, aws_smithy_runtime_api::client::orchestrator::HttpResponse>,
) -> StoreError
where
    E: aws_smithy_types::error::metadata::ProvideErrorMetadata
        + std::error::Error
        + Send
        + Sync
        + 'static,
{
    failed(
        format!("item {:?}", at.partition),
        &CallFault::of(call, error),
    )
}

fn misused(call: &str, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Misused {
        what: call.to_owned(),
        why: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scripted::{Answer, Script};

    /// An item that is too large came again and again as if the table were busy.
    #[tokio::test(start_paused = true)]
    async fn only_what_can_pass_is_begun_again() {
        for (code, calls, is_worth_a_retry) in [
            ("ValidationError", 1, false),
            ("TransactionConflict", TRANSACTIONS_MAX, true),
            ("ThrottlingError", TRANSACTIONS_MAX, true),
        ] {
            let script = Script::new(move |_, _| {
                let body = json!({
                    "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
                    "Message": "Transaction cancelled",
                    "CancellationReasons": [{"Code": "None"}, {"Code": code, "Message": "so it is"}],
                });
                let body = body.to_string();
                Some(Answer { status: 400, body })
            });
            let table = Table::new(script.connection().dynamodb(), "t".to_owned());
            let at = ItemKey {
                partition: "p".to_owned(),
                sort: "s".to_owned(),
            };
            let failed = table.write("a finding", &[Write::Delete(at)]).await;
            let failed = failed.unwrap_err();
            assert_eq!(failed.is_worth_a_retry(), is_worth_a_retry, "{failed}");
            assert!(failed.to_string().contains(&format!("{code} so it is")));
            assert_eq!(script.sent().len(), calls as usize, "{code}");
        }
    }
}

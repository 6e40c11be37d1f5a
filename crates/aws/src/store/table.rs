//! The table: single items read consistently, pages of a partition.

use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::types::KeysAndAttributes;
use keytrail_store::StoreError;
use keytrail_store::bounds::PAGE_ENTRIES_MAX;

use super::failed;
use super::item::{Attributes, Item, PARTITION, SORT, key, text};
use super::names::ItemKey;
use crate::{CallFault, FaultKind};

/// Most items of one `BatchGetItem`.
const BATCH_ITEMS_MAX: usize = 100;
/// Most rounds for items that a batch did not bring.
const ROUNDS_MAX: u32 = 20;

/// A table.
#[derive(Debug, Clone)]
pub struct Table {
    pub(super) client: aws_sdk_dynamodb::Client,
    pub(super) name: String,
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

pub(super) fn misused(call: &str, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Misused {
        what: call.to_owned(),
        why: error.to_string(),
    }
}

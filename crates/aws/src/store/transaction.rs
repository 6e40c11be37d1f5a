//! Writes of the table that are made together, under conditions.

use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, Delete, Put, TransactWriteItem, Update};
use keytrail_store::StoreError;

use super::failed;
use super::item::{Attributes, key};
use super::names::ItemKey;
use super::table::{Expression, Table, misused};
use crate::{CallFault, FaultKind};

/// Most times that a transaction is begun again which met another one.
const TRANSACTIONS_MAX: u32 = 6;
/// Codes of items that are refused each time: too large, or of another form than the table's.
const NEVER: [&str; 2] = ["ValidationError", "ItemCollectionSizeLimitExceeded"];
const TRANSACT: &str = "dynamodb:TransactWriteItems";

/// What a conditional write came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// The condition held.
    Yes,
    /// It did not, and nothing was written.
    ConditionFailed,
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

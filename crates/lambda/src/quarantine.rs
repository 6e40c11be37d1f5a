//! Setting aside what cannot be taken in: its name, the reason, and how often it was tried.

use keytrail_event::EventTime;
use keytrail_store::bounds::{NAME_BYTES_MAX, NOTE_BYTES_MAX};
use keytrail_store::{Quarantined, Store, StoreError};
use serde_json::Value;

use crate::log::{Level, log};

/// Notes what could not be taken in and why, as one try of it more.
///
/// # Errors
/// When the store fails.
pub async fn set_aside(
    store: &impl Store,
    name: &str,
    account: Option<&str>,
    reason: &str,
    now: EventTime,
) -> Result<(), StoreError> {
    note(store, name, account, reason, now, 1).await
}

/// Notes why a try failed that was counted before it was made: who tries again counts first, so that a try which ends
/// whoever makes it is counted too.
///
/// # Errors
/// When the store fails.
pub async fn failed_again(
    store: &impl Store,
    name: &str,
    account: Option<&str>,
    reason: &str,
    now: EventTime,
) -> Result<(), StoreError> {
    note(store, name, account, reason, now, 0).await
}

async fn note(
    store: &impl Store,
    name: &str,
    account: Option<&str>,
    reason: &str,
    now: EventTime,
    tries: u32,
) -> Result<(), StoreError> {
    let name = &name[..name.floor_char_boundary(NAME_BYTES_MAX)];
    let reason = &reason[..reason.floor_char_boundary(NOTE_BYTES_MAX)];
    let known = store.read_quarantine(name).await?;
    let record = Quarantined {
        name: name.to_owned(),
        account: account.map(str::to_owned),
        reason: reason.to_owned(),
        // Of what is not known, this is the first.
        tries: known
            .as_ref()
            .map_or(1, |known| known.tries.saturating_add(tries)),
        first_at: known.map_or(now, |known| known.first_at),
        last_at: now,
    };
    store.quarantine(&record).await?;
    let fields = [("name", Value::from(name)), ("reason", Value::from(reason))];
    log(Level::Warning, "set aside", fields);
    Ok(())
}

#[cfg(test)]
mod tests {
    use keytrail_store::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn a_try_is_counted_once_and_the_first_is_remembered() {
        let store = MemoryStore::default();
        let at = EventTime::from_unix_seconds;
        let long = "é".repeat(NOTE_BYTES_MAX);
        set_aside(&store, "a", None, "first", at(1)).await.unwrap();
        set_aside(&store, "a", Some("1"), "second", at(2))
            .await
            .unwrap();
        failed_again(&store, "a", Some("1"), &long, at(3))
            .await
            .unwrap();
        failed_again(&store, &long, None, "unknown", at(4))
            .await
            .unwrap();
        let records = store.quarantined(None, 10).await.unwrap();
        let told = records.iter().map(|record| {
            let lengths = (record.name.len(), record.reason.len());
            (lengths, record.tries, record.first_at, record.last_at)
        });
        let expected = [
            ((1, NOTE_BYTES_MAX), 2, at(1), at(3)),
            ((NAME_BYTES_MAX, 7), 1, at(4), at(4)),
        ];
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }
}

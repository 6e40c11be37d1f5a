//! What stands in quarantine, and the tallies in it that are handed over again.

use keytrail_delivery::hand_over::{HandOver, Load};
use keytrail_lambda::Invocation;
use keytrail_store::bounds::PAGE_ENTRIES_MAX;
use keytrail_store::{Quarantined, Store, StoreError};

/// How often a parked tally is tried again.
const TRIES_MAX: u32 = 5;
/// Parked tallies that one sweep tries again.
const PARKED_MAX: usize = 20;
/// Pages of the quarantine that one sweep counts, and pages of parked tallies that it looks through.
const PAGES_MAX: usize = 20;
/// Time between two tries of a parked tally, in seconds.
const TRY_SECONDS: i64 = 3_600;

/// How much stands in quarantine, as far as one sweep reads.
pub async fn count(store: &impl Store) -> Result<u64, StoreError> {
    let mut count = 0;
    let mut after: Option<String> = None;
    for _ in 0..PAGES_MAX {
        let page = store
            .quarantined(after.as_deref(), PAGE_ENTRIES_MAX)
            .await?;
        let Some(last) = page.last() else { break };
        after = Some(last.name.clone());
        count += page.len() as u64;
    }
    Ok(count)
}

/// Parked tallies that are to be tried again; that they are is noted before it is done. Their names begin with `place`,
/// an address, and the quarantine is in the order of names: so nothing else that stands there hides them. Where the
/// store fails in the middle, those that were noted are handed over all the same: their try is counted.
pub async fn due(
    store: &impl Store,
    place: &str,
    invocation: &Invocation,
) -> (Vec<HandOver>, Result<(), StoreError>) {
    let mut again = Vec::new();
    let stopped = collect(store, place, invocation, &mut again).await;
    (again, stopped)
}

async fn collect(
    store: &impl Store,
    place: &str,
    invocation: &Invocation,
    again: &mut Vec<HandOver>,
) -> Result<(), StoreError> {
    let mut after = place.to_owned();
    for _ in 0..PAGES_MAX {
        let page = store.quarantined(Some(&after), PAGE_ENTRIES_MAX).await?;
        let is_there = |record: &&Quarantined| record.name.starts_with(place);
        for record in page.iter().take_while(is_there) {
            let Some(hand_over) = to_try_again(record, invocation) else {
                continue;
            };
            if again.len() == PARKED_MAX {
                return Ok(());
            }
            let tried = Quarantined {
                tries: record.tries + 1,
                last_at: invocation.now,
                ..record.clone()
            };
            store.quarantine(&tried).await?;
            again.push(hand_over);
        }
        match page.last().filter(is_there) {
            Some(last) => after.clone_from(&last.name),
            None => break,
        }
    }
    Ok(())
}

/// What hands a parked tally over again, where the time has come.
fn to_try_again(record: &Quarantined, invocation: &Invocation) -> Option<HandOver> {
    let (bucket, key) = record.name.strip_prefix("s3://")?.split_once('/')?;
    let account = record.account.clone()?;
    let is_due = invocation.now.seconds_since(record.last_at) >= TRY_SECONDS;
    (is_due && record.tries < TRIES_MAX).then(|| HandOver {
        account,
        load: Load::Stored {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
        },
    })
}

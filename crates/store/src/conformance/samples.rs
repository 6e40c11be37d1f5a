//! Values that the suite writes.

use keytrail_event::{Day, EventTime};

use crate::{BaseShard, FindingKey, FindingRecord, Pointer, Store, StoredFinding, TriageNote};

pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const OTHER_ACCOUNT: &str = "444455556666";

/// The day that many days after 2025-03-01.
pub(crate) fn day(days: i64) -> Day {
    Day::from_days_since_1970(20_148 + days)
}

/// The moment that many seconds after 2025-03-01.
pub(crate) fn time(seconds: i64) -> EventTime {
    day(0).start().plus_seconds(seconds)
}

pub(crate) fn pointer(generation: u64, days: i64) -> Pointer {
    Pointer {
        generation,
        day: day(days),
        shards: 2,
        maths_version: 1,
        configuration_hash: u64::MAX - 1,
        enrichment_hash: 1 << 63,
    }
}

pub(crate) fn shard(generation: u64, days: i64, shard: u32) -> BaseShard {
    BaseShard {
        account: ACCOUNT.to_owned(),
        generation,
        day: day(days),
        shard,
    }
}

pub(crate) fn key(id: &str) -> FindingKey {
    FindingKey {
        id: id.to_owned(),
        episode: format!("{id}@2025-03-01"),
    }
}

/// A revision whose JSON tells it apart from all others.
pub(crate) fn finding(id: &str, revision: u32) -> FindingRecord {
    FindingRecord {
        key: key(id),
        revision,
        state: "provisional".to_owned(),
        severity: "high".to_owned(),
        rule: "key-deletion".to_owned(),
        account: ACCOUNT.to_owned(),
        principal: Some("arn:aws:iam::111122223333:role/reader".to_owned()),
        kms_key: None,
        first_seen: time(60),
        last_seen: time(60 * i64::from(revision)),
        score: 14.25,
        json: format!(
            r#"{{"id":"{id}","revision":{revision},"title":"it's \"quoted\" \u0007 ≈"}}"#
        ),
    }
}

pub(crate) fn note(state: &str, number: i64) -> TriageNote {
    TriageNote {
        state: state.to_owned(),
        at: time(number),
        by: "ana".to_owned(),
        note: format!("note {number}"),
    }
}

/// All findings of an account, by pages of that size.
pub(crate) async fn all_findings(
    store: &impl Store,
    account: &str,
    page: usize,
) -> Vec<StoredFinding> {
    let mut all: Vec<StoredFinding> = Vec::new();
    loop {
        let after = all.last().map(|finding| finding.record.key.clone());
        let next = store.findings(account, after.as_ref(), page).await.unwrap();
        if next.is_empty() {
            return all;
        }
        all.extend(next);
    }
}

/// All findings that wait to be sent, by pages of that size.
pub(crate) async fn all_pending(store: &impl Store, page: usize) -> Vec<StoredFinding> {
    let mut all: Vec<StoredFinding> = Vec::new();
    loop {
        let after = all.last().map(|finding| finding.record.key.clone());
        let next = store.pending(after.as_ref(), page).await.unwrap();
        if next.is_empty() {
            return all;
        }
        all.extend(next);
    }
}

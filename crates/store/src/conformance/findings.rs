//! Findings, their outbox and their triage.

use super::samples::{ACCOUNT, OTHER_ACCOUNT, all_findings, all_pending, finding, key, note, time};
use crate::bounds::{NOTE_BYTES_MAX, TRIAGE_NOTES_MAX};
use crate::{FindingKey, Recorded, Store, StoreError};

/// One (id, revision) has one content: what is known in this or a later revision stays.
pub async fn a_revision_is_recorded_once(store: &impl Store) {
    let recorded = |new, known| Recorded { new, known };
    let first = [finding("a", 1), finding("b", 1)];
    let outcome = store.record_findings(&first).await.unwrap();
    assert_eq!(outcome, recorded(2, 0));
    let mut other = finding("a", 1);
    other.json = "{}".to_owned();
    let outcome = store
        .record_findings(&[other, finding("a", 2)])
        .await
        .unwrap();
    assert_eq!(outcome, recorded(1, 1));
    let outcome = store.record_findings(&first).await.unwrap();
    assert_eq!(outcome, recorded(0, 2));
    let stored = all_findings(store, ACCOUNT, 10).await;
    let records: Vec<_> = stored.into_iter().map(|stored| stored.record).collect();
    assert_eq!(records, [finding("a", 2), finding("b", 1)]);
    let zero = store.record_findings(&[finding("c", 0)]).await;
    assert!(matches!(zero, Err(StoreError::Misused { .. })));
}

/// A revision that is overtaken before it was sent is not sent.
pub async fn only_the_latest_revision_is_pending(store: &impl Store) {
    for revision in [1, 3] {
        store
            .record_findings(&[finding("a", revision)])
            .await
            .unwrap();
    }
    let pending = all_pending(store, 10).await;
    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0].record, finding("a", 3));
    assert_eq!((pending[0].sent_revision, pending[0].sent_at), (0, None));
}

/// A mark is taken when it is later than the one that stands, and not of a revision that is unknown.
pub async fn marking_is_by_condition(store: &impl Store) {
    let mark = async |revision, seconds| {
        let marked = store
            .mark_sent(&key("a"), revision, time(seconds), None)
            .await;
        marked.unwrap()
    };
    assert!(!mark(1, 0).await);
    store.record_findings(&[finding("a", 2)]).await.unwrap();
    assert!(!mark(3, 1).await);
    assert!(!mark(0, 2).await);
    assert!(mark(1, 3).await);
    assert_eq!(all_pending(store, 10).await.len(), 1);
    assert!(mark(2, 4).await);
    assert!(!mark(2, 5).await);
    assert!(!mark(1, 6).await);
    assert!(all_pending(store, 10).await.is_empty());
    let stored = &all_findings(store, ACCOUNT, 10).await[0];
    assert_eq!((stored.sent_revision, stored.sent_at), (2, Some(time(4))));
    store.record_findings(&[finding("a", 2)]).await.unwrap();
    assert!(all_pending(store, 10).await.is_empty());
    store.record_findings(&[finding("a", 3)]).await.unwrap();
    assert_eq!(all_pending(store, 10).await.len(), 1);
}

/// What people were told stands till they are told something else, whatever is sent.
pub async fn what_people_were_told_stands(store: &impl Store) {
    for (revision, told, expected) in [
        (1, None, None),
        (2, Some("of the second"), Some("of the second")),
        (3, None, Some("of the second")),
        (4, Some("of the fourth"), Some("of the fourth")),
    ] {
        let record = finding("a", revision);
        store.record_findings(&[record]).await.unwrap();
        let at = time(i64::from(revision));
        let marked = store.mark_sent(&key("a"), revision, at, told).await;
        assert!(marked.unwrap());
        let stored = &all_findings(store, ACCOUNT, 10).await[0];
        assert_eq!(stored.told.as_deref(), expected);
        assert_eq!((stored.sent_revision, stored.sent_at), (revision, Some(at)));
    }
    let long = "x".repeat(NOTE_BYTES_MAX + 1);
    let refused = store.mark_sent(&key("a"), 5, time(5), Some(&long)).await;
    assert!(
        matches!(refused, Err(StoreError::TooLarge { .. })),
        "{refused:?}"
    );
}

/// Revision 2 is recorded while revision 1 is on its way out.
pub async fn a_revision_during_sending_stays_pending(store: &impl Store) {
    store.record_findings(&[finding("a", 1)]).await.unwrap();
    let sending = all_pending(store, 10).await.remove(0);
    store.record_findings(&[finding("a", 2)]).await.unwrap();
    let marked = store
        .mark_sent(&sending.record.key, sending.record.revision, time(0), None)
        .await
        .unwrap();
    assert!(marked);
    let pending = all_pending(store, 10).await;
    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0].record.revision, 2);
    assert_eq!(pending[0].sent_revision, 1);
}

/// Pages of every size reach every finding once, in the order of keys.
pub async fn pages_reach_everything(store: &impl Store) {
    let mut keys = Vec::new();
    for number in 0..25 {
        let mut record = finding(&format!("rule-{:02}", (number * 7) % 25), 1);
        if number % 5 == 0 {
            record.account = OTHER_ACCOUNT.to_owned();
        }
        store.record_findings(&[record.clone()]).await.unwrap();
        keys.push((record.account, record.key));
    }
    let of_account = |account: &str| {
        let keys = keys.iter().filter(|(of, _)| of == account);
        let mut keys: Vec<FindingKey> = keys.map(|(_, key)| key.clone()).collect();
        keys.sort();
        keys
    };
    let mut all: Vec<FindingKey> = keys.iter().map(|(_, key)| key.clone()).collect();
    all.sort();
    let keys_of = |stored: Vec<crate::StoredFinding>| -> Vec<FindingKey> {
        stored.into_iter().map(|stored| stored.record.key).collect()
    };
    for page in [0, 1, 2, 7, 24, 25, usize::MAX] {
        assert_eq!(keys_of(all_pending(store, page).await), all);
        for account in [ACCOUNT, OTHER_ACCOUNT] {
            let stored = all_findings(store, account, page).await;
            assert_eq!(keys_of(stored), of_account(account));
        }
    }
    assert!(store.pending(None, 7).await.unwrap().len() <= 7);
    assert!(all_findings(store, "777788889999", 10).await.is_empty());
}

/// What ended long ago is passed over, unless it is of the rule; a later revision may bring it back, or put it away.
pub async fn findings_that_can_change_are_found(store: &impl Store) {
    let mut records = Vec::new();
    for number in 0..25_u32 {
        let mut record = finding(&format!("id-{number:02}"), 1);
        record.last_seen = time(i64::from(number * 7 % 25));
        if number % 6 == 0 {
            record.rule = "log-gap".to_owned();
        }
        if number % 5 == 0 {
            record.account = OTHER_ACCOUNT.to_owned();
        }
        records.push(record);
    }
    store.record_findings(&records).await.unwrap();
    for (number, second) in [(1, 24), (2, 0)] {
        records[number].revision = 2;
        records[number].last_seen = time(second);
        let record = &records[number..=number];
        store.record_findings(record).await.unwrap();
    }
    for since in [0, 12, 24, 25] {
        for page in [1, 3, usize::MAX] {
            let mut found: Vec<FindingKey> = Vec::new();
            loop {
                let since = time(since);
                let next = store.findings_since(ACCOUNT, since, "log-gap", found.last(), page);
                let next = next.await.unwrap();
                if next.is_empty() {
                    break;
                }
                assert!(next.len() <= page);
                found.extend(next.into_iter().map(|stored| stored.record.key));
            }
            let expected = records.iter().filter(|record| {
                let can_change = record.last_seen >= time(since) || record.rule == "log-gap";
                record.account == ACCOUNT && can_change
            });
            let expected: Vec<FindingKey> = expected.map(|record| record.key.clone()).collect();
            assert_eq!(found, expected, "since {since}, pages of {page}");
        }
    }
    let keys = [key("id-03"), key("nobody"), key("id-01"), key("id-05")];
    let read = store.read_findings(&keys).await.unwrap();
    let read: Vec<_> = read.into_iter().map(|stored| stored.record).collect();
    let expected = [3, 1, 5].map(|number: usize| records[number].clone());
    assert_eq!(read, expected);
    assert!(store.read_findings(&[]).await.unwrap().is_empty());
}

/// Every column comes back, and episodes are found by the finding's id.
pub async fn findings_come_back_as_they_were_given(store: &impl Store) {
    let mut full = finding("a", 1);
    full.kms_key = Some("arn:aws:kms:eu-central-1:111122223333:key/1\n\u{0}'\";--".to_owned());
    full.score = 0.1 + 0.2;
    let mut later = finding("a", 4);
    later.key.episode = "a@2025-04-01".to_owned();
    later.principal = None;
    later.state = "final".to_owned();
    let neighbour = finding("ab", 1);
    let records = [later.clone(), neighbour.clone(), full.clone()];
    store.record_findings(&records).await.unwrap();
    let episodes = store.episodes("a").await.unwrap();
    let episodes: Vec<_> = episodes.into_iter().map(|stored| stored.record).collect();
    assert_eq!(episodes, [full, later]);
    assert!(store.episodes("b").await.unwrap().is_empty());
}

/// Notes are kept in order, repeated calls add nothing, revisions change nothing about them.
pub async fn notes_of_triage_are_kept(store: &impl Store) {
    let missing = store.triage(&key("a"), &note("resolved", 1)).await;
    assert!(matches!(missing, Err(StoreError::Unknown { .. })));
    store.record_findings(&[finding("a", 1)]).await.unwrap();
    let stored = &all_findings(store, ACCOUNT, 1).await[0];
    assert_eq!(stored.triage_state(), "open");
    let (first, second) = (note("acknowledged", 1), note("resolved", 2));
    for note in [&first, &first, &second, &second] {
        store.triage(&key("a"), note).await.unwrap();
    }
    store.record_findings(&[finding("a", 2)]).await.unwrap();
    let stored = &all_findings(store, ACCOUNT, 1).await[0];
    assert_eq!(stored.triage, [(1, first), (2, second)]);
    assert_eq!(stored.triage_state(), "resolved");
    assert_eq!(stored.record.revision, 2);
    for number in 3..30 {
        let note = note("open", number);
        store.triage(&key("a"), &note).await.unwrap();
    }
    let stored = &all_findings(store, ACCOUNT, 1).await[0];
    assert_eq!(stored.triage.len(), TRIAGE_NOTES_MAX);
    assert_eq!(stored.triage.last(), Some(&(29, note("open", 29))));
    assert_eq!(stored.triage[0].0, 30 - TRIAGE_NOTES_MAX as u32);
}

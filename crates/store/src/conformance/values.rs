//! Tallies, bases, pointers, documents and quarantine.

use super::samples::{ACCOUNT, OTHER_ACCOUNT, day, finding, pointer, shard, time};
use crate::bounds::{DOCUMENT_BYTES_MAX, NAME_BYTES_MAX};
use crate::{Quarantined, Store, StoreError};

/// A version that is no longer current is a conflict, and so is none where there is a tally.
pub async fn a_tally_is_replaced_only_by_who_read_it(store: &impl Store) {
    assert_eq!(store.read_tally(ACCOUNT, day(0)).await.unwrap(), None);
    let first = store
        .write_tally(ACCOUNT, day(0), b"one", None)
        .await
        .unwrap();
    let read = store.read_tally(ACCOUNT, day(0)).await.unwrap().unwrap();
    assert_eq!(
        (read.value.as_slice(), &read.version),
        (&b"one"[..], &first)
    );
    let second = store
        .write_tally(ACCOUNT, day(0), b"two", Some(&first))
        .await
        .unwrap();
    assert_ne!(first, second);
    for stale in [None, Some(&first)] {
        let refused = store.write_tally(ACCOUNT, day(0), b"three", stale).await;
        assert!(refused.unwrap_err().is_conflict());
    }
    let missing = store
        .write_tally(ACCOUNT, day(1), b"one", Some(&second))
        .await;
    assert!(missing.unwrap_err().is_conflict());
    assert_eq!(store.read_tally(ACCOUNT, day(1)).await.unwrap(), None);
    let read = store.read_tally(ACCOUNT, day(0)).await.unwrap().unwrap();
    assert_eq!(
        (read.value.as_slice(), &read.version),
        (&b"two"[..], &second)
    );

    store.remove_tally(ACCOUNT, day(0)).await.unwrap();
    store.remove_tally(ACCOUNT, day(0)).await.unwrap();
    assert_eq!(store.read_tally(ACCOUNT, day(0)).await.unwrap(), None);
    let removed = store
        .write_tally(ACCOUNT, day(0), b"three", Some(&second))
        .await;
    assert!(removed.unwrap_err().is_conflict());
    store
        .write_tally(ACCOUNT, day(0), b"three", None)
        .await
        .unwrap();
}

/// Whoever does not know whether a write worked makes it again.
pub async fn writing_a_tally_again_is_a_success(store: &impl Store) {
    let first = store
        .write_tally(ACCOUNT, day(0), b"one", None)
        .await
        .unwrap();
    let again = store
        .write_tally(ACCOUNT, day(0), b"one", None)
        .await
        .unwrap();
    assert_eq!(first, again);
    let second = store
        .write_tally(ACCOUNT, day(0), b"two", Some(&first))
        .await
        .unwrap();
    let again = store
        .write_tally(ACCOUNT, day(0), b"two", Some(&first))
        .await
        .unwrap();
    assert_eq!(second, again);
}

/// Lists are in order and hold what was written, days before 1970 too.
pub async fn accounts_and_days_are_listed(store: &impl Store) {
    assert!(store.accounts().await.unwrap().is_empty());
    assert!(store.days(ACCOUNT).await.unwrap().is_empty());
    for days in [3, -30_000, 1] {
        store
            .write_tally(OTHER_ACCOUNT, day(days), b"tally", None)
            .await
            .unwrap();
    }
    store.flip(ACCOUNT, None, &pointer(1, 0)).await.unwrap();
    store.write_document("a' b", "clock", b"1").await.unwrap();
    let mut elsewhere = finding("elsewhere", 1);
    elsewhere.account = "777788889999".to_owned();
    store.record_findings(&[elsewhere]).await.unwrap();
    assert_eq!(
        store.accounts().await.unwrap(),
        [ACCOUNT, OTHER_ACCOUNT, "777788889999", "a' b"]
    );
    let days = store.days(OTHER_ACCOUNT).await.unwrap();
    assert_eq!(days, [day(-30_000), day(1), day(3)]);
    assert!(store.days(ACCOUNT).await.unwrap().is_empty());
}

/// Bytes come back as they were: empty, all values, larger than a DynamoDB item.
pub async fn values_keep_every_byte(store: &impl Store) {
    let all: Vec<u8> = (0..=255).collect();
    let large: Vec<u8> = (0..600_000_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let repeated = vec![7; 600_000];
    for (i, bytes) in [&b""[..], &all, &large, &repeated].into_iter().enumerate() {
        let days = i as i64;
        store
            .write_tally(ACCOUNT, day(days), bytes, None)
            .await
            .unwrap();
        let read = store.read_tally(ACCOUNT, day(days)).await.unwrap().unwrap();
        assert!(read.value == bytes, "tally {i} came back otherwise");
    }
    for (i, bytes) in [&b""[..], &all, &large[..200_000]].into_iter().enumerate() {
        let name = shard(1, 0, i as u32);
        store.write_base(&name, bytes).await.unwrap();
        let read = store.read_base(&name).await.unwrap().unwrap();
        assert!(read == bytes, "base shard {i} came back otherwise");
    }
    store.write_document(ACCOUNT, "all", &all).await.unwrap();
    let read = store.read_document(ACCOUNT, "all").await.unwrap();
    assert_eq!(read, Some(all));
}

/// What is too large is refused, and what was there stands.
pub async fn values_over_their_bound_are_refused(store: &impl Store) {
    let is_too_large = |result: Result<(), StoreError>| {
        assert!(matches!(result, Err(StoreError::TooLarge { .. })));
    };
    let fits = vec![1; DOCUMENT_BYTES_MAX];
    store.write_document(ACCOUNT, "clock", &fits).await.unwrap();
    let large = vec![2; DOCUMENT_BYTES_MAX + 1];
    is_too_large(store.write_document(ACCOUNT, "clock", &large).await);
    let read = store.read_document(ACCOUNT, "clock").await.unwrap();
    assert_eq!(read, Some(fits));
    let long = "x".repeat(NAME_BYTES_MAX + 1);
    let tally = store.write_tally(&long, day(0), b"tally", None).await;
    is_too_large(tally.map(|_| ()));
    let recorded = store.record_findings(&[finding(&long, 1)]).await;
    is_too_large(recorded.map(|_| ()));
    assert_eq!(store.accounts().await.unwrap(), [ACCOUNT]);
}

/// Other bytes for what the pointer covers are a conflict; the same bytes are a repeated call.
pub async fn a_covered_base_is_never_replaced(store: &impl Store) {
    for (days, bytes) in [(0, b"early"), (1, b"later")] {
        store.write_base(&shard(1, days, 0), bytes).await.unwrap();
    }
    store.flip(ACCOUNT, None, &pointer(1, 1)).await.unwrap();
    for (days, bytes) in [(0, b"early"), (1, b"later")] {
        store.write_base(&shard(1, days, 0), bytes).await.unwrap();
        let refused = store.write_base(&shard(1, days, 0), b"other").await;
        assert!(refused.unwrap_err().is_conflict());
        let read = store.read_base(&shard(1, days, 0)).await.unwrap();
        assert_eq!(read.as_deref(), Some(&bytes[..]));
    }
}

/// A close that crashed leaves shards which no pointer covers.
pub async fn leftovers_of_a_close_are_replaced(store: &impl Store) {
    store.flip(ACCOUNT, None, &pointer(1, 1)).await.unwrap();
    for name in [shard(1, 2, 0), shard(2, 0, 0)] {
        store.write_base(&name, b"leftover").await.unwrap();
        store.write_base(&name, b"retried").await.unwrap();
        let read = store.read_base(&name).await.unwrap();
        assert_eq!(read.as_deref(), Some(&b"retried"[..]));
    }
    assert_eq!(store.read_base(&shard(2, 0, 1)).await.unwrap(), None);
}

/// Later bases than the pointer's stay, and the pointer's own whatever is asked.
pub async fn pruning_keeps_what_can_still_be_read(store: &impl Store) {
    let names = [
        shard(1, 9, 0),
        shard(2, 0, 0),
        shard(2, 0, 1),
        shard(2, 1, 0),
        shard(2, 2, 0),
        shard(2, 3, 0),
        shard(3, 0, 0),
    ];
    for name in &names {
        store.write_base(name, b"shard").await.unwrap();
    }
    assert_eq!(store.prune(ACCOUNT, day(9)).await.unwrap(), 0);
    store.flip(ACCOUNT, None, &pointer(2, 2)).await.unwrap();
    assert_eq!(store.prune(OTHER_ACCOUNT, day(9)).await.unwrap(), 0);
    assert_eq!(store.prune(ACCOUNT, day(1)).await.unwrap(), 3);
    assert_eq!(store.prune(ACCOUNT, day(9)).await.unwrap(), 1);
    assert_eq!(store.prune(ACCOUNT, day(9)).await.unwrap(), 0);
    for (i, name) in names.iter().enumerate() {
        let stands = store.read_base(name).await.unwrap().is_some();
        assert_eq!(stands, i >= 4, "{name}");
    }
}

/// Every part of a pointer is compared, and comes back as it was.
pub async fn the_pointer_flips_by_comparison(store: &impl Store) {
    assert_eq!(store.pointer(ACCOUNT).await.unwrap(), None);
    let (first, second) = (pointer(1, 0), pointer(1, 1));
    let early = store.flip(ACCOUNT, Some(&first), &second).await;
    assert!(early.unwrap_err().is_conflict());
    store.flip(ACCOUNT, None, &first).await.unwrap();
    store.flip(ACCOUNT, None, &first).await.unwrap();
    assert_eq!(store.pointer(ACCOUNT).await.unwrap(), Some(first));
    let mut others = [first; 6];
    others[0].generation += 1;
    others[1].day = day(-1);
    others[2].shards += 1;
    others[3].maths_version += 1;
    others[4].configuration_hash += 1;
    others[5].enrichment_hash += 1;
    for other in &others {
        let refused = store.flip(ACCOUNT, Some(other), &second).await;
        assert!(refused.unwrap_err().is_conflict());
    }
    let refused = store.flip(ACCOUNT, None, &second).await;
    assert!(refused.unwrap_err().is_conflict());
    let mut stands = first;
    for other in others {
        store.flip(ACCOUNT, Some(&stands), &other).await.unwrap();
        assert_eq!(store.pointer(ACCOUNT).await.unwrap(), Some(other));
        stands = other;
    }
    assert_eq!(store.pointer(OTHER_ACCOUNT).await.unwrap(), None);
}

/// Documents belong to an account and a name.
pub async fn documents_are_replaced(store: &impl Store) {
    assert_eq!(store.read_document(ACCOUNT, "clock").await.unwrap(), None);
    store.write_document(ACCOUNT, "clock", b"1").await.unwrap();
    store.write_document(ACCOUNT, "clock", b"2").await.unwrap();
    store.write_document(ACCOUNT, "mark", b"3").await.unwrap();
    store
        .write_document(OTHER_ACCOUNT, "clock", b"4")
        .await
        .unwrap();
    for (account, name, bytes) in [
        (ACCOUNT, "clock", b"2"),
        (ACCOUNT, "mark", b"3"),
        (OTHER_ACCOUNT, "clock", b"4"),
    ] {
        let read = store.read_document(account, name).await.unwrap();
        assert_eq!(read.as_deref(), Some(&bytes[..]));
    }
}

/// Quarantine is read by name and by pages, replaced, and released.
pub async fn quarantine_is_kept_by_name(store: &impl Store) {
    let record = |number: usize, tries: u32| Quarantined {
        name: format!("s3://trail/object-{number}"),
        account: (number > 0).then(|| ACCOUNT.to_owned()),
        reason: "unexpected end of the gzip stream".to_owned(),
        tries,
        first_at: time(0),
        last_at: time(i64::from(tries)),
    };
    for number in 0..5 {
        store.quarantine(&record(number, 1)).await.unwrap();
    }
    store.quarantine(&record(3, 2)).await.unwrap();
    let read = store.read_quarantine(&record(3, 0).name).await.unwrap();
    assert_eq!(read, Some(record(3, 2)));
    store.release(&record(1, 0).name).await.unwrap();
    store.release(&record(1, 0).name).await.unwrap();
    let gone = store.read_quarantine(&record(1, 0).name).await.unwrap();
    assert_eq!(gone, None);
    let mut all: Vec<Quarantined> = Vec::new();
    loop {
        let after = all.last().map(|record| record.name.clone());
        let page = store.quarantined(after.as_deref(), 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 2);
        all.extend(page);
    }
    assert_eq!(
        all,
        [record(0, 1), record(2, 1), record(3, 2), record(4, 1)]
    );
}

/// A page begins behind any name, also one that is not there: those that begin alike stand together.
pub async fn quarantine_is_in_the_order_of_names(store: &impl Store) {
    const NAMES: [&str; 9] = [
        "S3://state/parked/1",
        "message 1",
        "s3://state/parked-1",
        "s3://state/parked/1",
        "s3://state/parked/2\u{e9}",
        "s3://state/parked/2\u{ffff}",
        "s3://state/parked/2\u{1f600}",
        "s3://state/parked0",
        "s3://trail/parked/1",
    ];
    for name in NAMES.iter().rev() {
        let record = Quarantined {
            name: (*name).to_owned(),
            account: None,
            reason: "unreadable".to_owned(),
            tries: 1,
            first_at: time(0),
            last_at: time(0),
        };
        store.quarantine(&record).await.unwrap();
    }
    for (after, first) in [
        (None, 0),
        (Some("s3://state/parked/"), 3),
        (Some("s3://state/parked/1"), 4),
        (Some("s3://state/parked/2\u{ffff}"), 6),
        (Some("s3://state/parked/3"), 7),
        (Some("s3://u"), 9),
    ] {
        let page = store.quarantined(after, 100).await.unwrap();
        let names: Vec<&str> = page.iter().map(|record| record.name.as_str()).collect();
        assert_eq!(names, NAMES[first..], "{after:?}");
    }
}

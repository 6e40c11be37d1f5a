//! Commits: whole, repeatable, refused as a whole where the store can.

use super::samples::{ACCOUNT, OTHER_ACCOUNT, all_findings, day, finding, pointer, shard};
use crate::{Close, Commit, Document, Pointer, Store, StoreError, TallyWrite, Version};

fn commit(expected: Option<Pointer>, new: Pointer, tally: Option<Version>) -> Commit {
    let shards = vec![b"shard 0".to_vec(), format!("{new:?}").into_bytes()];
    Commit {
        account: ACCOUNT.to_owned(),
        tallies: vec![TallyWrite {
            day: day(5),
            bytes: format!("tally at {}", new.day).into_bytes(),
            expected: tally,
        }],
        findings: vec![finding("a", 1), finding("b", 1)],
        documents: vec![Document {
            name: "clock".to_owned(),
            bytes: new.day.to_string().into_bytes(),
        }],
        close: Some(Close::new(expected, new, shards).unwrap()),
    }
}

/// Everything a commit names can be read after it.
pub async fn a_commit_writes_everything(store: &impl Store) {
    let committed = store.commit(&Commit::of(ACCOUNT)).await.unwrap();
    assert_eq!(committed, crate::Committed::default());
    assert!(store.accounts().await.unwrap().is_empty());

    let commit = commit(None, pointer(1, 0), None);
    let committed = store.commit(&commit).await.unwrap();
    assert_eq!((committed.findings.new, committed.findings.known), (2, 0));
    let tally = store.read_tally(ACCOUNT, day(5)).await.unwrap().unwrap();
    assert_eq!(tally.value, commit.tallies[0].bytes);
    assert_eq!(committed.tallies, [tally.version]);
    assert_eq!(store.pointer(ACCOUNT).await.unwrap(), Some(pointer(1, 0)));
    let first = store.read_base(&shard(1, 0, 0)).await.unwrap();
    assert_eq!(first.as_deref(), Some(&b"shard 0"[..]));
    assert!(store.read_base(&shard(1, 0, 1)).await.unwrap().is_some());
    assert_eq!(store.read_base(&shard(1, 0, 2)).await.unwrap(), None);
    assert_eq!(all_findings(store, ACCOUNT, 10).await.len(), 2);
    let clock = store.read_document(ACCOUNT, "clock").await.unwrap();
    assert_eq!(clock, Some(commit.documents[0].bytes.clone()));
}

/// The same commit again, by whoever lost the answer, is a success and changes nothing.
pub async fn a_commit_can_be_repeated(store: &impl Store) {
    let commit = commit(None, pointer(1, 0), None);
    let first = store.commit(&commit).await.unwrap();
    let again = store.commit(&commit).await.unwrap();
    assert_eq!(first.tallies, again.tallies);
    assert_eq!((again.findings.new, again.findings.known), (0, 2));
    assert_eq!(store.pointer(ACCOUNT).await.unwrap(), Some(pointer(1, 0)));
}

/// A writer whose pointer is out of date, or whose tally is, gets a conflict and closes nothing.
pub async fn a_lost_race_changes_no_pointer_and_no_base(store: &impl Store) {
    let won = commit(None, pointer(1, 0), None);
    let version = store.commit(&won).await.unwrap().tallies.remove(0);

    let mut lost = commit(None, pointer(1, 1), Some(version.clone()));
    lost.findings.push(finding("c", 1));
    assert!(store.commit(&lost).await.unwrap_err().is_conflict());
    let tally = store.read_tally(ACCOUNT, day(5)).await.unwrap().unwrap();
    assert_eq!(tally.value, won.tallies[0].bytes);
    assert_eq!(all_findings(store, ACCOUNT, 10).await.len(), 2);

    let stale = Some(Version::new("stale"));
    let lost = commit(Some(pointer(1, 0)), pointer(1, 1), stale);
    assert!(store.commit(&lost).await.unwrap_err().is_conflict());
    assert_eq!(store.pointer(ACCOUNT).await.unwrap(), Some(pointer(1, 0)));
    assert_eq!(store.read_base(&shard(1, 1, 0)).await.unwrap(), None);

    let next = commit(Some(pointer(1, 0)), pointer(1, 1), Some(version));
    store.commit(&next).await.unwrap();
    assert_eq!(store.pointer(ACCOUNT).await.unwrap(), Some(pointer(1, 1)));
}

/// Findings of another account and two tallies of one day are bugs of the caller.
pub async fn a_commit_of_two_minds_is_refused(store: &impl Store) {
    let mut stray = commit(None, pointer(1, 0), None);
    stray.findings[1].account = OTHER_ACCOUNT.to_owned();
    let mut twice = commit(None, pointer(1, 0), None);
    twice.tallies.push(twice.tallies[0].clone());
    for commit in [stray, twice] {
        let refused = store.commit(&commit).await;
        assert!(matches!(refused, Err(StoreError::Misused { .. })));
    }
    assert!(Close::new(None, pointer(1, 0), vec![Vec::new()]).is_err());
    assert!(store.accounts().await.unwrap().is_empty());
}

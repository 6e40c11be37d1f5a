//! The trait that every store implements, and the contract it makes with its callers.

use std::future::Future;

use keytrail_event::{Day, EventTime};

use crate::{
    BaseShard, Commit, Committed, FindingKey, FindingRecord, Pointer, Quarantined, Recorded,
    StoreError, StoredFinding, TriageNote, Version, Versioned, commit_in_order,
};

/// What is kept between runs.
///
/// # The contract
///
/// **One writer an account.** Different accounts may be written at the same time. Two writers of one
/// account are held apart by versions of tallies and by the pointer; one of them gets
/// [`StoreError::Conflict`] and loses nothing but its time. (Shards of a base that no pointer covers
/// yet can be replaced, so stores without transactions rely on whoever drives them for one writer.)
///
/// **Every call can be repeated** with the same arguments, by whoever does not know whether it
/// worked. Writing a tally, flipping a pointer or noting a triage again is a success if it stands
/// already; recording, sending and releasing are idempotent by their conditions.
///
/// **A read sees every write that returned.** Lists may lag behind single reads where the store
/// says so, never the other way round.
///
/// # What a crash leaves
///
/// [`Store::commit`] is atomic in memory and in SQLite. Where it is not, its calls are made in the
/// order of [`commit_in_order`], and a reader may see after a crash:
///
/// | stopped after | what is seen | why that is right |
/// |---|---|---|
/// | some tallies | days that hold more than before | a tally is a set: the same delivery merged again changes nothing |
/// | some base shards | nothing: no pointer covers them | they are replaced by the retry or removed by [`Store::prune`] |
/// | the findings | findings pending, of a day that is not closed yet | they are true, and the retry finds the same revisions recorded |
/// | the documents | a clock ahead of the pointer | a clock says what is due, the pointer says what was done |
/// | the flip | everything | |
///
/// A retry reads the pointer, the tallies and the findings again, plans again from what it read, and commits
/// that. It must not repeat a plan that a [`StoreError::Conflict`] refused. Since planning is a
/// function of what is stored, nothing is lost and nothing is counted twice.
///
/// # Findings and their outbox
///
/// A store keeps the latest revision of every (id, episode), and which revision was sent. Recording a
/// revision that is known, or an earlier one, changes nothing, so one (id, revision) always has one
/// content. Whoever publishes reads [`Store::pending`], sends, and marks with [`Store::mark_sent`]: stopped in
/// between, it sends again. A finding can be sent twice with one revision; it is never lost.
pub trait Store: Send + Sync {
    /// Accounts with a tally, a pointer, a document or a finding, in order.
    fn accounts(&self) -> impl Future<Output = Result<Vec<String>, StoreError>> + Send;

    /// Days of an account that have a tally, open and closed, in order.
    fn days(&self, account: &str) -> impl Future<Output = Result<Vec<Day>, StoreError>> + Send;

    /// The tally of an account's UTC day.
    fn read_tally(
        &self,
        account: &str,
        day: Day,
    ) -> impl Future<Output = Result<Option<Versioned<Vec<u8>>>, StoreError>> + Send;

    /// Replaces the tally that was read, or begins one when `expected` is `None`. If another stands
    /// there by now it is a conflict, unless that has the same bytes: then the write had worked before.
    fn write_tally(
        &self,
        account: &str,
        day: Day,
        bytes: &[u8],
        expected: Option<&Version>,
    ) -> impl Future<Output = Result<Version, StoreError>> + Send;

    /// Removes a tally, for days beyond what a rebuild needs. Nothing happens if there is none.
    fn remove_tally(
        &self,
        account: &str,
        day: Day,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// One shard of a base.
    fn read_base(
        &self,
        shard: &BaseShard,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + Send;

    /// Writes one shard of a base. Bases that the pointer covers are never replaced: other bytes for one of
    /// their shards are a conflict. Leftovers of a close that crashed are replaced.
    fn write_base(
        &self,
        shard: &BaseShard,
        bytes: &[u8],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Removes the bases of earlier generations than the pointer's, and those of its generation
    /// whose day is before both `before` and the pointer's. Returns the number of shards removed. Later
    /// bases stay: they may be on their way to be closed.
    fn prune(
        &self,
        account: &str,
        before: Day,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Which base of an account counts; `None` before the first close.
    fn pointer(
        &self,
        account: &str,
    ) -> impl Future<Output = Result<Option<Pointer>, StoreError>> + Send;

    /// Compares and flips: a conflict unless `expected` stands, or `new` does already.
    fn flip(
        &self,
        account: &str,
        expected: Option<&Pointer>,
        new: &Pointer,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Records findings as pending. What is known in this or a later revision stays as it is.
    fn record_findings(
        &self,
        findings: &[FindingRecord],
    ) -> impl Future<Output = Result<Recorded, StoreError>> + Send;

    /// A page of the findings that wait to be sent, in the order of their keys, after that one. At most
    /// `limit` and at most [`crate::bounds::PAGE_ENTRIES_MAX`]; an empty page is the end.
    fn pending(
        &self,
        after: Option<&FindingKey>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<StoredFinding>, StoreError>> + Send;

    /// Marks a revision as sent, if none as late was marked before. Returns whether it marked. `told` is what people were
    /// told with it, at most [`crate::bounds::NOTE_BYTES_MAX`]; without it, what they were told before stands.
    fn mark_sent(
        &self,
        key: &FindingKey,
        revision: u32,
        at: EventTime,
        told: Option<&str>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// A page of an account's findings, in the order of their keys, after that one. At most `limit` and
    /// at most [`crate::bounds::PAGE_ENTRIES_MAX`]; an empty page is the end.
    fn findings(
        &self,
        account: &str,
        after: Option<&FindingKey>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<StoredFinding>, StoreError>> + Send;

    /// A page of an account's findings that can still change: those whose last event is of this time or later, and those
    /// of this rule whenever theirs was. In the order of their keys, after that one. At most `limit` and at most
    /// [`crate::bounds::PAGE_ENTRIES_MAX`]; an empty page is the end.
    fn findings_since(
        &self,
        account: &str,
        since: EventTime,
        rule: &str,
        after: Option<&FindingKey>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<StoredFinding>, StoreError>> + Send;

    /// These findings, in the order asked for, without those that are not there.
    fn read_findings(
        &self,
        keys: &[FindingKey],
    ) -> impl Future<Output = Result<Vec<StoredFinding>, StoreError>> + Send;

    /// All episodes of one finding, in order.
    fn episodes(
        &self,
        id: &str,
    ) -> impl Future<Output = Result<Vec<StoredFinding>, StoreError>> + Send;

    /// Adds a note of what somebody did about an episode. The same as its last note changes nothing;
    /// an episode that is not there is [`StoreError::Unknown`]. Later revisions keep the notes.
    fn triage(
        &self,
        key: &FindingKey,
        note: &TriageNote,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Puts something in quarantine, or replaces what is known of it there.
    fn quarantine(
        &self,
        record: &Quarantined,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// What quarantine knows of that name.
    fn read_quarantine(
        &self,
        name: &str,
    ) -> impl Future<Output = Result<Option<Quarantined>, StoreError>> + Send;

    /// A page of what is in quarantine, in the order of the bytes of names, after that one, which need not be there: so
    /// those whose names begin alike are found without those before. At most `limit` and at most
    /// [`crate::bounds::PAGE_ENTRIES_MAX`]; an empty page is the end.
    fn quarantined(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Quarantined>, StoreError>> + Send;

    /// Takes something out of quarantine. Nothing happens if it is not there.
    fn release(&self, name: &str) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// A small named value of an account.
    fn read_document(
        &self,
        account: &str,
        name: &str,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + Send;

    /// Replaces a small named value of an account.
    fn write_document(
        &self,
        account: &str,
        name: &str,
        bytes: &[u8],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Makes all writes of one step of one account: at once where the store can, else in the order of
    /// [`commit_in_order`].
    fn commit(
        &self,
        commit: &Commit,
    ) -> impl Future<Output = Result<Committed, StoreError>> + Send {
        commit_in_order(self, commit)
    }
}

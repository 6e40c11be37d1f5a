//! Commits: made call by call, after a look at everything that could refuse them.
//!
//! The order of the calls makes a commit safe to be stopped in anywhere. The look before it makes a
//! refused one leave nothing behind, as long as the account has the one writer it is to have.

use keytrail_store::{Commit, Committed, Store as _, StoreError, TallyWrite, commit_in_order};

use super::AwsStore;

impl AwsStore {
    pub(super) async fn make_commit(&self, commit: &Commit) -> Result<Committed, StoreError> {
        // With one tally and no close, the first call is the only one that can be refused.
        if commit.close.is_some() || commit.tallies.len() > 1 {
            self.check_commit(commit).await?;
        }
        commit_in_order(self, commit).await
    }

    async fn check_commit(&self, commit: &Commit) -> Result<(), StoreError> {
        commit.check()?;
        let account = commit.account.as_str();
        for tally in &commit.tallies {
            self.check_tally(account, tally).await?;
        }
        let Some(close) = &commit.close else {
            return Ok(());
        };
        let pointer = self.pointer(account).await?;
        if pointer.as_ref() != close.expected() && pointer.as_ref() != Some(close.new_pointer()) {
            let what = format!("the pointer of {account}");
            return Err(StoreError::Conflict { what });
        }
        for (shard, bytes) in close.shards(account) {
            self.check_base(pointer.as_ref(), &shard, bytes).await?;
        }
        Ok(())
    }

    async fn check_tally(&self, account: &str, tally: &TallyWrite) -> Result<(), StoreError> {
        let stands = self.read_tally(account, tally.day).await?;
        let version = stands.as_ref().map(|stands| &stands.version);
        let is_same = stands.as_ref().is_some_and(|it| it.value == tally.bytes);
        if version == tally.expected.as_ref() || is_same {
            return Ok(());
        }
        Err(StoreError::Conflict {
            what: format!("the tally of account {account}, day {}", tally.day),
        })
    }
}

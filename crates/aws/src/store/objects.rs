//! Tallies and bases: packed objects, replaced only by whoever has read them.

use std::collections::BTreeSet;

use aws_sdk_s3::primitives::ByteStream;
use keytrail_event::Day;
use keytrail_store::bounds::{VALUE_BYTES_MAX, check_bytes, check_name};
use keytrail_store::{BaseShard, Pointer, StoreError, Version, Versioned};

use super::names::{Names, check_account};
use super::{AwsStore, failed};
use crate::{CallFault, FaultKind};

/// How hard zstd tries: fast, since a tally is written far more often than its bytes matter.
const ZSTD_LEVEL: i32 = 3;

/// What a write of an object rests on.
enum Expecting<'v> {
    /// Nothing: it is replaced.
    Anything,
    /// That there is none.
    Nothing,
    /// That it is the one that was read.
    Version(&'v Version),
}

impl AwsStore {
    pub(super) async fn accounts_with_tallies(&self) -> Result<BTreeSet<String>, StoreError> {
        let prefix = self.names.tallies(None);
        let mut accounts = BTreeSet::new();
        let mut continuation = None;
        loop {
            let request = self.s3.list_objects_v2().bucket(&self.bucket);
            let request = request
                .prefix(&prefix)
                .delimiter("/")
                .set_continuation_token(continuation);
            let answer = request
                .send()
                .await
                .map_err(|error| failed("the list of tallies", &CallFault::of(LIST, error)))?;
            let found = answer.common_prefixes().iter().filter_map(|it| it.prefix());
            accounts.extend(found.filter_map(|prefix| self.names.account_of(prefix)));
            continuation = answer.next_continuation_token;
            if continuation.is_none() {
                return Ok(accounts);
            }
        }
    }

    pub(super) async fn list_days(&self, account: &str) -> Result<Vec<Day>, StoreError> {
        let prefix = self.names.tallies(Some(account));
        let keys = self.list(&prefix).await?;
        let days = keys.iter().filter_map(|key| key.strip_prefix(&prefix));
        Ok(days.filter_map(Names::day_of).collect())
    }

    pub(super) async fn get_tally(
        &self,
        account: &str,
        day: Day,
    ) -> Result<Option<Versioned<Vec<u8>>>, StoreError> {
        let what = tally_name(account, day);
        self.get(&what, &self.names.tally(account, day)).await
    }

    pub(super) async fn put_tally(
        &self,
        account: &str,
        day: Day,
        bytes: &[u8],
        expected: Option<&Version>,
    ) -> Result<Version, StoreError> {
        let what = tally_name(account, day);
        check_name("an account", account)?;
        check_account(account)?;
        check_bytes(&what, bytes.len(), VALUE_BYTES_MAX)?;
        let key = self.names.tally(account, day);
        let expecting = expected.map_or(Expecting::Nothing, Expecting::Version);
        match self.put(&what, &key, bytes, &expecting).await {
            Err(error) if error.is_conflict() => {
                // The write may have worked before, and its answer been lost.
                let stands = self.get(&what, &key).await?;
                let same = stands.filter(|stands| stands.value == bytes);
                same.map(|same| same.version).ok_or(error)
            }
            result => result,
        }
    }

    pub(super) async fn delete_tally(&self, account: &str, day: Day) -> Result<(), StoreError> {
        let key = self.names.tally(account, day);
        self.delete(&tally_name(account, day), &key).await
    }

    pub(super) async fn get_base(&self, shard: &BaseShard) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self
            .get(&shard.to_string(), &self.names.base(shard))
            .await?;
        Ok(found.map(|found| found.value))
    }

    pub(super) async fn put_base(&self, shard: &BaseShard, bytes: &[u8]) -> Result<(), StoreError> {
        let what = shard.to_string();
        check_name("an account", &shard.account)?;
        check_account(&shard.account)?;
        check_bytes(&what, bytes.len(), VALUE_BYTES_MAX)?;
        let pointer = self.get_pointer(&shard.account).await?;
        self.check_base(pointer.as_ref(), shard, bytes).await?;
        let key = self.names.base(shard);
        let put = self.put(&what, &key, bytes, &Expecting::Anything).await;
        put.map(|_| ())
    }

    /// Refuses other bytes for a base that the pointer covers.
    pub(super) async fn check_base(
        &self,
        pointer: Option<&Pointer>,
        shard: &BaseShard,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let is_covered = pointer.is_some_and(|pointer| pointer.covers(shard.generation, shard.day));
        if !is_covered {
            return Ok(());
        }
        match self.get_base(shard).await? {
            Some(stands) if stands != bytes => Err(StoreError::Conflict {
                what: shard.to_string(),
            }),
            _ => Ok(()),
        }
    }

    pub(super) async fn delete_bases(&self, account: &str, before: Day) -> Result<u64, StoreError> {
        let Some(pointer) = self.get_pointer(account).await? else {
            return Ok(0);
        };
        let end = (pointer.generation, before.min(pointer.day));
        let prefix = self.names.bases(account);
        let mut removed = 0;
        for key in self.list(&prefix).await? {
            let rest = key.strip_prefix(&prefix).unwrap_or_default();
            if Names::generation_and_day_of(rest).is_some_and(|base| base < end) {
                self.delete("a base that no pointer needs", &key).await?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let mut keys = Vec::new();
        let mut continuation = None;
        loop {
            let request = self.s3.list_objects_v2().bucket(&self.bucket);
            let request = request.prefix(prefix).set_continuation_token(continuation);
            let answer = request.send().await;
            let answer = answer.map_err(|error| failed(prefix, &CallFault::of(LIST, error)))?;
            let listed = answer.contents.unwrap_or_default().into_iter();
            keys.extend(listed.filter_map(|object| object.key));
            continuation = answer.next_continuation_token;
            if continuation.is_none() {
                return Ok(keys);
            }
        }
    }

    async fn get(&self, what: &str, key: &str) -> Result<Option<Versioned<Vec<u8>>>, StoreError> {
        let unavailable = |detail: String| StoreError::Unavailable {
            what: what.to_owned(),
            detail,
        };
        let request = self.s3.get_object().bucket(&self.bucket).key(key);
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                let fault = CallFault::of("s3:GetObject", error);
                return match fault.kind {
                    FaultKind::Missing => Ok(None),
                    _ => Err(failed(what, &fault)),
                };
            }
        };
        let version = answer.e_tag().map(Version::new);
        let version = version.ok_or_else(|| unavailable("no entity tag".to_owned()))?;
        let packed = answer.body.collect().await;
        let packed = packed.map_err(|error| unavailable(error.to_string()))?;
        let value = zstd::bulk::decompress(&packed.into_bytes(), VALUE_BYTES_MAX);
        let value = value.map_err(|error| StoreError::Damaged {
            what: what.to_owned(),
            detail: error.to_string(),
        })?;
        Ok(Some(Versioned { value, version }))
    }

    async fn put(
        &self,
        what: &str,
        key: &str,
        bytes: &[u8],
        expecting: &Expecting<'_>,
    ) -> Result<Version, StoreError> {
        let packed = zstd::bulk::compress(bytes, ZSTD_LEVEL);
        let packed = packed.map_err(|error| StoreError::Unavailable {
            what: what.to_owned(),
            detail: error.to_string(),
        })?;
        let request = self.s3.put_object().bucket(&self.bucket).key(key);
        let request = match expecting {
            Expecting::Anything => request,
            Expecting::Nothing => request.if_none_match("*"),
            Expecting::Version(version) => request.if_match(version.as_str()),
        };
        let answer = request.body(ByteStream::from(packed)).send().await;
        let answer = answer.map_err(|error| {
            let mut fault = CallFault::of("s3:PutObject", error);
            // Replacing what is gone by now.
            if fault.kind == FaultKind::Missing && matches!(expecting, Expecting::Version(_)) {
                fault.kind = FaultKind::Conflict;
            }
            failed(what, &fault)
        })?;
        let version = answer.e_tag().map(Version::new);
        version.ok_or_else(|| StoreError::Unavailable {
            what: what.to_owned(),
            detail: "no entity tag".to_owned(),
        })
    }

    async fn delete(&self, what: &str, key: &str) -> Result<(), StoreError> {
        let request = self.s3.delete_object().bucket(&self.bucket).key(key);
        let answer = request.send().await;
        answer
            .map(|_| ())
            .map_err(|error| failed(what, &CallFault::of("s3:DeleteObject", error)))
    }
}

const LIST: &str = "s3:ListObjectsV2";

fn tally_name(account: &str, day: Day) -> String {
    format!("the tally of account {account}, day {day}")
}

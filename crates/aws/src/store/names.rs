//! What objects and items are called.

use keytrail_event::Day;
use keytrail_store::{BaseShard, FindingKey, StoreError};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Longest name of an account here, in bytes: encoded it takes three times that, and a key of S3 has
/// room for 1,024.
const ACCOUNT_BYTES_MAX: usize = 256;
/// Longest sort key of a table, in bytes.
const SORT_BYTES_MAX: usize = 1_024;
/// What may stand in a part of a key as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// The names of one store.
#[derive(Debug, Clone)]
pub struct Names(String);

/// Partition and sort key of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemKey {
    /// The partition.
    pub partition: String,
    /// The place in it.
    pub sort: String,
}

impl Names {
    pub fn new(store: &str) -> Self {
        Self(store.to_owned())
    }

    /// The prefix of all tallies, or of an account's.
    pub fn tallies(&self, account: Option<&str>) -> String {
        self.objects("tallies", account)
    }

    pub fn tally(&self, account: &str, day: Day) -> String {
        format!("{}{day}.zst", self.tallies(Some(account)))
    }

    /// The day of a tally, by what stands behind its account's prefix.
    pub fn day_of(rest: &str) -> Option<Day> {
        Day::parse(rest.strip_suffix(".zst")?)
    }

    /// The account in the prefix of its tallies.
    pub fn account_of(&self, prefix: &str) -> Option<String> {
        let part = prefix.strip_prefix(&self.tallies(None))?;
        let part = part.strip_suffix('/')?;
        let decoded = percent_decode_str(part).decode_utf8().ok()?;
        Some(decoded.into_owned())
    }

    pub fn bases(&self, account: &str) -> String {
        self.objects("bases", Some(account))
    }

    pub fn base(&self, shard: &BaseShard) -> String {
        let BaseShard {
            generation,
            day,
            shard: number,
            ..
        } = shard;
        let prefix = self.bases(&shard.account);
        format!("{prefix}{generation:020}/{day}/{number:05}.zst")
    }

    /// Generation and day of a base, by what stands behind its account's prefix.
    pub fn generation_and_day_of(rest: &str) -> Option<(u64, Day)> {
        let mut parts = rest.split('/');
        let generation = parts.next()?.parse().ok()?;
        Some((generation, Day::parse(parts.next()?)?))
    }

    fn objects(&self, kind: &str, account: Option<&str>) -> String {
        let mut key = format!("{}{kind}/", self.0);
        if let Some(account) = account {
            key.extend(utf8_percent_encode(account, PLAIN));
            key.push('/');
        }
        key
    }

    /// The partition of the list of accounts.
    pub fn accounts(&self) -> String {
        format!("{}accounts", self.0)
    }

    pub fn account(&self, account: &str) -> ItemKey {
        ItemKey {
            partition: self.accounts(),
            sort: format!("={account}"),
        }
    }

    pub fn pointer(&self, account: &str) -> ItemKey {
        ItemKey {
            partition: format!("{}pointer#{account}", self.0),
            sort: "pointer".to_owned(),
        }
    }

    pub fn document(&self, account: &str, name: &str) -> ItemKey {
        ItemKey {
            partition: format!("{}document#{account}\0{name}", self.0),
            sort: "document".to_owned(),
        }
    }

    /// The partition of the outbox.
    pub fn pending(&self) -> String {
        format!("{}pending", self.0)
    }

    /// The partition of an account's list of findings.
    pub fn findings_of(&self, account: &str) -> String {
        format!("{}findings#{account}", self.0)
    }

    /// The partition of a finding's episodes.
    pub fn episodes(&self, id: &str) -> String {
        format!("{}finding#{id}", self.0)
    }

    pub fn finding(&self, key: &FindingKey) -> ItemKey {
        ItemKey {
            partition: self.episodes(&key.id),
            sort: format!("={}", key.episode),
        }
    }

    pub fn quarantine(&self) -> String {
        format!("{}quarantine", self.0)
    }
}

/// Where a finding stands in a list: lists are in the order of (id, episode).
pub fn place(key: &FindingKey) -> String {
    format!("{}\0{}", key.id, key.episode)
}

/// The finding that stands there.
pub fn at_place(place: &str) -> Option<FindingKey> {
    let (id, episode) = place.split_once('\0')?;
    Some(FindingKey {
        id: id.to_owned(),
        episode: episode.to_owned(),
    })
}

/// Refuses accounts whose name has no room in a key.
pub fn check_account(account: &str) -> Result<(), StoreError> {
    keytrail_store::bounds::check_bytes("an account", account.len(), ACCOUNT_BYTES_MAX)
}

/// Refuses findings whose place in a list is too long.
pub fn check_finding(key: &FindingKey) -> Result<(), StoreError> {
    let bytes = place(key).len();
    keytrail_store::bounds::check_bytes("the id and episode of a finding", bytes, SORT_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        let names = Names::new("stage/");
        for account in ["111122223333", "a/b c%2f", "\u{e9}"] {
            let key = names.tally(account, Day::from_days_since_1970(20_000));
            let prefix = names.tallies(Some(account));
            let rest = key.strip_prefix(&prefix).unwrap();
            assert_eq!(Names::day_of(rest), Some(Day::from_days_since_1970(20_000)));
            assert_eq!(names.account_of(&prefix).as_deref(), Some(account));
        }
        let shard = BaseShard {
            account: "1".to_owned(),
            generation: 7,
            day: Day::from_days_since_1970(20_000),
            shard: 3,
        };
        let key = names.base(&shard);
        let rest = key.strip_prefix(&names.bases("1")).unwrap();
        assert_eq!(Names::generation_and_day_of(rest), Some((7, shard.day)));
    }
}

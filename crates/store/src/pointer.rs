//! Versions of tallies, shards of bases, and the pointer that says which base counts.

use std::fmt;

use keytrail_event::Day;

/// What a value was when it was read. The store makes it, callers hand it back; two equal
/// versions of one value stand for equal bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version(String);

impl Version {
    /// For stores: wraps their own mark, such as a number or an entity tag.
    #[must_use]
    pub fn new(mark: impl Into<String>) -> Self {
        Self(mark.into())
    }

    /// For stores: their own mark.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A value and what it was when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<T> {
    /// The value.
    pub value: T,
    /// To be handed back when it is replaced.
    pub version: Version,
}

/// Names one shard of one base. Which entities it holds is the engine's matter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BaseShard {
    /// The account.
    pub account: String,
    /// The generation that the base belongs to.
    pub generation: u64,
    /// The last day that was folded into it.
    pub day: Day,
    /// From 0 to one less than the generation's number of shards.
    pub shard: u32,
}

impl BaseShard {
    /// The name of a base that is one shard.
    #[must_use]
    pub fn only(account: &str, generation: u64, day: Day) -> Self {
        Self {
            account: account.to_owned(),
            generation,
            day,
            shard: 0,
        }
    }
}

impl fmt::Display for BaseShard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "shard {} of the base of account {}, generation {}, day {}",
            self.shard, self.account, self.generation, self.day
        )
    }
}

/// Which base of an account counts. Days after [`Pointer::day`] are open, the others closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pointer {
    /// Counts the rebuilds of the account's bases.
    pub generation: u64,
    /// The last day that was folded.
    pub day: Day,
    /// Shards of each base of this generation; another number is another generation.
    pub shards: u32,
    /// The version of the mathematics it was folded with.
    pub maths_version: u32,
    /// A hash of the configuration it was folded with.
    pub configuration_hash: u64,
    /// A hash of the enrichment (inventories, address databases) it was folded with.
    pub enrichment_hash: u64,
}

impl Pointer {
    /// Whether this pointer refers to that base: to it itself, or to one that came of it.
    /// Such bases are never replaced.
    #[must_use]
    pub fn covers(&self, generation: u64, day: Day) -> bool {
        self.generation == generation && day <= self.day
    }

    /// The base that this pointer of an account refers to, where it is one shard.
    #[must_use]
    pub fn only_shard(&self, account: &str) -> BaseShard {
        BaseShard::only(account, self.generation, self.day)
    }
}

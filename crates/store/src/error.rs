//! What can go wrong with a store, sorted by what the caller can do about it.

/// Why a store did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Somebody else wrote what this write rests on: read again, plan again, write again.
    #[error("{what} was changed by another writer; read it again")]
    Conflict {
        /// Which value.
        what: String,
    },
    /// Another process holds the write lock for longer than the wait.
    #[error(
        "keytrail state {place} is in use by another process; wait until that ends, then try again"
    )]
    InUse {
        /// The file.
        place: String,
    },
    /// The file holds something else. It is left as it is.
    #[error("{place} is not a keytrail state; name another file, or one that does not exist yet")]
    NotOurs {
        /// The file.
        place: String,
    },
    /// The file is of a later format. It is left as it is.
    #[error(
        "keytrail state {place} has format {found}, and this keytrail knows formats up to {known}; \
         use a newer keytrail"
    )]
    TooNew {
        /// The file.
        place: String,
        /// Its format.
        found: i64,
        /// The latest format known here.
        known: i64,
    },
    /// The disk or a set limit is full. What was written before stands; this write does not.
    #[error(
        "no space left for keytrail state {place}; the last write was undone, what was there before stands"
    )]
    Full {
        /// The file.
        place: String,
    },
    /// The file or its file system does not do what was asked.
    #[error("keytrail state {place}: {detail}; the folder must exist, and be writable")]
    Failed {
        /// The file.
        place: String,
        /// What SQLite says.
        detail: String,
    },
    /// A value is over its bound (see [`crate::bounds`]).
    #[error("{what} has {bytes} bytes, and at most {bytes_max} can be kept")]
    TooLarge {
        /// Which value.
        what: String,
        /// Its size.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// What is stored cannot be read back.
    #[error("{what} is damaged: {detail}")]
    Damaged {
        /// Which value or file.
        what: String,
        /// What is wrong with it.
        detail: String,
    },
    /// There is no such thing.
    #[error("there is no {what}")]
    Unknown {
        /// What was asked for.
        what: String,
    },
    /// The call contradicts itself: a bug of the caller.
    #[error("{what}: {why}")]
    Misused {
        /// Which call or value.
        what: String,
        /// What contradicts what.
        why: String,
    },
    /// The call did not come back as it should: it may have worked, or not. Repeating it is right.
    #[error("{what} did not answer: {detail}")]
    Unavailable {
        /// Which call.
        what: String,
        /// What the other side said.
        detail: String,
    },
}

impl StoreError {
    /// Whether another writer came first.
    #[must_use]
    pub const fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict { .. })
    }

    /// Whether the same step can work when it is made again from what is stored then: after a
    /// conflict, a lock that was held, a call that did not answer.
    #[must_use]
    pub const fn is_worth_a_retry(&self) -> bool {
        matches!(
            self,
            Self::Conflict { .. } | Self::InUse { .. } | Self::Unavailable { .. }
        )
    }

    pub(crate) fn conflict(what: impl Into<String>) -> Self {
        Self::Conflict { what: what.into() }
    }
}

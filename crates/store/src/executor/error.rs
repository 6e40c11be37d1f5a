//! Why a step could not be carried out.

use keytrail_detect::encoding::DecodeError;
use keytrail_event::Day;

use crate::StoreError;

/// Why a step could not be carried out. It can be made again.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored tally can not be read.
    #[error("the tally of account {account} on {day} can not be read: {source}")]
    Tally {
        /// The account.
        account: String,
        /// The UTC day.
        day: Day,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// A tally could not be packed.
    #[error("the tally of account {account} on {day} can not be packed: {source}")]
    Pack {
        /// The account.
        account: String,
        /// The UTC day.
        day: Day,
        /// What failed.
        source: std::io::Error,
    },
    /// A base could not be packed.
    #[error("the base of account {account} can not be packed: {source}")]
    PackBase {
        /// The account.
        account: String,
        /// What failed.
        source: std::io::Error,
    },
    /// A stored note of the executor can not be read.
    #[error("the note `{name}` of account {account} can not be read: {why}")]
    Note {
        /// The account.
        account: String,
        /// The note's name.
        name: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A finding has no form as text.
    #[error("finding {episode} can not be written: {why}")]
    Finding {
        /// Its episode.
        episode: String,
        /// What is wrong with it.
        why: String,
    },
}

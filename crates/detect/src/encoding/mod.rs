//! A tally as bytes: canonical, compact, versioned.
//!
//! Equal sets make equal bytes, whatever the order of arrival, the numbers of names or the seeds of
//! tables: everything is sorted. Delivery counts are no part of it. Names stand once, in a sorted
//! dictionary; all else refers to them by number. Bytes are not compressed.
//!
//! Version 1, numbers as LEB128 unless a length is given:
//!
//! ```text
//! version            1 byte
//! dictionary         count, then each name: length, UTF-8; strictly ascending
//! series             count, then each: account, Region, principal, key, operation, service path,
//!                    class (1 byte), outcome (1 byte), its cells; strictly ascending
//!   cells            count, then each: hours after the one before (the first: zigzag since 1970),
//!                    events, ends, values of the four kinds
//! notables           count, then each: hash (8 bytes), the record; ascending by hash
//! groups             count, then each: hash (8 bytes), rule, events, first record, whether the last
//!                    is another (1 byte), the last record; ascending by hash
//! cut                8 bytes, only where principals from this hash on have no cells: there were too many
//!
//! events             number of elements and 8 bytes each, ascending; or 0 and 1,024 registers
//! ends               second and id of the first, whether the last is another, second and id of the last
//! id                 0 and 16 bytes of a UUID; or length + 1, UTF-8
//! values             twice their number, plus 1 where there were more; names, ascending
//! record             account, zigzag of its second since 1970, flags (1 byte), length, JSON text
//! ```

mod read;
mod write;

use std::io::{self, BufRead};

use thiserror::Error;

use crate::tally::Tally;

/// The version that is written.
pub const VERSION: u8 = 1;

/// Why bytes are no tally.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Another version wrote them.
    #[error(
        "the tally has version {0}, this program reads version {VERSION}; rebuild it from the archive"
    )]
    Version(u8),
    /// They end too early.
    #[error("the tally ends at byte {0}, in the middle; it was cut short")]
    Truncated(usize),
    /// Something does not stand as it is written.
    #[error("the tally is damaged before byte {at}: {what}")]
    Damaged {
        /// Where it was noticed.
        at: usize,
        /// What.
        what: &'static str,
    },
    /// Where they come from fails.
    #[error("the bytes of the tally can not be read: {0}")]
    Source(io::ErrorKind),
}

impl Tally {
    /// The tally's cells, records and groups as bytes, without its delivery counts. Equal sets make equal bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        write::tally(self, &mut |piece| bytes.extend_from_slice(piece));
        bytes
    }

    /// Hands the bytes of [`Tally::encode`] over piece by piece, and lets go of what has been written.
    pub fn into_pieces(self, mut take: impl FnMut(&[u8])) {
        write::into_pieces(self, &mut take);
    }

    /// The tally of these bytes, whose delivery counts are 0. Groups of rules that this program does
    /// not know are passed over: nobody judges them.
    ///
    /// # Errors
    /// When another version wrote the bytes, or they are damaged. Memory is taken in proportion to
    /// the bytes, whatever they say.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        read::tally(bytes)
    }

    /// The same, of bytes that come from elsewhere as they are read.
    ///
    /// # Errors
    /// Those of [`Tally::decode`], and when the source fails.
    pub fn read_from(source: impl BufRead) -> Result<Self, DecodeError> {
        read::tally(source)
    }
}

#[cfg(test)]
mod tests;

//! Tallies that do not fit into memory, for as long as a replay runs.

use std::path::Path;

use keytrail_event::Day;
use rusqlite::{Connection, OptionalExtension, params};
use tempfile::TempDir;

use crate::StoreError;
use crate::bounds::{VALUE_BYTES_MAX, check_bytes};
use crate::sqlite::{Failure, PAGE_BYTES};
use crate::value::{pack, unpack};

/// Memory of a spill, in KiB: the pages it has at hand.
const CACHE_KIB: i64 = 4_096;

/// A temporary file that pieces of tallies are put into and taken out of, by day. It goes with the value
/// and, on Unix, with the process however that ends.
#[derive(Debug)]
pub struct Spill {
    // The file is closed before its folder is removed.
    connection: Connection,
    folder: TempDir,
    pieces: u64,
    bytes: u64,
}

/// A piece that was put into a spill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spilled {
    /// The UTC day.
    pub day: Day,
    /// The account.
    pub account: String,
    /// The encoded piece. Several of one account and day are to be merged.
    pub bytes: Vec<u8>,
}

impl Spill {
    /// An empty spill in that folder, with at most that many bytes on the disk (at least one page).
    pub fn new(folder: &Path, disk_bytes_max: u64) -> Result<Self, StoreError> {
        let place = folder.display().to_string();
        let folder = tempfile::Builder::new()
            .prefix("keytrail-spill-")
            .tempdir_in(folder)
            .map_err(|error| StoreError::Failed {
                place,
                detail: format!("no temporary folder ({error})"),
            })?;
        let place = folder.path().display().to_string();
        let connection = begin(folder.path(), disk_bytes_max)
            .map_err(|error| Failure::from(error).of(&place))?;
        Ok(Self {
            connection,
            folder,
            pieces: 0,
            bytes: 0,
        })
    }

    /// Pieces that were put and not taken yet.
    #[must_use]
    pub const fn pieces(&self) -> u64 {
        self.pieces
    }

    /// Bytes of all pieces that were ever put, before compression.
    #[must_use]
    pub const fn bytes_put(&self) -> u64 {
        self.bytes
    }

    /// Puts a piece. If the disk is full the piece is not there, and the others are.
    pub fn put(&mut self, account: &str, day: Day, bytes: &[u8]) -> Result<(), StoreError> {
        check_bytes("a spilled tally", bytes.len(), VALUE_BYTES_MAX)?;
        self.insert(account, day, bytes)
            .map_err(|failure| failure.of(&self.place()))?;
        self.pieces += 1;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Takes the first piece of the days through that one: by day, then account, then as they were put.
    pub fn take_next(&mut self, through: Day) -> Result<Option<Spilled>, StoreError> {
        let taken = self
            .take(through)
            .map_err(|failure| failure.of(&self.place()))?;
        self.pieces -= u64::from(taken.is_some());
        Ok(taken)
    }

    /// The earliest day that has a piece.
    pub fn earliest_day(&self) -> Result<Option<Day>, StoreError> {
        let day = self
            .connection
            .prepare_cached("SELECT day FROM piece ORDER BY day LIMIT 1")
            .and_then(|mut statement| statement.query_row([], |row| row.get(0)).optional());
        let day = day.map_err(|error| Failure::from(error).of(&self.place()))?;
        Ok(day.map(Day::from_days_since_1970))
    }

    fn place(&self) -> String {
        self.folder.path().display().to_string()
    }

    fn insert(&self, account: &str, day: Day, bytes: &[u8]) -> Result<(), Failure> {
        self.connection
            .prepare_cached(
                "INSERT INTO piece (day, account, bytes, value) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![
                day.days_since_1970(),
                account,
                bytes.len(),
                pack(bytes)
            ])?;
        Ok(())
    }

    fn take(&self, through: Day) -> Result<Option<Spilled>, Failure> {
        let mut statement = self.connection.prepare_cached(
            "SELECT number, day, account, bytes, value FROM piece
             WHERE day <= ?1 ORDER BY day, account, number LIMIT 1",
        )?;
        let mut rows = statement.query([through.days_since_1970()])?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        let number: i64 = row.get(0)?;
        let packed = row.get_ref(4)?.as_blob().map_err(rusqlite::Error::from)?;
        let spilled = Spilled {
            day: Day::from_days_since_1970(row.get(1)?),
            account: row.get(2)?,
            bytes: unpack(packed, row.get(3)?, "a spilled tally")?,
        };
        drop(rows);
        self.connection
            .prepare_cached("DELETE FROM piece WHERE number = ?1")?
            .execute([number])?;
        Ok(Some(spilled))
    }
}

fn begin(folder: &Path, disk_bytes_max: u64) -> rusqlite::Result<Connection> {
    let path = folder.join("tallies.db");
    let connection = Connection::open(&path)?;
    let pages_max = (disk_bytes_max / u64::from(PAGE_BYTES)).clamp(1, u64::from(u32::MAX - 1));
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update_and_check(None, "max_page_count", pages_max, |_| Ok(()))?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    // Nothing of it is to outlive the process: the journal that undoes a failed put is in memory,
    // and nobody waits for the disk.
    connection.pragma_update_and_check(None, "journal_mode", "memory", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "off")?;
    connection.pragma_update_and_check(None, "locking_mode", "exclusive", |_| Ok(()))?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.execute_batch(
        "CREATE TABLE piece (
             number INTEGER PRIMARY KEY,
             day INTEGER NOT NULL,
             account TEXT NOT NULL,
             bytes INTEGER NOT NULL,
             value BLOB NOT NULL
         ) STRICT;
         CREATE INDEX piece_in_order ON piece (day, account, number);",
    )?;
    // An open file without a name goes with its process, even a killed one. Where the system does not
    // allow that, the folder goes when the value does.
    #[cfg(unix)]
    let _ = std::fs::remove_file(&path);
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(days: i64) -> Day {
        Day::from_days_since_1970(20_148 + days)
    }

    fn spilled(days: i64, account: &str, bytes: &[u8]) -> Spilled {
        Spilled {
            day: day(days),
            account: account.to_owned(),
            bytes: bytes.to_vec(),
        }
    }

    #[test]
    fn pieces_come_by_day_account_and_as_they_were_put() {
        let folder = tempfile::tempdir().unwrap();
        let mut spill = Spill::new(folder.path(), 1 << 30).unwrap();
        assert_eq!(spill.earliest_day().unwrap(), None);
        for (days, account, bytes) in [
            (1, "b", b"1"),
            (0, "b", b"2"),
            (0, "a", b"3"),
            (2, "a", b"4"),
            (0, "b", b"5"),
        ] {
            spill.put(account, day(days), bytes).unwrap();
        }
        assert_eq!((spill.pieces(), spill.bytes_put()), (5, 5));
        assert_eq!(spill.earliest_day().unwrap(), Some(day(0)));
        let mut taken = Vec::new();
        while let Some(piece) = spill.take_next(day(1)).unwrap() {
            taken.push(piece);
        }
        assert_eq!(
            taken,
            [
                spilled(0, "a", b"3"),
                spilled(0, "b", b"2"),
                spilled(0, "b", b"5"),
                spilled(1, "b", b"1"),
            ]
        );
        assert_eq!((spill.pieces(), spill.bytes_put()), (1, 5));
        assert_eq!(spill.earliest_day().unwrap(), Some(day(2)));
    }

    #[test]
    fn nothing_is_left_in_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let mut spill = Spill::new(folder.path(), 1 << 30).unwrap();
        spill.put("a", day(0), &[1; 100_000]).unwrap();
        drop(spill);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    /// A full spill keeps what it has, and takes more once there is room.
    #[test]
    fn a_full_spill_loses_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut spill = Spill::new(folder.path(), 100 * u64::from(PAGE_BYTES)).unwrap();
        let mut state = 1_u32;
        let mut noise = || {
            let bytes = (0..30_000).map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            });
            bytes.collect::<Vec<u8>>()
        };
        let mut put = Vec::new();
        let error = loop {
            let bytes = noise();
            match spill.put("a", day(put.len() as i64), &bytes) {
                Ok(()) => put.push(bytes),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, StoreError::Full { .. }), "{error}");
        assert!((10..30).contains(&put.len()), "{}", put.len());
        assert_eq!(spill.pieces(), put.len() as u64);
        for bytes in &put {
            let piece = spill.take_next(day(1_000)).unwrap().unwrap();
            assert!(piece.bytes == *bytes);
            spill.put("b", day(2_000), &noise()).unwrap();
        }
        assert_eq!(spill.take_next(day(1_000)).unwrap(), None);
        assert_eq!(spill.pieces(), put.len() as u64);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = Spill::new(&folder.path().join("missing"), 1 << 30).unwrap_err();
        assert!(matches!(error, StoreError::Failed { .. }), "{error}");
    }
}

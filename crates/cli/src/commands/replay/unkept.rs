//! A replay that keeps nothing: in memory, or in a temporary database where that is too small.

use keytrail_detect::configuration::Configuration;
use keytrail_store::SqliteStore;

use super::room::{Outgrown, Room};
use super::{Replayed, in_memory, kept};
use crate::failure::UsageError;
use crate::input::Discovered;
use crate::progress::Progress;
use crate::state_file::in_state;
use crate::talk::Talk;

/// Replays the files. What outgrows its room in memory is read again into a temporary database: the
/// findings are the same. So are standard input and pipes from the beginning, since nobody can read them again.
///
/// # Errors
/// When the reading threads fail, or the temporary database cannot be written.
pub fn replay(
    found: &Discovered,
    threads: usize,
    progress: &Progress,
    configuration: &Configuration,
    room: Room,
    talk: Talk,
) -> anyhow::Result<Replayed> {
    if configuration.with_scores {
        // A database keeps no scores.
        let room = Room::of_bytes(u64::MAX);
        return in_memory::replay(found, threads, progress, configuration, room);
    }
    let mut outgrown = None;
    if !found.is_read_once() {
        match in_memory::replay(found, threads, progress, configuration, room) {
            Err(error) if error.is::<Outgrown>() => outgrown = Some(room),
            replayed => return replayed,
        }
    }
    let store = SqliteStore::temporary().map_err(in_state)?;
    let replayed = kept::replay(found, &store, threads, progress, configuration, room, talk);
    replayed
        .map(|replayed| Replayed {
            outgrown,
            ..replayed
        })
        .map_err(|error| match error.downcast::<UsageError>() {
            Ok(error) => error
                .hint("name a folder with more room in TMPDIR, or a state file with --state")
                .into(),
            Err(error) => error,
        })
}

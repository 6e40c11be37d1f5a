//! How much memory tallies may take, and what it means to need more.

/// Bytes that the tallies of open days may take in memory, unless the user says otherwise.
pub const HELD_BYTES_MAX: u64 = 64 << 20;

/// Bytes of memory for tallies. What they take in truth is up to twice as much, as tables double.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// For the open days of a replay that keeps nothing.
    pub held: usize,
    /// For what the reading threads have not handed over yet, all together.
    pub reading: usize,
}

impl Room {
    /// So many bytes for open days, and half as many for the reading threads.
    pub fn of_bytes(bytes: u64) -> Self {
        let held = usize::try_from(bytes).unwrap_or(usize::MAX);
        Self {
            held,
            reading: held / 2,
        }
    }
}

impl Default for Room {
    fn default() -> Self {
        Self::of_bytes(HELD_BYTES_MAX)
    }
}

/// The open days do not fit into their [`Room`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the open days do not fit into memory")]
pub struct Outgrown;

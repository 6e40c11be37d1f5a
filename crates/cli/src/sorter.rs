//! Sorting more than fits into memory: sorted runs on disk, merged at the end.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek as _, Write};

/// Runs that are merged at once, at most, and so files that are open.
const RUNS_MAX: usize = 64;
/// Bytes of an entry's header: the lengths of its three parts.
const HEADER_BYTES: usize = 12;

/// One entry: sorted by group, then rank, then payload, all by their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry<'a> {
    /// Entries of one group belong together.
    pub group: &'a [u8],
    /// Their order in it.
    pub rank: &'a [u8],
    /// What is carried along.
    pub payload: &'a [u8],
}

/// What is kept of the entries of one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// All of them.
    All,
    /// The smallest.
    First,
}

/// Entries, one behind the other in one piece of memory.
#[derive(Debug, Default, Clone)]
pub struct Entries {
    bytes: Vec<u8>,
}

impl Entries {
    /// Adds an entry. One that has no room in 32-bit lengths, which no record has, is cut.
    pub fn push(&mut self, entry: Entry<'_>) {
        let parts = [entry.group, entry.rank, entry.payload];
        let parts = parts.map(|part| &part[..part.len().min(u32::MAX as usize)]);
        for part in parts {
            let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
            self.bytes.extend_from_slice(&length.to_le_bytes());
        }
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
    }

    /// The bytes they take.
    pub fn len_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The entry that begins at this offset, and the offset of the next.
    fn at(&self, start: usize) -> Option<(Entry<'_>, usize)> {
        let tail = self.bytes.get(start..)?;
        let (header, parts) = tail.split_first_chunk::<HEADER_BYTES>()?;
        let [group, rank, payload] = part_lengths(header);
        let (group, parts) = parts.split_at_checked(group)?;
        let (rank, parts) = parts.split_at_checked(rank)?;
        let payload = parts.get(..payload)?;
        let length = HEADER_BYTES + group.len() + rank.len() + payload.len();
        let entry = Entry {
            group,
            rank,
            payload,
        };
        Some((entry, start + length))
    }
}

fn part_lengths(header: &[u8; HEADER_BYTES]) -> [usize; 3] {
    [0, 4, 8].map(|at| {
        let length = [header[at], header[at + 1], header[at + 2], header[at + 3]];
        u32::from_le_bytes(length) as usize
    })
}

/// Sorts entries in bounded memory.
#[derive(Debug)]
pub struct Sorter {
    keep: Keep,
    run_bytes_max: usize,
    entries: Entries,
    runs: Vec<File>,
    dropped: u64,
}

impl Sorter {
    /// A sorter that holds about `run_bytes_max` bytes in memory, and the rest in temporary files.
    pub fn new(keep: Keep, run_bytes_max: usize) -> Self {
        Self {
            keep,
            run_bytes_max,
            entries: Entries::default(),
            runs: Vec::new(),
            dropped: 0,
        }
    }

    /// Adds entries.
    ///
    /// # Errors
    /// When a temporary file cannot be written.
    pub fn push_all(&mut self, entries: &Entries) -> io::Result<()> {
        self.entries.bytes.extend_from_slice(&entries.bytes);
        self.spill_if_full()
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// When a temporary file cannot be written.
    pub fn push(&mut self, entry: Entry<'_>) -> io::Result<()> {
        self.entries.push(entry);
        self.spill_if_full()
    }

    /// Hands out all entries in order, and returns how many were dropped because a smaller one of
    /// their group was kept.
    ///
    /// # Errors
    /// Those of `each`, and when a temporary file cannot be read.
    pub fn drain(
        mut self,
        mut each: impl FnMut(Entry<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<u64> {
        if self.runs.is_empty() {
            self.dropped += sorted(&self.entries, self.keep, &mut each)?;
        } else {
            self.spill()?;
            // The memory is given back before what comes next needs some.
            self.entries = Entries::default();
            self.dropped += merged(self.runs, self.keep, &mut each)?;
        }
        Ok(self.dropped)
    }

    fn spill_if_full(&mut self) -> io::Result<()> {
        if self.entries.bytes.len() >= self.run_bytes_max {
            self.spill()?;
        }
        Ok(())
    }

    /// Writes what is in memory as a sorted run.
    fn spill(&mut self) -> io::Result<()> {
        if self.runs.len() >= RUNS_MAX {
            let runs = std::mem::take(&mut self.runs);
            let (run, dropped) = write_run(|each| merged(runs, self.keep, each))?;
            self.runs.push(run);
            self.dropped += dropped;
        }
        let (run, dropped) = write_run(|each| sorted(&self.entries, self.keep, each))?;
        self.runs.push(run);
        self.dropped += dropped;
        self.entries.bytes.clear();
        Ok(())
    }
}

/// Receives entries in order; errors are the caller's own.
type Each<'e, E> = dyn FnMut(Entry<'_>) -> Result<(), E> + 'e;

fn write_run(
    fill: impl FnOnce(&mut Each<'_, io::Error>) -> io::Result<u64>,
) -> io::Result<(File, u64)> {
    let mut writer = BufWriter::with_capacity(1 << 18, tempfile::tempfile()?);
    let mut encoded = Entries::default();
    let dropped = fill(&mut |entry| {
        encoded.bytes.clear();
        encoded.push(entry);
        writer.write_all(&encoded.bytes)
    })?;
    let mut file = writer
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    file.rewind()?;
    Ok((file, dropped))
}

/// Hands out entries that are in memory, in order.
fn sorted<E>(entries: &Entries, keep: Keep, each: &mut Each<'_, E>) -> Result<u64, E> {
    let mut order = Vec::new();
    let mut start = 0;
    while let Some((entry, next)) = entries.at(start) {
        order.push(entry);
        start = next;
    }
    order.sort_unstable();
    let mut dropped = 0;
    let mut last: Option<&[u8]> = None;
    for entry in order {
        if keep == Keep::First && last == Some(entry.group) {
            dropped += 1;
        } else {
            each(entry)?;
        }
        last = Some(entry.group);
    }
    Ok(dropped)
}

/// Hands out the entries of sorted runs, in order.
fn merged<E: From<io::Error>>(
    runs: Vec<File>,
    keep: Keep,
    each: &mut Each<'_, E>,
) -> Result<u64, E> {
    let mut heap = BinaryHeap::with_capacity(runs.len());
    for run in runs {
        if let Some(head) = Head::open(run)? {
            heap.push(Reverse(head));
        }
    }
    let mut dropped = 0;
    let mut last: Option<Vec<u8>> = None;
    while let Some(mut top) = heap.peek_mut() {
        let head = &mut top.0;
        let entry = head.entry();
        if keep == Keep::First && last.as_deref() == Some(entry.group) {
            dropped += 1;
        } else {
            each(entry)?;
            let group = last.get_or_insert_default();
            group.clear();
            group.extend_from_slice(entry.group);
        }
        if !head.advance()? {
            std::collections::binary_heap::PeekMut::pop(top);
        }
    }
    Ok(dropped)
}

/// The foremost entry of a run.
struct Head {
    reader: BufReader<File>,
    /// That entry, alone.
    entry: Entries,
}

impl Head {
    fn open(run: File) -> io::Result<Option<Self>> {
        let mut head = Self {
            reader: BufReader::with_capacity(1 << 16, run),
            entry: Entries::default(),
        };
        Ok(head.advance()?.then_some(head))
    }

    /// Reads the next entry; `false` at the end.
    fn advance(&mut self) -> io::Result<bool> {
        let bytes = &mut self.entry.bytes;
        bytes.clear();
        (&mut self.reader)
            .take(HEADER_BYTES as u64)
            .read_to_end(bytes)?;
        if bytes.is_empty() {
            return Ok(false);
        }
        let header = bytes
            .first_chunk::<HEADER_BYTES>()
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        let length: usize = part_lengths(header).iter().sum();
        let read = (&mut self.reader).take(length as u64).read_to_end(bytes)?;
        if read < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(true)
    }

    fn entry(&self) -> Entry<'_> {
        const NONE: Entry<'_> = Entry {
            group: b"",
            rank: b"",
            payload: b"",
        };
        self.entry.at(0).map_or(NONE, |(entry, _)| entry)
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        self.entry().cmp(&other.entry())
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sorts entries of few groups, in an order that is all over the place.
    fn sort(keep: Keep, run_bytes_max: usize, count: u32) -> (Vec<[Vec<u8>; 3]>, u64) {
        let mut sorter = Sorter::new(keep, run_bytes_max);
        for number in 0..count {
            let scattered = number.wrapping_mul(2_654_435_761);
            let group = format!("group {}", scattered % 997);
            let rank = (scattered >> 20).to_be_bytes();
            let payload = number.to_string();
            let entry = Entry {
                group: group.as_bytes(),
                rank: &rank,
                payload: payload.as_bytes(),
            };
            sorter.push(entry).unwrap();
        }
        let mut out = Vec::new();
        let dropped = sorter
            .drain(|entry| {
                out.push([entry.group, entry.rank, entry.payload].map(<[u8]>::to_vec));
                Ok(())
            })
            .unwrap();
        (out, dropped)
    }

    #[test]
    fn runs_on_disk_do_not_show() {
        const COUNT: u32 = 20_000;
        for keep in [Keep::All, Keep::First] {
            let (expected, dropped) = sort(keep, usize::MAX, COUNT);
            assert!(expected.is_sorted());
            assert_eq!(expected.len() as u64 + dropped, u64::from(COUNT));
            assert_eq!(dropped > 0, keep == Keep::First);
            // The last makes more runs than are merged at once.
            for run_bytes_max in [300_000, 20_000, 5_000] {
                let result = sort(keep, run_bytes_max, COUNT);
                assert!(result == (expected.clone(), dropped), "{run_bytes_max}");
            }
        }
    }

    #[test]
    fn nothing_sorted_is_nothing() {
        assert_eq!(sort(Keep::First, 10, 0), (Vec::new(), 0));
    }
}

//! What is carried of each record to the sorts.

use keytrail_event::Record;

use crate::filter::Filter;
use crate::input::InputFile;
use crate::scan::Collector;
use crate::sorter::{Entries, Entry};
use keytrail_report::events::EventRow;

/// First byte of a group: the record has no event id and its bytes follow, or its id follows.
const BY_BYTES: u8 = 0;
const BY_ID: u8 = 1;

/// First byte of the payload of a record that passes the filters. Those of others are empty: they
/// are carried because they may be the smallest of their event id, and so the one that counts.
const PASSES: u8 = 1;

/// Collects KMS records, and where it is asked those of other services that rules read: by event id, then time, then bytes.
pub struct EventsCollector<'f> {
    filter: &'f Filter,
    with_rows: bool,
    other_services: bool,
    entries: Entries,
    group: Vec<u8>,
    rank: Vec<u8>,
    payload: Vec<u8>,
}

impl<'f> EventsCollector<'f> {
    /// Collects what the filter asks for; the rows too, unless only their number matters.
    pub fn new(filter: &'f Filter, with_rows: bool, other_services: bool) -> Self {
        Self {
            filter,
            with_rows,
            other_services,
            entries: Entries::default(),
            group: Vec::new(),
            rank: Vec::new(),
            payload: Vec::new(),
        }
    }
}

impl Collector for EventsCollector<'_> {
    type Batch = Entries;

    fn begin(&mut self, _: &InputFile) {}

    fn record(&mut self, record: &Record<'_>) {
        if !record.is_kms() && !self.other_services {
            return;
        }
        self.group.clear();
        self.rank.clear();
        self.payload.clear();
        // Numbers of which the sign bit is turned sort by their bytes, negative ones too.
        let time = (record.time.unix_seconds() as u64) ^ (1 << 63);
        self.rank.extend_from_slice(&time.to_be_bytes());
        match &record.event_id {
            Some(id) => {
                self.group.push(BY_ID);
                self.group.extend_from_slice(id.as_bytes());
                // Which of the copies counts does not matter when nobody looks at it.
                if self.with_rows || !self.filter.is_empty() {
                    self.rank.extend_from_slice(record.raw.as_bytes());
                }
            }
            None => {
                self.group.push(BY_BYTES);
                self.group.extend_from_slice(record.raw.as_bytes());
            }
        }
        if self.filter.accepts(record) {
            self.payload.push(PASSES);
            if self.with_rows {
                EventRow::of(record).encode(&mut self.payload);
            }
        }
        self.entries.push(Entry {
            group: &self.group,
            rank: &self.rank,
            payload: &self.payload,
        });
    }

    fn pending_bytes(&self) -> usize {
        self.entries.len_bytes()
    }

    fn take(&mut self) -> Entries {
        std::mem::take(&mut self.entries)
    }
}

/// A record that was chosen among those of its event id, and passes the filters.
pub struct Chosen<'e> {
    time: &'e [u8],
    id: &'e [u8],
    /// The row, as [`EventRow::encode`] wrote it.
    pub row: &'e [u8],
}

impl<'e> Chosen<'e> {
    /// Reads an entry; `None` when its record does not pass the filters.
    pub fn of(entry: Entry<'e>) -> Option<Self> {
        let (_, row) = entry.payload.split_first()?;
        let (time, _) = entry.rank.split_at_checked(size_of::<u64>())?;
        let id = match entry.group.split_first() {
            Some((&BY_ID, id)) => id,
            Some(_) | None => b"",
        };
        Some(Self { time, id, row })
    }

    /// What the rows are sorted by.
    pub fn time_and_id(&self) -> Vec<u8> {
        [self.time, self.id].concat()
    }
}

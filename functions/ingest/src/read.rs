//! Reading bytes into the invocation's tally.

use keytrail_delivery::notification::Lane;
use keytrail_delivery::unpack::Unpacker;
use keytrail_detect::bounds::LATE_SECONDS;
use keytrail_detect::tally::Tally;
use keytrail_event::{DeliveryName, EventTime, Issue, Reader, Reading, Record, Repeat, Sink};

/// What is kept while an invocation is read.
pub struct Reads {
    unpacker: Unpacker,
    reader: Reader,
    /// What was read so far.
    pub tally: Tally,
}

/// What one delivery came to.
#[derive(Debug, PartialEq, Eq)]
pub struct Read {
    /// What it held.
    pub reading: Reading,
    /// Why it was not read, or not to its end.
    pub problem: Option<String>,
}

impl Reads {
    /// Nothing read yet; of one delivery at most so many bytes of text are read.
    pub fn new(text_bytes_max: u64) -> Self {
        Self {
            unpacker: Unpacker::with_text_bytes_max(text_bytes_max),
            reader: Reader::default(),
            tally: Tally::default(),
        }
    }

    /// Reads an object of this key.
    pub fn object(&mut self, key: &str, bytes: &[u8]) -> Read {
        let stamp = DeliveryName::parse(key).stamp;
        self.read(bytes, |_| stamp)
    }

    /// Reads records that came along.
    pub fn records(&mut self, lane: Lane, text: &[u8]) -> Read {
        self.read(text, |time| match lane {
            Lane::Files | Lane::Logs => None,
            // Ahead of its file, a record feeds rules only, as one that is late does: the file has it too.
            Lane::Events => Some(time.hour().end().plus_seconds(LATE_SECONDS + 1)),
        })
    }

    fn read(&mut self, bytes: &[u8], stamp: impl Fn(EventTime) -> Option<EventTime>) -> Read {
        let Self {
            unpacker,
            reader,
            tally,
        } = self;
        let mut sink = Tallying { tally, stamp };
        let report = unpacker.read(bytes, bytes.len(), reader, &mut sink, &|_| {});
        let problem = report.problem;
        Read {
            reading: report.reading,
            problem,
        }
    }
}

struct Tallying<'t, F> {
    tally: &'t mut Tally,
    stamp: F,
}

impl<F: Fn(EventTime) -> Option<EventTime>> Sink for Tallying<'_, F> {
    fn record(&mut self, record: &Record<'_>) {
        self.tally.add(record, (self.stamp)(record.time));
    }

    fn repeat(&mut self, repeat: &Repeat<'_>) -> bool {
        self.tally.add_repeat(repeat, (self.stamp)(repeat.time()))
    }

    /// Issues are counted by the reader.
    fn issue(&mut self, _: Issue) {}
}

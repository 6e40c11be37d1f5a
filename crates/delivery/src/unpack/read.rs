//! Reading one file or object: unpacking it within bounds and feeding it to the reader of records.

use std::cell::Cell;
use std::io::{self, BufReader, Cursor, Read};

use flate2::bufread::GzDecoder;
use keytrail_event::{Delivery, Issue, RECORD_BYTES_MAX, Reader, Reading, Record, Repeat, Sink};
use libdeflater::Decompressor;

use super::gzip::unpack_whole;
use super::members::{Member, Members, ZstdFrame};
use super::sniff::{Format, format_of, not_text};

/// Largest file, packed or not, that is read into memory at once, in bytes. CloudTrail's own
/// deliveries stay far below.
const FILE_BYTES_WHOLE_MAX: usize = 8 << 20;
/// Largest text that is unpacked into memory at once, in bytes.
const TEXT_BYTES_WHOLE_MAX: usize = 16 << 20;
/// Buffer for reading piece by piece, in bytes: no record that is read is longer than a quarter.
const STREAM_BUFFER_BYTES: usize = 4 * RECORD_BYTES_MAX;
/// Most text that is unpacked from one file, in bytes, unless the caller sets another bound.
pub const TEXT_BYTES_MAX: u64 = 64 << 30;
/// Most times its own size that a file may unpack to. CloudTrail packs 10 to 40 times.
const RATIO_MAX: u64 = 250;
/// Text below which the ratio does not count, in bytes: small files may hold little but repetition.
const RATIO_FREE_BYTES: u64 = 64 << 20;
/// Bytes of the text that decide what a file is that holds no record.
const SAMPLE_BYTES: usize = 512;

/// What reading one file came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileReport {
    /// What it held, counted.
    pub reading: Reading,
    /// Bytes read.
    pub bytes: u64,
    /// Bytes of text in them.
    pub text_bytes: u64,
    /// Why it could not be read, or not to its end, as a lowercase fragment.
    pub problem: Option<String>,
    /// Whether something that is no gzip or zstd lay behind the packed data.
    pub has_trailing_bytes: bool,
}

impl FileReport {
    /// Whether the file held records of which none could be read.
    #[must_use]
    pub fn is_hopeless(&self) -> bool {
        self.reading.digests == 0
            && self.reading.malformed > 0
            && self.reading.malformed == self.reading.records
    }

    fn good_records(&self) -> u64 {
        self.reading.records - self.reading.malformed
    }
}

/// Reads files one after the other, with buffers that stay.
pub struct Unpacker {
    text_bytes_max: u64,
    decompressor: Decompressor,
    /// Grown and never shrunk, so that its bytes are set to zero once and not for each file.
    packed: Vec<u8>,
    text: Vec<u8>,
    sample: Vec<u8>,
}

impl Default for Unpacker {
    fn default() -> Self {
        Self {
            text_bytes_max: TEXT_BYTES_MAX,
            decompressor: Decompressor::new(),
            packed: Vec::new(),
            text: Vec::new(),
            sample: Vec::with_capacity(SAMPLE_BYTES),
        }
    }
}

impl Unpacker {
    /// One that leaves a file after this many bytes of text.
    #[must_use]
    pub fn with_text_bytes_max(text_bytes_max: u64) -> Self {
        Self {
            text_bytes_max,
            ..Self::default()
        }
    }

    /// Reads a file of about `size` bytes; its records and issues go to the sink. `on_bytes` hears
    /// of bytes as they are read.
    pub fn read(
        &mut self,
        source: impl Read,
        size: usize,
        reader: &mut Reader,
        sink: &mut impl Sink,
        on_bytes: &dyn Fn(u64),
    ) -> FileReport {
        let bytes = Cell::new(0);
        let mut source = Counted {
            inner: source,
            bytes: &bytes,
            on_bytes,
        };
        let mut sink = Remembering {
            inner: sink,
            first: None,
        };
        let mut report = FileReport::default();
        self.sample.clear();
        match read_head(&mut source, size, &mut self.packed) {
            Err(error) => report.problem = Some(format!("cannot be read: {error}")),
            Ok(0) => report.problem = Some("the file is empty".to_owned()),
            Ok(length) => {
                let mut delivery = reader.begin();
                self.feed(
                    length,
                    source,
                    &bytes,
                    &mut delivery,
                    &mut sink,
                    &mut report,
                );
                report.reading = *delivery.reading();
                self.judge(&mut report, sink.first.as_ref());
            }
        }
        report.bytes = bytes.get();
        report
    }

    /// Feeds the file whose first `length` bytes are in `packed` and whose rest, if any, is in `rest`.
    fn feed(
        &mut self,
        length: usize,
        rest: impl Read,
        bytes: &Cell<u64>,
        delivery: &mut Delivery<'_>,
        sink: &mut impl Sink,
        report: &mut FileReport,
    ) {
        let Self {
            text_bytes_max,
            decompressor,
            packed,
            text,
            sample,
        } = self;
        let packed = &packed[..length];
        let is_whole = packed.len() <= FILE_BYTES_WHOLE_MAX;
        let format = format_of(packed);
        match format {
            Format::Unsupported(what) => {
                report.problem = Some(what.to_owned());
                return;
            }
            Format::Plain if is_whole => {
                feed_whole(packed, sample, delivery, sink, report);
                return;
            }
            Format::Gzip if is_whole => {
                let most = usize::try_from(*text_bytes_max).unwrap_or(usize::MAX);
                let most = most.min(TEXT_BYTES_WHOLE_MAX);
                if let Some(length) = unpack_whole(decompressor, packed, text, most) {
                    feed_whole(&text[..length], sample, delivery, sink, report);
                    return;
                }
            }
            Format::Plain | Format::Gzip | Format::Zstd => {}
        }
        let mut stream = Stream {
            text,
            sample,
            delivery,
            sink,
            report,
            text_bytes_max: *text_bytes_max,
            bytes: (format != Format::Plain).then_some(bytes),
        };
        let source = BufReader::with_capacity(1 << 16, Cursor::new(packed).chain(rest));
        let end = match format {
            Format::Gzip => stream.members::<_, GzDecoder<_>>(source),
            Format::Zstd => stream.members::<_, ZstdFrame<_>>(source),
            Format::Plain | Format::Unsupported(_) => stream.feed(source),
        };
        report.problem = end.problem(format, report.text_bytes);
    }

    /// Names a file that held nothing, or nothing but what could not be read.
    fn judge(&self, report: &mut FileReport, first: Option<&Issue>) {
        if let Some(problem) = &mut report.problem {
            if report.text_bytes > 0 {
                let good = report.reading.records - report.reading.malformed;
                let records = if good == 1 { "record" } else { "records" };
                problem.push_str(&format!("; {good} {records} before that read"));
            }
        } else if report.is_hopeless() {
            let told = not_text(&self.sample).map(str::to_owned);
            report.problem = told.or_else(|| first.map(of_the_file));
        } else if report.good_records() == 0
            && report.text_bytes <= SAMPLE_BYTES as u64
            && self.sample.trim_ascii().is_empty()
        {
            report.problem = Some("the file holds nothing".to_owned());
        }
    }
}

/// Reads a file of about `size` bytes, and no more of it than is read into memory at once and a byte.
/// Returns how many bytes of `packed` it filled.
fn read_head(source: &mut impl Read, size: usize, packed: &mut Vec<u8>) -> io::Result<usize> {
    const BOUND: usize = FILE_BYTES_WHOLE_MAX + 1;
    let mut filled = 0;
    loop {
        if filled == packed.len() {
            if filled == BOUND {
                return Ok(filled);
            }
            // Room for one byte more than expected, so that the end is seen without growing.
            let wanted = size.saturating_add(1).max(2 * filled).max(1 << 16);
            packed.resize(wanted.min(BOUND), 0);
        }
        match source.read(&mut packed[filled..]) {
            Ok(0) => return Ok(filled),
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// What is wrong with a record, said of the whole file.
fn of_the_file(issue: &Issue) -> String {
    let whole = Issue {
        record_index: None,
        ..issue.clone()
    };
    whole.to_string()
}

fn feed_whole(
    text: &[u8],
    sample: &mut Vec<u8>,
    delivery: &mut Delivery<'_>,
    sink: &mut impl Sink,
    report: &mut FileReport,
) {
    sample.extend_from_slice(&text[..text.len().min(SAMPLE_BYTES)]);
    report.text_bytes = text.len() as u64;
    delivery.feed(text, true, sink);
}

/// How a stream ended.
enum End {
    /// Where it should.
    Whole,
    /// By an error of the source or the packer.
    Failed(io::Error),
    /// It unpacked to more than the bound of the text.
    TooLong,
    /// It unpacked to more than [`RATIO_MAX`] times its size.
    TooDense,
}

impl End {
    fn problem(self, format: Format, text_bytes: u64) -> Option<String> {
        let packer = match format {
            Format::Gzip => "gzip",
            Format::Zstd => "zstd",
            Format::Plain | Format::Unsupported(_) => "",
        };
        let mebibytes = text_bytes >> 20;
        match self {
            Self::Whole => None,
            Self::Failed(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Some(format!("cut off: the {packer} data ends early"))
            }
            Self::Failed(error) if packer.is_empty() => Some(format!("cannot be read: {error}")),
            Self::Failed(error) => Some(format!("damaged {packer} data: {error}")),
            Self::TooLong => Some(format!("unpacks to more than {mebibytes} MiB; left there")),
            Self::TooDense => Some(format!(
                "unpacks to more than {RATIO_MAX} times its size; left after {mebibytes} MiB"
            )),
        }
    }
}

/// Feeds text of any length through one buffer.
struct Stream<'s, 'd, S> {
    text: &'s mut Vec<u8>,
    sample: &'s mut Vec<u8>,
    delivery: &'s mut Delivery<'d>,
    sink: &'s mut S,
    report: &'s mut FileReport,
    text_bytes_max: u64,
    /// Packed bytes read so far, which the text is bounded by; `None` for text as it stands.
    bytes: Option<&'s Cell<u64>>,
}

impl<S: Sink> Stream<'_, '_, S> {
    fn members<R: io::BufRead, M: Member<R>>(&mut self, source: R) -> End {
        let mut members = match Members::<R, M>::new(source) {
            Ok(members) => members,
            Err(error) => return End::Failed(error),
        };
        let end = self.feed(&mut members);
        self.report.has_trailing_bytes = members.has_trailing_bytes();
        end
    }

    fn feed(&mut self, mut source: impl Read) -> End {
        if self.text.len() < STREAM_BUFFER_BYTES {
            self.text.resize(STREAM_BUFFER_BYTES, 0);
        }
        let mut filled = 0;
        loop {
            let end = self.fill(&mut source, &mut filled);
            if self.sample.is_empty() {
                self.sample
                    .extend_from_slice(&self.text[..filled.min(SAMPLE_BYTES)]);
            }
            let text = &self.text[..filled];
            let done = self.delivery.feed(text, end.is_some(), self.sink);
            if let Some(end) = end {
                return end;
            }
            if done == 0 {
                self.delivery.give_up(self.sink);
                continue;
            }
            self.text.copy_within(done..filled, 0);
            filled -= done;
        }
    }

    /// Fills the buffer; tells how the stream ended, when it did.
    fn fill(&mut self, source: &mut impl Read, filled: &mut usize) -> Option<End> {
        while *filled < STREAM_BUFFER_BYTES {
            match source.read(&mut self.text[*filled..STREAM_BUFFER_BYTES]) {
                Ok(0) => return Some(End::Whole),
                Ok(length) => {
                    *filled += length;
                    self.report.text_bytes += length as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Some(End::Failed(error)),
            }
            let text_bytes = self.report.text_bytes;
            let packed_bytes = self.bytes.map_or(u64::MAX, Cell::get);
            if self.bytes.is_some() && text_bytes > self.text_bytes_max {
                return Some(End::TooLong);
            }
            if text_bytes > RATIO_FREE_BYTES && text_bytes / RATIO_MAX > packed_bytes {
                return Some(End::TooDense);
            }
        }
        None
    }
}

/// Counts what is read.
struct Counted<'c, R> {
    inner: R,
    bytes: &'c Cell<u64>,
    on_bytes: &'c dyn Fn(u64),
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.bytes.set(self.bytes.get() + length as u64);
        (self.on_bytes)(length as u64);
        Ok(length)
    }
}

/// A sink that remembers the first thing that was wrong.
struct Remembering<'s, S> {
    inner: &'s mut S,
    first: Option<Issue>,
}

impl<S: Sink> Sink for Remembering<'_, S> {
    fn record(&mut self, record: &Record<'_>) {
        self.inner.record(record);
    }

    #[inline]
    fn repeat(&mut self, repeat: &Repeat<'_>) -> bool {
        self.inner.repeat(repeat)
    }

    fn issue(&mut self, issue: Issue) {
        if self.first.is_none() && issue.kind.is_malformed() {
            self.first = Some(issue.clone());
        }
        self.inner.issue(issue);
    }

    fn text(&mut self, text: &str) {
        self.inner.text(text);
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;

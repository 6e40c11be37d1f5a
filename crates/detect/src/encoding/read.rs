//! Reading a tally. Bytes may say anything: every count is held against what follows.

use std::io::{self, BufRead, Read as _};

use keytrail_event::{EventTime, Hour, OperationClass, OutcomeFamily};

use super::{DecodeError, VERSION};
use crate::bounds::{CELL_VALUE_BYTES_MAX, CELL_VALUES_MAX, SKETCH_REGISTERS};
use crate::cell::{Cell, Ends, Exemplar, Series};
use crate::cells::CellKey;
use crate::distinct::{DistinctEvents, Element};
use crate::event_id::{EventId, Uuid};
use crate::notable::{Group, Notable};
use crate::rules::RULES;
use crate::symbol::Symbol;
use crate::tally::Tally;
use crate::values::{ValueKind, Values};

type Result<T> = std::result::Result<T, DecodeError>;

pub(super) fn tally(source: impl BufRead) -> Result<Tally> {
    let mut reader = Reader {
        source,
        at: 0,
        taken: Vec::new(),
    };
    let [version] = reader.array()?;
    if version != VERSION {
        return Err(DecodeError::Version(version));
    }
    let mut names = Names::default();
    for number in 0..reader.number()? {
        let is_sorted = {
            let name = reader.text()?;
            let is_sorted = number == 0 || names.last() < name;
            names.push(name);
            is_sorted
        };
        if !is_sorted {
            return Err(reader.damaged("the names are not sorted"));
        }
    }
    let mut tally = Tally::default();
    let mut decoder = Decoder {
        symbols: vec![None; names.len()],
        names,
        reader,
    };
    decoder.all_series(&mut tally)?;
    decoder.notables(&mut tally)?;
    decoder.groups(&mut tally)?;
    let mut reader = decoder.reader;
    let end = reader.at;
    let rest = reader.rest(size_of::<u64>() + 1)?;
    match <[u8; 8]>::try_from(rest) {
        Ok(cut) => tally.cut = Some(u64::from_le_bytes(cut)),
        Err(_) if rest.is_empty() => {}
        Err(_) => {
            return Err(DecodeError::Damaged {
                at: end,
                what: "something stands behind its end",
            });
        }
    }
    Ok(tally)
}

/// The names of a dictionary, one behind the other.
#[derive(Default)]
struct Names {
    text: String,
    ends: Vec<usize>,
}

impl Names {
    fn push(&mut self, name: &str) {
        self.text.push_str(name);
        self.ends.push(self.text.len());
    }

    fn get(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.text[start..end])
    }

    /// The last name, or the empty one.
    fn last(&self) -> &str {
        let last = self.len().checked_sub(1);
        last.and_then(|last| self.get(last)).unwrap_or_default()
    }

    const fn len(&self) -> usize {
        self.ends.len()
    }
}

struct Reader<S> {
    source: S,
    /// Bytes read so far.
    at: usize,
    /// What was taken last.
    taken: Vec<u8>,
}

impl<S: BufRead> Reader<S> {
    const fn damaged(&self, what: &'static str) -> DecodeError {
        DecodeError::Damaged { at: self.at, what }
    }

    /// So many bytes. Memory is taken for those that there are.
    fn take(&mut self, length: u64) -> Result<&[u8]> {
        let at = self.at;
        let limit = usize::try_from(length).unwrap_or(usize::MAX);
        let taken = self.rest(limit)?.len();
        if taken < limit {
            return Err(DecodeError::Truncated(at + taken));
        }
        Ok(&self.taken)
    }

    /// What there is, up to so many bytes.
    fn rest(&mut self, limit: usize) -> Result<&[u8]> {
        self.taken.clear();
        let mut limited = (&mut self.source).take(limit as u64);
        let read = limited.read_to_end(&mut self.taken);
        self.at += self.taken.len();
        match read {
            Ok(_) => Ok(&self.taken),
            Err(error) => Err(DecodeError::Source(error.kind())),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        match self.source.read_exact(&mut array) {
            Ok(()) => {
                self.at += N;
                Ok(array)
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Why bytes that have to be there were not read.
    fn failed(&self, error: &io::Error) -> DecodeError {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => DecodeError::Truncated(self.at),
            kind => DecodeError::Source(kind),
        }
    }

    fn number(&mut self) -> Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits || (byte == 0 && shift > 0) {
                break;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.damaged("a number is too long"))
    }

    fn signed(&mut self) -> Result<i64> {
        let number = self.number()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    fn is_set(&mut self) -> Result<bool> {
        match self.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(self.damaged("a yes or no is neither")),
        }
    }

    fn text(&mut self) -> Result<&str> {
        let length = self.number()?;
        self.text_of(length)
    }

    fn text_of(&mut self, length: u64) -> Result<&str> {
        self.take(length)?;
        let damaged = self.damaged("a text is not UTF-8");
        std::str::from_utf8(&self.taken).map_err(|_| damaged)
    }

    fn hash(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn events(&mut self) -> Result<DistinctEvents> {
        let count = self.number()?;
        let events = if count == 0 {
            let registers: [u8; SKETCH_REGISTERS] = self.array()?;
            DistinctEvents::of_registers(&registers)
        } else {
            let bytes = self.take(count.saturating_mul(8))?;
            let elements = bytes.as_chunks().0.iter();
            let elements = elements.map(|bytes| Element::of_bits(u64::from_le_bytes(*bytes)));
            let elements: Vec<Element> = elements.collect();
            let is_sound = elements.iter().all(|element| element.second() < 3_600)
                && elements.is_sorted_by(|a, b| a < b);
            is_sound
                .then_some(elements)
                .and_then(DistinctEvents::of_sorted)
        };
        events.ok_or_else(|| self.damaged("events that no hour has"))
    }

    fn end(&mut self, hour: Hour) -> Result<Exemplar> {
        let second = self.number()?;
        if second >= 3_600 {
            return Err(self.damaged("a second that no hour has"));
        }
        let event_id = match self.number()? {
            0 => EventId::Uuid(Uuid::of_bytes(self.array()?)),
            length => EventId::of(self.text_of(length - 1)?),
        };
        Ok(Exemplar {
            time: hour.start().plus_seconds(second as i64),
            event_id,
        })
    }

    fn ends(&mut self, hour: Hour) -> Result<Ends> {
        let first = self.end(hour)?;
        let last = match self.is_set()? {
            true => self.end(hour)?,
            false => {
                return Ok(Ends {
                    last: first.clone(),
                    first,
                });
            }
        };
        if first < last {
            Ok(Ends { first, last })
        } else {
            Err(self.damaged("the first event is not before the last"))
        }
    }

    fn hour(&mut self, before: Option<i64>) -> Result<i64> {
        let hours = match before {
            None => self.signed()?,
            Some(before) => match i64::try_from(self.number()?) {
                Ok(after) if after > 0 => before.saturating_add(after),
                _ => return Err(self.damaged("the hours are not sorted")),
            },
        };
        let is_possible = hour_of(hours).start().unix_seconds() == hours.saturating_mul(3_600);
        is_possible
            .then_some(hours)
            .ok_or_else(|| self.damaged("an hour that no year has"))
    }
}

fn hour_of(hours: i64) -> Hour {
    EventTime::from_unix_seconds(hours.saturating_mul(3_600)).hour()
}

struct Decoder<S> {
    names: Names,
    /// What the names have become.
    symbols: Vec<Option<Symbol>>,
    reader: Reader<S>,
}

impl<S: BufRead> Decoder<S> {
    /// A name and its number.
    fn name(&mut self) -> Result<(usize, &str)> {
        let number = self.reader.number()?;
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        match self.names.get(index) {
            Some(name) => Ok((index, name)),
            None => Err(self
                .reader
                .damaged("a name that the dictionary does not have")),
        }
    }

    /// The symbol of a name, by the number that [`Decoder::name`] read.
    fn symbol(&mut self, index: usize, tally: &mut Tally) -> Symbol {
        let name = self.names.get(index).unwrap_or_default();
        *self.symbols[index].get_or_insert_with(|| tally.symbols.intern(name))
    }

    fn all_series(&mut self, tally: &mut Tally) -> Result<()> {
        let mut before = None;
        for _ in 0..self.reader.number()? {
            let mut names = [0; 6];
            for name in &mut names {
                *name = self.name()?.0;
            }
            let [class, outcome] = self.reader.array()?;
            let this = (names, class, outcome);
            if before.replace(this).is_some_and(|before| before >= this) {
                return Err(self.reader.damaged("the series are not sorted"));
            }
            let (Some(class), Some(outcome)) = (class_of(class), outcome_of(outcome)) else {
                return Err(self.reader.damaged("a class or outcome that there is not"));
            };
            let [account, region, principal, key, operation, service_path] =
                names.map(|name| self.symbol(name, tally));
            let series = Series {
                account,
                region,
                principal,
                key,
                operation,
                service_path,
                class,
                outcome,
            };
            self.cells(series, tally)?;
        }
        Ok(())
    }

    fn cells(&mut self, series: Series, tally: &mut Tally) -> Result<()> {
        let count = self.reader.number()?;
        if count == 0 {
            return Err(self.reader.damaged("a series without cells"));
        }
        let mut before = None;
        for _ in 0..count {
            let hours = self.reader.hour(before)?;
            before = Some(hours);
            let hour = hour_of(hours);
            let events = self.reader.events()?;
            let ends = self.reader.ends(hour)?;
            let values = self.values(tally)?;
            let cell = Cell::of_parts(events, values, ends);
            let key = CellKey { series, hour };
            tally.cells.merge(key, cell, &tally.symbols);
        }
        Ok(())
    }

    fn values(&mut self, tally: &mut Tally) -> Result<Values> {
        let mut values = Values::default();
        for kind in ValueKind::ALL {
            let number = self.reader.number()?;
            let (count, overflowed) = (number / 2, number % 2 == 1);
            let is_full = count == CELL_VALUES_MAX as u64;
            if count > CELL_VALUES_MAX as u64 || (overflowed && !is_full) {
                return Err(self.reader.damaged("as many values as no cell keeps"));
            }
            let mut before = None;
            for _ in 0..count {
                let (index, name) = self.name()?;
                let is_short = name.len() <= CELL_VALUE_BYTES_MAX;
                let is_sorted = before.replace(index).is_none_or(|before| before < index);
                if !is_sorted || !is_short {
                    return Err(self.reader.damaged("values that no cell keeps"));
                }
                let value = self.symbol(index, tally);
                values.insert(kind, value, &tally.symbols);
            }
            if overflowed {
                values.overflow(kind, &tally.symbols);
            }
        }
        Ok(values)
    }

    fn notables(&mut self, tally: &mut Tally) -> Result<()> {
        let mut before = None;
        for _ in 0..self.reader.number()? {
            let hash = self.next_hash(&mut before)?;
            let notable = self.record()?;
            tally.notables.insert(hash, notable);
        }
        Ok(())
    }

    fn groups(&mut self, tally: &mut Tally) -> Result<()> {
        let mut before = None;
        for _ in 0..self.reader.number()? {
            let hash = self.next_hash(&mut before)?;
            let (_, rule) = self.name()?;
            let known = RULES.iter().map(|known| known.about().id);
            let rule = known.into_iter().find(|known| *known == rule);
            let events = self.reader.events()?;
            let first = self.record()?;
            let last = match self.reader.is_set()? {
                true => self.record()?,
                false => first.clone(),
            };
            if (first.time, &first.raw) > (last.time, &last.raw) {
                return Err(self
                    .reader
                    .damaged("the first record is not before the last"));
            }
            if let Some(rule) = rule {
                let group = Group {
                    rule,
                    hour: first.time.hour(),
                    events,
                    first,
                    last,
                };
                tally.groups.insert(hash, group);
            }
        }
        Ok(())
    }

    fn next_hash(&mut self, before: &mut Option<u64>) -> Result<u64> {
        let hash = self.reader.hash()?;
        match before.replace(hash) {
            Some(before) if before >= hash => {
                Err(self.reader.damaged("the records are not sorted"))
            }
            _ => Ok(hash),
        }
    }

    fn record(&mut self) -> Result<Notable> {
        let (account, _) = self.name()?;
        let seconds = self.reader.signed()?;
        let time = EventTime::from_unix_seconds(seconds);
        let [flags] = self.reader.array()?;
        let raw = self.reader.text()?;
        let account = self.names.get(account).unwrap_or_default();
        match Notable::of_parts(time, account, flags, raw) {
            Some(notable) if time.unix_seconds() == seconds => Ok(notable),
            _ => Err(self.reader.damaged("a record that nobody carries")),
        }
    }
}

const fn class_of(number: u8) -> Option<OperationClass> {
    Some(match number {
        0 => OperationClass::Cryptographic,
        1 => OperationClass::Management,
        2 => OperationClass::Permission,
        3 => OperationClass::Discovery,
        4 => OperationClass::Unknown,
        _ => return None,
    })
}

const fn outcome_of(number: u8) -> Option<OutcomeFamily> {
    Some(match number {
        0 => OutcomeFamily::Success,
        1 => OutcomeFamily::Denied,
        2 => OutcomeFamily::InvalidState,
        3 => OutcomeFamily::NotFound,
        4 => OutcomeFamily::Throttled,
        5 => OutcomeFamily::Invalid,
        6 => OutcomeFamily::Other,
        _ => return None,
    })
}

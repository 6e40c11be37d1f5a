//! The bytes of a tally, from numbers to events: what does not stand as it is written is refused.

use std::io::{self, BufRead, Read as _};

use keytrail_event::{EventTime, Hour};

use super::{DecodeError, Result};
use crate::bounds::SKETCH_REGISTERS;
use crate::cell::{Ends, Exemplar};
use crate::distinct::{DistinctEvents, Element};
use crate::event_id::{EventId, Uuid};

/// The bytes of a tally, and how far they are read.
pub(super) struct Reader<S> {
    source: S,
    /// Bytes read so far.
    pub(super) at: usize,
    /// What was taken last.
    taken: Vec<u8>,
}

impl<S: BufRead> Reader<S> {
    pub(super) const fn new(source: S) -> Self {
        Self {
            source,
            at: 0,
            taken: Vec::new(),
        }
    }

    pub(super) const fn damaged(&self, what: &'static str) -> DecodeError {
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
    pub(super) fn rest(&mut self, limit: usize) -> Result<&[u8]> {
        self.taken.clear();
        let mut limited = (&mut self.source).take(limit as u64);
        let read = limited.read_to_end(&mut self.taken);
        self.at += self.taken.len();
        match read {
            Ok(_) => Ok(&self.taken),
            Err(error) => Err(DecodeError::Source(error.kind())),
        }
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
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

    pub(super) fn number(&mut self) -> Result<u64> {
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

    pub(super) fn signed(&mut self) -> Result<i64> {
        let number = self.number()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    pub(super) fn is_set(&mut self) -> Result<bool> {
        match self.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(self.damaged("a yes or no is neither")),
        }
    }

    pub(super) fn text(&mut self) -> Result<&str> {
        let length = self.number()?;
        self.text_of(length)
    }

    fn text_of(&mut self, length: u64) -> Result<&str> {
        self.take(length)?;
        let damaged = self.damaged("a text is not UTF-8");
        std::str::from_utf8(&self.taken).map_err(|_| damaged)
    }

    pub(super) fn hash(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(super) fn events(&mut self) -> Result<DistinctEvents> {
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

    pub(super) fn ends(&mut self, hour: Hour) -> Result<Ends> {
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

    pub(super) fn hour(&mut self, before: Option<i64>) -> Result<i64> {
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

pub(super) fn hour_of(hours: i64) -> Hour {
    EventTime::from_unix_seconds(hours.saturating_mul(3_600)).hour()
}

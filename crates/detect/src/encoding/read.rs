//! Reading a tally. Bytes may say anything: every count is held against what follows.

mod bytes;
mod names;

use std::io::BufRead;

use keytrail_event::{EventTime, OperationClass, OutcomeFamily};

use self::bytes::{Reader, hour_of};
use self::names::Names;
use super::{DecodeError, VERSION};
use crate::bounds::{CELL_VALUE_BYTES_MAX, CELL_VALUES_MAX};
use crate::cell::{Cell, Series};
use crate::cells::CellKey;
use crate::notable::{Group, Notable};
use crate::rules::RULES;
use crate::symbol::Symbol;
use crate::tally::Tally;
use crate::values::{ValueKind, Values};

type Result<T> = std::result::Result<T, DecodeError>;

pub(super) fn tally(source: impl BufRead) -> Result<Tally> {
    let mut reader = Reader::new(source);
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

//! From the bytes of a record to its fields: the walk, and what makes its answer whole.

use serde::de::IgnoredAny;

use crate::fields::Fields;
use crate::issue::{Issue, IssueKind};
use crate::read::RECORD_BYTES_MAX;
use crate::selection::{Selection, select_bytes};
use crate::template::Templates;
use crate::walk::skip_space;
use crate::walker::{Field, Followed, Odd, Picked, Place, Walked, Walker};

/// Picks fields out of records.
#[derive(Debug, Default)]
pub(crate) struct Picker {
    walker: Walker,
    picked: Picked,
    #[cfg(any(test, feature = "oracle"))]
    is_oracle: bool,
}

/// A record whose end is found.
#[derive(Debug)]
pub(crate) enum Opened<'a> {
    /// Nobody reads it; it is so many bytes long.
    Unwanted(usize),
    /// Its end is not among the bytes.
    Unfinished,
    /// Somebody may read it, and its JSON is sound, but for identity, resources and request.
    Record(&'a str),
}

impl Picker {
    /// A picker that asks the walker nothing.
    #[cfg(any(test, feature = "oracle"))]
    pub(crate) fn oracle() -> Self {
        Self {
            is_oracle: true,
            ..Self::default()
        }
    }

    /// A picker that uses this walker.
    #[cfg(any(test, feature = "oracle"))]
    pub(crate) fn with_walker(walker: Walker) -> Self {
        Self {
            walker,
            ..Self::default()
        }
    }

    /// What the record at `start` is like.
    #[inline(always)]
    pub(crate) fn follow(
        &mut self,
        bytes: &[u8],
        start: usize,
        templates: &mut Templates,
    ) -> Option<Followed> {
        let echo = &mut self.picked.echo;
        self.walker.follow(bytes, start, echo, templates)
    }

    /// Whether this record is strictly JSON and UTF-8: its text, if so.
    pub(crate) fn sound<'a>(&self, bytes: &'a [u8], start: usize, end: usize) -> Option<&'a str> {
        self.walker.check(bytes, start, end).ok()?;
        std::str::from_utf8(bytes.get(start..end)?).ok()
    }

    /// What the last record walked was picked apart into.
    pub(crate) const fn picked(&mut self) -> &mut Picked {
        &mut self.picked
    }

    /// Reads the record that begins at `start`. `None` when that takes a closer look.
    #[inline]
    pub(crate) fn open<'a>(
        &mut self,
        bytes: &'a [u8],
        start: usize,
        place: Place,
    ) -> Option<Opened<'a>> {
        #[cfg(any(test, feature = "oracle"))]
        if self.is_oracle {
            return crate::oracle::unwanted_end(&bytes[start..], place).map(Opened::Unwanted);
        }
        let picked = &mut self.picked;
        let end = match self.walker.walk(bytes, start, place, picked) {
            Ok(Walked::Unwanted(end)) => return Some(Opened::Unwanted(end)),
            Ok(Walked::Complete(end)) => end,
            Err(Odd::Unfinished) if bytes.len() - start < RECORD_BYTES_MAX => {
                return Some(Opened::Unfinished);
            }
            Err(_) => return None,
        };
        let record = &bytes[start..start + end];
        let source = picked.plain(record, Field::EventSource);
        let name = picked.plain(record, Field::EventName);
        if let (Some(source), Some(name)) = (source, name)
            && select_bytes(source, name) == Selection::Skip
        {
            return Some(Opened::Unwanted(end));
        }
        let text = simdutf8::basic::from_utf8(record).ok()?;
        self.check_rest(bytes, start, end).ok()?;
        let picked = &self.picked;
        let is_record = picked.has(Field::EventSource) || picked.has(Field::EventType);
        is_record.then_some(Opened::Record(text))
    }

    /// Reads those containers strictly that nobody reads strictly later on, of the record that stands
    /// in `bytes` at `start` and is so long.
    #[inline]
    fn check_rest(&self, bytes: &[u8], start: usize, length: usize) -> Result<(), Odd> {
        if self.picked.has_unread() {
            return self.walker.check(bytes, start, start + length);
        }
        self.check(bytes, start, Field::ResponseElements)?;
        self.check(bytes, start, Field::AdditionalEventData)?;
        self.check(bytes, start, Field::ServiceEventDetails)?;
        self.check(bytes, start, Field::TlsDetails)
    }

    #[inline]
    fn check(&self, bytes: &[u8], start: usize, field: Field) -> Result<(), Odd> {
        match self.picked.place(field) {
            Some((value, end)) => self.walker.check(bytes, start + value, start + end),
            None => Ok(()),
        }
    }

    /// The fields of the record that was opened last, and that this is the text of.
    #[inline(always)]
    pub(crate) fn fields<'a>(&self, record: &'a str) -> Fields<'a> {
        Fields::of_walk(&self.picked, record)
    }

    /// Picks the fields out of a text that is one record and nothing else.
    pub(crate) fn pick<'a>(&mut self, text: &'a str) -> Result<Fields<'a>, Issue> {
        #[cfg(any(test, feature = "oracle"))]
        if self.is_oracle {
            return crate::oracle::pick(text);
        }
        let start = skip_space(text.as_bytes(), 0);
        let record = &text[start..];
        let walked = if record.starts_with('{') {
            self.walker
                .walk(record.as_bytes(), 0, Place::Alone, &mut self.picked)
        } else {
            Err(Odd::NotJson)
        };
        let checked = walked.and_then(|walked| {
            let (Walked::Unwanted(end) | Walked::Complete(end)) = walked;
            self.check_rest(record.as_bytes(), 0, end)?;
            for field in [
                Field::UserIdentity,
                Field::Resources,
                Field::RequestParameters,
            ] {
                self.check(record.as_bytes(), 0, field)?;
            }
            if skip_space(record.as_bytes(), end) < record.len() {
                return Err(Odd::NotJson);
            }
            Ok(end)
        });
        match checked {
            Ok(end) => Ok(Fields::of_walk(&self.picked, &record[..end])),
            Err(odd) => Err(issue(odd, text)),
        }
    }
}

/// What is wrong with a text on which the walk failed, in the words of a parser that knows places.
fn issue(odd: Odd, text: &str) -> Issue {
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        return Issue::new(IssueKind::NotJson, None, error);
    }
    match odd {
        Odd::WrongType(field) => Issue::new(
            IssueKind::BadField,
            None,
            format_args!("{}: not a text", field.name()),
        ),
        Odd::TooDeep => Issue::new(IssueKind::TooDeep, None, ""),
        Odd::NotJson | Odd::Unfinished | Odd::Carrier => {
            let detail = if text.trim_start().starts_with('{') {
                "half a character in a string"
            } else {
                "not an object"
            };
            Issue::new(IssueKind::BadField, None, detail)
        }
    }
}

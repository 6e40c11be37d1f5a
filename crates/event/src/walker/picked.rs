//! What a walk picked out of a record: where its fields stand.

use std::borrow::Cow;

use super::Odd;
use super::echo::{Echo, Known, Set};
use super::names::{FIELDS, Field, Order};

/// Where a field's value stands in the record: its start, and its end in the upper half; zero for
/// nowhere. In one word, since a word written in halves is slow to read back whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Span(u64);

impl Span {
    #[inline(always)]
    const fn new(start: usize, end: usize) -> Self {
        Self(start as u32 as u64 | (end as u64) << 32)
    }

    #[inline(always)]
    const fn range(self) -> std::ops::Range<usize> {
        self.0 as u32 as usize..(self.0 >> 32) as usize
    }
}

/// The fields of one record, by their places in it. Of duplicates the last counts.
#[derive(Debug, Default)]
pub(crate) struct Picked {
    spans: [Span; FIELDS],
    /// One bit for each text that holds escapes; its span includes the quotes.
    escaped: u32,
    /// Some container in the record belongs to no span.
    pub(super) unread: bool,
    /// What records before this one looked like: identities, the order of fields, lengths of texts.
    pub(crate) echo: Echo,
    pub(super) order: Order,
    pub(super) lengths: [u8; FIELDS],
    /// Where this record's identity is among them.
    pub(super) identity_set: Option<Set>,
}

impl Picked {
    /// Forgets the last record.
    #[inline(always)]
    pub(super) fn reset(&mut self) {
        self.spans = [Span::default(); FIELDS];
        self.escaped = 0;
        self.unread = false;
        self.identity_set = None;
    }

    #[inline(always)]
    pub(super) fn set(&mut self, field: Field, start: usize, end: usize) {
        self.spans[field as usize] = Span::new(start, end);
        if self.escaped != 0 {
            self.escaped &= !(1 << field as u32);
        }
    }

    #[inline(always)]
    pub(super) fn clear(&mut self, field: Field) {
        self.spans[field as usize] = Span::default();
    }

    /// Takes a text with escapes between the quotes at `start` and `quote`, if they stand for text.
    #[cold]
    pub(super) fn set_escaped(
        &mut self,
        bytes: &[u8],
        field: Field,
        start: usize,
        quote: usize,
    ) -> Result<(), Odd> {
        let quoted = &bytes[start..=quote];
        serde_json::from_slice::<String>(quoted).map_err(|_| Odd::NotJson)?;
        self.set(field, start, quote + 1);
        self.escaped |= 1 << field as u32;
        Ok(())
    }

    /// A value of which nobody has seen the inside. A duplicate leaves the first one unread.
    #[inline(always)]
    pub(super) fn set_nested(&mut self, field: Field, start: usize, end: usize) {
        self.unread |= self.spans[field as usize] != Span::default();
        self.spans[field as usize] = Span::new(start, end);
    }

    #[inline(always)]
    pub(super) fn clear_nested(&mut self, field: Field) {
        self.unread |= self.spans[field as usize] != Span::default();
        self.clear(field);
    }

    /// The text of a field without escapes, as bytes; `None` for one with escapes too.
    #[inline(always)]
    pub(crate) fn plain<'a>(&self, bytes: &'a [u8], field: Field) -> Option<&'a [u8]> {
        if self.escaped & 1 << field as u32 != 0 {
            return None;
        }
        self.span(field).and_then(|span| bytes.get(span))
    }

    #[inline(always)]
    fn span(&self, field: Field) -> Option<std::ops::Range<usize>> {
        let span = self.spans[field as usize];
        (span != Span::default()).then(|| span.range())
    }

    /// Whether the record has this field, and it is not `null`.
    #[inline(always)]
    pub(crate) fn has(&self, field: Field) -> bool {
        self.spans[field as usize] != Span::default()
    }

    /// The text of a field, unescaped.
    #[inline(always)]
    pub(crate) fn text<'a>(&self, record: &'a str, field: Field) -> Option<Cow<'a, str>> {
        let text = record.get(self.span(field)?)?;
        if self.escaped & 1 << field as u32 == 0 {
            return Some(Cow::Borrowed(text));
        }
        unescape(text)
    }

    /// Where the value of a field stands.
    #[inline(always)]
    pub(crate) fn place(&self, field: Field) -> Option<(usize, usize)> {
        self.span(field).map(|span| (span.start, span.end))
    }

    /// The value of a field as it stands.
    #[inline(always)]
    pub(crate) fn raw<'a>(&self, record: &'a str, field: Field) -> Option<&'a str> {
        record.get(self.span(field)?)
    }

    /// What was learnt of this record's identity from one just like it.
    #[inline(always)]
    pub(crate) fn known_identity(&self) -> Option<Known> {
        self.identity_set.and_then(|set| self.echo.known(set))
    }

    /// Notes that something is known of this record's identity and those like it, and says where to keep it, if
    /// it is remembered by its bytes.
    #[inline(always)]
    pub(crate) fn learn_identity(&mut self) -> Option<Known> {
        self.identity_set.map(|set| self.echo.learn(set))
    }

    /// Whether the record holds containers that belong to no field, or to a field given twice.
    pub(crate) const fn has_unread(&self) -> bool {
        self.unread
    }
}

/// The text that a string of JSON stands for.
#[cold]
#[inline(never)]
fn unescape(quoted: &str) -> Option<Cow<'_, str>> {
    serde_json::from_str(quoted).ok().map(Cow::Owned)
}

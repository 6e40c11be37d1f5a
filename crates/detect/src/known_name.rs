//! Values that texts of records stand for: found out once for each text.

use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;

use crate::symbol::{Symbol, Symbols, hash_of};
use crate::values::{ValueKind, Values, cut};

/// Texts remembered of one kind; a power of two.
const REMEMBERED: usize = 256;
/// Longest text that is remembered, in bytes.
pub(crate) const TEXT_BYTES_MAX: usize = 512;

/// What is known of a value that many cells may have, whose name is kept elsewhere.
#[derive(Debug, Clone)]
pub(crate) struct KnownValue {
    hash: u64,
    /// Its number, once a cell has kept it.
    number: Option<Symbol>,
}

impl KnownValue {
    pub fn of(name: &str) -> Self {
        Self {
            hash: hash_of(cut(name)),
            number: None,
        }
    }

    /// Adds the value, which has this name, to those of a cell.
    #[inline]
    pub fn add_to(
        &mut self,
        name: &str,
        (values, kind, symbols): (&mut Values, ValueKind, &mut Symbols),
    ) {
        match self.number {
            Some(number) if values.contains(kind, number) => {}
            _ if values.is_beyond(kind, self.hash) => {}
            Some(number) => values.insert(kind, number, symbols),
            None => self.number = values.insert_name(kind, name, symbols),
        }
    }
}

/// A value with its name.
#[derive(Debug, Clone)]
pub(crate) struct KnownName {
    name: Box<str>,
    value: KnownValue,
}

impl KnownName {
    pub fn new(name: &str) -> Self {
        let name = cut(name);
        Self {
            name: name.into(),
            value: KnownValue::of(name),
        }
    }

    /// Adds it to a cell's values.
    fn add_to(&mut self, to: (&mut Values, ValueKind, &mut Symbols)) {
        self.value.add_to(&self.name, to);
    }
}

/// What texts of one kind stand for, remembered.
#[derive(Debug, Clone, Default)]
pub(crate) struct KnownTexts {
    /// Empty until the first text.
    texts: Vec<Option<KnownText>>,
    hasher: RandomState,
}

#[derive(Debug, Clone)]
struct KnownText {
    text: Box<str>,
    /// `None` for a text that says nothing.
    name: Option<KnownName>,
}

impl KnownTexts {
    /// Adds what a text stands for to a cell's values.
    pub fn add_to(
        &mut self,
        text: &str,
        stands_for: impl FnOnce() -> Option<KnownName>,
        (values, kind, symbols): (&mut Values, ValueKind, &mut Symbols),
    ) {
        if self.texts.is_empty() {
            self.texts.resize(REMEMBERED, None);
        }
        let place = self.hasher.hash_one(text) as usize % REMEMBERED;
        let slot = &mut self.texts[place];
        let is_known = slot.as_ref().is_some_and(|known| *known.text == *text);
        if !is_known {
            let name = stands_for();
            if text.len() > TEXT_BYTES_MAX {
                if let Some(mut name) = name {
                    name.add_to((values, kind, symbols));
                }
                return;
            }
            let text = text.into();
            *slot = Some(KnownText { text, name });
        }
        if let Some(name) = slot.as_mut().and_then(|known| known.name.as_mut()) {
            name.add_to((values, kind, symbols));
        }
    }
}

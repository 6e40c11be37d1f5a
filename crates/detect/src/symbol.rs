//! Names as small numbers: a principal or key is stored once and counted by its number.

use std::num::NonZeroU32;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::hash::BuildHasher as _;
use xxhash_rust::xxh3::xxh3_64;

/// The number of a name within one [`Symbols`] table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(NonZeroU32);

impl Symbol {
    /// Counts from 1, so that "no symbol" needs no room of its own.
    fn of_index(index: usize) -> Self {
        // Four billion names do not fit into memory before they overflow the number.
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        Self(NonZeroU32::new(number).unwrap_or(NonZeroU32::MAX))
    }

    /// Where it stands in the table, from 0.
    pub(crate) const fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// Names and their numbers, in the order of their first appearance.
#[derive(Debug, Clone, Default)]
pub struct Symbols {
    /// All names, one behind the other.
    text: String,
    names: Vec<Name>,
    numbers: HashTable<Symbol>,
    hasher: RandomState,
}

#[derive(Debug, Clone, Copy)]
struct Name {
    /// Where it ends in the text; it begins where the one before ends.
    end: usize,
    /// XXH3, the same in every table.
    hash: u64,
}

impl Symbols {
    /// The number of this name, given now if it has none.
    pub fn intern(&mut self, name: &str) -> Symbol {
        let Self {
            text,
            names,
            numbers,
            hasher,
        } = self;
        let is_it = |symbol: &Symbol| name_of(text, names, *symbol) == name;
        let hash = |symbol: &Symbol| hasher.hash_one(name_of(text, names, *symbol));
        match numbers.entry(hasher.hash_one(name), is_it, hash) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(place) => {
                let symbol = Symbol::of_index(names.len());
                text.push_str(name);
                names.push(Name {
                    end: text.len(),
                    hash: hash_of(name),
                });
                place.insert(symbol);
                symbol
            }
        }
    }

    /// The number of this name, if it has one.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Symbol> {
        let hash = self.hasher.hash_one(name);
        let is_it = |symbol: &Symbol| self.name(*symbol) == name;
        self.numbers.find(hash, is_it).copied()
    }

    /// The name of a number that this table gave; empty for any other.
    #[must_use]
    pub fn name(&self, symbol: Symbol) -> &str {
        name_of(&self.text, &self.names, symbol)
    }

    /// The name's hash ([`hash_of`]); 0 for a number that this table did not give.
    #[must_use]
    pub fn hash(&self, symbol: Symbol) -> u64 {
        self.names.get(symbol.index()).map_or(0, |name| name.hash)
    }

    /// The numbers of all names.
    pub(crate) fn all(&self) -> impl Iterator<Item = Symbol> {
        (0..self.names.len()).map(Symbol::of_index)
    }

    /// How many names there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// About how many bytes of memory a name takes.
    pub(crate) fn bytes_of(&self, symbol: Symbol) -> usize {
        self.name(symbol).len() + NAME_BYTES
    }

    /// About how many bytes of memory the table takes.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.text.len() + self.names.len() * NAME_BYTES
    }
}

/// Bytes of a name beside its text: where it ends, and its place in a table that is half full.
const NAME_BYTES: usize = size_of::<Name>() + 8;

fn name_of<'t>(text: &'t str, names: &[Name], symbol: Symbol) -> &'t str {
    let index = symbol.index();
    let Some(name) = names.get(index) else {
        return "";
    };
    let start = index.checked_sub(1).map_or(0, |before| names[before].end);
    &text[start..name.end]
}

/// The hash by which values are ordered: XXH3, 64 bits, the same on every machine.
#[must_use]
pub fn hash_of(name: &str) -> u64 {
    xxh3_64(name.as_bytes())
}

/// The numbers of one table in another: each name is taken over when it is first asked for.
#[derive(Debug)]
pub struct Adopted<'f> {
    from: &'f Symbols,
    numbers: Vec<Option<Symbol>>,
}

impl<'f> Adopted<'f> {
    /// Nothing of this table has been taken over yet.
    #[must_use]
    pub fn new(from: &'f Symbols) -> Self {
        Self {
            from,
            numbers: vec![None; from.len()],
        }
    }

    /// The number in `into`, which must be the same table each time.
    pub fn translate(&mut self, symbol: Symbol, into: &mut Symbols) -> Symbol {
        match self.numbers.get_mut(symbol.index()) {
            Some(number) => *number.get_or_insert_with(|| into.intern(self.from.name(symbol))),
            None => into.intern(""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_numbers() {
        let mut symbols = Symbols::default();
        let names: Vec<String> = (0..1_000).map(|n| format!("name {n}")).collect();
        let numbers: Vec<Symbol> = names.iter().map(|name| symbols.intern(name)).collect();
        for (name, number) in names.iter().zip(numbers) {
            assert_eq!(symbols.name(number), name);
            assert_eq!(symbols.intern(name), number);
            assert_eq!(symbols.hash(number), hash_of(name));
        }
        assert_eq!(symbols.find("another"), None);
        let mut other = Symbols::default();
        other.intern("name 7");
        let mut adopted = Adopted::new(&symbols);
        let number = adopted.translate(Symbol::of_index(7), &mut other);
        assert_eq!((other.name(number), other.len()), ("name 7", 1));
    }
}

//! Names as small numbers: a principal or key is stored once and counted by its number.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

/// The number of a name within one [`Symbols`] table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(u32);

/// Names and their numbers, in the order of their first appearance.
#[derive(Debug, Clone, Default)]
pub struct Symbols {
    names: Vec<std::sync::Arc<str>>,
    numbers: HashMap<std::sync::Arc<str>, Symbol, RandomState>,
}

impl Symbols {
    /// The number of this name, given now if it has none.
    pub fn intern(&mut self, name: &str) -> Symbol {
        if let Some(symbol) = self.numbers.get(name) {
            return *symbol;
        }
        // Four billion names do not fit into memory before they overflow the number.
        let symbol = Symbol(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        let name: std::sync::Arc<str> = name.into();
        self.names.push(std::sync::Arc::clone(&name));
        self.numbers.insert(name, symbol);
        symbol
    }

    /// The name of a number that this table gave; empty for any other.
    #[must_use]
    pub fn name(&self, symbol: Symbol) -> &str {
        self.names.get(symbol.0 as usize).map_or("", |name| name)
    }

    /// How many names there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// For each number of `other`, the number here.
    pub fn adopt(&mut self, other: &Self) -> Adopted {
        Adopted(other.names.iter().map(|name| self.intern(name)).collect())
    }
}

/// How the numbers of one table translate into another's.
#[derive(Debug)]
pub struct Adopted(Vec<Symbol>);

impl Adopted {
    /// The number in the adopting table; the number itself where the other table never gave it.
    #[must_use]
    pub fn translate(&self, symbol: Symbol) -> Symbol {
        self.0.get(symbol.0 as usize).copied().unwrap_or(symbol)
    }
}

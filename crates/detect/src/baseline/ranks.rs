//! Names in their order, as numbers: a day's principals and keys.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::symbol::Symbol;

/// The order of names, as numbers.
pub(super) struct Ranks<'n> {
    ranks: HashMap<Symbol, u32, RandomState>,
    /// The names by rank.
    pub names: Vec<&'n str>,
}

impl<'n> Ranks<'n> {
    pub fn of(symbols: impl Iterator<Item = Symbol>, name: impl Fn(Symbol) -> &'n str) -> Self {
        let mut ranks: HashMap<Symbol, u32, RandomState> =
            symbols.map(|symbol| (symbol, 0)).collect();
        let mut names: Vec<&'n str> = ranks.keys().map(|symbol| name(*symbol)).collect();
        names.sort_unstable();
        names.dedup();
        for (symbol, rank) in &mut ranks {
            // There are fewer names than symbols, whose numbers have 32 bits.
            *rank = names.binary_search(&name(*symbol)).unwrap_or_default() as u32;
        }
        Self { ranks, names }
    }

    pub fn rank(&self, symbol: Symbol) -> u32 {
        self.ranks.get(&symbol).copied().unwrap_or_default()
    }
}

//! What the calls of a cell had in common: networks, agents, contexts, sessions.

use crate::bounds::{CELL_VALUE_BYTES_MAX, CELL_VALUES_MAX};
use crate::symbol::{Adopted, Symbol, Symbols, hash_of};

/// A kind of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ValueKind {
    /// Networks the calls came from.
    Network,
    /// Families of agents.
    Agent,
    /// Signatures of encryption contexts.
    Context,
    /// Names of sessions: evidence, never identity.
    Session,
}

impl ValueKind {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Network, Self::Agent, Self::Context, Self::Session];
}

/// A few values of each kind out of possibly many: of each the smallest by (hash, text) stay, and
/// whether any had to go. Union is associative, commutative and idempotent.
///
/// Most cells have one value of a kind, which needs no memory of its own.
#[derive(Debug, Clone, Default)]
pub struct Values {
    /// One value of each kind.
    one: [Option<Symbol>; ValueKind::ALL.len()],
    more: Option<Box<More>>,
}

#[derive(Debug, Clone, Default)]
struct More {
    /// The values beside the one, in no order.
    values: Vec<(ValueKind, Symbol)>,
    overflowed: [bool; ValueKind::ALL.len()],
    /// The greatest hash that is kept of a kind that overflowed, where it is known.
    greatest: [Option<u64>; ValueKind::ALL.len()],
}

impl Values {
    /// Whether a value is already among them.
    #[inline]
    #[must_use]
    pub fn contains(&self, kind: ValueKind, value: Symbol) -> bool {
        self.one[kind as usize] == Some(value) || self.is_among_more(kind, value)
    }

    fn is_among_more(&self, kind: ValueKind, value: Symbol) -> bool {
        let more = self.more.as_ref();
        more.is_some_and(|more| more.values.contains(&(kind, value)))
    }

    /// Whether a value with this hash would change nothing, being behind all that are kept of more.
    #[inline]
    #[must_use]
    pub fn is_beyond(&self, kind: ValueKind, hash: u64) -> bool {
        let more = self.more.as_ref();
        let greatest = more.and_then(|more| more.greatest[kind as usize]);
        greatest.is_some_and(|greatest| hash > greatest)
    }

    /// The value that came first of its kind.
    #[inline]
    #[must_use]
    pub const fn one(&self, kind: ValueKind) -> Option<Symbol> {
        self.one[kind as usize]
    }

    /// Adds a value by its name, and returns its number if it stays: only then does it get one. What
    /// is longer than 256 bytes is cut.
    pub fn insert_name(
        &mut self,
        kind: ValueKind,
        name: &str,
        symbols: &mut Symbols,
    ) -> Option<Symbol> {
        let name = cut(name);
        // Where a cell has seen more than it keeps, most others change nothing, and need not be looked up.
        if self.overflowed(kind) && self.is_beyond(kind, hash_of(name)) {
            return None;
        }
        if self.is_full(kind)
            && symbols.find(name).is_none()
            && self.last(kind, symbols) < Some((hash_of(name), name))
        {
            self.overflow(kind, symbols);
            return None;
        }
        let value = symbols.intern(name);
        self.insert(kind, value, symbols);
        Some(value).filter(|value| self.contains(kind, *value))
    }

    /// Adds a value.
    #[inline]
    pub fn insert(&mut self, kind: ValueKind, value: Symbol, symbols: &Symbols) {
        match &mut self.one[kind as usize] {
            Some(known) if *known == value => {}
            Some(_) => self.insert_more(kind, value, symbols),
            none => *none = Some(value),
        }
    }

    #[cold]
    fn insert_more(&mut self, kind: ValueKind, value: Symbol, symbols: &Symbols) {
        if self.is_among_more(kind, value) {
            return;
        }
        let is_full = self.is_full(kind);
        self.more().values.push((kind, value));
        if is_full {
            let last = self.kept(kind).max_by_key(|value| order(*value, symbols));
            self.remove(kind, last);
            self.overflow(kind, symbols);
        }
    }

    fn remove(&mut self, kind: ValueKind, value: Option<Symbol>) {
        let one = self.one[kind as usize];
        let more = self.more();
        // Where the one goes, another takes its place.
        let goes = |(of, known): &(ValueKind, Symbol)| {
            *of == kind && (Some(*known) == value || one == value)
        };
        let Some(place) = more.values.iter().position(goes) else {
            return;
        };
        let (_, taken) = more.values.swap_remove(place);
        if one == value {
            self.one[kind as usize] = Some(taken);
        }
    }

    fn is_full(&self, kind: ValueKind) -> bool {
        self.more.is_some() && self.kept(kind).count() >= CELL_VALUES_MAX
    }

    fn last<'s>(&self, kind: ValueKind, symbols: &'s Symbols) -> Option<(u64, &'s str)> {
        self.kept(kind).map(|value| order(value, symbols)).max()
    }

    fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    /// Adds the values of another set, whose numbers are those of the same table.
    pub fn merge(&mut self, other: &Self, symbols: &Symbols) {
        for kind in ValueKind::ALL {
            for value in other.kept(kind) {
                self.insert(kind, value, symbols);
            }
            if other.overflowed(kind) {
                self.overflow(kind, symbols);
            }
        }
    }

    /// Notes that there were more values than are kept.
    pub(crate) fn overflow(&mut self, kind: ValueKind, symbols: &Symbols) {
        let greatest = self.last(kind, symbols).map(|(hash, _)| hash);
        let more = self.more();
        more.overflowed[kind as usize] = true;
        more.greatest[kind as usize] = greatest;
    }

    /// The same values in another table's numbers.
    pub(crate) fn translate(&mut self, adopted: &mut Adopted<'_>, into: &mut Symbols) {
        for value in self.one.iter_mut().flatten() {
            *value = adopted.translate(*value, into);
        }
        for (_, value) in self.more.iter_mut().flat_map(|more| &mut more.values) {
            *value = adopted.translate(*value, into);
        }
    }

    /// The values kept, in no order.
    pub fn kept(&self, kind: ValueKind) -> impl Iterator<Item = Symbol> {
        let more = self.more.iter().flat_map(|more| &more.values);
        let more = more.filter(move |(of, _)| *of == kind);
        let one = self.one[kind as usize].into_iter();
        one.chain(more.map(|(_, value)| *value))
    }

    /// The names of the values kept, in no order.
    pub fn names<'s>(
        &self,
        kind: ValueKind,
        symbols: &'s Symbols,
    ) -> impl Iterator<Item = &'s str> {
        self.kept(kind).map(|value| symbols.name(value))
    }

    /// The values kept, sorted as text.
    #[must_use]
    pub fn sorted<'s>(&self, kind: ValueKind, symbols: &'s Symbols) -> Vec<&'s str> {
        let mut names: Vec<&str> = self.names(kind, symbols).collect();
        names.sort_unstable();
        names
    }

    /// Whether there were more values than are kept.
    #[must_use]
    pub fn overflowed(&self, kind: ValueKind) -> bool {
        let more = self.more.as_ref();
        more.is_some_and(|more| more.overflowed[kind as usize])
    }

    /// Bytes of memory beside the set itself.
    pub(crate) fn heap_bytes(&self) -> usize {
        let more = self.more.as_ref();
        more.map_or(0, |more| {
            size_of::<More>() + more.values.len() * size_of::<(ValueKind, Symbol)>()
        })
    }
}

/// A value as it is kept.
#[must_use]
pub fn cut(name: &str) -> &str {
    &name[..name.floor_char_boundary(CELL_VALUE_BYTES_MAX)]
}

/// Smaller values stay longer.
fn order(value: Symbol, symbols: &Symbols) -> (u64, &str) {
    (symbols.hash(value), symbols.name(value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Texts = Vec<(u8, String)>;

    fn values(texts: &Texts, symbols: &mut Symbols) -> Values {
        let mut values = Values::default();
        for (kind, text) in texts {
            values.insert_name(ValueKind::ALL[usize::from(*kind)], text, symbols);
        }
        values
    }

    /// What a set says, whatever the order it was put together in.
    fn said(values: &Values, symbols: &Symbols) -> Vec<(Vec<String>, bool)> {
        let said = ValueKind::ALL.map(|kind| {
            let names = values.sorted(kind, symbols);
            let names = names.into_iter().map(str::to_owned).collect();
            (names, values.overflowed(kind))
        });
        said.to_vec()
    }

    fn texts() -> impl Strategy<Value = Texts> {
        proptest::collection::vec((0..4_u8, "[a-d]{0,3}"), 0..60)
    }

    proptest! {
        #[test]
        fn value_sets_are_a_semilattice(a in texts(), b in texts(), c in texts()) {
            let mut symbols = Symbols::default();
            let [a, b, c] = [a, b, c].map(|texts| values(&texts, &mut symbols));
            let merged = |a: &Values, b: &Values| { let mut a = a.clone(); a.merge(b, &symbols); a };
            let said = |values| said(&values, &symbols);
            prop_assert_eq!(said(merged(&a, &b)), said(merged(&b, &a)));
            prop_assert_eq!(said(merged(&merged(&a, &b), &c)), said(merged(&a, &merged(&b, &c))));
            prop_assert_eq!(said(merged(&a, &a)), said(a));
        }

        #[test]
        fn the_smallest_by_hash_stay(texts in texts(), names_before in 0..3_usize) {
            let mut symbols = Symbols::default();
            for (_, text) in texts.iter().rev().take(names_before) {
                symbols.intern(text);
            }
            let set = values(&texts, &mut symbols);
            for (number, kind) in ValueKind::ALL.into_iter().enumerate() {
                let of_kind = texts.iter().filter(|(of, _)| usize::from(*of) == number);
                let mut distinct: Vec<&str> = of_kind.map(|(_, text)| &**text).collect();
                distinct.sort_unstable_by_key(|text| (hash_of(text), *text));
                distinct.dedup();
                prop_assert_eq!(set.overflowed(kind), distinct.len() > CELL_VALUES_MAX);
                distinct.truncate(CELL_VALUES_MAX);
                distinct.sort_unstable();
                prop_assert_eq!(set.sorted(kind, &symbols), distinct);
            }
        }
    }

    #[test]
    fn values_that_do_not_stay_are_not_remembered() {
        let mut symbols = Symbols::default();
        let mut values = Values::default();
        for number in 0..10_000 {
            let name = format!("session {number}");
            values.insert_name(ValueKind::Session, &name, &mut symbols);
        }
        assert!(symbols.len() < 200, "{}", symbols.len());
    }
}

//! What happened on one UTC day of one account, as baselines need it.

use std::borrow::Cow;
use std::ops::Range;

use keytrail_event::EventTime;

use super::canonical::Class;
use super::features::Feature;
use crate::cell::Cell;
use crate::cells::CellKey;
use crate::symbol::{Symbol, Symbols};

/// No key.
pub const NO_KEY: u32 = u32::MAX;

/// Stands for a cryptographic call without an encryption context.
pub const NO_CONTEXT: &str = "(none)";

/// One account's day.
#[derive(Debug)]
pub struct DayFacts<'d> {
    /// The account.
    pub account: &'d str,
    /// Days since 1970-01-01.
    pub day: i64,
    /// The principals, sorted by name.
    pub principals: Vec<PrincipalFacts<'d>>,
    /// Names of values by number, sorted.
    pub names: Vec<&'d str>,
    /// Canonical keys by number, sorted.
    pub keys: Vec<KeyFacts<'d>>,
    /// Hours of all principals, by (principal, hour).
    pub hours: Vec<HourFacts>,
    /// Values of all principals, by (principal, feature, key, name).
    pub values: Vec<ValueFacts>,
    /// Keys of all principals, by (principal, key).
    pub pairs: Vec<PairFacts>,
    /// Hours of all pairs, by (principal, key, hour).
    pub pair_hours: Vec<PairHour>,
    /// Cells of all principals, by (principal, hour).
    pub cells: Vec<(CellKey, &'d Cell)>,
    pub(super) symbols: &'d Symbols,
}

/// One principal's day: ranges in the day's lists.
#[derive(Debug, Clone)]
pub struct PrincipalFacts<'d> {
    /// The canonical principal.
    pub name: &'d str,
    /// What kind it is.
    pub class: Class,
    /// Its peer group.
    pub group: Cow<'d, str>,
    /// In [`DayFacts::hours`].
    pub hours: Range<usize>,
    /// In [`DayFacts::values`].
    pub values: Range<usize>,
    /// In [`DayFacts::pairs`].
    pub pairs: Range<usize>,
    /// In [`DayFacts::cells`].
    pub cells: Range<usize>,
}

/// What a principal did in one hour, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct HourFacts {
    /// 0 to 23.
    pub hour: u8,
    /// Successful cryptographic calls.
    pub data: f64,
    /// Other successful calls.
    pub control: f64,
    /// Refused calls.
    pub denied: f64,
    /// Calls that failed otherwise.
    pub failed: f64,
    /// Distinct keys named, whatever came of it.
    pub keys: f64,
    /// Seconds of the newest event, since 1970-01-01.
    pub newest: i64,
}

impl HourFacts {
    /// All calls.
    #[must_use]
    pub fn calls(&self) -> f64 {
        self.data + self.control + self.denied + self.failed
    }
}

/// A value a principal showed, and in which hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueFacts {
    /// The feature: network, agent, Region, path, operation, grantee or context.
    pub feature: Feature,
    /// The key it belongs to, for contexts and for paths on a key; [`NO_KEY`] otherwise.
    pub key: u32,
    /// The value, by number in [`DayFacts::names`].
    pub name: u32,
    /// The hours as bits, hour 0 the lowest.
    pub hours: u32,
}

/// A key a principal named in a cryptographic call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairFacts {
    /// By number in [`DayFacts::keys`].
    pub key: u32,
    /// Hours with calls, refused ones too, as bits.
    pub tried: u32,
    /// Hours with successful calls, as bits.
    pub used: u32,
    /// In [`DayFacts::pair_hours`]: the hours with successful calls.
    pub hours: Range<usize>,
}

/// Successful calls of a pair in an hour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairHour {
    /// 0 to 23.
    pub hour: u8,
    /// Successful cryptographic calls.
    pub calls: f64,
}

/// What became of one key.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyFacts<'d> {
    /// The canonical key.
    pub name: &'d str,
    /// When its CreateKey was seen, if it was.
    pub created: Option<EventTime>,
    /// Whether any call that named it succeeded, so that it exists.
    pub exists: bool,
    /// Successful cryptographic calls of all principals by hour of the day.
    pub calls: [f32; 24],
}

impl<'d> DayFacts<'d> {
    /// The name behind a symbol of a cell's key.
    #[must_use]
    pub fn symbol_name(&self, symbol: Symbol) -> &'d str {
        self.symbols.name(symbol)
    }
}

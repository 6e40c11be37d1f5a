//! What keys, callers and Regions saw on one day, gathered from its cells in one pass.
//!
//! Cells are many and their names long, so names are compared as numbers, and only what turned out to be
//! new is looked up again, cell by cell.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};
use keytrail_event::{EventTime, Hour, OperationClass, OutcomeFamily};

use super::caller::{account_of_key, is_aws_principal};
use crate::account_day::AccountDay;
use crate::attestation::takes_attestation;
use crate::cell_order::CellOrder;
use crate::symbol::Symbol;
use crate::values::ValueKind;

/// What one account's day comes to. Only calls that succeeded count as use.
#[derive(Debug, Default)]
pub(crate) struct Gathered<'a> {
    /// By canonical key, where it was used and is the account's own: of another account's key its owner's records
    /// tell the custom.
    pub keys: BTreeMap<&'a str, KeyDay<'a>>,
    /// By Region, where anything but looking was done by anybody but AWS.
    pub regions: BTreeMap<&'a str, RegionDay>,
    /// Who signed, made codes or derived secrets, with which key.
    pub signers: BTreeSet<(&'a str, &'a str)>,
    /// The calls that one principal made in an hour by one operation that encrypts, in no order.
    pub encrypting: HashMap<(Symbol, Symbol, Hour), u64, RandomState>,
}

/// What one key was used for on one day.
#[derive(Debug, Default)]
pub(crate) struct KeyDay<'a> {
    /// Service paths.
    pub paths: BTreeSet<&'a str>,
    /// Signatures of encryption contexts, with the service path; the empty one where there was none.
    pub contexts: BTreeSet<(&'a str, &'a str)>,
    /// Operations.
    pub operations: BTreeSet<&'a str>,
    /// Signatures of the contexts of calls that could carry an attestation.
    pub attestable: BTreeSet<&'a str>,
}

/// The hours of a Region with calls, each with the first and the last.
#[derive(Debug, Default)]
pub(crate) struct RegionDay {
    /// By hour.
    pub hours: BTreeMap<Hour, (EventTime, EventTime)>,
    /// Whether a key was used or changed, rather than looked at.
    pub is_used: bool,
}

/// Operations that encrypt what was not, or under another key.
pub(crate) const ENCRYPTING: [&str; 4] = [
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncrypt",
];
/// The operations whose first use by a principal is worth telling.
pub(crate) const SIGNING: [&str; 4] = ["Decapsulate", "DeriveSharedSecret", "GenerateMac", "Sign"];

/// What is asked of an operation for each of its cells.
#[derive(Debug, Clone, Copy)]
struct Traits {
    encrypts: bool,
    signs: bool,
    takes_attestation: bool,
}

impl Traits {
    fn of(operation: &str) -> Self {
        Self {
            encrypts: ENCRYPTING.contains(&operation),
            signs: SIGNING.contains(&operation),
            takes_attestation: takes_attestation(operation),
        }
    }
}

#[derive(Default)]
struct Numbers {
    paths: Distinct<Symbol>,
    /// With the service path, and whether the operation takes an attestation.
    contexts: Distinct<(Symbol, Symbol, bool)>,
    operations: Distinct<Symbol>,
}

/// Regions on their way, found by the one that came last.
#[derive(Default)]
struct Regions {
    all: Vec<(Symbol, RegionHours)>,
    places: HashMap<Symbol, usize, RandomState>,
    last: usize,
}

/// One of them.
#[derive(Default)]
struct RegionHours {
    /// By hour of the day.
    hours: [Option<(Hour, (EventTime, EventTime))>; 24],
    is_used: bool,
}

impl Regions {
    fn of(&mut self, region: Symbol) -> &mut RegionHours {
        let is_it = |(known, _): &(Symbol, RegionHours)| *known == region;
        if !self.all.get(self.last).is_some_and(is_it) {
            self.last = *self.places.entry(region).or_insert_with(|| {
                self.all.push((region, RegionHours::default()));
                self.all.len() - 1
            });
        }
        &mut self.all[self.last].1
    }
}

impl RegionHours {
    fn widen(&mut self, hour: Hour, (first, last): (EventTime, EventTime)) {
        let of_hour = &mut self.hours[usize::from(hour.of_day())];
        let (_, known) = of_hour.get_or_insert((hour, (first, last)));
        *known = (known.0.min(first), known.1.max(last));
    }

    fn into_day(self) -> RegionDay {
        RegionDay {
            hours: self.hours.into_iter().flatten().collect(),
            is_used: self.is_used,
        }
    }
}

/// A set of what mostly comes several times in a row.
struct Distinct<T> {
    last: Option<T>,
    all: HashSet<T, RandomState>,
}

impl<T> Default for Distinct<T> {
    fn default() -> Self {
        Self {
            last: None,
            all: HashSet::default(),
        }
    }
}

impl<T: Copy + Eq + std::hash::Hash> Distinct<T> {
    fn insert(&mut self, value: T) {
        if self.last != Some(value) {
            self.last = Some(value);
            self.all.insert(value);
        }
    }

    fn named<N, C: FromIterator<N>>(&self, name: impl Fn(T) -> N) -> C {
        self.all.iter().map(|value| name(*value)).collect()
    }
}

impl<'a> Gathered<'a> {
    /// Goes over the cells of a day, in their order.
    pub fn of(day: &'a AccountDay<'a>, order: &'a CellOrder<'a>) -> Self {
        let mut gathered = Self::default();
        // By rank; most keys of a sweep nobody used.
        let mut keys: Vec<Option<Box<Numbers>>> = Vec::new();
        keys.resize_with(order.keys.len(), || None);
        let mut regions = Regions::default();
        let mut own: HashMap<Symbol, bool, RandomState> = HashMap::default();
        let mut operations: HashMap<Symbol, Traits, RandomState> = HashMap::default();
        let pairs = order
            .cells
            .chunk_by(|a, b| (a.principal, a.key) == (b.principal, b.key));
        let mut by_aws = (None, false);
        for cells in pairs {
            let rank = cells[0].principal;
            let principal = order.principals[rank as usize];
            if by_aws.0 != Some(rank) {
                by_aws = (Some(rank), is_aws_principal(principal));
            }
            let (_, is_by_aws) = by_aws;
            let numbers = &mut keys[cells[0].key as usize];
            let mut signs = false;
            for (key, cell) in cells.iter().map(|ranked| day.cell(ranked.number)) {
                let region = regions.of(key.region);
                let span = (cell.first_time(key.hour), cell.last_time(key.hour));
                region.widen(key.hour, span);
                if key.outcome != OutcomeFamily::Success {
                    continue;
                }
                region.is_used |= !is_by_aws && key.class != OperationClass::Discovery;
                if key.class != OperationClass::Cryptographic {
                    continue;
                }
                let operation = *operations
                    .entry(key.operation)
                    .or_insert_with(|| Traits::of(day.name(key.operation)));
                if !is_by_aws && operation.encrypts {
                    let of_hour = (key.principal, key.operation, key.hour);
                    *gathered.encrypting.entry(of_hour).or_default() += cell.events.count();
                }
                let is_own = own
                    .entry(key.key)
                    .or_insert_with(|| account_of_key(day.name(key.key)) == day.account());
                if !*is_own {
                    continue;
                }
                let numbers = numbers.get_or_insert_default();
                numbers.paths.insert(key.service_path);
                numbers.operations.insert(key.operation);
                for context in cell.values.kept(ValueKind::Context) {
                    let context = (context, key.service_path, operation.takes_attestation);
                    numbers.contexts.insert(context);
                }
                signs |= !is_by_aws && operation.signs;
            }
            if signs {
                let key = &*order.keys[cells[0].key as usize];
                gathered.signers.insert((principal, key));
            }
        }
        let name = |symbol| day.name(symbol);
        let of_keys = order.keys.iter().zip(keys);
        let used = of_keys.filter_map(|(key, numbers)| Some((key, numbers?)));
        let keys = used.map(|(key, numbers)| {
            let mut contexts: Vec<_> = numbers
                .contexts
                .named(|(context, path, is_attestable)| (name(context), name(path), is_attestable));
            // Both lists are made of sorted names.
            contexts.sort_unstable();
            let attestable = contexts.iter().filter(|(.., is_attestable)| *is_attestable);
            let key_day = KeyDay {
                paths: numbers.paths.named(name),
                operations: numbers.operations.named(name),
                attestable: attestable.map(|(context, ..)| *context).collect(),
                contexts: contexts
                    .iter()
                    .map(|(name, path, _)| (*name, *path))
                    .collect(),
            };
            (&**key, key_day)
        });
        gathered.keys = keys.collect();
        let regions = regions.all.into_iter();
        gathered.regions = regions
            .map(|(region, hours)| (name(region), hours.into_day()))
            .collect();
        gathered
    }
}

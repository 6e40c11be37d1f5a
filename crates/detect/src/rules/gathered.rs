//! What keys, callers and Regions saw on one day, gathered from its cells in one pass.
//!
//! Cells are many and their names long, so names are compared as numbers, and only what turned out to be
//! new is looked up again, cell by cell.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};
use keytrail_event::{EventTime, Hour, OperationClass, OutcomeFamily};

use super::caller::{account_of_key, is_aws_principal};
use super::past::Past;
use crate::attestation::takes_attestation;
use crate::symbol::Symbol;
use crate::uses::AccountDay;
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
    /// The calls that one principal made in an hour by one operation that encrypts.
    pub encrypting: BTreeMap<(&'a str, &'a str, Hour), u64>,
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

#[derive(Default)]
struct Numbers {
    paths: HashSet<Symbol, RandomState>,
    contexts: HashSet<(Symbol, Symbol), RandomState>,
    operations: HashSet<Symbol, RandomState>,
    attestable: HashSet<Symbol, RandomState>,
}

impl<'a> Gathered<'a> {
    /// Goes over the cells of a day.
    pub fn of(day: &'a AccountDay<'a>, past: &'a Past) -> Self {
        let mut keys: HashMap<Symbol, Numbers, RandomState> = HashMap::default();
        let mut regions: HashMap<Symbol, RegionDay, RandomState> = HashMap::default();
        let mut signers: HashSet<(Symbol, Symbol), RandomState> = HashSet::default();
        let mut by_aws: HashMap<Symbol, bool, RandomState> = HashMap::default();
        let mut own: HashMap<Symbol, bool, RandomState> = HashMap::default();
        let mut encrypting: HashMap<(Symbol, Symbol, Hour), u64, RandomState> = HashMap::default();
        for (key, cell) in day.cells_named() {
            let is_by_aws = *by_aws
                .entry(key.principal)
                .or_insert_with(|| is_aws_principal(day.name(key.principal)));
            let region = regions.entry(key.region).or_default();
            let span = (cell.first_time(key.hour), cell.last_time(key.hour));
            let hour = region.hours.entry(key.hour).or_insert(span);
            *hour = (hour.0.min(span.0), hour.1.max(span.1));
            if key.outcome != OutcomeFamily::Success {
                continue;
            }
            region.is_used |= !is_by_aws && key.class != OperationClass::Discovery;
            if key.class != OperationClass::Cryptographic {
                continue;
            }
            if !is_by_aws && ENCRYPTING.contains(&day.name(key.operation)) {
                let of_hour = (key.principal, key.operation, key.hour);
                *encrypting.entry(of_hour).or_default() += cell.events.count();
            }
            let is_own = own
                .entry(key.key)
                .or_insert_with(|| account_of_key(day.name(key.key)) == day.account());
            if !*is_own {
                continue;
            }
            let numbers = keys.entry(key.key).or_default();
            numbers.paths.insert(key.service_path);
            numbers.operations.insert(key.operation);
            let is_attestable = takes_attestation(day.name(key.operation));
            for context in cell.values.kept(ValueKind::Context) {
                if is_attestable {
                    numbers.attestable.insert(context);
                }
                numbers.contexts.insert((context, key.service_path));
            }
            if !is_by_aws && SIGNING.contains(&day.name(key.operation)) {
                signers.insert((key.principal, key.key));
            }
        }
        let mut gathered = Self {
            encrypting: encrypting
                .into_iter()
                .map(|((principal, operation, hour), calls)| {
                    ((day.name(principal), day.name(operation), hour), calls)
                })
                .collect(),
            ..Self::default()
        };
        for (key, numbers) in keys {
            let known = gathered
                .keys
                .entry(past.resolve(day.name(key)))
                .or_default();
            known
                .paths
                .extend(numbers.paths.into_iter().map(|path| day.name(path)));
            let operations = numbers.operations.into_iter();
            known
                .operations
                .extend(operations.map(|operation| day.name(operation)));
            let attestable = numbers.attestable.into_iter();
            known
                .attestable
                .extend(attestable.map(|context| day.name(context)));
            let contexts = numbers.contexts.into_iter();
            known
                .contexts
                .extend(contexts.map(|(context, path)| (day.name(context), day.name(path))));
        }
        let regions = regions.into_iter();
        gathered.regions = regions
            .map(|(region, day_of)| (day.name(region), day_of))
            .collect();
        let signers = signers.into_iter();
        gathered.signers = signers
            .map(|(principal, key)| (day.name(principal), past.resolve(day.name(key))))
            .collect();
        gathered
    }
}

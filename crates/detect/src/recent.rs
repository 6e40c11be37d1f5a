//! Numbers of names that come again and again, without hashing the names each time.
//!
//! A reader hands out the same shared [`Identity`] for the same bytes, so its address stands for it
//! as long as it is held here. Nothing that is counted depends on what is remembered.

use std::sync::Arc;

use keytrail_event::{Identity, KeyName, OperationClass, Record};

use crate::cell::CellKey;
use crate::symbol::{Symbol, Symbols};

/// Identities, keys and operations remembered, each; a power of two.
const REMEMBERED: usize = 256;

/// What was named lately.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recent {
    /// Empty until the first record.
    identities: Vec<Option<KnownIdentity>>,
    keys: Vec<Option<(KeyName, Symbol)>>,
    /// By the address of the name, which for an operation that is known is the table's.
    operations: Vec<Option<(usize, Symbol)>>,
    account: Option<(Box<str>, Symbol)>,
    region: Option<(Box<str>, Symbol)>,
}

#[derive(Debug, Clone)]
struct KnownIdentity {
    identity: Arc<Identity>,
    principal: Symbol,
    /// The service path, where the identity alone decides it.
    service_path: Option<Symbol>,
    /// The cell that last took note of the session.
    noted_in: Option<CellKey>,
}

impl Recent {
    /// The numbers of the record's principal and service path.
    pub fn identity(&mut self, record: &Record<'_>, symbols: &mut Symbols) -> (Symbol, Symbol) {
        if self.identities.is_empty() {
            self.identities.resize(REMEMBERED, None);
            self.keys.resize(REMEMBERED, None);
            self.operations.resize(REMEMBERED, None);
        }
        let place = place(Arc::as_ptr(&record.identity) as usize);
        let known = self.identities[place]
            .as_ref()
            .filter(|known| Arc::ptr_eq(&known.identity, &record.identity));
        let (principal, service_path) = match known {
            Some(known) => (known.principal, known.service_path),
            None => {
                let principal = symbols.intern(record.principal());
                let is_decided = record
                    .identity
                    .invoked_by
                    .as_ref()
                    .is_some_and(|name| !name.is_empty());
                let service_path = is_decided.then(|| symbols.intern(record.service_path()));
                let identity = Arc::clone(&record.identity);
                self.identities[place] = Some(KnownIdentity {
                    identity,
                    principal,
                    service_path,
                    noted_in: None,
                });
                (principal, service_path)
            }
        };
        (
            principal,
            service_path.unwrap_or_else(|| symbols.intern(record.service_path())),
        )
    }

    /// Whether this cell has not yet taken note of the record's session, as far as is remembered.
    pub fn is_session_new(&mut self, record: &Record<'_>, cell: CellKey) -> bool {
        let place = place(Arc::as_ptr(&record.identity) as usize);
        let known = self.identities.get_mut(place).and_then(Option::as_mut);
        match known.filter(|known| Arc::ptr_eq(&known.identity, &record.identity)) {
            Some(known) if known.noted_in == Some(cell) => false,
            Some(known) => {
                known.noted_in = Some(cell);
                true
            }
            None => true,
        }
    }

    /// The number of the record's key, or of the empty name.
    pub fn key(&mut self, record: &Record<'_>, symbols: &mut Symbols) -> Symbol {
        let Some(key) = &record.key else {
            return symbols.intern("");
        };
        let place = place(key.as_str().as_ptr() as usize);
        match self.keys.get(place) {
            Some(Some((known, symbol))) if std::ptr::eq(known.as_str(), key.as_str()) => *symbol,
            _ => {
                let symbol = symbols.intern(key.as_str());
                if let Some(slot) = self.keys.get_mut(place) {
                    *slot = Some((key.clone(), symbol));
                }
                symbol
            }
        }
    }

    /// The number of the record's operation.
    pub fn operation(&mut self, record: &Record<'_>, symbols: &mut Symbols) -> Symbol {
        let name = record.operation.name();
        if record.operation.class() == OperationClass::Unknown {
            // Only names of the table stay where they are.
            return symbols.intern(name);
        }
        let address = name.as_ptr() as usize;
        match self.operations.get(place(address)) {
            Some(Some((known, symbol))) if *known == address => *symbol,
            _ => {
                let symbol = symbols.intern(name);
                if let Some(slot) = self.operations.get_mut(place(address)) {
                    *slot = Some((address, symbol));
                }
                symbol
            }
        }
    }

    /// The number of the record's account.
    pub fn account(&mut self, account: &str, symbols: &mut Symbols) -> Symbol {
        last(&mut self.account, account, symbols)
    }

    /// The number of the record's Region.
    pub fn region(&mut self, region: &str, symbols: &mut Symbols) -> Symbol {
        last(&mut self.region, region, symbols)
    }
}

/// The place of something at this address: multiplied, since addresses are far from random.
const fn place(address: usize) -> usize {
    (address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) % REMEMBERED
}

fn last(known: &mut Option<(Box<str>, Symbol)>, name: &str, symbols: &mut Symbols) -> Symbol {
    match known {
        Some((known, symbol)) if **known == *name => *symbol,
        _ => {
            let symbol = symbols.intern(name);
            *known = Some((name.into(), symbol));
            symbol
        }
    }
}

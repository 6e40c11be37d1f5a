//! Numbers of names that come again and again, without hashing the names each time.
//!
//! A reader hands out the same shared [`Identity`] for the same bytes, so its address stands for it
//! as long as it is held here. Nothing that is counted depends on what is remembered.

use std::sync::Arc;

use keytrail_event::{Identity, Record};

use crate::symbol::{Symbol, Symbols};

/// Identities remembered; a power of two.
const IDENTITIES: usize = 256;

/// What was named lately.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recent {
    /// Empty until the first record.
    identities: Vec<Option<KnownIdentity>>,
    account: Option<(Box<str>, Symbol)>,
    region: Option<(Box<str>, Symbol)>,
}

#[derive(Debug, Clone)]
struct KnownIdentity {
    identity: Arc<Identity>,
    principal: Symbol,
    /// The service path, where the identity alone decides it.
    service_path: Option<Symbol>,
}

impl Recent {
    /// The numbers of the record's principal and service path.
    pub fn identity(&mut self, record: &Record<'_>, symbols: &mut Symbols) -> (Symbol, Symbol) {
        if self.identities.is_empty() {
            self.identities.resize(IDENTITIES, None);
        }
        // Addresses are multiples of eight, and neighbours differ above that.
        let place = (Arc::as_ptr(&record.identity) as usize >> 4) % IDENTITIES;
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
                });
                (principal, service_path)
            }
        };
        (
            principal,
            service_path.unwrap_or_else(|| symbols.intern(record.service_path())),
        )
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

//! Numbers of names that come again and again, without hashing the names each time.
//!
//! A reader hands out the same shared [`Identity`] for the same bytes, so its address stands for it
//! as long as it is held here. So does that of a name which the sessions of a role share. Nothing that is counted depends on what is remembered.

use std::sync::Arc;

use keytrail_event::context::EncryptionContext;
use keytrail_event::source::{DIRECT, Source, agent_family, service_path};
use keytrail_event::{Identity, KeyName, OperationClass, Record};

use crate::attestation::{attestation, attestation_of, begin_signature, guard};
use crate::known_name::{KnownName, KnownTexts, KnownValue};
use crate::symbol::{Symbol, Symbols};
use crate::values::{ValueKind, Values};

/// Identities, keys and operations remembered, each; a power of two.
const REMEMBERED: usize = 1_024;

/// Principals remembered, and service paths, each; a power of two. The same role as several services call for it
/// comes with a name of its own each time.
const SHARED: usize = 4_096;

/// Names that identities share, with their numbers.
type SharedNames = Vec<Option<(Arc<str>, Symbol)>>;

/// What was named lately.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recent {
    /// Empty until the first record.
    identities: Vec<Option<KnownIdentity>>,
    principals: SharedNames,
    /// Service paths by the name of the service.
    services: SharedNames,
    keys: Vec<Option<(KeyName, Symbol)>>,
    operations: Vec<Option<Symbol>>,
    account: Option<(Box<str>, Symbol)>,
    region: Option<(Box<str>, Symbol)>,
    direct: Option<Symbol>,
    no_key: Option<Symbol>,
    networks: KnownTexts,
    agents: KnownTexts,
    /// Room for the signature of an encryption context.
    signature: String,
}

#[derive(Debug, Clone)]
struct KnownIdentity {
    identity: Arc<Identity>,
    principal: Symbol,
    /// The service path, where the identity alone decides it.
    service_path: Option<Symbol>,
    session: Option<KnownValue>,
}

impl KnownIdentity {
    #[cold]
    fn of(
        identity: &Arc<Identity>,
        (principals, services): (&mut SharedNames, &mut SharedNames),
        symbols: &mut Symbols,
    ) -> Self {
        let service = identity.invoked_by.as_ref();
        let service = service.filter(|service| !service.is_empty());
        Self {
            principal: shared(principals, &identity.principal, |name| symbols.intern(name)),
            service_path: service.map(|service| {
                shared(services, service, |name| {
                    symbols.intern(service_path(Some(name), None))
                })
            }),
            session: identity.session_name.as_deref().map(KnownValue::of),
            identity: Arc::clone(identity),
        }
    }
}

impl Recent {
    /// The number of the principal that this identity is of.
    #[inline]
    pub fn principal(&mut self, identity: &Arc<Identity>, symbols: &mut Symbols) -> Symbol {
        match self.identities.get(identity_place(identity)) {
            Some(Some(known)) if Arc::ptr_eq(&known.identity, identity) => known.principal,
            _ => self.identity(identity, symbols).principal,
        }
    }

    #[inline(never)]
    fn identity(&mut self, identity: &Arc<Identity>, symbols: &mut Symbols) -> &mut KnownIdentity {
        if self.identities.is_empty() {
            self.identities.resize(REMEMBERED, None);
            self.principals.resize(SHARED, None);
            self.services.resize(SHARED, None);
            self.keys.resize(REMEMBERED, None);
            self.operations.resize(REMEMBERED, None);
            self.direct = Some(symbols.intern(DIRECT));
        }
        // Where two meet in one place, the one before stays beside it.
        let place = identity_place(identity);
        let is_it = |known: &KnownIdentity| Arc::ptr_eq(&known.identity, identity);
        if !self.identities[place].as_ref().is_some_and(is_it) {
            self.identities.swap(place, place ^ 1);
            if !self.identities[place].as_ref().is_some_and(is_it) {
                self.identities[place] = None;
            }
        }
        let slot = &mut self.identities[place];
        let names = (&mut self.principals, &mut self.services);
        slot.get_or_insert_with(|| KnownIdentity::of(identity, names, symbols))
    }

    /// The number of the record's service path.
    #[inline]
    pub fn service_path(&mut self, record: &Record<'_>, symbols: &mut Symbols) -> Symbol {
        match self.identity(&record.identity, symbols).service_path {
            Some(service_path) => service_path,
            None => match record.service_path() {
                DIRECT => number(&mut self.direct, DIRECT, symbols),
                named => symbols.intern(named),
            },
        }
    }

    /// Notes whose session made the call.
    #[inline]
    pub fn note_session(
        &mut self,
        identity: &Arc<Identity>,
        values: &mut Values,
        symbols: &mut Symbols,
    ) {
        let known = self.identity(identity, symbols);
        if let (Some(session), Some(name)) = (&mut known.session, &identity.session_name) {
            session.add_to(name, (values, ValueKind::Session, symbols));
        }
    }

    /// Whether this is the service path of a call that no service made.
    #[inline]
    pub fn is_direct(&self, service_path: Symbol) -> bool {
        self.direct == Some(service_path)
    }

    /// Notes what the record has in common with others of its cell. Returns the number that the signature of its
    /// context has, if it tells one and the cell keeps it.
    #[inline]
    pub fn note_values(
        &mut self,
        record: &Record<'_>,
        is_direct: bool,
        values: &mut Values,
        symbols: &mut Symbols,
    ) -> Option<Symbol> {
        self.note_session(&record.identity, values, symbols);
        // Only direct calls tell the caller's network and agent.
        if is_direct {
            let caller = (record.source.as_deref(), record.user_agent.as_deref());
            self.note_caller(caller, values, symbols);
        }
        if !tells_context(record) {
            return None;
        }
        let bound = (&record.context, record.additional_event_data);
        self.note_context(bound, values, symbols)
    }

    /// Notes the network and the agent that source address and user agent of a direct call tell.
    pub fn note_caller(
        &mut self,
        (source, agent): (Option<&str>, Option<&str>),
        values: &mut Values,
        symbols: &mut Symbols,
    ) {
        if let Some(source) = source {
            let network = || Some(KnownName::new(&Source::read(Some(source)).network()?));
            let to = (&mut *values, ValueKind::Network, &mut *symbols);
            self.networks.add_to(source, network, to);
        }
        if let Some(agent) = agent {
            let family = || agent_family(Some(agent)).map(|family| KnownName::new(&family));
            let to = (values, ValueKind::Agent, symbols);
            self.agents.add_to(agent, family, to);
        }
    }

    /// Notes a record's context and the attestation in its `additionalEventData`. Returns the number of their signature,
    /// if the cell keeps it.
    pub fn note_context(
        &mut self,
        (context, additional_event_data): (&EncryptionContext<'_>, Option<&str>),
        values: &mut Values,
        symbols: &mut Symbols,
    ) -> Option<Symbol> {
        let attestation = attestation(additional_event_data);
        let known = values.one(ValueKind::Context).filter(|known| {
            let known = symbols.name(*known);
            attestation.is_none() && attestation_of(known).is_none() && context.has_signature(known)
        });
        if known.is_some() {
            return known;
        }
        self.signature.clear();
        if let Some(attestation) = &attestation {
            begin_signature(attestation, &mut self.signature);
        }
        context.write_signature(&mut self.signature);
        if attestation.is_none() {
            guard(&mut self.signature);
        }
        values.insert_name(ValueKind::Context, &self.signature, symbols)
    }

    /// The number of the record's key, or of the empty name.
    #[inline]
    pub fn key(&mut self, record: &Record<'_>, symbols: &mut Symbols) -> Symbol {
        let Some(key) = &record.key else {
            return number(&mut self.no_key, "", symbols);
        };
        let place = place(key.as_str().as_ptr() as usize, REMEMBERED);
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
    #[inline]
    pub fn operation(&mut self, record: &Record<'_>, symbols: &mut Symbols) -> Symbol {
        let name = record.operation.name();
        let place = name.len() * 31 + name.bytes().last().map_or(0, usize::from);
        let slot = self.operations.get_mut(place % REMEMBERED);
        let known = slot.as_ref().and_then(|slot| **slot);
        match known.filter(|known| symbols.name(*known) == name) {
            Some(known) => known,
            None => {
                let symbol = symbols.intern(name);
                if let Some(slot) = slot {
                    *slot = Some(symbol);
                }
                symbol
            }
        }
    }

    /// The number of the record's account.
    #[inline]
    pub fn account(&mut self, account: &str, symbols: &mut Symbols) -> Symbol {
        last(&mut self.account, account, symbols)
    }

    /// The number of the record's Region.
    #[inline]
    pub fn region(&mut self, region: &str, symbols: &mut Symbols) -> Symbol {
        last(&mut self.region, region, symbols)
    }
}

/// Whether the record tells what the call was bound to.
pub(crate) fn tells_context(record: &Record<'_>) -> bool {
    record.outcome.is_success() && (!record.context.is_empty() || takes_context(record))
}

/// Whether the call could have carried an encryption context or an attestation: where it did not, that is noted
/// as the empty signature.
fn takes_context(record: &Record<'_>) -> bool {
    record.operation.class() == OperationClass::Cryptographic
        && matches!(
            record.operation.name(),
            "Decrypt"
                | "Encrypt"
                | "GenerateDataKey"
                | "GenerateDataKeyWithoutPlaintext"
                | "GenerateDataKeyPair"
                | "GenerateDataKeyPairWithoutPlaintext"
                | "DeriveSharedSecret"
                | "ReEncrypt"
        )
}

#[inline]
fn identity_place(identity: &Arc<Identity>) -> usize {
    place(Arc::as_ptr(identity) as usize, REMEMBERED)
}

/// The place of something at this address: multiplied, since addresses are far from random.
const fn place(address: usize, places: usize) -> usize {
    (address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) % places
}

/// The number that this name has, or what it stands for.
fn shared(names: &mut SharedNames, name: &Arc<str>, number: impl FnOnce(&str) -> Symbol) -> Symbol {
    let slot = names.get_mut(place(name.as_ptr() as usize, SHARED));
    match &slot {
        Some(Some((known, symbol))) if Arc::ptr_eq(known, name) => *symbol,
        _ => {
            let symbol = number(name);
            if let Some(slot) = slot {
                *slot = Some((Arc::clone(name), symbol));
            }
            symbol
        }
    }
}

#[inline]
fn number(known: &mut Option<Symbol>, name: &str, symbols: &mut Symbols) -> Symbol {
    *known.get_or_insert_with(|| symbols.intern(name))
}

#[inline]
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

//! Where a principal's records of a template are counted, found out once for each.

use std::sync::Arc;

use keytrail_event::context::{EncryptionContext, SignatureForm};
use keytrail_event::source::{DIRECT, service_path};
use keytrail_event::{Identity, Record, Repeat, TemplateId};

use crate::attestation::attestation;
use crate::cells::{Cells, Place, SeriesNumber};
use crate::known_name::TEXT_BYTES_MAX;
use crate::recent::tells_context;
use crate::symbol::Symbol;

/// Pairs of a template and a principal remembered; a power of two.
const REMEMBERED: usize = 4_096;
// Guesses are numbers of 16 bits.
const _: () = assert!(REMEMBERED <= 1 << 16);

/// Pairs that share a place.
const WAYS: usize = 2;

/// Pairs remembered by the identity that a record names, which is at hand before its principal is; a power of two.
const GUESSES: usize = 8_192;

/// Contexts of one template and principal remembered: a role may read several buckets in turn.
const FORMS_MAX: usize = 4;

/// What is known of the templates of one reader, which feeds the tally. Nothing that is counted depends on it.
#[derive(Debug, Clone, Default)]
pub(crate) struct KnownTemplates {
    /// By template and principal; empty until the first template.
    templates: Vec<Option<KnownTemplate>>,
    /// Where among them a template and an identity were found last.
    guesses: Vec<u16>,
    /// The [`Cells::epoch`] in which it was found out.
    epoch: u32,
    /// Which pair of a full place gives way to the next.
    turn: usize,
}

/// A template and a principal whose records are neither notable nor selected by rules.
#[derive(Debug, Clone)]
pub(crate) struct KnownTemplate {
    id: TemplateId,
    principal: Symbol,
    /// Who made the last record.
    identity: Arc<Identity>,
    pub series: SeriesNumber,
    /// The cell that has all values of the last record.
    pub noted_in: Place,
    bound: Bound,
    /// Where the last record came from, unless the identity names a service that made the call.
    caller: Option<Caller>,
}

/// What the records of a template tell of encryption context and attestation.
#[derive(Debug, Clone)]
enum Bound {
    /// Nothing that is noted.
    Free,
    /// Contexts whose signatures the cell has, without attestation; [`FORMS_MAX`] at most.
    Context(Vec<KnownContext>),
}

/// A context that a cell was told of, without attestation.
#[derive(Debug, Clone)]
struct KnownContext {
    form: SignatureForm,
    /// The number of its signature, if the cell kept it.
    number: Option<Symbol>,
}

/// What another cell is to be told of a record's context and attestation.
#[derive(Debug)]
pub(crate) enum ToNote<'r> {
    /// Nothing.
    Nothing,
    /// The signature of this number, which the template's last cell has.
    Known(Symbol),
    /// This context, and the attestation there may be.
    Anew(EncryptionContext<'r>),
}

impl Bound {
    fn of(record: &Record<'_>, number: Option<Symbol>) -> Self {
        if !tells_context(record) {
            return Self::Free;
        }
        let mut bound = Self::Context(Vec::new());
        bound.note(&record.context, record.additional_event_data, number);
        bound
    }

    /// Remembers that the cell has this context, whose signature has this number if it was kept.
    fn note(
        &mut self,
        context: &EncryptionContext<'_>,
        additional_event_data: Option<&str>,
        number: Option<Symbol>,
    ) {
        if let Self::Context(known) = self
            && attestation(additional_event_data).is_none()
            && let Some(form) = SignatureForm::of(context)
        {
            if known.len() == FORMS_MAX {
                known.remove(0);
            }
            // Most have one and no more.
            if known.is_empty() {
                known.reserve_exact(1);
            }
            known.push(KnownContext { form, number });
        }
    }
}

#[derive(Debug, Clone)]
struct Caller {
    source: Box<str>,
    /// `None` where the source is a service, so that the agent says nothing of the caller.
    agent: Option<Box<str>>,
}

/// Whether a text may be remembered.
#[inline]
fn is_short(text: Option<&str>) -> bool {
    text.is_none_or(|text| text.len() <= TEXT_BYTES_MAX)
}

/// How a record differs from the last of its template and principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Differs {
    /// Another session made it.
    pub in_session: bool,
    /// It is a direct call from another address, or by another agent.
    pub in_caller: bool,
}

impl Caller {
    fn of(identity: &Identity, source: Option<&str>, agent: Option<&str>) -> Option<Self> {
        let service = identity.invoked_by.as_deref();
        let is_direct = service_path(service, source) == DIRECT;
        // Whoever writes records may call a service `direct`, too.
        let is_told = service_path(service, None) == DIRECT;
        is_told.then(|| Self {
            source: source.unwrap_or_default().into(),
            agent: is_direct.then(|| agent.unwrap_or_default().into()),
        })
    }

    #[inline]
    fn is_of(&self, repeat: &Repeat<'_>) -> bool {
        let is_agent = |agent: &str| repeat.user_agent().unwrap_or_default() == agent;
        repeat.source().unwrap_or_default() == &*self.source
            && self.agent.as_deref().is_none_or(is_agent)
    }
}

/// A number for a template and something else.
#[inline]
const fn mixed(id: TemplateId, other: u64) -> usize {
    ((id.slot() as u64 ^ other << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize
}

/// Where the pairs begin that share a place with this one.
#[inline]
fn place(id: TemplateId, principal: Symbol) -> usize {
    mixed(id, principal.index() as u64) % (REMEMBERED / WAYS) * WAYS
}

impl KnownTemplates {
    /// What is known of records like this one by its principal, whom `principal` tells, and how it differs from the last
    /// of them.
    #[inline]
    pub fn find(
        &mut self,
        repeat: &Repeat<'_>,
        principal: impl FnOnce() -> Symbol,
        cells: &Cells,
    ) -> Option<(&mut KnownTemplate, Differs)> {
        let (id, identity) = (repeat.template(), repeat.identity());
        if self.epoch != cells.epoch() {
            return None;
        }
        // Addresses of identities differ in their middle bits.
        let guess = mixed(id, Arc::as_ptr(identity) as u64 >> 4) % GUESSES;
        let guess = self.guesses.get_mut(guess)?;
        let guessed = self.templates.get(usize::from(*guess))?.as_ref();
        let is_it =
            |known: &KnownTemplate| known.id == id && Arc::ptr_eq(&known.identity, identity);
        if !guessed.is_some_and(is_it) {
            let principal = principal();
            let place = place(id, principal);
            let pairs = self.templates.get(place..place + WAYS)?;
            let is_it = |known: &KnownTemplate| known.id == id && known.principal == principal;
            let way = pairs
                .iter()
                .position(|pair| pair.as_ref().is_some_and(is_it))?;
            *guess = (place + way) as u16;
        }
        let known = self.templates.get_mut(usize::from(*guess))?.as_mut()?;
        let differs = known.take_in(repeat)?;
        Some((known, differs))
    }

    /// Remembers where the record, all of whose values have been noted, was counted, and the number of its context's
    /// signature.
    pub fn learn(
        &mut self,
        record: &Record<'_>,
        principal: Symbol,
        cells: &Cells,
        (series, noted_in, context): (SeriesNumber, Place, Option<Symbol>),
    ) {
        let Some(id) = record.template else { return };
        let (source, agent) = (record.source.as_deref(), record.user_agent.as_deref());
        if !is_short(source) || !is_short(agent) {
            return;
        }
        if self.templates.is_empty() || self.epoch != cells.epoch() {
            self.templates.clear();
            self.templates.resize(REMEMBERED, None);
            self.guesses.resize(GUESSES, 0);
            self.epoch = cells.epoch();
        }
        let pairs = &mut self.templates[place(id, principal)..][..WAYS];
        // What was known of a template in the same place of the reader's is of no more use.
        let is_free =
            |known: &KnownTemplate| known.id.slot() == id.slot() && known.principal == principal;
        let way = pairs
            .iter()
            .position(|pair| pair.as_ref().is_none_or(is_free));
        self.turn = self.turn.wrapping_add(1);
        pairs[way.unwrap_or(self.turn % WAYS)] = Some(KnownTemplate {
            id,
            principal,
            identity: Arc::clone(&record.identity),
            series,
            noted_in,
            bound: Bound::of(record, context),
            caller: Caller::of(&record.identity, source, agent),
        });
    }
}

impl KnownTemplate {
    /// Makes this record the last. `None` when it may belong elsewhere, and nothing is changed then.
    #[inline]
    fn take_in(&mut self, repeat: &Repeat<'_>) -> Option<Differs> {
        let identity = repeat.identity();
        let in_session = !Arc::ptr_eq(&self.identity, identity);
        if in_session && !self.is_as_another(identity) {
            return None;
        }
        let in_caller = match &self.caller {
            Some(caller) if !caller.is_of(repeat) => {
                let (source, agent) = (repeat.source(), repeat.user_agent());
                // Another source may be another service path.
                let service = identity.invoked_by.as_deref();
                let is_direct = service_path(service, source) == DIRECT;
                if caller.agent.is_none() || !is_direct || !is_short(source) || !is_short(agent) {
                    return None;
                }
                self.caller = Caller::of(identity, source, agent);
                true
            }
            _ => false,
        };
        if in_session {
            self.identity = Arc::clone(identity);
        }
        Some(Differs {
            in_session,
            in_caller,
        })
    }

    /// Whether the identity says the same as the last, but for the session.
    #[inline(never)]
    fn is_as_another(&self, other: &Identity) -> bool {
        // Every member is named, so that a new one is not forgotten here.
        let Identity {
            principal: _,
            principal_type,
            account,
            session_name: _,
            invoked_by,
            access_key_id: _,
        } = &*self.identity;
        (principal_type, account, invoked_by)
            == (&other.principal_type, &other.account, &other.invoked_by)
    }

    /// Whether the cell has the record's context and attestation already, if the record tells any.
    #[inline]
    pub fn has_context(&self, repeat: &Repeat<'_>) -> bool {
        match &self.bound {
            Bound::Free => true,
            Bound::Context(known) => {
                known.iter().any(|known| repeat.has_signature(&known.form))
                    && attestation(repeat.additional_event_data()).is_none()
            }
        }
    }

    /// Remembers that the cell has this context of a record with such `additionalEventData`, and the number that the
    /// signature of both has if it was kept.
    pub fn note_context(
        &mut self,
        (context, additional_event_data): (&EncryptionContext<'_>, Option<&str>),
        number: Option<Symbol>,
    ) {
        self.bound.note(context, additional_event_data, number);
    }

    /// Whether the last record was a direct call, which tells the caller's network and agent.
    pub fn is_direct(&self) -> bool {
        let agent = self.caller.as_ref().map(|caller| &caller.agent);
        agent.is_some_and(Option::is_some)
    }

    /// What of this record's context and attestation another cell is to be told, which takes the place of the last one.
    /// `None`, and nothing is changed, when that takes a closer look.
    pub fn leave<'r>(&mut self, repeat: &Repeat<'r>) -> Option<ToNote<'r>> {
        let Bound::Context(known) = &mut self.bound else {
            return Some(ToNote::Nothing);
        };
        let is_it = |known: &KnownContext| repeat.has_signature(&known.form);
        let index = known.iter().position(is_it);
        let is_plain = || attestation(repeat.additional_event_data()).is_none();
        let number = index.and_then(|index| known[index].number);
        if let Some(index) = index
            && let Some(number) = number
            && is_plain()
        {
            known.swap(0, index);
            known.truncate(1);
            return Some(ToNote::Known(number));
        }
        let context = repeat.context()?;
        known.clear();
        Some(ToNote::Anew(context))
    }
}

//! Where a principal's records of a template are counted, found out once for each.

use std::sync::Arc;

use keytrail_event::source::DIRECT;
use keytrail_event::{Identity, Record, TemplateId};

use crate::cells::{Cells, Place, SeriesNumber};
use crate::symbol::Symbol;

/// Pairs of a template and a principal remembered; a power of two.
const REMEMBERED: usize = 4_096;

/// What is known of templates. Nothing that is counted depends on it.
#[derive(Debug, Clone, Default)]
pub(crate) struct KnownTemplates {
    /// By template and principal; empty until the first template.
    templates: Vec<Option<KnownTemplate>>,
    /// The [`Cells::epoch`] in which it was found out.
    epoch: u32,
}

/// A template and a principal whose records are neither notable nor selected by rules.
#[derive(Debug, Clone)]
pub(crate) struct KnownTemplate {
    id: TemplateId,
    principal: Symbol,
    /// Who made the last record. Readers number templates alike, but share no identities.
    identity: Arc<Identity>,
    pub series: SeriesNumber,
    /// The cell that has all values of the last record.
    pub noted_in: Place,
    /// A context that this cell has.
    pub context: Option<Symbol>,
    /// Where the last record came from, unless the identity names a service that made the call.
    caller: Option<Caller>,
}

#[derive(Debug, Clone)]
struct Caller {
    source: Box<str>,
    /// `None` where the source is a service, so that the agent says nothing of the caller.
    agent: Option<Box<str>>,
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
    fn of(record: &Record<'_>) -> Option<Self> {
        let text = |text: Option<&str>| text.unwrap_or_default().into();
        let service = record.identity.invoked_by.as_deref();
        let is_told = service.unwrap_or_default().is_empty();
        is_told.then(|| Self {
            source: text(record.source.as_deref()),
            agent: (record.service_path() == DIRECT).then(|| text(record.user_agent.as_deref())),
        })
    }

    #[inline]
    fn is_of(&self, record: &Record<'_>) -> bool {
        let is_agent = |agent: &str| record.user_agent.as_deref().unwrap_or_default() == agent;
        record.source.as_deref().unwrap_or_default() == &*self.source
            && self.agent.as_deref().is_none_or(is_agent)
    }
}

#[inline]
fn place(id: TemplateId, principal: Symbol) -> usize {
    let mixed =
        (id.slot() as u64 ^ (principal.index() as u64) << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 40) as usize % REMEMBERED
}

impl KnownTemplates {
    /// What is known of records like this one by its principal, and how it differs from the last of them.
    #[inline]
    pub fn find(
        &mut self,
        record: &Record<'_>,
        principal: Symbol,
        cells: &Cells,
    ) -> Option<(&mut KnownTemplate, Differs)> {
        let id = record.template?;
        let known = self.templates.get_mut(place(id, principal))?.as_mut()?;
        if known.id != id || known.principal != principal || self.epoch != cells.epoch() {
            return None;
        }
        let differs = known.take_in(record)?;
        Some((known, differs))
    }

    /// Remembers where the record, all of whose values have been noted, was counted.
    pub fn learn(
        &mut self,
        record: &Record<'_>,
        principal: Symbol,
        cells: &Cells,
        (series, noted_in): (SeriesNumber, Place),
    ) {
        let Some(id) = record.template else { return };
        if self.templates.is_empty() || self.epoch != cells.epoch() {
            self.templates.clear();
            self.templates.resize(REMEMBERED, None);
            self.epoch = cells.epoch();
        }
        self.templates[place(id, principal)] = Some(KnownTemplate {
            id,
            principal,
            identity: Arc::clone(&record.identity),
            series,
            noted_in,
            context: None,
            caller: Caller::of(record),
        });
    }
}

impl KnownTemplate {
    /// Makes this record the last. `None` when it may belong elsewhere, and nothing is changed then.
    #[inline]
    fn take_in(&mut self, record: &Record<'_>) -> Option<Differs> {
        let in_session = !Arc::ptr_eq(&self.identity, &record.identity);
        if in_session && !self.is_as_another(record) {
            return None;
        }
        let in_caller = match &self.caller {
            Some(caller) if !caller.is_of(record) => {
                // Another source may be another service path.
                if caller.agent.is_none() || record.service_path() != DIRECT {
                    return None;
                }
                self.caller = Caller::of(record);
                true
            }
            _ => false,
        };
        if in_session {
            self.identity = Arc::clone(&record.identity);
        }
        Some(Differs {
            in_session,
            in_caller,
        })
    }

    /// Whether the identity says the same as the last, but for the session.
    #[inline(never)]
    fn is_as_another(&self, record: &Record<'_>) -> bool {
        // Every member is named, so that a new one is not forgotten here.
        let Identity {
            principal: _,
            principal_type,
            account,
            session_name: _,
            invoked_by,
            access_key_id: _,
        } = &*self.identity;
        let other = &record.identity;
        (principal_type, account, invoked_by)
            == (&other.principal_type, &other.account, &other.invoked_by)
    }
}

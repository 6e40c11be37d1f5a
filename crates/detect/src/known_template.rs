//! Where records of a template are counted, found out once for each template.

use std::sync::Arc;

use keytrail_event::{Identity, Record, TEMPLATES_MAX, TemplateId};

use crate::cells::{Cells, Place, SeriesNumber};
use crate::symbol::Symbol;

/// What is known of templates. Nothing that is counted depends on it.
#[derive(Debug, Clone, Default)]
pub(crate) struct KnownTemplates {
    /// By slot; empty until the first template.
    templates: Vec<Option<KnownTemplate>>,
    /// The [`Cells::epoch`] in which it was found out.
    epoch: u32,
}

/// A template whose records are neither notable nor selected by rules.
#[derive(Debug, Clone)]
pub(crate) struct KnownTemplate {
    id: TemplateId,
    /// Readers number templates alike, but share no identities.
    identity: Arc<Identity>,
    pub series: SeriesNumber,
    /// The cell that has all values of the template's last record.
    pub noted_in: Place,
    /// A context that this cell has.
    pub context: Option<Symbol>,
}

impl KnownTemplates {
    /// The template of this record, if it is known.
    #[inline]
    pub fn find(&mut self, record: &Record<'_>, cells: &Cells) -> Option<&mut KnownTemplate> {
        let id = record.template?;
        let known = self.templates.get_mut(id.slot())?.as_mut()?;
        let is_it = known.id == id
            && Arc::ptr_eq(&known.identity, &record.identity)
            && self.epoch == cells.epoch();
        is_it.then_some(known)
    }

    /// Remembers where the record, all of whose values have been noted, was counted.
    pub fn learn(
        &mut self,
        record: &Record<'_>,
        cells: &Cells,
        series: SeriesNumber,
        noted_in: Place,
    ) {
        let Some(id) = record.template else { return };
        if self.templates.is_empty() || self.epoch != cells.epoch() {
            self.templates.clear();
            self.templates.resize(TEMPLATES_MAX, None);
            self.epoch = cells.epoch();
        }
        if let Some(slot) = self.templates.get_mut(id.slot()) {
            *slot = Some(KnownTemplate {
                id,
                identity: Arc::clone(&record.identity),
                series,
                noted_in,
                context: None,
            });
        }
    }
}

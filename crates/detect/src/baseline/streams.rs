//! The streams of calls of a principal: what is counted in each, how the week is divided, what is few.

use super::constants::{KAPPA, KAPPA_DENIED};
use super::facts::HourFacts;
use super::features::Feature;
use super::state::{BREADTH, CONTROL, DATA, DENIED, FAILED, STREAMS};
use super::volume::Slots;

/// How a stream is judged and learnt.
#[derive(Debug, Clone, Copy)]
pub(super) struct StreamKind {
    pub feature: Feature,
    pub slots: Slots,
    /// Calls added to both sides of a ratio.
    pub kappa: f64,
    /// Whether an active hour without such calls counts as an hour of none. What is rare has few hours
    /// of its own, and that it happens at all is news; for what is usual, idle hours say nothing of how
    /// much a busy one holds.
    pub counts_idle_hours: bool,
}

/// The streams, by number.
pub(super) const KINDS: [StreamKind; STREAMS] = {
    const RARE: StreamKind = StreamKind {
        feature: Feature::Control,
        slots: Slots::One,
        kappa: KAPPA,
        counts_idle_hours: true,
    };
    let mut kinds = [RARE; STREAMS];
    kinds[DATA] = StreamKind {
        feature: Feature::Data,
        slots: Slots::Hours,
        kappa: KAPPA,
        counts_idle_hours: false,
    };
    kinds[CONTROL] = RARE;
    kinds[DENIED] = StreamKind {
        feature: Feature::Denied,
        kappa: KAPPA_DENIED,
        ..RARE
    };
    kinds[FAILED] = StreamKind {
        feature: Feature::Failed,
        ..RARE
    };
    kinds[BREADTH] = StreamKind {
        feature: Feature::Breadth,
        slots: Slots::Hours,
        kappa: KAPPA,
        counts_idle_hours: false,
    };
    kinds
};

/// The counts of an hour by stream.
pub(super) const fn counts(hour: &HourFacts) -> [f64; STREAMS] {
    let mut counts = [0.0; STREAMS];
    counts[DATA] = hour.data;
    counts[CONTROL] = hour.control;
    counts[DENIED] = hour.denied;
    counts[FAILED] = hour.failed;
    counts[BREADTH] = hour.keys;
    counts
}

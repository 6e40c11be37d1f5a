//! The records that speak for an hour's score: the ends of its cells, those that show what is unusual first.

use keytrail_event::{OperationClass, OutcomeFamily};

use super::facts::{DayFacts, NO_CONTEXT, NO_KEY, PrincipalFacts};
use super::features::Feature;
use super::score::{JudgedDay, JudgedHour};
use super::surprises::{About, Surprise};
use crate::bounds::FINDING_EVENT_IDS_MAX;
use crate::cell::Cell;
use crate::cells::CellKey;
use crate::values::ValueKind;

/// Ids of at most ten events of an hour: first one that shows what the finding is named after, then those of the cells
/// with the most surprising values. A cell keeps its first
/// and last event, so a cell that shows one value of a kind has exemplars of it; one of several values may not.
pub(super) fn event_ids(
    facts: &DayFacts<'_>,
    principal: &PrincipalFacts<'_>,
    day: &JudgedDay,
    hour: &JudgedHour,
) -> Vec<String> {
    let here: Vec<&Surprise> = day
        .surprises
        .iter()
        .filter(|found| found.hours >> hour.hour & 1 == 1)
        .collect();
    let of_hour = facts.cells[principal.cells.clone()]
        .iter()
        .filter(|(key, _)| key.hour.of_day() == hour.hour);
    let mut cells: Vec<(f64, &CellKey, &Cell)> = of_hour
        .map(|(key, cell)| (weight(facts, &here, hour, key, cell), key, *cell))
        .collect();
    cells.sort_by(|a, b| {
        let first = |(_, key, cell): &(f64, &CellKey, &Cell)| cell.ends(key.hour).first;
        b.0.total_cmp(&a.0).then_with(|| first(a).cmp(&first(b)))
    });
    let leading = here.iter().filter(|found| found.feature == hour.leading);
    let leading = leading.max_by(|a, b| a.surprise.total_cmp(&b.surprise));
    let mut ids: Vec<String> = leading
        .and_then(|leading| id_of(facts, leading, &cells))
        .into_iter()
        .collect();
    for (_, key, cell) in cells {
        let ends = cell.ends(key.hour);
        for end in [ends.first, ends.last] {
            let id = end.event_id.text();
            if ids.len() < FINDING_EVENT_IDS_MAX
                && !id.is_empty()
                && !ids.iter().any(|known| *known == id)
            {
                ids.push(id.into_owned());
            }
        }
        if ids.len() >= FINDING_EVENT_IDS_MAX {
            break;
        }
    }
    ids
}

/// The id of an event that shows a value: of the cell that shows it most surely, the first with an id.
fn id_of(
    facts: &DayFacts<'_>,
    found: &Surprise,
    cells: &[(f64, &CellKey, &Cell)],
) -> Option<String> {
    let shown = cells.iter().filter_map(|(_, key, cell)| {
        let ends = cell.ends(key.hour);
        let ends = [ends.first, ends.last];
        let end = ends.into_iter().find(|end| !end.event_id.is_empty())?;
        let share = share(facts, found, key, cell);
        (share > 0.0).then_some((share, end))
    });
    // Of cells alike the one that weighs most.
    let best = shown.reduce(|best, other| if other.0 > best.0 { other } else { best })?;
    Some(best.1.event_id.text().into_owned())
}

/// How much of what is surprising in the hour a cell shows.
fn weight(
    facts: &DayFacts<'_>,
    here: &[&Surprise],
    hour: &JudgedHour,
    key: &CellKey,
    cell: &Cell,
) -> f64 {
    let values: f64 = here
        .iter()
        .map(|found| found.surprise * share(facts, found, key, cell))
        .sum();
    let is_use = key.class == OperationClass::Cryptographic;
    let stream = match key.outcome {
        OutcomeFamily::Success if is_use => Feature::Data,
        OutcomeFamily::Success => Feature::Control,
        OutcomeFamily::Denied => Feature::Denied,
        _ => Feature::Failed,
    };
    values + hour.raw[stream as usize]
}

/// How surely the ends of a cell show a value: whole where all of its events do, less where it has several.
fn share(facts: &DayFacts<'_>, found: &Surprise, key: &CellKey, cell: &Cell) -> f64 {
    let is_key = |number: u32| {
        let name = facts.keys.get(number as usize).map(|key| key.name);
        name == Some(facts.symbol_name(key.key))
    };
    let value = match found.about {
        About::Pair(place) => return f64::from(u8::from(is_key(facts.pairs[place].key))),
        About::Value(place) => &facts.values[place],
    };
    if value.key != NO_KEY && !is_key(value.key) {
        return 0.0;
    }
    let name = facts.names[value.name as usize];
    let kind = match found.feature {
        Feature::Network => ValueKind::Network,
        Feature::Agent => ValueKind::Agent,
        Feature::Context => ValueKind::Context,
        feature => {
            let shown = match feature {
                Feature::Region => key.region,
                Feature::Path => key.service_path,
                Feature::Operation => key.operation,
                // A grantee stands in the record alone, which is in the cell of its operation.
                Feature::Grantee => {
                    let is_grant = facts.symbol_name(key.operation) == "CreateGrant";
                    return f64::from(u8::from(is_grant));
                }
                _ => return 0.0,
            };
            return f64::from(u8::from(facts.symbol_name(shown) == name));
        }
    };
    let mut kept = 0.0;
    let mut is_shown = false;
    for symbol in cell.values.kept(kind) {
        kept += 1.0;
        is_shown |= facts.symbol_name(symbol) == name;
    }
    if kept == 0.0 {
        return f64::from(u8::from(name == NO_CONTEXT));
    }
    f64::from(u8::from(is_shown)) / kept
}

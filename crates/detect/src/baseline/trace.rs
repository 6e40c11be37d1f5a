//! The fold with every number behind each score, as JSON: for tuning and for evaluation, never for findings.

use serde_json::{Map, Value, json};

use super::facts::DayFacts;
use super::features::{Family, Feature};
use super::learn::fold_each;
use super::score::{Bases, Judge, JudgedHour};
use super::state::AccountBaseline;
use super::view::Seal;

/// Folds a day as [`super::fold`] does, and gives a JSON object for each hour.
#[must_use]
pub fn fold_in_full(bases: Bases<'_>, facts: &DayFacts<'_>) -> (AccountBaseline, Vec<Value>) {
    let mut lines = Vec::with_capacity(facts.hours.len());
    let judge = Judge::new(bases, facts, Seal::Final);
    let base = fold_each(&judge, bases.late, |number, judged| {
        let principal = &facts.principals[number];
        for (hour, of_hour) in judged
            .hours
            .iter()
            .zip(&facts.hours[principal.hours.clone()])
        {
            let cells = &facts.cells[principal.cells.clone()];
            let of_hour_cells = cells
                .iter()
                .filter(|(key, _)| key.hour.of_day() == hour.hour);
            let mut event_ids: Vec<String> = of_hour_cells
                .map(|(key, cell)| cell.ends(key.hour))
                .flat_map(|ends| [ends.first.event_id, ends.last.event_id])
                .map(|id| id.text().into_owned())
                .collect();
            event_ids.sort_unstable();
            event_ids.dedup();
            lines.push(json!({
                "t": of_hour.newest,
                "account": facts.account,
                "p": principal.name,
                "score": hour.score,
                "rule": hour.leading.rule(),
                "T": hour.total,
                "a": hour.rarity,
                "n": of_hour.calls(),
                "features": features(hour),
                "families": families(hour),
                "eventIDs": event_ids,
            }));
        }
    });
    (base, lines)
}

fn features(hour: &JudgedHour) -> Value {
    let numbers = Feature::ALL
        .into_iter()
        .filter(|feature| hour.raw[*feature as usize] > 0.0)
        .map(|feature| {
            let (raw, calibrated) = (
                hour.raw[feature as usize],
                hour.calibrated[feature as usize],
            );
            (
                feature.id().to_owned(),
                json!([hundredths(raw), hundredths(calibrated)]),
            )
        });
    Value::Object(numbers.collect::<Map<_, _>>())
}

fn families(hour: &JudgedHour) -> Value {
    let numbers = Family::ALL
        .into_iter()
        .filter(|family| hour.families[*family as usize] > 0.5)
        .map(|family| {
            let value = hundredths(hour.families[family as usize]);
            (family.id().to_owned(), json!(value))
        });
    Value::Object(numbers.collect::<Map<_, _>>())
}

fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

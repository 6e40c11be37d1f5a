//! `plaintext-datakey`: a key that only made encrypted data keys gives out a plain one, or encrypts by itself.

use std::collections::BTreeMap;

use keytrail_event::source::DIRECT;

use super::customs::CUSTOM_DAYS;
use super::day::{DayHit, DayLight};
use super::key_customs::KeyCustoms;
use super::sightings::{calls_evidence, events_of, grouped, over_cells};
use super::support::{key_in_title, listed};
use super::{About, Hit, Rule, Side};
use crate::account_day::is_use;
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct PlaintextDatakey;

const PLAIN: &str = "GenerateDataKey";
const WITHOUT_PLAINTEXT: &str = "GenerateDataKeyWithoutPlaintext";
const ENCRYPT: &str = "Encrypt";

const ABOUT: About = About {
    id: "plaintext-datakey",
    title: "A key is used in another way than its data is encrypted",
    severities: &[Severity::Low],
    attack: &[("TA0040", "T1486", "T1486")],
    practice: "a key does one job",
    side: Side::Owner,
    fires_when: "On a key with at least 7 earlier days of use: GenerateDataKey succeeds where only GenerateDataKeyWithoutPlaintext was used so far, or a direct Encrypt succeeds where only data keys were made so far.",
    reads: &[
        "eventName",
        "eventTime",
        "errorCode",
        "recipientAccountId",
        "resources[].ARN",
        "userIdentity",
        "userIdentity.invokedBy",
    ],
};

impl Rule for PlaintextDatakey {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn judge_day(&self, light: &DayLight<'_>) -> Vec<DayHit> {
        let mut unusual: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (key, day) in &light.gathered.keys {
            let Some(customs) = light.customs.key(key) else {
                continue;
            };
            let is_unusual =
                |operation: &&str| day.operations.contains(operation) && breaks(customs, operation);
            let operations: Vec<&str> = [PLAIN, ENCRYPT].into_iter().filter(is_unusual).collect();
            if !operations.is_empty() {
                unusual.insert(key, operations);
            }
        }
        if unusual.is_empty() {
            return Vec::new();
        }
        let cells = light.cells_in(is_use, |cell| {
            let operations = unusual.get(cell.key);
            operations.is_some_and(|operations| operations.contains(&cell.operation))
                && (cell.operation == PLAIN || cell.service_path == DIRECT)
        });
        let groups = grouped(&cells, |cell| {
            Some((cell.principal, cell.key, cell.operation))
        });
        let hits = groups.iter().filter_map(|((principal, key, operation), cells)| {
            let customs = light.customs.key(key)?;
            let usual = listed(customs.operations.iter().map(String::as_str));
            let title = format!("{operation} with {}, which was not used so before", key_in_title(Some(key)));
            let first = cells.iter().map(|cell| cell.first_time()).min()?;
            let hit = Hit::about(Some(principal), Some(key), Severity::Low, title)
                .class(*operation)
                .because(
                    Evidence::new(
                        "operations",
                        format!("On {} earlier days of use (at least {CUSTOM_DAYS}) the key was used by {usual}", customs.days),
                    )
                    .observed(operation)
                    .expected(&usual),
                )
                .because(calls_evidence(cells))
                .next("Ask what the caller encrypts: a data key in plain can encrypt anything, anywhere.")
                .next(events_of(principal, first, 24));
            over_cells(hit, cells)
        });
        hits.collect()
    }
}

/// Whether an operation breaks with what the key was used for.
fn breaks(customs: &KeyCustoms, operation: &str) -> bool {
    let has = |operation: &str| customs.operations.contains(operation);
    match operation {
        PLAIN => has(WITHOUT_PLAINTEXT) && !has(PLAIN),
        _ => (has(PLAIN) || has(WITHOUT_PLAINTEXT)) && !has(ENCRYPT),
    }
}

//! `asymmetric-first`: a principal signs, makes a code or derives a secret with a key for the first time.

use keytrail_event::time::DAY_SECONDS;

use super::caller::{account_of_key, is_aws_principal};
use super::customs::ACCOUNT_DAYS;
use super::day::{DayHit, DayLight};
use super::gathered::SIGNING;
use super::sightings::{calls_evidence, events_of, grouped, over_cells};
use super::support::key_in_title;
use super::{About, Hit, Rule, Side};
use crate::account_day::is_use;
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct AsymmetricFirst;

/// A key younger than this has no users yet that could be the usual ones.
const NEW_KEY_DAYS: i64 = 7;

const ABOUT: About = About {
    id: "asymmetric-first",
    title: "A principal signs with a key for the first time",
    severities: &[Severity::Medium],
    attack: &[("TA0006", "T1606", "T1606")],
    practice: "whoever signs with a key is known",
    side: Side::Owner,
    fires_when: "Sign, GenerateMac, DeriveSharedSecret or Decapsulate succeeds by a principal that was not seen to do so with this key, once the account is known for 7 days with records. A key that was created in the last 7 days does not fire.",
    reads: &[
        "eventName",
        "eventTime",
        "errorCode",
        "recipientAccountId",
        "resources[].ARN",
        "userIdentity",
    ],
};

impl Rule for AsymmetricFirst {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn judge_day(&self, light: &DayLight<'_>) -> Vec<DayHit> {
        let is_new = |principal: &str, key: &str| {
            !light.customs.signs(principal, key) && !is_new_key(light, key)
        };
        let mut signers = light.gathered.signers.iter();
        if !light.customs.is_account_known()
            || !signers.any(|(principal, key)| is_new(principal, key))
        {
            return Vec::new();
        }
        let cells = light.cells_in(is_use, |cell| {
            SIGNING.contains(&cell.operation)
                && account_of_key(cell.key) == light.account
                && !is_aws_principal(cell.principal)
        });
        let groups = grouped(&cells, |cell| Some((cell.principal, cell.key)));
        let new = groups
            .iter()
            .filter(|((principal, key), _)| is_new(principal, key));
        let hits = new.filter_map(|((principal, key), cells)| {
            let first = cells.iter().map(|cell| cell.first()).min()?;
            let operation = cells.iter().find(|cell| cell.first() == first)?.operation;
            let title = format!("First {operation} with {} by this principal", key_in_title(Some(key)));
            let hit = Hit::about(Some(principal), Some(key), Severity::Medium, title)
                .because(
                    Evidence::new(
                        "operation",
                        format!("The principal was not seen to use the key so before; the account is known for {ACCOUNT_DAYS} days or more. What is signed with the key is believed to come from its owner"),
                    )
                    .observed(operation),
                )
                .because(calls_evidence(cells))
                .next("Ask what was signed: a token, a certificate, a release? KMS keeps only that it was.")
                .next(events_of(principal, first.time, 24));
            over_cells(hit, cells)
        });
        hits.collect()
    }
}

fn is_new_key(light: &DayLight<'_>, key: &str) -> bool {
    let created = light.past.key(key).and_then(|life| life.created);
    created
        .is_some_and(|created| light.day.end().seconds_since(created) <= NEW_KEY_DAYS * DAY_SECONDS)
}

//! `direct-use-of-service-key`: a key that was always reached through a service is called otherwise.

use std::collections::BTreeSet;

use keytrail_event::source::DIRECT;
use keytrail_event::{OperationClass, OutcomeFamily};

use super::caller::AWS_INTERNAL_PATH;
use super::customs::{CUSTOM_DAYS, KeyCustoms};
use super::day::{DayCell, DayHit, DayLight};
use super::sightings::{calls_evidence, events_of, grouped, over_cells};
use super::support::{cut, key_argument, key_in_title, listed};
use super::{About, Hit, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct DirectUseOfServiceKey;

/// Keys that AWS manages for a service have such an alias.
const MANAGED_ALIAS: &str = ":aws/";

const ABOUT: About = About {
    id: "direct-use-of-service-key",
    title: "A key that was always reached through a service is called otherwise",
    severities: &[Severity::Medium, Severity::High],
    attack: &[("TA0006", "T1552", "T1552")],
    practice: "a key does one job",
    side: Side::Owner,
    fires_when: "A cryptographic call succeeds directly, or through another service, on a key that was reached through services only on at least 7 earlier days of use; or directly on an aws/… managed key. A refused direct call fires one severity lower.",
    reads: &[
        "eventName",
        "eventTime",
        "errorCode",
        "recipientAccountId",
        "resources[].ARN",
        "requestParameters.keyId",
        "userIdentity",
        "userIdentity.invokedBy",
        "sourceIPAddress",
    ],
};

impl Rule for DirectUseOfServiceKey {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn judge_day(&self, light: &DayLight<'_>) -> Vec<DayHit> {
        let new_paths = new_paths(light);
        // Nearly every day no path is new, and only refusals need a look.
        let may_be_told = |class, outcome| {
            class == OperationClass::Cryptographic
                && (outcome == OutcomeFamily::Denied
                    || outcome == OutcomeFamily::Success && !new_paths.is_empty())
        };
        let cells = light.cells_in(may_be_told, |cell| {
            let is_use = cell.class == OperationClass::Cryptographic;
            let is_new = new_paths.contains(&(cell.key, cell.service_path));
            let is_direct = cell.service_path == DIRECT;
            let is_refused = cell.outcome == OutcomeFamily::Denied;
            let is_made = cell.outcome == OutcomeFamily::Success;
            is_use
                && (is_made && is_new
                    || is_direct && is_refused && service_paths(light, cell.key).is_some()
                    || is_direct && is_refused && is_managed(cell.key))
        });
        let groups = grouped(&cells, |cell| {
            let is_made = cell.outcome == OutcomeFamily::Success;
            Some((cell.principal, cell.key, cell.service_path, is_made))
        });
        let hits = groups
            .iter()
            .filter_map(|((principal, key, path, is_made), cells)| {
                over_cells(hit(light, (principal, key, path), *is_made, cells), cells)
            });
        hits.collect()
    }
}

/// The paths that are new to a key which was reached through services only.
fn new_paths<'l>(light: &'l DayLight<'_>) -> BTreeSet<(&'l str, &'l str)> {
    let mut new = BTreeSet::new();
    for (key, day) in &light.gathered.keys {
        let Some(customs) = service_paths(light, key) else {
            if is_managed(key) && day.paths.contains(DIRECT) {
                new.insert((*key, DIRECT));
            }
            continue;
        };
        let paths = day.paths.iter().copied();
        new.extend(
            paths
                .filter(|path| *path != AWS_INTERNAL_PATH && !customs.paths.contains(*path))
                .map(|path| (*key, path)),
        );
    }
    new
}

/// The customs of a key that was reached through services only.
fn service_paths<'l>(light: &'l DayLight<'_>, key: &str) -> Option<&'l KeyCustoms> {
    let customs = light.customs.key(key)?;
    let is_by_service = !customs.paths.is_empty() && !customs.paths.contains(DIRECT);
    is_by_service.then_some(customs)
}

fn is_managed(key: &str) -> bool {
    key.starts_with("alias:") && key.contains(MANAGED_ALIAS)
}

fn hit(
    light: &DayLight<'_>,
    (principal, key, path): (&str, &str, &str),
    is_made: bool,
    cells: &[&DayCell<'_>],
) -> Hit {
    let name = key_in_title(Some(key));
    let (path, how) = match path {
        DIRECT => (DIRECT, "directly".to_owned()),
        path => (cut(path), format!("through {}", cut(path))),
    };
    let (severity, class, title) = if is_made {
        (
            Severity::High,
            path.to_owned(),
            format!("{name} was called {how}"),
        )
    } else {
        let title = format!("Refused: {name} was called {how}");
        (Severity::Medium, format!("{path} attempt"), title)
    };
    let customs = light.customs.key(key);
    let reason = match customs {
        Some(customs) => {
            let paths = listed(customs.paths.iter().map(String::as_str));
            Evidence::new(
                "service_path",
                format!(
                    "On {} earlier days of use (at least {CUSTOM_DAYS}) the key was reached through {paths} only",
                    customs.days
                ),
            )
            .expected(paths)
        }
        None => Evidence::new(
            "service_path",
            "An aws/… key is managed by AWS for one service, through which alone it is to be used",
        )
        .expected("the key's service"),
    };
    let first = cells.iter().map(|cell| cell.first().time).min();
    Hit::about(Some(principal), Some(key), severity, title)
        .class(class)
        .because(reason.observed(path))
        .because(calls_evidence(cells))
        .next("Ask where the ciphertext came from: data that a service keeps leaves it only by an export or a copy.")
        .next(format!(
            "Close the direct way: a condition kms:ViaService in the key policy. aws kms get-key-policy --policy-name default --key-id {}",
            key_argument(key)
        ))
        .next(events_of(principal, first.unwrap_or(light.until), 24))
}

//! `direct-use-of-service-key`: a key that was always reached through a service is called otherwise.

use std::collections::BTreeSet;

use keytrail_event::context::service_of_key;
use keytrail_event::source::DIRECT;
use keytrail_event::{OperationClass, OutcomeFamily};

use super::caller::{AWS_INTERNAL_PATH, is_aws_principal, is_path_chosen_by_service};
use super::customs::{CUSTOM_DAYS, context_keys};
use super::day::{DayCell, DayHit, DayLight};
use super::key_customs::KeyCustoms;
use super::sightings::{calls_evidence, contexts_evidence, events_of, grouped, over_cells};
use super::support::{cut, key_argument, key_in_title, listed};
use super::sweep::Kind;
use super::{About, Hit, Rule, Side};
use crate::attestation::without_attestation;
use crate::finding::{Evidence, Severity};
use crate::values::ValueKind;

/// The rule.
pub struct DirectUseOfServiceKey;

/// What opens a ciphertext.
const DECRYPTING: [&str; 2] = ["Decrypt", "ReEncrypt"];
/// Through it whole volumes are read, block by block.
const EBS: &str = "ebs.amazonaws.com";
/// It reads queues and streams for its user, and can be told to call nothing of KMS.
const PIPES: &str = "pipes.amazonaws.com";
/// What EC2 calls itself: these are one service.
const EC2: [&str; 2] = ["ec2-frontend-api.amazonaws.com", "ec2.amazonaws.com"];
/// Keys that AWS manages for a service have such an alias.
const MANAGED_ALIAS: &str = ":aws/";

const ABOUT: About = About {
    id: "direct-use-of-service-key",
    title: "A key that was always reached through a service is called otherwise",
    severities: &[Severity::Low, Severity::Medium, Severity::High],
    attack: &[("TA0006", "T1552", "T1552")],
    practice: "a key does one job",
    side: Side::Owner,
    fires_when: "A cryptographic call succeeds directly, or through another service, on a key that was reached through services only on at least 7 earlier days of use (a new way is a custom too after 3 days); or directly on an aws/… managed key that the record names by its alias alone. High when called directly, by a service that makes whatever call it is told to, or through EBS's direct interface; medium, and one finding for all keys, when another service calls. A service that the encryption context names, and one that may be what called itself AWS Internal before, is no new way. One severity lower when no call of the principal decrypts in an encryption context that the services use with the key, since what they keep opens in none other; low when, besides, the principal used keys on earlier days. A refused direct call fires one severity lower, unless denied-sweep tells of its caller on the day. AWS services and service-linked roles do not fire.",
    reads: &[
        "eventName",
        "eventTime",
        "errorCode",
        "recipientAccountId",
        "resources[].ARN",
        "requestParameters.keyId",
        "requestParameters.encryptionContext",
        "requestParameters.sourceEncryptionContext",
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
            let is_new =
                new_paths.contains(&(cell.key, cell.service_path)) && !is_of_own_service(cell);
            let is_direct = cell.service_path == DIRECT;
            let is_refused = cell.outcome == OutcomeFamily::Denied;
            let is_made = cell.outcome == OutcomeFamily::Success;
            // A service that AWS lets use the key by its own role is new to it, not a way around another.
            is_use
                && !is_aws_principal(cell.principal)
                && (is_made && is_new
                    || is_direct && is_refused && service_paths(light, cell.key).is_some()
                    || is_direct && is_refused && is_managed(cell.key))
        });
        // Whoever is refused on one key after another is told of once, with all of them.
        let is_any_refused = cells
            .iter()
            .any(|cell| cell.outcome == OutcomeFamily::Denied);
        let swept = if is_any_refused {
            light.sweeps(Kind::Denied)
        } else {
            &[]
        };
        let is_swept = |principal| swept.iter().any(|sweep| sweep.principal == principal);
        let groups = grouped(&cells, |cell| {
            let is_made = cell.outcome == OutcomeFamily::Success;
            if !is_made && is_swept(cell.principal) {
                return None;
            }
            // A service that begins its work begins it with all keys at once.
            let key = (!is_between_services(cell.service_path)).then_some(cell.key);
            Some((cell.principal, key, cell.service_path, is_made))
        });
        let hits = groups
            .iter()
            .filter_map(|((principal, key, path, is_made), cells)| {
                over_cells(hit(light, (principal, *key, path), *is_made, cells), cells)
            });
        hits.collect()
    }
}

/// The paths that are new to a key which was reached through services only.
fn new_paths<'l>(light: &'l DayLight<'_>) -> BTreeSet<(&'l str, &'l str)> {
    let mut new = BTreeSet::new();
    for (key, day) in &light.gathered.keys {
        if service_paths(light, key).is_none() {
            if is_managed(key) && day.paths.contains(DIRECT) {
                new.insert((*key, DIRECT));
            }
            continue;
        }
        let paths = day.paths.iter().copied();
        new.extend(
            paths
                .filter(|path| is_way_around(light, key, path))
                .map(|path| (*key, path)),
        );
    }
    new
}

/// Whether a call came by a way that is new to a key that was reached through services only, so that this rule tells of it.
pub fn is_told(light: &DayLight<'_>, cell: &DayCell<'_>) -> bool {
    !is_aws_principal(cell.principal)
        && is_way_around(light, cell.key, cell.service_path)
        && !is_of_own_service(cell)
}

/// Whether this path is new to a key that was reached through services only, and none that was there may be behind it.
fn is_way_around(light: &DayLight<'_>, key: &str, path: &str) -> bool {
    path != AWS_INTERNAL_PATH
        && service_paths(light, key).is_some_and(|customs| {
            let is_same = |known: &String| {
                known == path
                    || may_be_unnamed(known, path)
                    || EC2.contains(&path) && EC2.contains(&known.as_str())
            };
            !customs.paths.iter().any(is_same)
        })
}

/// Whether a service that now says its name may be what called itself AWS Internal before: what its user chooses to
/// call was never called so.
pub fn may_be_unnamed(known: &str, path: &str) -> bool {
    known == AWS_INTERNAL_PATH && is_between_services(path)
}

/// Whether a call through this path is one service's work in place of another's: its user chose neither the call nor
/// what is read of it.
fn is_between_services(path: &str) -> bool {
    path == PIPES || is_path_chosen_by_service(path) && path != EBS
}

/// Whether every call came through the service that alone sets its encryption context: what that service keeps is all
/// that opens in it.
fn is_of_own_service(cell: &DayCell<'_>) -> bool {
    let values = &cell.cell.values;
    let mut contexts = values.names(ValueKind::Context, cell.symbols).peekable();
    let is_own = |context: &str| {
        let keys = context_keys(without_attestation(context));
        keys.split('&')
            .any(|key| service_of_key(key) == Some(cell.service_path))
    };
    contexts.peek().is_some() && !values.overflowed(ValueKind::Context) && contexts.all(is_own)
}

/// The customs of a key that was reached through services only.
fn service_paths<'l>(light: &'l DayLight<'_>, key: &str) -> Option<&'l KeyCustoms> {
    let customs = light.customs.key(key)?;
    customs.is_by_services().then_some(customs)
}

fn is_managed(key: &str) -> bool {
    key.starts_with("alias:") && key.contains(MANAGED_ALIAS)
}

/// Whether a call may have opened what a service keeps. A ciphertext opens in its own encryption context only, so
/// that must be of a kind that was seen with the key; where contexts are not fully known, any may be.
fn opens_what_services_keep(customs: &KeyCustoms, cell: &DayCell<'_>) -> bool {
    let values = &cell.cell.values;
    let mut contexts = values.names(ValueKind::Context, cell.symbols).peekable();
    let is_told = contexts.peek().is_some() && !values.overflowed(ValueKind::Context);
    let is_known = |context: &str| {
        let keys = context_keys(without_attestation(context));
        // A path that is new may have brought contexts of its own.
        let is_it =
            |(known, path): &(String, String)| *known == keys && customs.paths.contains(path);
        customs.contexts.iter().any(is_it)
    };
    DECRYPTING.contains(&cell.operation) && (!is_told || contexts.any(is_known))
}

fn hit(
    light: &DayLight<'_>,
    (principal, key, path): (&str, Option<&str>, &str),
    is_made: bool,
    cells: &[&DayCell<'_>],
) -> Hit {
    let keys: BTreeSet<&str> = cells.iter().map(|cell| cell.key).collect();
    let first_key = keys.first().copied().unwrap_or_default();
    let name = match keys.len() {
        1 => key_in_title(Some(first_key)).into_owned(),
        several => format!("{several} keys"),
    };
    let were = if keys.len() == 1 { "was" } else { "were" };
    let (path, how) = match path {
        DIRECT => (DIRECT, "directly".to_owned()),
        path => (cut(path), format!("through {}", cut(path))),
    };
    let (severity, class, title) = if is_made {
        let severity = if is_between_services(path) {
            Severity::Medium
        } else {
            Severity::High
        };
        let title = format!("{name} {were} called {how}");
        (severity, path.to_owned(), title)
    } else {
        let title = format!("Refused: {name} {were} called {how}");
        (Severity::Medium, format!("{path} attempt"), title)
    };
    let all_customs = keys.iter().map(|key| light.customs.key(key));
    let customs: Vec<&KeyCustoms> = all_customs.flatten().collect();
    let opens = |cell: &&DayCell<'_>| {
        let customs = light.customs.key(cell.key);
        customs.is_none_or(|customs| opens_what_services_keep(customs, cell))
    };
    let is_harmless = !cells.iter().any(opens);
    let severity = if is_harmless && light.uses.knows(principal) {
        Severity::Low
    } else if is_harmless {
        severity.lower()
    } else {
        severity
    };
    let first = cells.iter().map(|cell| cell.first_time()).min();
    let harmless = is_harmless.then(|| {
        Evidence::new(
            "encryption_context",
            "No call decrypted in an encryption context that the services use with the key: what they keep was not opened by these",
        )
    });
    let mut hit = Hit::about(Some(principal), key, severity, title)
        .class(class)
        .because(reason(&customs, path).observed(path));
    if key.is_none() {
        let words = listed(keys.iter().copied());
        hit = hit
            .because(Evidence::new("keys", format!("Called so: {words}")).observed(keys.len()))
            .names(keys.iter().copied());
    }
    hit = hit.because(calls_evidence(cells));
    hit.evidence.extend(contexts_evidence(cells));
    hit.evidence.extend(harmless);
    hit.next("Ask where the ciphertext came from: data that a service keeps leaves it only by an export or a copy.")
        .next(format!(
            "Close the direct way: a condition kms:ViaService in the key policy. aws kms get-key-policy --policy-name default --key-id {}",
            key_argument(first_key)
        ))
        .next(events_of(principal, first.unwrap_or(light.until), 24))
}

/// What speaks against the path, of the customs of the keys.
fn reason(customs: &[&KeyCustoms], path: &str) -> Evidence {
    let Some(first) = customs.first() else {
        return Evidence::new(
            "service_path",
            "An aws/… key is managed by AWS for one service, through which alone it is to be used",
        )
        .expected("the key's service");
    };
    let paths: BTreeSet<&str> = customs
        .iter()
        .flat_map(|customs| customs.paths.iter().map(String::as_str))
        .collect();
    let paths = listed(paths);
    let text = if customs.len() == 1 {
        let tried = match first.trial_days(path) {
            0 => String::new(),
            days => format!(", but on {days} as now"),
        };
        format!(
            "On {} earlier days of use (at least {CUSTOM_DAYS}) the key was reached through {paths} only{tried}",
            first.days
        )
    } else {
        format!(
            "On at least {CUSTOM_DAYS} earlier days of use of each the keys were reached through {paths} only"
        )
    };
    Evidence::new("service_path", text).expected(paths)
}

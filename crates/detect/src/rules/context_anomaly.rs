//! `context-anomaly`: the encryption context is missing, new, or of another service or account than usual.

use std::collections::{BTreeMap, BTreeSet};

use keytrail_event::context::service_of_key;
use keytrail_event::source::DIRECT;
use keytrail_event::{OperationClass, OutcomeFamily};

use super::caller::AWS_INTERNAL_PATH;
use super::customs::{CUSTOM_DAYS, context_accounts, context_keys};
use super::day::{DayCell, DayHit, DayLight};
use super::direct_use_of_service_key::{is_told, may_be_unnamed};
use super::key_customs::KeyCustoms;
use super::sightings::{
    calls_evidence, context_in_words, contexts_evidence, events_of, hits_by_context,
};
use super::support::{cut, key_in_title, listed};
use super::{About, Hit, Rule, Side};
use crate::attestation::without_attestation;
use crate::finding::{Evidence, Severity};
use crate::values::ValueKind;

/// The rule.
pub struct ContextAnomaly;

/// What encrypts and opens nothing.
const BEGINNINGS: [&str; 3] = [
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
];

const ABOUT: About = About {
    id: "context-anomaly",
    title: "A key is used with another encryption context than usual",
    severities: &[Severity::Low, Severity::Medium],
    attack: &[("TA0009", "T1530", "T1530")],
    practice: "ciphertexts are bound to what they belong to",
    side: Side::Owner,
    fires_when: "On a key with at least 7 earlier days of use, a call succeeds without encryption context where every earlier one had one, with a set of context keys that is new to the key (unless it is a service's own and comes through that service), with a service's context through another path than that service that is new to it, or with a context that names a resource of an account outside the organisation for the first time. Low when a new set of keys begins with a call that encrypts, by a principal that used keys on earlier days. Calls on a new path to a key that was reached through services only are told by direct-use-of-service-key.",
    reads: &[
        "eventName",
        "eventTime",
        "errorCode",
        "recipientAccountId",
        "resources[].ARN",
        "requestParameters.encryptionContext",
        "requestParameters.sourceEncryptionContext",
        "userIdentity",
        "userIdentity.invokedBy",
    ],
};

/// What is wrong with a context.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Anomaly {
    Missing,
    NewKeys(String),
    OtherPath(String),
    Account(String),
}

impl Rule for ContextAnomaly {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn judge_day(&self, light: &DayLight<'_>) -> Vec<DayHit> {
        let mut anomalies: BTreeMap<(&str, &str, &str), Anomaly> = BTreeMap::new();
        for (key, day) in &light.gathered.keys {
            let Some(customs) = light.customs.key(key) else {
                continue;
            };
            for (context, path) in &day.contexts {
                if let Some(anomaly) = anomaly(customs, context, path, light) {
                    anomalies.insert((key, context, path), anomaly);
                }
            }
        }
        if anomalies.is_empty() {
            return Vec::new();
        }
        let keys: BTreeSet<&str> = anomalies.keys().map(|(key, ..)| *key).collect();
        let is_use = |class, outcome| {
            class == OperationClass::Cryptographic && outcome == OutcomeFamily::Success
        };
        let cells = light.cells_in(is_use, |cell| keys.contains(cell.key));
        // Of a way around the key's services `direct-use-of-service-key` tells, with the contexts.
        hits_by_context(
            &cells,
            |cell, context| {
                let anomaly = anomalies.get(&(cell.key, context, cell.service_path))?;
                (!is_told(light, cell)).then_some(anomaly)
            },
            |principal, key, anomaly, of_anomaly| {
                let is_begun =
                    begins_by_encrypting(&cells, key, anomaly) && light.uses.knows(principal);
                hit(light, (principal, key), (anomaly, is_begun), of_anomaly)
            },
        )
    }
}

fn anomaly(
    customs: &KeyCustoms,
    context: &str,
    path: &str,
    light: &DayLight<'_>,
) -> Option<Anomaly> {
    let context = without_attestation(context);
    let keys = context_keys(context);
    let mut known = customs.contexts.iter();
    if !known.any(|(known, _)| *known == keys) {
        // A key that never had a context has no custom to break.
        if customs.contexts.iter().all(|(known, _)| known.is_empty()) {
            return None;
        }
        return match service_of(&keys) {
            None if keys.is_empty() => Some(Anomaly::Missing),
            // A service that begins to use the key sets its own context: the path is new, not the binding.
            Some(service) if is_of(path, service) => None,
            _ => Some(Anomaly::NewKeys(keys)),
        };
    }
    let foreign = context_accounts(context).find(|account| {
        let is_ours = *account == light.account
            || light.configuration.organisation.accounts.contains(*account);
        let known = (format!("@{account}"), String::new());
        !is_ours && !customs.contexts.contains(&known)
    });
    if let Some(account) = foreign {
        return Some(Anomaly::Account(account.to_owned()));
    }
    let service = service_of(&keys)?;
    // A service that said no name before may have one now.
    let is_known =
        |(known, by): &(String, String)| *known == keys && (by == path || may_be_unnamed(by, path));
    let is_other = !is_of(path, service) && !customs.contexts.iter().any(is_known);
    is_other.then(|| Anomaly::OtherPath(path.to_owned()))
}

/// Whether a path can be that of a service.
fn is_of(path: &str, service: &str) -> bool {
    path == service || path == AWS_INTERNAL_PATH
}

/// Whether the day's first call with the key in a new kind of context put something into it, rather than out of it.
fn begins_by_encrypting(cells: &[DayCell<'_>], key: &str, anomaly: &Anomaly) -> bool {
    let Anomaly::NewKeys(keys) = anomaly else {
        return false;
    };
    let is_in_it = |cell: &&DayCell<'_>| {
        let mut contexts = cell.cell.values.names(ValueKind::Context, cell.symbols);
        cell.key == key && contexts.any(|known| context_keys(without_attestation(known)) == *keys)
    };
    let first = cells
        .iter()
        .filter(is_in_it)
        .min_by_key(|cell| cell.first());
    first.is_some_and(|cell| BEGINNINGS.contains(&cell.operation))
}

/// The service that alone sets a context with these keys.
fn service_of(keys: &str) -> Option<&'static str> {
    keys.split('&').find_map(service_of_key)
}

fn hit(
    light: &DayLight<'_>,
    (principal, key): (&str, &str),
    (anomaly, is_begun): (&Anomaly, bool),
    cells: &[&DayCell<'_>],
) -> Hit {
    let name = key_in_title(Some(key));
    let customs = light.customs.key(key);
    let days = customs.map_or(0, |customs| customs.days);
    let mut usual: Vec<&str> = Vec::new();
    for (keys, _) in customs
        .into_iter()
        .flat_map(|customs| customs.contexts.iter())
    {
        if !keys.starts_with('@') && usual.last() != Some(&keys.as_str()) {
            usual.push(keys);
        }
    }
    let usual: Vec<&str> = usual.into_iter().map(context_in_words).collect();
    let usual = listed(usual);
    let (class, title, observed, text) = match anomaly {
        Anomaly::Missing => (
            "missing".to_owned(),
            format!("{name} was used without encryption context"),
            "none",
            format!(
                "Every call on {days} earlier days of use (at least {CUSTOM_DAYS}) had a context: {usual}"
            ),
        ),
        Anomaly::NewKeys(keys) => {
            let keys = cut(keys);
            (
                format!("keys {keys}"),
                format!("{name} was used with a new kind of encryption context: {keys}"),
                keys,
                format!(
                    "On {days} earlier days of use (at least {CUSTOM_DAYS}) the context had these keys: {usual}"
                ),
            )
        }
        Anomaly::OtherPath(path) => {
            let how = if path == DIRECT {
                "directly".to_owned()
            } else {
                format!("through {}", cut(path))
            };
            (
                format!("path {}", cut(path)),
                format!("{name} was used with a service's encryption context, but {how}"),
                cut(path),
                format!(
                    "The context is one that a single service sets, the call came {how}; on {days} earlier days of use that was never so"
                ),
            )
        }
        Anomaly::Account(account) => (
            format!("account {account}"),
            format!("{name} was used for a resource of account {account}"),
            account.as_str(),
            format!(
                "The context names a resource of {account}, which is neither this account nor one of organisation.accounts; on {days} earlier days of use that was never so"
            ),
        ),
    };
    let first = cells.iter().map(|cell| cell.first_time()).min();
    let begun = is_begun.then(|| {
        Evidence::new(
            "first_call",
            "The day's first call in such a context encrypted, and the principal used keys before: something new began, and nothing that was kept before opens in it",
        )
    });
    let severity = if is_begun {
        Severity::Low
    } else {
        Severity::Medium
    };
    let mut hit = Hit::about(Some(principal), Some(key), severity, title)
        .class(class)
        .because(
            Evidence::new("encryption_context", text)
                .observed(observed)
                .expected(usual),
        )
        .because(calls_evidence(cells));
    hit.evidence.extend(contexts_evidence(cells));
    hit.evidence.extend(begun);
    hit.next("Find out what was encrypted or decrypted: without the usual context it belongs to something else.")
        .next("Demand the context in the key policy: conditions on kms:EncryptionContextKeys and kms:EncryptionContext:….")
        .next(events_of(principal, first.unwrap_or(light.until), 24))
}

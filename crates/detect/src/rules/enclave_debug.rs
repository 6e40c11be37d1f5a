//! `enclave-debug`: a key answers an enclave that is not the one it should be, or something that is no enclave.

use std::collections::{BTreeMap, BTreeSet};

use keytrail_event::{OperationClass, OutcomeFamily};

use super::customs::CUSTOM_DAYS;
use super::day::{DayCell, DayHit, DayLight};
use super::sightings::{calls_evidence, events_of, hits_by_context};
use super::support::{cut, key_argument, key_in_title, listed};
use super::{About, Hit, Rule, Side};
use crate::attestation::{DEBUG, attestation_of, takes_attestation};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct EnclaveDebug;

const ABOUT: About = About {
    id: "enclave-debug",
    title: "A key answers an enclave in debug mode, another enclave, or none",
    severities: &[Severity::High],
    attack: &[("TA0005", "T1553", "T1553")],
    practice: "what is meant for an enclave is opened in that enclave only",
    side: Side::Owner,
    fires_when: "A call with an attestation document succeeds whose platform configuration registers (PCRs) 0 to 2 are all zero, as those of an enclave in debug mode are. On a key with at least 7 earlier days of use, all with attestation: a call without one, or with a set of PCRs that is new to the key; the instance (PCR 4) does not count.",
    reads: &[
        "eventName",
        "eventTime",
        "errorCode",
        "recipientAccountId",
        "resources[].ARN",
        "additionalEventData.recipient.attestationDocumentEnclaveImageDigest",
        "additionalEventData.recipient.attestationDocumentEnclavePCR (and the number of each)",
        "userIdentity",
    ],
};

/// What is wrong with an attestation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Anomaly {
    Debug,
    Missing,
    New(String),
}

impl Rule for EnclaveDebug {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn judge_day(&self, light: &DayLight<'_>) -> Vec<DayHit> {
        let mut anomalies: BTreeMap<(&str, &str), Anomaly> = BTreeMap::new();
        for (key, day) in &light.gathered.keys {
            for context in &day.attestable {
                if let Some(anomaly) = anomaly(light, key, context) {
                    anomalies.insert((key, context), anomaly);
                }
            }
        }
        if anomalies.is_empty() {
            return Vec::new();
        }
        let keys: BTreeSet<&str> = anomalies.keys().map(|(key, _)| *key).collect();
        let is_use = |class, outcome| {
            class == OperationClass::Cryptographic && outcome == OutcomeFamily::Success
        };
        let cells = light.cells_in(is_use, |cell| {
            takes_attestation(cell.operation) && keys.contains(cell.key)
        });
        hits_by_context(
            &cells,
            |cell, context| anomalies.get(&(cell.key, context)),
            |principal, key, anomaly, cells| hit(light, principal, key, anomaly, cells),
        )
    }
}

fn anomaly(light: &DayLight<'_>, key: &str, context: &str) -> Option<Anomaly> {
    let attestation = attestation_of(context);
    if attestation == Some(DEBUG) {
        return Some(Anomaly::Debug);
    }
    let customs = light.customs.key(key)?;
    if customs.attestations.is_empty() || customs.is_unattested {
        return None;
    }
    match attestation {
        None => Some(Anomaly::Missing),
        Some(pcrs) => (!customs.attestations.contains(pcrs)).then(|| Anomaly::New(pcrs.to_owned())),
    }
}

fn hit(
    light: &DayLight<'_>,
    principal: &str,
    key: &str,
    anomaly: &Anomaly,
    cells: &[&DayCell<'_>],
) -> Hit {
    let name = key_in_title(Some(key));
    let customs = light.customs.key(key);
    let days = customs.map_or(0, |customs| customs.days);
    let known = customs
        .into_iter()
        .flat_map(|customs| customs.attestations.iter());
    let known = listed(known.map(String::as_str));
    let (class, title, observed, text) = match anomaly {
        Anomaly::Debug => (
            "debug".to_owned(),
            format!("{name} answered an enclave in debug mode"),
            "all zero",
            "The PCRs of the image (0 to 2) are zero: the enclave runs in debug mode, its memory and console can be read from outside".to_owned(),
        ),
        Anomaly::Missing => (
            "missing".to_owned(),
            format!("{name} answered a call without attestation"),
            "none",
            format!("Every call on {days} earlier days of use (at least {CUSTOM_DAYS}) came with an attestation document; this one had the answer in the clear"),
        ),
        Anomaly::New(pcrs) => (
            format!("pcrs {}", cut(pcrs)),
            format!("{name} answered an enclave that it never did before"),
            cut(pcrs),
            format!("On {days} earlier days of use (at least {CUSTOM_DAYS}) the key answered other enclaves only"),
        ),
    };
    let mut reason = Evidence::new("attestation", text).observed(observed);
    if !known.is_empty() {
        reason = reason.expected(known);
    }
    let first = cells.iter().map(|cell| cell.first_time()).min();
    Hit::about(Some(principal), Some(key), Severity::High, title)
        .class(class)
        .because(reason)
        .because(calls_evidence(cells))
        .next("Compare the PCRs with those of the image that was released: nitro-cli describe-eif tells them.")
        .next(format!(
            "Demand the image in the key policy: a condition on kms:RecipientAttestation:ImageSha384. aws kms get-key-policy --policy-name default --key-id {}",
            key_argument(key)
        ))
        .next(events_of(principal, first.unwrap_or(light.until), 24))
}

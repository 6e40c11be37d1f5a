//! The attestation of a call: which enclave the answer was made for, as CloudTrail tells it.
//!
//! A call from a Nitro enclave carries an attestation document; KMS writes its platform configuration registers (PCRs)
//! into `additionalEventData.recipient` (AWS KMS Developer Guide, "Monitoring requests for Nitro enclaves"). Like the
//! encryption context they say what a call is bound to, and a cell keeps them with it: as the first pair of the
//! signature.

use std::borrow::Cow;

use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

/// Begins the signature of a call with attestation; a context that begins so is kept behind an `&`.
const MARK: &str = "!attestation=";
/// Stands for PCRs that are all zero: the enclave runs in debug mode.
pub const DEBUG: &str = "debug";
/// Shorter than this no `additionalEventData` tells of an attestation: a digest alone has 96 digits. What most
/// records have there, the id of the key's material, is shorter.
const DOCUMENT_BYTES_MIN: usize = 96;
/// Hexadecimal digits kept of the image's digest; a digest has 96.
const DIGEST_DIGITS: usize = 32;
/// What the names of all fields of an attestation document begin with.
const FIELDS: &str = "attestationDocument";
/// The field that names the enclave rather than what runs in it.
const MODULE: &str = "attestationDocumentModuleId";
/// The field of PCR 0, the digest of the image.
const IMAGE_DIGEST: &str = "attestationDocumentEnclaveImageDigest";

/// The operations that take an attestation document, sorted.
const OPERATIONS: [&str; 5] = [
    "Decrypt",
    "DeriveSharedSecret",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateRandom",
];

/// Whether an operation takes an attestation document.
#[must_use]
pub fn takes_attestation(operation: &str) -> bool {
    OPERATIONS.binary_search(&operation).is_ok()
}

/// The enclave that a record's answer was made for, as its `additionalEventData` tells it: 32 digits of the image's digest and a hash of all registers, or
/// [`DEBUG`]; `None` without attestation.
#[must_use]
#[inline]
pub fn attestation(additional_event_data: Option<&str>) -> Option<Cow<'static, str>> {
    // Few records have it: length and bytes tell before a parse does.
    let raw = additional_event_data
        .filter(|raw| raw.len() >= DOCUMENT_BYTES_MIN && raw.contains(FIELDS))?;
    let data: Value = serde_json::from_str(raw).ok()?;
    let recipient = data["recipient"].as_object()?;
    let mut registers: Vec<(&str, &str)> = recipient
        .iter()
        .filter(|(name, _)| name.starts_with(FIELDS) && *name != MODULE)
        .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
        .collect();
    registers.sort_unstable();
    if registers.is_empty() {
        return None;
    }
    let is_zero = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte == b'0');
    if registers.iter().all(|(_, value)| is_zero(value)) {
        return Some(Cow::Borrowed(DEBUG));
    }
    let mut all = String::new();
    for (name, value) in &registers {
        all.push_str(name);
        all.push('=');
        all.push_str(value);
        all.push('\n');
    }
    let image = registers.iter().find(|(name, _)| *name == IMAGE_DIGEST);
    let digits: String = image
        .map_or("", |(_, value)| value)
        .chars()
        .filter(char::is_ascii_hexdigit)
        .take(DIGEST_DIGITS)
        .collect();
    Some(Cow::Owned(format!(
        "{digits}-{:016x}",
        xxh3_64(all.as_bytes())
    )))
}

/// Begins a signature with the attestation; the context's pairs follow behind an `&`.
pub fn begin_signature(attestation: &str, signature: &mut String) {
    signature.push_str(MARK);
    signature.push_str(attestation);
}

/// Sees to it that a context which looks like an attestation is none.
pub fn guard(signature: &mut String) {
    if signature.starts_with(MARK) {
        signature.insert(0, '&');
    }
}

/// The attestation that a signature begins with.
#[must_use]
pub fn attestation_of(signature: &str) -> Option<&str> {
    let rest = signature.strip_prefix(MARK)?;
    Some(
        rest.split_once('&')
            .map_or(rest, |(attestation, _)| attestation),
    )
}

/// A signature without its attestation.
#[must_use]
pub fn without_attestation(signature: &str) -> &str {
    match signature.strip_prefix(MARK) {
        Some(rest) => rest.split_once('&').map_or("", |(_, context)| context),
        None => signature,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_comes_apart() {
        for (signature, attestation, context) in [
            ("", None, ""),
            ("a=1&b", None, "a=1&b"),
            ("!attestation=x&a=1&b", Some("x"), "a=1&b"),
            ("!attestation=x", Some("x"), ""),
        ] {
            assert_eq!(attestation_of(signature), attestation, "{signature}");
            assert_eq!(without_attestation(signature), context, "{signature}");
        }
    }

    #[test]
    fn a_context_is_no_attestation() {
        let mut signature = "!attestation=x&".to_owned();
        guard(&mut signature);
        assert_eq!(attestation_of(&signature), None);
    }

    #[test]
    fn the_operations_are_sorted() {
        assert!(OPERATIONS.is_sorted());
    }
}

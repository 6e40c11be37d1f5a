//! The attestation of a call: which enclave the answer was made for, as CloudTrail tells it.
//!
//! A call from a Nitro enclave carries an attestation document; KMS writes its platform configuration registers (PCRs)
//! into `additionalEventData.recipient` (AWS KMS Developer Guide, "Monitoring requests for Nitro enclaves"). Like the
//! encryption context they say what a call is bound to, and a cell keeps them with it: as the first pair of the
//! signature.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

/// Begins the signature of a call with attestation; a context that begins so is kept behind an `&`.
const MARK: &str = "!attestation=";
/// Stands for an image's PCRs that are all zero: the enclave runs in debug mode.
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
/// The fields of PCR 0 to 2, which measure the image. Debug mode makes these zero; the role and the instance that the
/// others tell of may still be told.
const MEASURES: [&str; 3] = [
    IMAGE_DIGEST,
    "attestationDocumentEnclavePCR1",
    "attestationDocumentEnclavePCR2",
];
/// The field of PCR 4, a hash of the parent instance's id: every new instance of an image has another.
const INSTANCE: &str = "attestationDocumentEnclavePCR4";
/// Digits of a PCR in base64, which is how CloudTrail writes its 48 bytes.
const BASE64_DIGITS: usize = 64;

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

/// The enclave that a record's answer was made for, as its `additionalEventData` tells it: 32 digits of the image's
/// digest and a hash of all registers but the one that names the instance, or [`DEBUG`]; `None` without attestation.
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
    registers.retain(|(name, _)| *name != INSTANCE);
    let mut measures = registers
        .iter()
        .filter(|(name, _)| MEASURES.contains(name))
        .peekable();
    if measures.peek().is_some() && measures.all(|(_, value)| is_zero(value)) {
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
    let digits = first_digits(image.map_or("", |(_, value)| value));
    Some(Cow::Owned(format!(
        "{digits}-{:016x}",
        xxh3_64(all.as_bytes())
    )))
}

/// Whether a register is zero, in hexadecimal or base64.
fn is_zero(register: &str) -> bool {
    let is_all = |digit| register.bytes().all(|byte| byte == digit);
    match register.len() {
        0 => false,
        BASE64_DIGITS => is_all(b'A') || is_all(b'0'),
        _ => is_all(b'0'),
    }
}

/// The first digits of a register in hexadecimal, as `nitro-cli describe-eif` tells them.
fn first_digits(register: &str) -> String {
    if register.len() == BASE64_DIGITS
        && let Ok(bytes) = STANDARD.decode(register)
    {
        let bytes = bytes.iter().take(DIGEST_DIGITS / 2);
        return bytes.map(|byte| format!("{byte:02x}")).collect();
    }
    let digits = register.chars().filter(char::is_ascii_hexdigit);
    digits.take(DIGEST_DIGITS).collect()
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

    /// An attestation whose registers are told as (suffix of the field, value).
    fn told(registers: &[(&str, &str)]) -> String {
        let mut recipient = serde_json::Map::new();
        recipient.insert(MODULE.to_owned(), Value::from("i-0abc-enc0123"));
        for (suffix, value) in registers {
            recipient.insert(format!("{FIELDS}Enclave{suffix}"), Value::from(*value));
        }
        let data = serde_json::json!({ "recipient": recipient });
        attestation(Some(&data.to_string())).unwrap().into_owned()
    }

    /// A debug enclave was none, since CloudTrail writes base64 and the role and the instance stay told.
    #[test]
    fn a_debug_enclave_has_an_image_of_zeros() {
        let (hex, base64) = ("0".repeat(96), "A".repeat(64));
        let role = "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4mrze8BI0VniavN7wEjRWeJ";
        for zero in [&*hex, &*base64] {
            let debug = [("ImageDigest", zero), ("PCR1", zero), ("PCR2", zero)];
            assert_eq!(told(&debug), DEBUG);
            assert_eq!(
                told(&[&debug[..], &[("PCR3", role), ("PCR4", role)]].concat()),
                DEBUG
            );
            assert_eq!(told(&[("ImageDigest", zero)]), DEBUG);
            // An image that nobody signed has no PCR 8.
            let unsigned = [("ImageDigest", role), ("PCR1", role), ("PCR8", zero)];
            assert_ne!(told(&unsigned), DEBUG);
            assert_ne!(told(&[("ImageDigest", zero), ("PCR1", role)]), DEBUG);
        }
    }

    /// Every instance that was started was an enclave never seen before.
    #[test]
    fn instances_of_an_image_are_one_enclave() {
        let (image, other) = ("3q2+7w".repeat(11), "Zm9v".repeat(16));
        let image = &image[..64];
        let enclave = |instance: &str, role: &str| {
            told(&[("ImageDigest", image), ("PCR3", role), ("PCR4", instance)])
        };
        let one = enclave(image, image);
        assert!(one.starts_with("deadbeef"), "{one}");
        assert_eq!(one.find('-'), Some(DIGEST_DIGITS), "{one}");
        assert_eq!(one, enclave(&other, image));
        assert_ne!(one, enclave(image, &other));
        // In hexadecimal the first digits are those that were told.
        let hex = told(&[("ImageDigest", &"ab12".repeat(24))]);
        assert!(hex.starts_with(&"ab12".repeat(8)), "{hex}");
    }

    #[test]
    fn the_operations_are_sorted() {
        assert!(OPERATIONS.is_sorted());
    }
}

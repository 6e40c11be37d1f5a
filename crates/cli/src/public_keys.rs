//! CloudTrail's public keys, as `aws cloudtrail list-public-keys` writes them.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keytrail_detect::digest_chain::SignatureCheck;
use keytrail_report::escape;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde::Deserialize;

use crate::failure::UsageError;

/// RSA public keys (PKCS #1, DER) by fingerprint.
#[derive(Debug, Default)]
pub struct PublicKeys(BTreeMap<String, Vec<u8>>);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    public_key_list: Vec<ListedKey>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedKey {
    value: String,
    fingerprint: String,
}

impl PublicKeys {
    /// Reads files, each of one Region.
    ///
    /// # Errors
    /// When one holds no keys.
    pub fn read<'p>(paths: impl Iterator<Item = &'p Path>) -> Result<Self, UsageError> {
        let mut keys = Self::default();
        for path in paths {
            let name = escape::path(path);
            let text = std::fs::read_to_string(path)
                .map_err(|error| UsageError::new(format_args!("cannot read `{name}`: {error}")))?;
            keys.add(&text).map_err(|why| {
                UsageError::new(format_args!("`{name}` holds no public keys: {why}"))
                    .hint("aws cloudtrail list-public-keys --start-time TIME --end-time TIME --region REGION writes them, for a trail's home Region")
            })?;
        }
        Ok(keys)
    }

    fn add(&mut self, text: &str) -> Result<(), String> {
        let listed: Listed = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if listed.public_key_list.is_empty() {
            return Err("its `PublicKeyList` is empty".to_owned());
        }
        for key in listed.public_key_list {
            let der = STANDARD
                .decode(key.value.trim())
                .map_err(|error| format!("a `Value` is no base64: {error}"))?;
            self.0.insert(key.fingerprint.to_ascii_lowercase(), der);
        }
        Ok(())
    }

    /// Checks a signature in hexadecimal by the key of this fingerprint.
    pub fn check(&self, fingerprint: &str, text: &str, signature: &str) -> SignatureCheck {
        let Some(key) = self.0.get(&fingerprint.to_ascii_lowercase()) else {
            return SignatureCheck::KeyUnknown;
        };
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key);
        let is_sound = bytes_of(signature)
            .is_some_and(|signature| key.verify(text.as_bytes(), &signature).is_ok());
        if is_sound {
            SignatureCheck::Sound
        } else {
            SignatureCheck::Wrong
        }
    }
}

/// Bytes written in hexadecimal.
fn bytes_of(hexadecimal: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (pairs, []) = hexadecimal.as_bytes().as_chunks::<2>() else {
        return None;
    };
    let byte = |[high, low]: &[u8; 2]| u8::try_from(digit(*high)? * 16 + digit(*low)?).ok();
    pairs.iter().map(byte).collect()
}

/// Bytes in hexadecimal.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_reads_back() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(bytes_of(&hexadecimal(&bytes)), Some(bytes));
        for text in ["0", "0g", "é"] {
            assert_eq!(bytes_of(text), None, "{text}");
        }
    }

    #[test]
    fn a_list_of_keys_is_read() {
        let mut keys = PublicKeys::default();
        keys.add(
            r#"{"PublicKeyList":[{"Value":"AAEC","Fingerprint":"AB","ValidityStartTime":1}]}"#,
        )
        .unwrap();
        assert_eq!(keys.check("ab", "text", "00"), SignatureCheck::Wrong);
        assert_eq!(keys.check("cd", "text", "00"), SignatureCheck::KeyUnknown);
        for text in [
            "{}",
            "",
            r#"{"PublicKeyList":[]}"#,
            r#"{"PublicKeyList":[{"Value":"?","Fingerprint":"ab"}]}"#,
        ] {
            assert!(keys.add(text).is_err(), "{text}");
        }
    }
}

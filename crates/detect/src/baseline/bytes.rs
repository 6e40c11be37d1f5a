//! A base as bytes: a version of the form, the version of the mathematics, and postcard.

use thiserror::Error;

use super::constants::MATHS_VERSION;
use super::state::AccountBaseline;

/// The version of the form, the first byte.
const FORM: u8 = 1;

/// Why bytes are no base of this version.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BytesError {
    /// Another form, or no bytes at all.
    #[error("a baseline of form {0}, where this version reads form {FORM}: rebuild the state")]
    Form(u8),
    /// Folded by another mathematics: days are folded anew, nothing migrates.
    #[error(
        "a baseline of maths version {0}, where this version has {MATHS_VERSION}: rebuild the state"
    )]
    Maths(u32),
    /// Damaged.
    #[error("not a baseline: {0}")]
    Damaged(String),
}

impl AccountBaseline {
    /// The base as bytes: equal bases give equal bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![FORM];
        bytes.extend_from_slice(&MATHS_VERSION.to_le_bytes());
        // Every part has a form in postcard, and memory takes what is written.
        postcard::to_extend(self, bytes).unwrap_or_default()
    }

    /// Reads what [`AccountBaseline::encode`] wrote.
    ///
    /// # Errors
    /// When the bytes are of another form or mathematics, or damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, BytesError> {
        let [form, a, b, c, d, body @ ..] = bytes else {
            return Err(BytesError::Damaged("too short".to_owned()));
        };
        if *form != FORM {
            return Err(BytesError::Form(*form));
        }
        let maths = u32::from_le_bytes([*a, *b, *c, *d]);
        if maths != MATHS_VERSION {
            return Err(BytesError::Maths(maths));
        }
        postcard::from_bytes(body).map_err(|error| BytesError::Damaged(error.to_string()))
    }
}

/// For `#[serde(with)]`: a base within another form, as its bytes.
pub mod as_bytes {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::AccountBaseline;

    /// Writes the bytes.
    ///
    /// # Errors
    /// When the form takes no more.
    pub fn serialize<S: Serializer>(
        base: &Arc<AccountBaseline>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&base.encode())
    }

    /// Reads the bytes.
    ///
    /// # Errors
    /// When they are no base of this version.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<AccountBaseline>, D::Error> {
        let bytes = Bytes::deserialize(deserializer)?;
        let base = AccountBaseline::decode(&bytes.0).map_err(D::Error::custom)?;
        Ok(Arc::new(base))
    }

    /// Bytes, however the form gives them.
    pub(crate) struct Bytes(pub Vec<u8>);

    impl<'de> Deserialize<'de> for Bytes {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Bytes;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("bytes")
                }
                fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                    Ok(Bytes(bytes.to_vec()))
                }
                fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
                    Ok(Bytes(bytes))
                }
                fn visit_seq<A: serde::de::SeqAccess<'de>>(
                    self,
                    mut bytes: A,
                ) -> Result<Bytes, A::Error> {
                    let mut all = Vec::new();
                    while let Some(byte) = bytes.next_element()? {
                        all.push(byte);
                    }
                    Ok(Bytes(all))
                }
            }
            deserializer.deserialize_byte_buf(Visitor)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_empty_base_survives() {
        let base = AccountBaseline::default();
        assert_eq!(AccountBaseline::decode(&base.encode()), Ok(base));
    }

    #[test]
    fn other_versions_are_refused() {
        let mut bytes = AccountBaseline::default().encode();
        bytes[1] ^= 0x40;
        assert!(matches!(
            AccountBaseline::decode(&bytes),
            Err(BytesError::Maths(_))
        ));
        bytes[0] = 9;
        assert_eq!(AccountBaseline::decode(&bytes), Err(BytesError::Form(9)));
        assert!(AccountBaseline::decode(&[]).is_err());
    }

    proptest! {
        #[test]
        fn damaged_bytes_never_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = AccountBaseline::default().encode();
            bytes.truncate(5);
            bytes.extend(body);
            let _ = AccountBaseline::decode(&bytes);
        }
    }
}

//! What Keytrail reads of `requestParameters`: keys, aliases and encryption contexts.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::context::{CONTEXT_PAIRS_MAX, EncryptionContext};
use crate::fields::Text;

/// The parts of a KMS request that decide key and context. A field of another type than KMS gives it counts as absent.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Request<'a> {
    /// `keyId`: id, ARN, alias name or alias ARN.
    pub key_id: Option<Cow<'a, str>>,
    /// `sourceKeyId` of ReEncrypt.
    pub source_key_id: Option<Cow<'a, str>>,
    /// `destinationKeyId` of ReEncrypt.
    pub destination_key_id: Option<Cow<'a, str>>,
    /// `targetKeyId` of CreateAlias and UpdateAlias.
    pub target_key_id: Option<Cow<'a, str>>,
    /// `aliasName`.
    pub alias_name: Option<Cow<'a, str>>,
    /// `encryptionContext`, or the source's of ReEncrypt.
    pub context: EncryptionContext<'a>,
}

impl<'a> Request<'a> {
    /// Reads `requestParameters`. Anything but an object is an empty request.
    #[must_use]
    pub fn read(request_parameters: &'a str) -> Self {
        serde_json::from_str(request_parameters).unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for Request<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RequestVisitor;
        impl<'de> Visitor<'de> for RequestVisitor {
            type Value = Request<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut request = Request::default();
                while let Some(Text(key)) = map.next_key()? {
                    match &*key {
                        "keyId" => request.key_id = map.next_value::<Lenient<'de>>()?.text(),
                        "sourceKeyId" => {
                            request.source_key_id = map.next_value::<Lenient<'de>>()?.text()
                        }
                        "destinationKeyId" => {
                            request.destination_key_id = map.next_value::<Lenient<'de>>()?.text()
                        }
                        "targetKeyId" => {
                            request.target_key_id = map.next_value::<Lenient<'de>>()?.text()
                        }
                        "aliasName" => {
                            request.alias_name = map.next_value::<Lenient<'de>>()?.text()
                        }
                        "encryptionContext" | "sourceEncryptionContext" => {
                            request.context = map.next_value::<Lenient<'de>>()?.context();
                        }
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(request)
            }
        }
        deserializer.deserialize_map(RequestVisitor)
    }
}

/// A value of which only strings, and objects of strings, matter.
enum Lenient<'a> {
    Text(Cow<'a, str>),
    Pairs(Vec<(Cow<'a, str>, Cow<'a, str>)>),
    Other,
}

impl<'a> Lenient<'a> {
    fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => Some(text),
            Self::Pairs(_) | Self::Other => None,
        }
    }

    fn context(self) -> EncryptionContext<'a> {
        match self {
            Self::Pairs(pairs) => EncryptionContext::new(pairs),
            Self::Text(_) | Self::Other => EncryptionContext::default(),
        }
    }
}

impl<'de> Deserialize<'de> for Lenient<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LenientVisitor;
        impl<'de> Visitor<'de> for LenientVisitor {
            type Value = Lenient<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }
            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Lenient::Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Lenient::Text(Cow::Owned(text.to_owned())))
            }
            fn visit_bool<E: de::Error>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Lenient::Other)
            }
            fn visit_i64<E: de::Error>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Lenient::Other)
            }
            fn visit_u64<E: de::Error>(self, _: u64) -> Result<Self::Value, E> {
                Ok(Lenient::Other)
            }
            fn visit_f64<E: de::Error>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Lenient::Other)
            }
            fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
                Ok(Lenient::Other)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Lenient::Other)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(Text(key)) = map.next_key()? {
                    // Deeper values are no context; more pairs than KMS can carry are not kept.
                    let value = map.next_value::<Lenient<'de>>()?;
                    if let Lenient::Text(value) = value
                        && pairs.len() < 4 * CONTEXT_PAIRS_MAX
                    {
                        pairs.push((key, value));
                    }
                }
                Ok(Lenient::Pairs(pairs))
            }
        }
        deserializer.deserialize_any(LenientVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_of_reencrypt() {
        let request = Request::read(
            r#"{"sourceKeyId":"a","destinationKeyId":"b","sourceEncryptionContext":{"k":"v"},"destinationEncryptionContext":{"x":"y"}}"#,
        );
        assert_eq!(request.source_key_id.as_deref(), Some("a"));
        assert_eq!(request.destination_key_id.as_deref(), Some("b"));
        assert_eq!(request.context.signature(), "k");
    }

    #[test]
    fn other_types_count_as_absent() {
        for json in [
            "null",
            "5",
            "[]",
            "\"x\"",
            r#"{"keyId":5,"encryptionContext":["a"]}"#,
            r#"{"keyId":{"a":{"b":1.5e3}}}"#,
        ] {
            assert_eq!(Request::read(json), Request::default(), "{json}");
        }
    }
}

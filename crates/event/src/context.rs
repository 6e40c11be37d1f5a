//! The encryption context: what a ciphertext is bound to, and its signature for baselines.

use std::borrow::Cow;

use crate::arn::Arn;

/// Longest signature, in bytes; what is longer is cut, since callers write contexts.
pub const SIGNATURE_BYTES_MAX: usize = 256;
/// Most context pairs kept of one record.
pub const CONTEXT_PAIRS_MAX: usize = 16;

/// The pairs of an encryption context, sorted by key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EncryptionContext<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> EncryptionContext<'a> {
    /// The context of these pairs; the last of two equal keys wins, and the first 16 by key are kept.
    #[must_use]
    pub fn new(mut pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>) -> Self {
        pairs.reverse();
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs.dedup_by(|later, kept| later.0 == kept.0);
        pairs.truncate(CONTEXT_PAIRS_MAX);
        Self { pairs }
    }

    /// The pairs, sorted by key.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(key, value)| (&**key, &**value))
    }

    /// Whether the record gives none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The signature: sorted keys, with a value only where the key names a resource that many calls
    /// share, cut to that resource (a bucket, not the object). Empty without context.
    #[must_use]
    pub fn signature(&self) -> String {
        let mut signature = String::new();
        self.write_signature(&mut signature);
        signature
    }

    /// Whether this is the signature, found out without writing it.
    #[must_use]
    pub fn has_signature(&self, signature: &str) -> bool {
        if signature.len() + 4 > SIGNATURE_BYTES_MAX {
            // It may have been cut.
            return self.signature() == signature;
        }
        let mut rest = signature.as_bytes();
        for (key, value) in self.pairs() {
            let separator: &[u8] = if rest.len() < signature.len() {
                b"&"
            } else {
                b""
            };
            let behind_key = rest
                .strip_prefix(separator)
                .and_then(|rest| rest.strip_prefix(key.as_bytes()));
            let Some(behind_key) = behind_key else {
                return false;
            };
            rest = behind_key;
            if let Some(resource) = shared_resource(key, value) {
                let value = rest.strip_prefix(b"=");
                match value.and_then(|value| value.strip_prefix(resource.as_bytes())) {
                    Some(behind_value) => rest = behind_value,
                    None => return false,
                }
            }
        }
        rest.is_empty()
    }

    /// Appends the signature to an empty text.
    pub fn write_signature(&self, signature: &mut String) {
        for (key, value) in &self.pairs {
            if !signature.is_empty() {
                signature.push('&');
            }
            signature.push_str(key);
            if let Some(resource) = shared_resource(key, value) {
                signature.push('=');
                signature.push_str(resource);
            }
            if signature.len() > SIGNATURE_BYTES_MAX {
                signature.truncate(signature.floor_char_boundary(SIGNATURE_BYTES_MAX));
                break;
            }
        }
    }
}

/// The resource a value sits in, for keys whose values repeat.
fn shared_resource<'v>(key: &str, value: &'v str) -> Option<&'v str> {
    match key {
        "aws:s3:arn" => {
            const PREFIX: &str = "arn:aws:s3:::";
            if let Some(bucket) = value.strip_prefix(PREFIX) {
                let length = memchr::memchr(b'/', bucket.as_bytes()).unwrap_or(bucket.len());
                return Some(&value[..PREFIX.len() + length]);
            }
            let bucket = Arn::parse(value)
                .filter(|arn| arn.service == "s3")?
                .resource;
            let length = memchr::memchr(b'/', bucket.as_bytes()).unwrap_or(bucket.len());
            Some(&value[..value.len() - bucket.len() + length])
        }
        "SecretARN"
        | "aws:lambda:FunctionArn"
        | "aws:cloudtrail:arn"
        | "aws:sqs:arn"
        | "aws:sns:topicArn"
        | "aws:dynamodb:tableName"
        | "aws:kinesis:arn"
        | "aws:logs:arn"
        | "aws:workmail:arn" => Some(value),
        "aws:logs:log-group" | "aws:elasticfilesystem:filesystem:id" | "aws:redshift:clusterId" => {
            Some(value)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn contexts() -> impl Strategy<Value = Vec<(String, String)>> {
        let key = prop_oneof![Just("aws:s3:arn".to_owned()), "[ab&=]{0,2}", "b{250,260}"];
        let value = prop_oneof!["arn:aws:s3:::[ab]{0,2}(/[ab])?", "[ab&=]{0,2}"];
        proptest::collection::vec((key, value), 0..4)
    }

    proptest! {
        #[test]
        fn a_signature_is_known_again(pairs in contexts(), other in contexts()) {
            let context = |pairs: Vec<(String, String)>| {
                let pairs = pairs.into_iter();
                EncryptionContext::new(
                    pairs.map(|(key, value)| (Cow::Owned(key), Cow::Owned(value))).collect(),
                )
            };
            let (context, other) = (context(pairs), context(other));
            let (signature, another) = (context.signature(), other.signature());
            prop_assert!(context.has_signature(&signature));
            prop_assert_eq!(context.has_signature(&another), signature == another);
        }
    }

    fn signature(pairs: &[(&'static str, &'static str)]) -> String {
        let pairs = pairs
            .iter()
            .map(|(key, value)| (Cow::Borrowed(*key), Cow::Borrowed(*value)))
            .collect();
        EncryptionContext::new(pairs).signature()
    }

    #[test]
    fn the_object_is_cut_to_its_bucket() {
        assert_eq!(
            signature(&[("aws:s3:arn", "arn:aws:s3:::invoices/2024/01.pdf")]),
            "aws:s3:arn=arn:aws:s3:::invoices"
        );
        assert_eq!(
            signature(&[("aws:s3:arn", "arn:aws:s3:::invoices")]),
            "aws:s3:arn=arn:aws:s3:::invoices"
        );
    }

    #[test]
    fn order_and_free_values_do_not_count() {
        assert_eq!(
            signature(&[("b", "1"), ("a", "2")]),
            signature(&[("a", "9"), ("b", "3"), ("a", "4")])
        );
        assert_eq!(signature(&[("b", "1"), ("a", "2")]), "a&b");
        assert_eq!(signature(&[]), "");
    }

    #[test]
    fn a_long_context_is_cut() {
        let long = Cow::Owned("é".repeat(1_000));
        let context = EncryptionContext::new(vec![(long, Cow::Borrowed(""))]);
        assert!(context.signature().len() <= SIGNATURE_BYTES_MAX);
    }
}

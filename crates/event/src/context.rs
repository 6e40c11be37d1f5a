//! The encryption context: what a ciphertext is bound to, and its signature for baselines.

use std::borrow::Cow;

use crate::arn::Arn;

/// Longest signature, in bytes; what is longer is cut, since callers write contexts.
pub const SIGNATURE_BYTES_MAX: usize = 256;
/// Most context pairs kept of one record.
pub const CONTEXT_PAIRS_MAX: usize = 16;

/// Pairs that are kept in place; real contexts have one or two.
const FEW: usize = 2;

/// A key and its value.
type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The pairs of an encryption context, sorted by key.
#[derive(Clone)]
pub struct EncryptionContext<'a> {
    pairs: Pairs<'a>,
}

#[derive(Clone)]
enum Pairs<'a> {
    Few([Pair<'a>; FEW], usize),
    Many(Vec<Pair<'a>>),
}

impl<'a> Pairs<'a> {
    const NONE: Pair<'a> = (Cow::Borrowed(""), Cow::Borrowed(""));

    #[inline]
    fn as_slice(&self) -> &[Pair<'a>] {
        match self {
            Self::Few(pairs, length) => pairs.get(..*length).unwrap_or_default(),
            Self::Many(pairs) => pairs,
        }
    }
}

impl Default for EncryptionContext<'_> {
    #[inline]
    fn default() -> Self {
        Self {
            pairs: Pairs::Few([Pairs::NONE; FEW], 0),
        }
    }
}

impl std::fmt::Debug for EncryptionContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.pairs()).finish()
    }
}

impl PartialEq for EncryptionContext<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.pairs.as_slice() == other.pairs.as_slice()
    }
}

impl Eq for EncryptionContext<'_> {}

impl<'a> EncryptionContext<'a> {
    /// The context of these pairs; the last of two equal keys wins, and the first 16 by key are kept.
    #[must_use]
    pub fn new(mut pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>) -> Self {
        pairs.reverse();
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs.dedup_by(|later, kept| later.0 == kept.0);
        pairs.truncate(CONTEXT_PAIRS_MAX);
        Self {
            pairs: Pairs::Many(pairs),
        }
    }

    /// The context with the keys of another, and these values in their order; `None` when one is
    /// missing.
    #[inline(always)]
    pub(crate) fn with_values(
        keys: &'a EncryptionContext<'_>,
        mut values: impl ExactSizeIterator<Item = Option<&'a str>>,
    ) -> Option<Self> {
        let keys = keys.pairs.as_slice();
        if values.len() != keys.len() {
            return None;
        }
        let mut next = |key: &'a Cow<'_, str>| {
            let value = values.next()??;
            Some((Cow::Borrowed(&**key), Cow::Borrowed(value)))
        };
        if keys.len() > FEW {
            let pairs = keys.iter().map(|(key, _)| next(key));
            return Some(Self {
                pairs: Pairs::Many(pairs.collect::<Option<_>>()?),
            });
        }
        let mut few = [Pairs::NONE; FEW];
        for (pair, (key, _)) in few.iter_mut().zip(keys) {
            *pair = next(key)?;
        }
        Some(Self {
            pairs: Pairs::Few(few, keys.len()),
        })
    }

    /// The same with texts of its own.
    pub(crate) fn to_static(&self) -> EncryptionContext<'static> {
        let own = |text: &str| Cow::Owned(text.to_owned());
        let pairs = self.pairs().map(|(key, value)| (own(key), own(value)));
        EncryptionContext {
            pairs: Pairs::Many(pairs.collect()),
        }
    }

    /// The pairs, sorted by key.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs
            .as_slice()
            .iter()
            .map(|(key, value)| (&**key, &**value))
    }

    /// Whether the record gives none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.as_slice().is_empty()
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
        for (key, value) in self.pairs.as_slice() {
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

/// The signature of a context, as what it asks of the values of another context with the same names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureForm(Vec<ValueForm>);

/// What a signature asks of one value.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ValueForm {
    /// Nothing: the value is no part of it.
    Any,
    /// That it is this one.
    Whole(Box<str>),
    /// That it is this one or lies below it: `arn:aws:s3:::invoices` of `arn:aws:s3:::invoices/2024/01.pdf`.
    Below(Box<str>),
}

impl SignatureForm {
    /// The form of this context's signature; `None` where only writing a signature tells whether it is the same.
    #[must_use]
    pub fn of(context: &EncryptionContext<'_>) -> Option<Self> {
        let mut length = 0;
        let mut values = Vec::with_capacity(context.pairs.as_slice().len());
        for (key, value) in context.pairs() {
            let shared = resource_key(key).map(|(shared, _)| shared);
            let resource = shared.and_then(|shared| part(shared, value));
            // The name, what it shares, and two signs.
            length += key.len() + resource.map_or(0, str::len) + 2;
            values.push(match (shared, resource) {
                (None, _) => ValueForm::Any,
                (Some(Shared::Whole), Some(resource)) => ValueForm::Whole(resource.into()),
                // An ARN that ends here names nothing, so that a value which is it shares nothing.
                (Some(_), Some(resource)) if resource.ends_with(':') => return None,
                (Some(_), Some(resource)) => ValueForm::Below(resource.into()),
                // Another value may share something.
                (Some(_), None) => return None,
            });
        }
        // A longer one may be cut.
        (length <= SIGNATURE_BYTES_MAX).then_some(Self(values))
    }

    /// Whether a context with the same names in the same order and these values has the same signature. Two that differ in
    /// what they share can have it too, where one names the other: that is not found here.
    #[inline]
    pub(crate) fn is_of<'v>(&self, values: impl ExactSizeIterator<Item = Option<&'v str>>) -> bool {
        let Self(forms) = self;
        forms.len() == values.len()
            && forms.iter().zip(values).all(|(form, value)| {
                let Some(value) = value else { return false };
                match form {
                    ValueForm::Any => true,
                    ValueForm::Whole(whole) => **whole == *value,
                    ValueForm::Below(above) => {
                        let rest = value.as_bytes().strip_prefix(above.as_bytes());
                        rest.is_some_and(|rest| rest.first().is_none_or(|next| *next == b'/'))
                    }
                }
            })
    }
}

/// What of a value many calls share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shared {
    /// All of it.
    Whole,
    /// A bucket, not the object.
    Bucket,
    /// The first level of a parameter's path: `/shop` of `/shop/database/password`.
    FirstLevel,
}

/// The keys of contexts whose value names a resource that many calls share: what is shared of it, and the service that
/// alone sets the key, where one does.
fn resource_key(key: &str) -> Option<(Shared, Option<&'static str>)> {
    use Shared::{Bucket, FirstLevel, Whole};
    let (shared, service) = match key {
        "PARAMETER_ARN" => (FirstLevel, "ssm.amazonaws.com"),
        "SecretARN" => (Whole, "secretsmanager.amazonaws.com"),
        "aws:cloudtrail:arn" => (Whole, "cloudtrail.amazonaws.com"),
        "aws:dynamodb:tableName" => (Whole, "dynamodb.amazonaws.com"),
        "aws:kinesis:arn" => (Whole, "kinesis.amazonaws.com"),
        "aws:lambda:FunctionArn" => (Whole, "lambda.amazonaws.com"),
        "aws:logs:arn" => (Whole, "logs.amazonaws.com"),
        "aws:s3:arn" => (Bucket, "s3.amazonaws.com"),
        "aws:sns:topicArn" => (Whole, "sns.amazonaws.com"),
        "aws:sqs:arn" => (Whole, "sqs.amazonaws.com"),
        "aws:elasticfilesystem:filesystem:id"
        | "aws:logs:log-group"
        | "aws:redshift:clusterId"
        | "aws:workmail:arn" => return Some((Whole, None)),
        _ => return None,
    };
    Some((shared, Some(service)))
}

/// The service that alone sets this key of a context.
#[must_use]
pub fn service_of_key(key: &str) -> Option<&'static str> {
    resource_key(key)?.1
}

/// The resource a value sits in, for keys whose values repeat.
fn shared_resource<'v>(key: &str, value: &'v str) -> Option<&'v str> {
    part(resource_key(key)?.0, value)
}

/// What of this value is shared so.
fn part(shared: Shared, value: &str) -> Option<&str> {
    match shared {
        Shared::Whole => Some(value),
        Shared::FirstLevel => {
            let resource = Arn::parse(value)
                .filter(|arn| arn.service == "ssm")?
                .resource;
            let path = resource.strip_prefix("parameter/")?;
            let length = memchr::memchr(b'/', path.as_bytes()).unwrap_or(path.len());
            Some(&value[..value.len() - path.len() + length])
        }
        Shared::Bucket => {
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

    fn values() -> impl Strategy<Value = String> {
        prop_oneof![
            "arn:aws:s3:::[ab]{0,2}(/[ab]{0,2}){0,2}",
            "arn:aws-cn:s3:::[ab]{0,1}(/[ab])?",
            "arn:aws:ssm:eu-west-1:111122223333:parameter(/[ab]{0,1}){0,3}",
            "[ab/]{0,2}",
        ]
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

        #[test]
        fn a_form_is_known_again(keys in proptest::sample::subsequence(
            vec!["PARAMETER_ARN", "SecretARN", "aws:s3:arn", "tenant"], 0..=4,
        ), values in proptest::collection::vec(values(), 8), long in 0..240_usize) {
            let (ours, theirs) = values.split_at(4);
            let long = "x".repeat(long);
            let context = |values: &[String]| {
                let keys = keys.iter().map(|key| Cow::Owned(format!("{key}{}", if *key == "tenant" { &long } else { "" })));
                let values = values.iter().map(|value| Cow::Owned(value.clone()));
                EncryptionContext::new(keys.zip(values).collect())
            };
            let (ours, theirs) = (context(ours), context(theirs));
            if let Some(form) = SignatureForm::of(&ours) {
                let values = |context: &EncryptionContext<'static>| {
                    context.pairs().map(|(_, value)| value.to_owned()).collect::<Vec<_>>()
                };
                let (ours_values, values) = (values(&ours), values(&theirs));
                prop_assert!(form.is_of(ours_values.iter().map(|value| Some(value.as_str()))));
                let is_same = ours.signature() == theirs.signature();
                prop_assert_eq!(form.is_of(values.iter().map(|value| Some(value.as_str()))), is_same);
            }
        }
    }

    fn signature(pairs: &[(&'static str, &'static str)]) -> String {
        let pairs = pairs
            .iter()
            .map(|(key, value)| (Cow::Borrowed(*key), Cow::Borrowed(*value)))
            .collect();
        EncryptionContext::new(pairs).signature()
    }

    /// `arn:aws-cn:s3:::/x` was taken to share what `arn:aws-cn:s3:::` does, which is no ARN.
    #[test]
    fn a_bucket_without_a_name_has_no_form() {
        for value in ["arn:aws-cn:s3:::/x", "arn:aws:s3:::/x", "arn:aws:s3:::"] {
            let pair = (Cow::Borrowed("aws:s3:arn"), Cow::Borrowed(value));
            let context = EncryptionContext::new(vec![pair]);
            assert_eq!(SignatureForm::of(&context), None, "{value}");
        }
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
    fn a_parameter_is_cut_to_the_first_level_of_its_path() {
        const ARN: &str = "arn:aws:ssm:eu-west-1:111122223333:parameter";
        for (value, expected) in [
            ("/shop/database/password", "/shop"),
            ("/shop", "/shop"),
            ("/", "/"),
        ] {
            let value: &'static str = format!("{ARN}{value}").leak();
            assert_eq!(
                signature(&[("PARAMETER_ARN", value)]),
                format!("PARAMETER_ARN={ARN}{expected}")
            );
        }
        assert_eq!(signature(&[("PARAMETER_ARN", "shop")]), "PARAMETER_ARN");
    }

    #[test]
    fn some_keys_are_set_by_one_service_alone() {
        assert_eq!(service_of_key("aws:s3:arn"), Some("s3.amazonaws.com"));
        assert_eq!(service_of_key("aws:logs:log-group"), None);
        assert_eq!(service_of_key("tenant"), None);
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
